'use strict';

/** A channel: the servers of a target, one or several connections to them, and the calls that go there. */

const { parseAddress, addressToString, splitHostPort } = require('../address.js');
const { CallTracker, Trace, register, unregister } = require('../channelz.js');
const {
  DEFAULT_MAX_RECEIVE_MESSAGE_LENGTH,
  compressionAlgorithms,
  connectivityState: state,
  logVerbosity,
  propagate,
  status,
} = require('../constants.js');
const { log } = require('../logging.js');
const { version } = require('../../../package.json');
const { Backoff } = require('./backoff.js');
const { Call } = require('./call.js');
const { ChannelCredentials } = require('./channel-credentials.js');
const { QUEUE, balancers, unavailable } = require('./load-balancing.js');
const { Resolver, defaultAuthority } = require('./resolver.js');
const { setThrottle } = require('./retry.js');
const { methodConfigOf, parseServiceConfig } = require('./service-config.js');
const { ofControlPlane, statusOf } = require('./statuses.js');
const { SubchannelPool, globalPool } = require('./subchannel.js');
const { tlsOptionsOf } = require('./tls-options.js');

const DEFAULT_IDLE_TIMEOUT_MS = 30 * 60_000;
const LEAST_IDLE_TIMEOUT_MS = 1000;
const DEFAULT_HIGH_WATER = 64 * 1024;
const DEFAULT_PER_RPC_RETRY_BUFFER_BYTES = 1 << 20;
/** The longest timer of Node. */
const FOR_EVER_MS = 2 ** 31 - 1;

const CLOSED = 'Channel closed before call started';

/** @param {any} target @param {any} credentials @param {any} options */
function checkArguments(target, credentials, options) {
  if (typeof target !== 'string') throw new TypeError('Channel target must be a string');
  if (!(credentials instanceof ChannelCredentials)) {
    throw new TypeError('Channel credentials must be a ChannelCredentials object');
  }
  if (options && typeof options !== 'object') throw new TypeError('Channel options must be an object');
}

/** @param {any} options @returns {string} what messages are compressed with; empty for nothing */
function codingOf(options) {
  const algorithm = options['grpc.default_compression_algorithm'];
  if (algorithm === undefined) return '';
  const name = typeof algorithm === 'number' ? compressionAlgorithms[algorithm] : undefined;
  if (typeof name === 'string') return name === 'identity' ? '' : name;
  log(logVerbosity.ERROR, `Invalid value provided for grpc.default_compression_algorithm option: ${algorithm}`);
  return '';
}

/** @param {any} options @returns {any} of the native half, see `src/binding/grpc.rs` */
function settingsOf(options) {
  const maxReceive = options['grpc.max_receive_message_length'] ?? DEFAULT_MAX_RECEIVE_MESSAGE_LENGTH;
  return {
    maxReceive: maxReceive === -1 ? null : maxReceive,
    highWater: options['millrace.high_water_mark'] ?? DEFAULT_HIGH_WATER,
    compressionThreshold: options['millrace.compression_threshold'],
    streamWindow: options['grpc-node.flow_control_window'],
    headerList: options['millrace.max_header_list_size'],
  };
}

/** @typedef {{ from: number, callback: (error?: Error) => void, timer: NodeJS.Timeout | null }} Watcher */

