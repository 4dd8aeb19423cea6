'use strict';

/** One connection of a server: who is at its other end, and how long it may live. */

const { command } = require('../internal/grpc-engine.js');
const { CallTracker, register, unregister } = require('./channelz.js');
const { authOf, endsOf, infoOf, peerOf } = require('./endpoint.js');

/** Reasons of HTTP/2 (RFC 9113 §7). */
const reason = { NO_ERROR: 0, CANCEL: 8 };

/** @param {number} ms @param {(...args: any[]) => void} callback @param {any} argument */
function unreferenced(ms, callback, argument) {
  // Longer than Node's timers is as good as for ever.
  return ms < 2 ** 31 - 1 ? setTimeout(callback, ms, argument).unref() : null;
}

class Connection {
  /**
   * @param {any} server
   * @param {number} id
   * @param {any} port that it came by
   * @param {any} socket Node's, where JavaScript carries its bytes; null for one of our own
   */
  constructor(server, id, port, socket) {
    this.server = server;
    this.id = id;
    this.port = port;
    this.socket = socket;
    /** @type {import('./endpoint.js').Ends | undefined} */
    this.addresses = undefined;
    this.calls = new CallTracker();
    this.openCalls = 0;
    this.messagesSent = 0;
    this.messagesReceived = 0;
    this.keepAlivesSent = 0;
    this.closed = false;
    /** Called when it is gone. @type {(() => void)[]} */
    this.onClosed = [];
    /** Timers by their use. @type {Record<string, NodeJS.Timeout | null>} */
    this.timers = { idle: null, age: null, grace: null, keepalive: null };
    port.connections.add(this);
    // A peer that is gone at once has no address any more.
    const { remote } = this.where();
    const name = remote?.address ?? remote?.path ?? 'unknown';
    this.ref = register('socket', name, () => this.channelzInfo(), server.channelzEnabled);
    this.startTimers();
  }

  // Its life.

  startTimers() {
    const { idleMs, ageMs, keepaliveMs } = this.server.times;
    if (idleMs !== undefined) this.timers.idle = unreferenced(idleMs, idleConnection, this);
    // Up to 10 % more or less, so that not all reconnect at once.
    if (ageMs !== undefined) this.timers.age = unreferenced(ageMs * (0.9 + Math.random() * 0.2), agedConnection, this);
    if (keepaliveMs !== undefined && keepaliveMs > 0) this.timers.keepalive = unreferenced(keepaliveMs, pingConnection, this);
  }

  /** @param {string} name */
  clearTimer(name) {
    const timer = this.timers[name];
    if (timer === null) return;
    clearTimeout(timer);
    this.timers[name] = null;
  }

  callStarted() {
    this.openCalls++;
    this.clearTimer('idle');
  }

  callEnded() {
    this.openCalls--;
    const { idleMs } = this.server.times;
    if (this.openCalls === 0 && idleMs !== undefined && !this.closed) {
      this.timers.idle = unreferenced(idleMs, idleConnection, this);
    }
  }

  onPong() {
    this.clearTimer('keepalive');
    this.timers.keepalive = unreferenced(this.server.times.keepaliveMs, pingConnection, this);
  }

  /**
   * Takes no more calls, and closes when those that are open are over.
   *
   * @param {() => void} [callback]
   */
  close(callback) {
    if (this.closed) {
      if (callback !== undefined) queueMicrotask(callback);
      return;
    }
    if (callback !== undefined) this.onClosed.push(callback);
    this.server.engine.push(command.DRAIN, this.id);
  }

  /** Closes now; calls that are open are cancelled. */
  destroy() {
    if (!this.closed) this.server.engine.push(command.DESTROY, this.id, reason.CANCEL);
  }

  /** The engine says that it is gone. */
  gone() {
    this.closed = true;
    for (const name of Object.keys(this.timers)) this.clearTimer(name);
    this.port.connections.delete(this);
    unregister(this.ref);
    if (this.socket !== null) {
      this.socket.end();
      this.socket.destroySoon?.();
    }
    for (const callback of this.onClosed.splice(0)) callback();
  }

  get engine() {
    return this.server.engine;
  }

  // About it.

  /** @returns {import('./endpoint.js').Ends} */
  where() {
    if (this.addresses !== undefined) return this.addresses;
    if (this.socket !== null) {
      this.addresses = endsOf(this.socket);
    } else {
      const text = this.server.engine.native.addresses(this.id);
      const [local, remote] = text === null ? [null, null] : JSON.parse(text);
      // A client's Unix socket has no name.
      this.addresses = { local, remote: remote?.path === '' ? null : remote };
    }
    return /** @type {import('./endpoint.js').Ends} */ (this.addresses);
  }

  getPeer() {
    return peerOf(this.where());
  }

  getInfo() {
    return infoOf(this.where());
  }

  getAuthContext() {
    return authOf(this.socket);
  }

  channelzInfo() {
    const { calls, messagesSent, messagesReceived, keepAlivesSent } = this;
    return { ...this.where(), calls, messagesSent, messagesReceived, keepAlivesSent, security: this.security() };
  }

  security() {
    const { socket } = this;
    if (socket?.encrypted !== true) return null;
    const { standardName, name } = socket.getCipher();
    return {
      model: 'tls',
      tls: {
        cipher_suite: standardName ? 'standard_name' : 'other_name',
        [standardName ? 'standard_name' : 'other_name']: standardName ?? name,
        local_certificate: socket.getCertificate()?.raw,
        remote_certificate: socket.getPeerCertificate()?.raw,
      },
    };
  }
}

/** @param {Connection} connection */
function idleConnection(connection) {
  if (connection.openCalls === 0) connection.close();
}

/** @param {Connection} connection */
function agedConnection(connection) {
  connection.server.trace.add(`Connection dropped by max connection age from ${connection.getPeer()}`);
  connection.close();
  const { graceMs } = connection.server.times;
  if (graceMs !== undefined) connection.timers.grace = unreferenced(graceMs, destroyConnection, connection);
}

/** @param {Connection} connection */
function destroyConnection(connection) {
  connection.destroy();
}

/** @param {Connection} connection */
function pingConnection(connection) {
  connection.keepAlivesSent++;
  connection.server.engine.push(command.PING, connection.id);
  connection.timers.keepalive = unreferenced(connection.server.times.keepaliveTimeoutMs, unansweredPing, connection);
}

/** @param {Connection} connection */
function unansweredPing(connection) {
  connection.server.trace.add(`Connection dropped by keepalive timeout from ${connection.getPeer()}`);
  connection.destroy();
}

module.exports = { Connection };
