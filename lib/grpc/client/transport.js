'use strict';

/**
 * One connection to a server: how it comes about, what it carries, and whether its server is still there. Bytes go through
 * a socket of the native half's, or through one of Node's where TLS is Node's.
 */

const net = require('node:net');
const tls = require('node:tls');
const { command } = require('../../internal/grpc-client-engine.js');
const { carry, sendOutput } = require('../carried.js');
const { CallTracker, register, unregister } = require('../channelz.js');
const { connectError, reason } = require('./statuses.js');

const DEFAULT_KEEPALIVE_TIMEOUT_MS = 20_000;

/** @typedef {{ host: string, port: number } | { path: string }} Address */

/** @param {any} address @returns {string} */
function addressName(address) {
  if (address.path !== undefined) return address.path;
  return net.isIPv6(address.host) ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** @param {any} address @returns {string} as Node's errors name it */
function errorPlace(address) {
  return address.path ?? `${address.host}:${address.port}`;
}

/** @param {Transport} transport */
function keepaliveDue(transport) {
  transport.keepaliveTimer = null;
  transport.ping();
}

/** @param {Transport} transport */
function keepaliveFailed(transport) {
  transport.keepaliveTimer = null;
  transport.destroy(reason.NO_ERROR);
}

/**
 * @typedef {object} TransportOwner
 * @property {() => void} onReady
 * @property {(tooManyPings: boolean) => void} onDisconnect it takes no more calls
 * @property {(error: string) => void} onFailed it did not come about
 */

class Transport {
  /**
   * @param {any} engine
   * @param {Address} address
   * @param {any} options of the channel
   * @param {import('./channel-credentials.js').ChannelCredentials} credentials
   * @param {TransportOwner} owner
   */
  constructor(engine, address, options, credentials, owner) {
    this.engine = engine;
    this.address = address;
    this.credentials = credentials;
    this.owner = owner;
    this.id = -1;
    /** Node's, where its bytes are carried. @type {any} */
    this.socket = null;
    /** The server is there and takes calls. */
    this.isUsable = false;
    this.greeted = false;
    this.closed = false;
    this.failure = '';
    this.openCalls = 0;
    this.calls = new CallTracker();
    this.messagesSent = 0;
    this.messagesReceived = 0;
    this.keepAlivesSent = 0;
    this.keepaliveMs = options['grpc.keepalive_time_ms'] ?? -1;
    this.keepaliveTimeoutMs = options['grpc.keepalive_timeout_ms'] ?? DEFAULT_KEEPALIVE_TIMEOUT_MS;
    this.keepsAliveWithoutCalls = options['grpc.keepalive_permit_without_calls'] === 1;
    /** @type {NodeJS.Timeout | null} */
    this.keepaliveTimer = null;
    this.isPingDue = false;
    this.name = addressName(address);
    this.ref = register('socket', this.name, () => this.channelzInfo(), options['grpc.enable_channelz'] !== 0);
  }

  // Its beginning.

  /**
   * @param {any} tlsOptions for Node's TLS, or null
   */
  connect(tlsOptions) {
    if (tlsOptions === null) this.dial();
    else this.dialWithNode(tlsOptions);
  }

  dial() {
    const outcome = this.engine.dial(this.address, this);
    if (outcome.id === undefined) {
      const error = connectError(outcome.errno, errorPlace(this.address), outcome.syscall);
      process.nextTick(() => this.lost(`${error}`));
      return;
    }
    this.id = outcome.id;
  }

  /** @param {any} tlsOptions */
  dialWithNode(tlsOptions) {
    const raw = net.connect(/** @type {any} */ (this.address));
    raw.setNoDelay();
    const socket = tls.connect({ socket: raw, ALPNProtocols: ['h2'], ...tlsOptions });
    this.socket = socket;
    const fail = (/** @type {unknown} */ error) => {
      raw.destroy();
      if (this.id === -1) this.lost(`${error}`);
    };
    raw.on('error', fail);
    socket.on('error', fail);
    socket.once('close', () => fail(new Error('Socket closed')));
    socket.once('secureConnect', () => {
      if ((tlsOptions.rejectUnauthorized ?? true) && !socket.authorized) {
        socket.destroy();
        fail(socket.authorizationError);
        return;
      }
      if (this.closed) return;
      this.id = this.engine.attach(this);
      carry(this);
    });
  }

  // From the engine.

  onGreeted() {
    if (this.closed) return;
    this.greeted = true;
    this.isUsable = true;
    if (this.openCalls === 0) this.socket?.unref();
    if (this.keepsAliveWithoutCalls) this.watchKeepalive();
    this.owner.onReady();
  }

  onLeaving() {
    this.unusable(false);
  }

  /** @param {number} errno @param {number} _reason @param {string} why */
  onLost(errno, _reason, why) {
    const error = errno === 0 ? why : `${connectError(errno, errorPlace(this.address))}`;
    this.lost(error, why.includes('too_many_pings'));
  }

  onPong() {
    this.stopKeepalive();
    this.watchKeepalive();
  }

  onOutput() {
    sendOutput(this);
  }

  /** @param {string} error @param {boolean} [tooManyPings] */
  lost(error, tooManyPings = false) {
    if (this.closed) return;
    this.closed = true;
    this.stopKeepalive();
    unregister(this.ref);
    if (this.socket !== null) {
      this.socket.end();
      this.socket.destroySoon?.();
    }
    if (this.greeted) this.unusable(tooManyPings);
    else this.owner.onFailed(error === '' ? 'Failed to connect' : error);
  }

  /** @param {boolean} tooManyPings */
  unusable(tooManyPings) {
    if (!this.isUsable) return;
    this.isUsable = false;
    this.owner.onDisconnect(tooManyPings);
  }

  // Its end.

  /** Takes no more calls, and closes with the last that is open. */
  close() {
    this.isUsable = false;
    if (this.closed) return;
    if (this.greeted) this.engine.push(command.DRAIN, this.id);
    else this.destroy(reason.CANCEL);
  }

  /** @param {number} why of HTTP/2 */
  destroy(why) {
    if (this.closed) return;
    if (this.id !== -1) this.engine.push(command.DESTROY, this.id, why);
    else this.socket?.destroy();
  }

  // Its calls.

  /** @param {any} _attempt */
  callStarted(_attempt) {
    this.calls.started();
    if (++this.openCalls !== 1) return;
    this.socket?.ref();
    if (!this.keepsAliveWithoutCalls) this.watchKeepalive();
  }

  /** @param {any} _attempt @param {boolean} ok */
  callEnded(_attempt, ok) {
    this.calls.ended(ok);
    if (--this.openCalls === 0) this.socket?.unref();
  }

  // Whether its server is there.

  mayPing() {
    return this.isUsable && this.keepaliveMs > 0 && (this.keepsAliveWithoutCalls || this.openCalls > 0);
  }

  watchKeepalive() {
    if (!this.mayPing()) return;
    if (this.isPingDue) {
      this.isPingDue = false;
      this.ping();
    } else {
      this.keepaliveTimer ??= setTimeout(keepaliveDue, Math.min(this.keepaliveMs, 2 ** 31 - 1), this).unref();
    }
  }

  ping() {
    if (!this.mayPing()) {
      // As soon as there is a call again.
      this.isPingDue = true;
      return;
    }
    this.keepAlivesSent++;
    this.keepaliveTimer = setTimeout(keepaliveFailed, this.keepaliveTimeoutMs, this).unref();
    this.engine.push(command.PING, this.id);
  }

  stopKeepalive() {
    if (this.keepaliveTimer !== null) clearTimeout(this.keepaliveTimer);
    this.keepaliveTimer = null;
  }

  // About it.

  getPeer() {
    return this.name;
  }

  getCallCredentials() {
    return this.credentials._getCallCredentials();
  }

  getAuthContext() {
    if (this.socket?.authorized !== true) return {};
    return { transportSecurityType: 'ssl', sslPeerCertificate: this.socket.getPeerCertificate() };
  }

  channelzInfo() {
    const { address } = this;
    const at = 'path' in address ? { path: address.path } : { address: address.host, port: address.port };
    return {
      local: null,
      remote: at,
      security: null,
      calls: this.calls,
      messagesSent: this.messagesSent,
      messagesReceived: this.messagesReceived,
      keepAlivesSent: this.keepAlivesSent,
    };
  }
}

module.exports = { Transport, addressName };