class Channel {
  /**
   * @param {string} target
   * @param {ChannelCredentials} credentials
   * @param {any} [options] `grpc.*`
   */
  constructor(target, credentials, options = {}) {
    checkArguments(target, credentials, options);
    this.credentials = credentials;
    this.options = { ...options };
    this.uri = parseAddress(target);
    this.target = addressToString(this.uri);
    this.authority = this.options['grpc.default_authority'] || defaultAuthority(this.uri);
    this.state = state.IDLE;
    this.picker = QUEUE;
    /** Calls that wait to hear how they are treated. @type {Set<Call>} */
    this.unconfigured = new Set();
    /** Calls that wait for a connection. @type {Set<Call>} */
    this.unpicked = new Set();
    /** Keeps the process alive while calls wait. @type {NodeJS.Timeout | null} */
    this.holder = null;
    /** @type {Watcher[]} */
    this.watchers = [];
    /** Of the resolver, while there is no config. @type {any} */
    this.resolutionError = null;
    const { 'grpc.service_config': given } = this.options;
    this.defaultConfig = parseServiceConfig(given ? JSON.parse(given) : {});
    /** @type {any} */
    this.config = null;
    /** @type {any} */
    this.balancer = null;
    this.balancerName = '';
    this.pool = (this.options['grpc.use_local_subchannel_pool'] ?? 0) === 0 ? globalPool : new SubchannelPool();
    this.resolver = new Resolver(this.uri, this.options, (resolution) => this.resolved(resolution));
    this.backoff = new Backoff(this.options, () => this.backoffEnded());
    this.resolvesLater = false;

    // What calls look at.
    this.maxSend = this.options['grpc.max_send_message_length'] ?? -1;
    this.settings = settingsOf(this.options);
    this.highWater = this.settings.highWater;
    this.retries = this.options['grpc.enable_retries'] !== 0;
    this.retryBufferBytes = this.options['grpc.per_rpc_retry_buffer_size'] ?? DEFAULT_PER_RPC_RETRY_BUFFER_BYTES;
    this.compression = codingOf(this.options);
    /** Whether servers take what messages are compressed with, as far as it is known. */
    this.accepts = true;
    const { 'grpc.primary_user_agent': primary, 'grpc.secondary_user_agent': secondary } = this.options;
    const agents = [primary, `grpc-node-millrace/${version}`, secondary];
    this.ownFields = `user-agent\0${agents.filter(Boolean).join(' ')}\0`;

    this.idleMs = Math.max(this.options['grpc.client_idle_timeout_ms'] ?? DEFAULT_IDLE_TIMEOUT_MS, LEAST_IDLE_TIMEOUT_MS);
    /** @type {NodeJS.Timeout | null} */
    this.idleTimer = null;
    this.lastActive = Date.now();
    this.openCalls = 0;
    this.channelzEnabled = this.options['grpc.enable_channelz'] !== 0;
    this.calls = new CallTracker();
    this.trace = new Trace();
    this.trace.add('Channel created');
    const info = () => ({ state: this.state, trace: this.trace, calls: this.calls });
    this.ref = register('channel', target, info, this.channelzEnabled);
    this.helper = {
      subchannel: (/** @type {any} */ address) => this.subchannel(address),
      update: (/** @type {number} */ next, /** @type {any} */ picker) => this.update(next, picker),
      resolveAgain: () => this.resolveAgain(),
    };
  }

  // Its servers.

  /** @param {any} address */
  subchannel(address) {
    return this.pool.get(address, {
      target: this.target,
      settings: this.settings,
      options: this.options,
      credentials: this.credentials,
      tlsOptions: () => tlsOptionsOf(this.credentials, this.uri, this.options),
    });
  }

  /** @param {import('./resolver.js').Resolution} resolution @returns {boolean} whether it can be used */
  resolved({ endpoints, error, config = this.defaultConfig }) {
    if (this.state === state.SHUTDOWN) return true;
    if (endpoints === undefined) {
      this.resolutionFailed(/** @type {string} */ (error));
      return false;
    }
    const wanted = config.balancing.length === 0 ? [{ name: 'pick_first', config: {} }] : config.balancing;
    const chosen = wanted.find((/** @type {any} */ one) => one.name in balancers);
    if (chosen === undefined) {
      this.resolutionFailed('All load balancer options in service config are not compatible');
      return false;
    }
    this.backoff.stop();
    this.backoff.reset();
    if (this.balancer === null || this.balancerName !== chosen.name) {
      this.balancer?.destroy();
      this.balancer = new balancers[chosen.name](this.helper, chosen.config);
      this.balancerName = chosen.name;
    }
    const accepted = this.balancer.updateAddresses(endpoints);
    this.config = config;
    setThrottle(this.target, config.throttling);
    this.resolutionError = null;
    const waiting = this.unconfigured;
    this.unconfigured = new Set();
    process.nextTick(() => {
      for (const call of waiting) call.configure();
      this.letGo();
    });
    return accepted;
  }

