'use strict';

/**
 * Channelz: counts of servers and their sockets, for whoever asks by the service of that name. Clients' channels are those
 * of grpc-js, which are asked for where ours do not know a number.
 */

const net = require('node:net');
const { status } = require('./constants.js');
const { channelz } = require('./admin/channelz.js');
const { grpcJsIfThere } = require('./peer.js');

/** Events of a server that are kept; the older half goes when there are twice as many. */
const KEPT_EVENTS = 32;
const DEFAULT_MAX_RESULTS = 100;

/** @typedef {{ kind: string, id: number, name: string }} Ref */
/** @typedef {{ ref: Ref, getInfo: () => any }} Entry */

/** @type {Record<string, Map<number, Entry>>} */
const entities = { server: new Map(), socket: new Map(), channel: new Map(), subchannel: new Map() };
/** Numbers of grpc-js's own sockets are small, and come from the same service. @type {Record<string, number>} */
const nextIds = { server: 2 ** 31, socket: 2 ** 31, channel: 2 ** 31, subchannel: 2 ** 31 };

/**
 * @param {'server' | 'socket' | 'channel' | 'subchannel'} kind
 * @param {string} name
 * @param {() => any} getInfo
 * @param {boolean} enabled
 * @returns {Ref}
 */
function register(kind, name, getInfo, enabled) {
  const id = nextIds[kind]++;
  const ref = { kind, id, name };
  if (enabled) entities[kind].set(id, { ref, getInfo });
  return ref;
}

/** @param {Ref} ref */
function unregister({ kind, id }) {
  entities[kind].delete(id);
}

class CallTracker {
  constructor() {
    this.callsStarted = 0;
    this.callsSucceeded = 0;
    this.callsFailed = 0;
    /** Ms since 1970. */
    this.lastCallStarted = 0;
  }

  started() {
    this.callsStarted++;
    this.lastCallStarted = Date.now();
  }

  /** @param {boolean} ok */
  ended(ok) {
    if (ok) this.callsSucceeded++;
    else this.callsFailed++;
  }
}

class Trace {
  constructor() {
    /** @type {{ description: string, severity: string, timestamp: number }[]} */
    this.events = [];
    this.created = Date.now();
    this.logged = 0;
  }

  /** @param {string} description */
  add(description) {
    this.events.push({ description, severity: 'CT_INFO', timestamp: Date.now() });
    if (this.events.length >= KEPT_EVENTS * 2) this.events = this.events.slice(KEPT_EVENTS);
    this.logged++;
  }

  message() {
    return {
      creation_timestamp: timestamp(this.created),
      num_events_logged: this.logged,
      events: this.events.map((event) => ({ ...event, timestamp: timestamp(event.timestamp) })),
    };
  }
}

/** @param {number} ms since 1970; 0 for never */
function timestamp(ms) {
  return ms === 0 ? null : { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 };
}

/** @param {string} address @returns {Buffer} as on the wire */
function addressBytes(address) {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) address = mapped[1];
  if (net.isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [left, right] = address.split('::');
  const bytes = (/** @type {string | undefined} */ part) =>
    (part ? part.split(':') : []).flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 255];
    });
  const [head, tail] = [bytes(left), bytes(right)];
  return Buffer.from([...head, ...new Array(Math.max(0, 16 - head.length - tail.length)).fill(0), ...tail]);
}

/** @param {{ address?: string, port?: number, path?: string } | null} at */
function addressMessage(at) {
  if (at === null) return null;
  if (at.path !== undefined) return { address: 'uds_address', uds_address: { filename: at.path } };
  return { address: 'tcpip_address', tcpip_address: { ip_address: addressBytes(at.address ?? ''), port: at.port } };
}

/** @param {CallTracker} calls */
function callCounts(calls) {
  return {
    calls_started: calls.callsStarted,
    calls_succeeded: calls.callsSucceeded,
    calls_failed: calls.callsFailed,
    last_call_started_timestamp: timestamp(calls.lastCallStarted),
  };
}

const socketRef = (/** @type {Ref} */ ref) => ({ socket_id: ref.id, name: ref.name });

