'use strict';

/** Where a target's servers are: `dns:`, `ipv4:`, `ipv6:`, `unix:` and `unix-abstract:`. */

const dns = require('node:dns/promises');
const net = require('node:net');
const { addressToString, splitHostPort } = require('../address.js');
const { Backoff } = require('./backoff.js');
const { selectServiceConfig } = require('./service-config.js');

const DEFAULT_PORT = 443;
/** Between looking a name up and looking it up again. */
const DEFAULT_MIN_TIME_BETWEEN_RESOLUTIONS_MS = 30_000;

/** @typedef {import('../address.js').Uri} Uri */
/**
 * @typedef {object} Resolution
 * @property {any[][]} [endpoints] each with its addresses
 * @property {string} [error]
 * @property {any} [config] a service config
 */

const SCHEMES = new Set(['dns', 'ipv4', 'ipv6', 'unix', 'unix-abstract']);

/**
 * @param {Uri} uri
 * @returns {string} `:authority` of calls
 */
function defaultAuthority({ scheme, path }) {
  if (scheme.startsWith('unix')) return 'localhost';
  return scheme === 'dns' ? path : path.split(',')[0];
}

/**
 * @param {Uri} uri
 * @returns {Resolution | null} what needs no asking
 */
function fixed(uri) {
  const { scheme, authority, path } = uri;
  if (scheme === 'unix') return { endpoints: [[{ path: authority === '' ? `/${path}` : path }]] };
  if (scheme === 'unix-abstract') return { endpoints: [[{ path: `\0${path}` }]] };
  if (scheme === 'dns') {
    const parts = splitHostPort(path);
    if (parts === null) return { error: `Failed to parse DNS address ${addressToString(uri)}` };
    return net.isIP(parts.host) === 0 ? null : { endpoints: [[{ host: parts.host, port: parts.port ?? DEFAULT_PORT }]] };
  }
  const endpoints = [];
  for (const one of path.split(',')) {
    const parts = splitHostPort(one);
    if (parts === null || net.isIP(parts.host) !== (scheme === 'ipv4' ? 4 : 6)) {
      return { error: `Failed to parse ${scheme} address ${one}` };
    }
    endpoints.push([{ host: parts.host, port: parts.port ?? DEFAULT_PORT }]);
  }
  return { endpoints };
}

/** Looks a target up when it is asked to, as often as its limits allow. */
class Resolver {
  /**
   * @param {Uri} uri
   * @param {any} options of the channel
   * @param {(resolution: Resolution) => boolean} listener says whether it can use that
   */
  constructor(uri, options, listener) {
    this.uri = uri;
    this.listener = listener;
    this.fixed = fixed(uri);
    this.wantsConfig = options['grpc.service_config_disable_resolution'] !== 1;
    this.minTimeMs = options['grpc.dns_min_time_between_resolutions_ms'] ?? DEFAULT_MIN_TIME_BETWEEN_RESOLUTIONS_MS;
    /** Of canary configs: the same for the channel's life. */
    this.percentage = Math.random() * 100;
    this.backoff = new Backoff(options, () => this.lookAgain());
    /** Of the lookup that counts. */
    this.round = 0;
    this.isLooking = false;
    this.isWanted = false;
    this.isTold = false;
    /** @type {NodeJS.Timeout | null} */
    this.timer = null;
    /** @type {any} */
    this.config = undefined;
    /** @type {Resolution | null} */
    this.latest = null;
  }

  /** Something is to be heard, now or when the limits allow. */
  update() {
    if (this.isLooking) return;
    if (this.timer !== null || this.backoff.isRunning) this.isWanted = true;
    else this.look();
  }

  lookAgain() {
    if (this.isWanted && this.timer === null && !this.backoff.isRunning) this.look();
  }

  look() {
    this.isWanted = false;
    this.isLooking = true;
    const round = ++this.round;
    if (this.fixed !== null) {
      const { fixed: known } = this;
      // It does not change: who asks again is told nothing new, and might ask for ever.
      if (this.isTold) {
        this.isLooking = false;
        return;
      }
      this.isTold = known.error === undefined;
      process.nextTick(() => {
        if (round !== this.round) return;
        this.isLooking = false;
        if (known.error !== undefined) this.backoff.start();
        this.listener(known);
      });
      return;
    }
    this.backoff.start();
    this.timer = setTimeout(() => {
      this.timer = null;
      this.lookAgain();
    }, this.minTimeMs).unref();
    this.lookup().then((endpoints) => this.found(round, { endpoints }), () => this.failed(round));
    if (this.wantsConfig) this.lookForConfig(round);
  }

  async lookup() {
    const parts = /** @type {{ host: string, port?: number }} */ (splitHostPort(this.uri.path));
    const port = parts.port ?? DEFAULT_PORT;
    const { authority } = this.uri;
    if (!authority && process.env.GRPC_NODE_USE_ALTERNATIVE_RESOLVER !== 'true') {
      const all = await dns.lookup(parts.host, { all: true });
      return all.map(({ address }) => [{ host: address, port }]);
    }
    const resolver = new dns.Resolver();
    if (authority) resolver.setServers([authority]);
    const answers = await Promise.allSettled([resolver.resolve4(parts.host), resolver.resolve6(parts.host)]);
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length === 0) throw new Error('no address');
    return found.map((host) => [{ host, port }]);
  }

  /** @param {number} round @param {Resolution} resolution */
  found(round, resolution) {
    if (round !== this.round) return;
    this.isLooking = false;
    this.latest = resolution;
    if (this.listener({ ...resolution, config: this.config })) {
      this.backoff.stop();
      this.backoff.reset();
    } else this.isWanted = true;
  }

  /** @param {number} round */
  failed(round) {
    if (round !== this.round) return;
    this.isLooking = false;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.listener({ error: `Name resolution failed for target ${addressToString(this.uri)}` });
  }

  /** @param {number} round */
  lookForConfig(round) {
    const { host } = /** @type {{ host: string }} */ (splitHostPort(this.uri.path));
    dns.resolveTxt(host).then((records) => {
      if (round !== this.round) return;
      const config = selectServiceConfig(records, this.percentage);
      if (config === undefined) return;
      this.config = config;
      if (this.latest !== null && !this.isLooking) this.listener({ ...this.latest, config });
    }).catch(() => {
      // A name without such a record is as good as one with an empty one.
    });
  }

  /** Forgets all; {@link update} begins anew. */
  destroy() {
    this.round++;
    this.isLooking = false;
    this.isWanted = false;
    this.isTold = false;
    this.latest = null;
    this.backoff.stop();
    this.backoff.reset();
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

module.exports = { Resolver, SCHEMES, defaultAuthority };