  /** @param {string} details */
  resolutionFailed(details) {
    // Servers that are known are better than none.
    if (this.config !== null && this.balancer !== null && this.balancer.state !== state.IDLE) return;
    const error = statusOf(status.UNAVAILABLE, details);
    if (this.config === null) this.resolutionError = error;
    this.backoff.start();
    this.update(state.TRANSIENT_FAILURE, unavailable(details));
    const waiting = this.unconfigured;
    this.unconfigured = new Set();
    for (const call of waiting) {
      if (call.options?.waitForReady) this.unconfigured.add(call);
      else call.attemptEnded({ ...error, ...ofControlPlane(error.code, details) }, 0);
    }
    this.letGo();
  }

  resolve() {
    this.resolver.update();
    if (this.state === state.IDLE) this.update(state.CONNECTING, this.picker);
  }

  resolveAgain() {
    if (this.backoff.isRunning) this.resolvesLater = true;
    else this.resolver.update();
  }

  backoffEnded() {
    if (this.state === state.SHUTDOWN || (!this.resolvesLater && this.unconfigured.size === 0)) return;
    this.resolvesLater = false;
    this.resolve();
  }

  exitIdle() {
    if (this.state === state.IDLE || this.state === state.TRANSIENT_FAILURE) {
      if (this.backoff.isRunning) this.resolvesLater = true;
      else if (this.config === null || this.balancer === null) this.resolve();
      else this.resolver.update();
    }
    this.balancer?.exitIdle();
  }

  /** @param {number} next @param {any} picker */
  update(next, picker) {
    if (this.state === state.SHUTDOWN) return;
    this.picker = picker;
    const waiting = this.unpicked;
    this.unpicked = new Set();
    for (const call of waiting) call.pick();
    this.letGo();
    this.become(next);
  }

  /** @param {number} next */
  become(next) {
    this.trace.add(`Connectivity state change to ${state[next]}`);
    this.state = next;
    for (const watcher of this.watchers.filter(({ from }) => from !== next)) {
      this.unwatch(watcher);
      watcher.callback();
    }
  }

  enterIdle() {
    this.balancer?.destroy();
    this.balancer = null;
    this.resolver.destroy();
    this.backoff.stop();
    this.backoff.reset();
    this.picker = QUEUE;
    this.config = null;
    this.become(state.IDLE);
    if (this.idleTimer !== null) clearTimeout(this.idleTimer);
    this.idleTimer = null;
    this.pool.sweep();
  }

  /** @param {number} ms */
  watchIdle(ms) {
    this.idleTimer = setTimeout(() => {
      const still = Date.now() - this.lastActive;
      if (this.openCalls > 0) this.watchIdle(this.idleMs);
      else if (still < this.idleMs) this.watchIdle(this.idleMs - still);
      else this.enterIdle();
    }, Math.min(ms, FOR_EVER_MS)).unref();
  }

  // What calls ask.

  /** @param {Call} call @returns {any} how it is treated; null where it is told later */
  configOf(call) {
    if (this.config !== null) {
      if (this.state === state.IDLE) this.exitIdle();
      return methodConfigOf(this.config, call.method);
    }
    if (this.resolutionError !== null && !call.options?.waitForReady) {
      const error = this.resolutionError;
      this.exitIdle();
      process.nextTick(() => call.attemptEnded(error, 0));
      return null;
    }
    this.unconfigured.add(call);
    this.hold();
    this.exitIdle();
    return null;
  }

  /** @param {Call} call @returns {any} `{ transport }`, `{ status }`, or null where it is asked again later */
  pick(call) {
    const picked = this.picker.pick();
    const waits = picked === null || (picked.status !== undefined && (call.config.waitForReady || call.options?.waitForReady));
    if (!waits) {
      if (picked.status === undefined) return picked;
      return { status: { ...picked.status, ...ofControlPlane(picked.status.code, picked.status.details) } };
    }
    this.unpicked.add(call);
    this.hold();
    if (this.state === state.IDLE) process.nextTick(() => this.exitIdle());
    return null;
  }

  /** @returns {string} */
  coding() {
    return this.accepts ? this.compression : '';
  }

  /** @param {any} metadata of an answer; what is not the program's is taken out */
  received(metadata) {
    if (this.compression === '') return;
    const [accepted] = metadata.get('grpc-accept-encoding');
    if (accepted !== undefined) this.accepts = String(accepted).split(',').includes(this.compression);
    metadata.remove('grpc-accept-encoding');
  }