/** @param {Entry} entry */
function serverMessage({ ref, getInfo }) {
  const { calls, trace, listeners } = getInfo();
  return {
    ref: { server_id: ref.id },
    data: { ...callCounts(calls), trace: trace.message() },
    listen_socket: listeners.map(socketRef),
  };
}

/** @param {Entry} entry */
function socketMessage({ ref, getInfo }) {
  const info = getInfo();
  const { calls } = info;
  return {
    ref: socketRef(ref),
    local: addressMessage(info.local),
    remote: addressMessage(info.remote),
    security: info.security,
    data: {
      keep_alives_sent: info.keepAlivesSent,
      streams_started: calls.callsStarted,
      streams_succeeded: calls.callsSucceeded,
      streams_failed: calls.callsFailed,
      last_remote_stream_created_timestamp: timestamp(calls.lastCallStarted),
      messages_received: info.messagesReceived,
      messages_sent: info.messagesSent,
    },
  };
}

/**
 * @param {Iterable<any>} all in ascending order of their ids
 * @param {(one: any) => number} idOf
 * @param {string} start
 * @param {string} most
 */
function page(all, idOf, start, most) {
  const from = Number.parseInt(start, 10) || 0;
  const rest = [...all].filter((one) => idOf(one) >= from);
  const count = Number.parseInt(most, 10) || DEFAULT_MAX_RESULTS;
  return { found: rest.slice(0, count), end: rest.length <= count };
}

/**
 * @param {string} name of the peer's handler
 * @param {any} call
 * @param {any} callback
 * @param {string} details where it is not there either
 */
function askPeer(name, call, callback, details) {
  const handlers = grpcJsIfThere()?.getChannelzHandlers();
  if (handlers === undefined) callback({ code: status.NOT_FOUND, details });
  else handlers[name](call, callback);
}

/** Handlers of `grpc.channelz.v1.Channelz`. */
function getChannelzHandlers() {
  const handlers = {
    /** @param {any} call @param {any} callback */
    GetServer(call, callback) {
      const { server_id: id = '0' } = call.request;
      const entry = entities.server.get(Number.parseInt(id, 10));
      if (entry === undefined) askPeer('GetServer', call, callback, `No server data found for id ${id}`);
      else callback(null, { server: serverMessage(entry) });
    },
    /** @param {any} call @param {any} callback */
    GetServers(call, callback) {
      const { start_server_id: start, max_results: most } = call.request;
      const { found, end } = page(entities.server.values(), ({ ref }) => ref.id, start, most);
      callback(null, { server: found.map(serverMessage), end });
    },
    /** @param {any} call @param {any} callback */
    GetServerSockets(call, callback) {
      const { server_id: id = '0', start_socket_id: start, max_results: most } = call.request;
      const entry = entities.server.get(Number.parseInt(id, 10));
      if (entry === undefined) {
        askPeer('GetServerSockets', call, callback, `No server data found for id ${id}`);
        return;
      }
      const { found, end } = page(entry.getInfo().connections, (ref) => ref.id, start, most);
      callback(null, { socket_ref: found.map(socketRef), end });
    },
    /** @param {any} call @param {any} callback */
    GetSocket(call, callback) {
      const { socket_id: id = '0' } = call.request;
      const entry = entities.socket.get(Number.parseInt(id, 10));
      if (entry === undefined) askPeer('GetSocket', call, callback, `No socket data found for id ${id}`);
      else callback(null, { socket: socketMessage(entry) });
    },
    /** @param {any} call @param {any} callback */
    GetChannel(call, callback) {
      askPeer('GetChannel', call, callback, `No channel data found for id ${call.request.channel_id}`);
    },
    /** @param {any} call @param {any} callback */
    GetTopChannels(call, callback) {
      if (grpcJsIfThere() === undefined) callback(null, { channel: [], end: true });
      else askPeer('GetTopChannels', call, callback, '');
    },
    /** @param {any} call @param {any} callback */
    GetSubchannel(call, callback) {
      askPeer('GetSubchannel', call, callback, `No subchannel data found for id ${call.request.subchannel_id}`);
    },
  };
  return handlers;
}

/** @returns {any} the service's definition */
function getChannelzServiceDefinition() {
  return channelz.services.Channelz;
}

module.exports = { CallTracker, Trace, register, unregister, getChannelzHandlers, getChannelzServiceDefinition };
