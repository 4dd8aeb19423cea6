'use strict';

/**
 * `millrace serve`: one listener that shows the whole package at work. Each part is a file of this folder; here they are put
 * together, and requests are handed to them.
 */

const { createHub } = require('../hub.js');
const http = require('../http.js');
const { PageAssets, SECURITY } = require('../internal/page-assets.js');
const { refusal } = require('./admission.js');
const { EventLog } = require('./event-log.js');
const { SystemFeed, HISTORY_SAMPLES } = require('./system-feed.js');

/** Twice the meters' history: pages that were away for five minutes come back without a gap. */
const HISTORY = { count: 2 * HISTORY_SAMPLES, bytes: 4 * 1024 * 1024, totalBytes: 16 * 1024 * 1024 };
const RETRY_MS = 1000;

/**
 * @typedef {object} DashboardOptions
 * @property {string} [host] to listen on. Defaults to `127.0.0.1`.
 * @property {number} [port] Defaults to 0: a free one.
 */

class Dashboard {
  /** @param {DashboardOptions} [options] */
  constructor({ host = '127.0.0.1', port = 0 } = {}) {
    this.host = host;
    this.port = port;
    /** @type {any} */
    this.hub = createHub({ history: HISTORY });
    this.log = new EventLog();
    this.assets = new PageAssets(true);
    this.system = new SystemFeed(this.hub);
    /** @type {any} */
    this.server = http.createServer((req, res) => this.answer(req, res));
    this.events = this.server.events('/events', {
      hub: this.hub,
      topics: ['system'],
      retry: RETRY_MS,
      onSlow: 'disconnect',
      headers: SECURITY,
      authorize: (/** @type {any} */ req) => this.admit(req),
      onError: (/** @type {Error} */ error) => this.log.add('warn', 'server', `event stream: ${error.message}`),
    });
    /** What answers which path. @type {Record<string, (req: any, res: any, url: URL) => void>} */
    this.routes = {
      '/system': (_req, res) => json(res, 200, this.system.history()),
    };
  }

  /**
   * @returns {Promise<string>} the page's address, once it listens
   * @throws what `listen` fails with
   */
  async listen() {
    await new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host: this.host, port: this.port }, () => {
        this.server.removeListener('error', reject);
        resolve(undefined);
      });
    });
    const address = this.address();
    this.log.add('info', 'server', `listening on ${address}`);
    return address;
  }

  /** The address that it listens on. @returns {string} */
  get boundTo() {
    return this.server.address()?.address ?? this.host;
  }

  /** @returns {string} */
  address() {
    const { address, port, family } = this.server.address();
    // Where it listens on all addresses, this machine is one.
    const name = address === '0.0.0.0' || address === '::' ? 'localhost' : address;
    return `http://${family === 'IPv6' && name !== 'localhost' ? `[${name}]` : name}:${port}/`;
  }

  /** @returns {Promise<void>} once all connections are closed */
  async close() {
    this.system.close();
    await new Promise((resolve) => {
      this.server.close({ deadline: 2000 }, () => resolve(undefined));
    });
  }

  /**
   * For an event stream, which is answered without the listener below.
   *
   * @param {any} req
   * @returns {boolean | number}
   */
  admit(req) {
    const why = refusal(req, this.boundTo);
    this.note(req, why === null ? 200 : 403, performance.now());
    return why === null ? true : 403;
  }

  /**
   * @param {any} req
   * @param {any} res
   */
  answer(req, res) {
    const began = performance.now();
    res.once('close', () => this.note(req, res.statusCode, began, !res.writableFinished));
    const why = refusal(req, this.boundTo);
    if (why !== null) return text(res, 403, why);
    if (!URL.canParse(req.url, 'http://x')) return text(res, 400, 'not an address');
    const url = new URL(req.url, 'http://x');
    const [, first] = url.pathname.split('/');
    const route = this.routes[`/${first}`];
    if (Object.hasOwn(this.routes, `/${first}`)) return route(req, res, url);
    if (this.assets.serve(req, res, url.pathname === '/' ? 'index.html' : url.pathname.slice(1))) return undefined;
    return text(res, 404, 'no such page');
  }

  /**
   * @param {any} req
   * @param {number} status
   * @param {number} began
   * @param {boolean} [isBroken] the client went before the answer was whole
   */
  note(req, status, began, isBroken = false) {
    const level = status >= 500 ? 'error' : status >= 400 ? 'warn' : 'info';
    const took = `${(performance.now() - began).toFixed(1)} ms`;
    const client = req.socket?.remoteAddress ?? '-';
    this.log.add(level, 'access', `${req.method} ${req.url} ${status} ${took} ${client}${isBroken ? ' (broken off)' : ''}`);
  }
}

/**
 * @param {any} res
 * @param {number} status
 * @param {string} body
 */
function text(res, status, body) {
  res.writeHead(status, { ...SECURITY, 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  res.end(`${body}\n`);
}

/**
 * @param {any} res
 * @param {number} status
 * @param {unknown} value
 */
function json(res, status, value) {
  res.writeHead(status, { ...SECURITY, 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  res.end(JSON.stringify(value));
}

module.exports = { Dashboard };