  /** @param {string} host @param {string} method @returns {string} */
  serviceUrl(host, method) {
    const [, service = ''] = method.split('/');
    return `https://${splitHostPort(host)?.host ?? 'localhost'}/${service}`;
  }

  /** @param {Call} call @param {any} result */
  callEnded(call, result) {
    if (call.attempt === null) {
      this.unconfigured.delete(call);
      this.unpicked.delete(call);
      this.letGo();
    }
    this.openCalls--;
    if (this.channelzEnabled) this.calls.ended(result.code === status.OK);
    this.lastActive = Date.now();
    if (this.idleTimer === null && this.state !== state.SHUTDOWN) this.watchIdle(this.idleMs);
  }

  hold() {
    this.holder ??= setInterval(() => {}, FOR_EVER_MS);
    this.holder.ref();
  }

  letGo() {
    if (this.unconfigured.size === 0 && this.unpicked.size === 0) this.holder?.unref();
  }

  // Its face.

  close() {
    if (this.state === state.SHUTDOWN) return;
    this.balancer?.destroy();
    this.balancer = null;
    this.resolver.destroy();
    this.backoff.stop();
    this.picker = unavailable(CLOSED);
    const waiting = [...this.unconfigured, ...this.unpicked];
    this.become(state.SHUTDOWN);
    for (const call of waiting) call.cancelWithStatus(status.UNAVAILABLE, CLOSED);
    if (this.holder !== null) clearInterval(this.holder);
    if (this.idleTimer !== null) clearTimeout(this.idleTimer);
    unregister(this.ref);
    this.pool.sweep();
  }

  getTarget() {
    return this.target;
  }

  /** @param {boolean} tryToConnect @returns {number} one of `connectivityState`, as it was before */
  getConnectivityState(tryToConnect) {
    const now = this.state;
    if (tryToConnect && now !== state.SHUTDOWN) {
      this.exitIdle();
      this.lastActive = Date.now();
      if (this.idleTimer === null) this.watchIdle(this.idleMs);
    }
    return now;
  }

  /**
   * @param {number} from one of `connectivityState`
   * @param {Date | number} deadline
   * @param {(error?: Error) => void} callback without an error when it is another
   */
  watchConnectivityState(from, deadline, callback) {
    if (this.state === state.SHUTDOWN) throw new Error('Channel has been shut down');
    /** @type {Watcher} */
    const watcher = { from, callback, timer: null };
    if (deadline !== Infinity) {
      const late = () => new Error('Deadline passed without connectivity state change');
      const left = (deadline instanceof Date ? deadline.getTime() : deadline) - Date.now();
      if (left <= 0) {
        process.nextTick(callback, late());
        return;
      }
      watcher.timer = setTimeout(() => {
        this.unwatch(watcher);
        callback(late());
      }, Math.min(left, FOR_EVER_MS));
    }
    this.watchers.push(watcher);
  }

  /** @param {Watcher} watcher */
  unwatch(watcher) {
    if (watcher.timer !== null) clearTimeout(watcher.timer);
    this.watchers = this.watchers.filter((one) => one !== watcher);
  }

  getChannelzRef() {
    return this.ref;
  }

  /**
   * @param {string} method path
   * @param {number | Date} deadline
   * @param {string | null | undefined} host
   * @param {any} parent a server's call, or null
   * @param {number | null | undefined} flags of `propagate`
   * @returns {Call}
   */
  createCall(method, deadline, host, parent, flags) {
    if (typeof method !== 'string') throw new TypeError('Channel#createCall: method must be a string');
    if (typeof deadline !== 'number' && !(deadline instanceof Date)) {
      throw new TypeError('Channel#createCall: deadline must be a number or Date');
    }
    if (this.state === state.SHUTDOWN) throw new Error('Channel has been shut down');
    this.openCalls++;
    if (this.channelzEnabled) this.calls.started();
    return new Call(this, method, deadline, host ?? this.authority, parent, flags ?? propagate.DEFAULTS);
  }
}

module.exports = { Channel, checkArguments };
