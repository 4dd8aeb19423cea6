'use strict';

/** A server at one address: its connection, made again when it is lost, and shared by channels that ask for the same. */

const { GrpcClientEngine } = require('../../internal/grpc-client-engine.js');
const { Trace, register, unregister } = require('../channelz.js');
const { connectivityState: state, logVerbosity } = require('../constants.js');
const { log } = require('../logging.js');
const { Backoff } = require('./backoff.js');
const { Transport, addressName } = require('./transport.js');

/** @typedef {(subchannel: Subchannel, state: number, error: string) => void} Listener */

/**
 * Engines by their settings: connections whose settings are the same share one.
 *
 * @type {Map<string, { engine: any, users: number }>}
 */
const engines = new Map();

class Subchannel {
  /**
   * @param {any} address
   * @param {{ target: string, settings: any, options: any, credentials: any, tlsOptions: () => Promise<any> }} made how
   */
  constructor(address, made) {
    this.address = address;
    this.made = made;
    this.state = state.IDLE;
    /** @type {Transport | null} */
    this.transport = null;
    /** To connect again after the backoff, without being asked. */
    this.continues = false;
    this.users = 0;
    this.keepaliveMs = made.options['grpc.keepalive_time_ms'] ?? -1;
    /** @type {Set<Listener>} */
    this.listeners = new Set();
    this.backoff = new Backoff(made.options, () => this.backoffEnded());
    this.engineKey = JSON.stringify(made.settings);
    let shared = engines.get(this.engineKey);
    if (shared === undefined) {
      shared = { engine: new GrpcClientEngine(made.settings), users: 0 };
      engines.set(this.engineKey, shared);
    }
    shared.users++;
    this.engine = shared.engine;
    made.credentials._ref();
    this.trace = new Trace();
    this.trace.add('Subchannel created');
    this.ref = register('subchannel', addressName(address), () => ({ state: this.state, trace: this.trace, subchannel: this }),
      made.options['grpc.enable_channelz'] !== 0);
  }

  // Who uses it.

  use() {
    this.users++;
    return this;
  }

  /** Closes when nobody uses it any more. */
  unuse() {
    if (--this.users > 0) return;
    unregister(this.ref);
    this.backoff.stop();
    this.listeners.clear();
    this.made.credentials._unref();
    // Those that hold it for a moment longer still find it as it was.
    process.nextTick(() => {
      this.transport?.close();
      this.transport = null;
      this.state = state.IDLE;
    });
    const shared = engines.get(this.engineKey);
    if (shared !== undefined && --shared.users === 0) engines.delete(this.engineKey);
  }

  get isUnused() {
    return this.users === 0;
  }

  // Its connection.

  /** Connects where it is idle, and after its backoff where it failed. */
  connect() {
    process.nextTick(() => {
      if (this.isUnused) return;
      if (this.state === state.IDLE) this.startConnecting();
      else if (this.state === state.TRANSIENT_FAILURE) this.continues = true;
    });
  }

  startConnecting() {
    this.continues = false;
    this.backoff.start();
    const { made } = this;
    const options = this.keepaliveMs > 0 ? { ...made.options, 'grpc.keepalive_time_ms': this.keepaliveMs } : made.options;
    const transport = new Transport(this.engine, this.address, options, made.credentials, {
      onReady: () => {
        if (transport === this.transport) this.become(state.READY);
      },
      onDisconnect: (tooManyPings) => {
        if (transport === this.transport) this.disconnected(tooManyPings);
      },
      onFailed: (error) => {
        if (transport === this.transport) this.failed(`${error} (${new Date().toISOString()})`);
      },
    });
    this.transport = transport;
    this.become(state.CONNECTING);
    if (made.credentials._isSecure()) this.connectSecurely(transport);
    else transport.connect(null);
  }

  /** @param {Transport} transport */
  connectSecurely(transport) {
    this.made.tlsOptions().then((tlsOptions) => {
      if (transport === this.transport) transport.connect(tlsOptions);
    }).catch((error) => transport.lost(`${error}`));
  }

  /** @param {string} error */
  failed(error) {
    this.transport = null;
    this.become(state.TRANSIENT_FAILURE, error);
    // A backoff that was over before the attempt was ends now.
    if (!this.backoff.isRunning) process.nextTick(() => this.backoffEnded());
  }

  /** @param {boolean} tooManyPings */
  disconnected(tooManyPings) {
    // Calls that are open go on, where the server goes in order.
    this.transport?.close();
    this.transport = null;
    if (tooManyPings && this.keepaliveMs > 0) {
      this.keepaliveMs *= 2;
      log(logVerbosity.ERROR, `Connection to ${this.made.target} at ${addressName(this.address)} rejected by server because ` +
        `of excess pings. Increasing ping interval to ${this.keepaliveMs} ms`);
    }
    this.become(state.IDLE);
  }

  backoffEnded() {
    if (this.state !== state.TRANSIENT_FAILURE || this.isUnused) return;
    if (this.continues) this.startConnecting();
    else this.become(state.IDLE);
  }

  /** @param {number} next @param {string} [error] */
  become(next, error = '') {
    this.state = next;
    this.trace.add(`Connectivity state change to ${state[next]}`);
    if (next === state.READY) {
      this.backoff.stop();
      this.backoff.reset();
    }
    for (const listener of [...this.listeners]) listener(this, next, error);
  }
}

/** Keeps subchannels for channels that want the same. */
class SubchannelPool {
  constructor() {
    /** By target. @type {Map<string, Subchannel[]>} */
    this.all = new Map();
  }

  /**
   * @param {any} address
   * @param {any} made as of {@link Subchannel}
   * @returns {Subchannel}
   */
  get(address, made) {
    const name = addressName(address);
    const list = (this.all.get(made.target) ?? []).filter((one) => !one.isUnused);
    const known = list.find((one) => addressName(one.address) === name && one.made.credentials._equals(made.credentials) &&
      sameOptions(one.made.options, made.options));
    if (known !== undefined) return known.use();
    const subchannel = new Subchannel(address, made).use();
    this.all.set(made.target, [...list, subchannel]);
    return subchannel;
  }

  /** Forgets those that nobody uses. */
  sweep() {
    for (const [target, list] of this.all) {
      const used = list.filter((one) => !one.isUnused);
      if (used.length === 0) this.all.delete(target);
      else this.all.set(target, used);
    }
  }
}

/** @param {any} one @param {any} other @returns {boolean} */
function sameOptions(one, other) {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}

const globalPool = new SubchannelPool();

module.exports = { SubchannelPool, globalPool };
