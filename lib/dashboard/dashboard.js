'use strict';

/**
 * `millrace serve`: one listener that shows the whole package at work. Each part is a file of this folder; here they are put
 * together, and requests are handed to them.
 */

const { createHub } = require('../hub.js');
const http = require('../http.js');
const { bytes } = require('../cli/units.js');
const { getEventLoop } = require('../internal/event-loop.js');
const { PageAssets, SECURITY } = require('../internal/page-assets.js');
const { refusal } = require('../internal/admission.js');
const { EventLog } = require('./event-log.js');
const { FileFollower } = require('./follow.js');
const { Folder } = require('./folder.js');
const { Jobs } = require('./jobs.js');
const { logSockets } = require('./log-sockets.js');
const { serveCalls } = require('./rpc.js');
const { inspector } = require('../inspector.js');
const { SystemFeed, HISTORY_SAMPLES } = require('./system-feed.js');

/** Twice the meters' history: pages that were away for five minutes come back without a gap. */
const HISTORY = { count: 2 * HISTORY_SAMPLES, bytes: 4 * 1024 * 1024, totalBytes: 16 * 1024 * 1024 };
const RETRY_MS = 1000;
/** @type {Record<number, string>} */
const REFUSALS = {
  404: 'no such job',
  405: 'not to be done so',
  409: 'it has that already',
  413: 'larger than what is taken',
  429: 'too many files at once; try again in a moment',
};

/**
 * @typedef {object} DashboardOptions
 * @property {string} [host] to listen on. Defaults to `127.0.0.1`.
 * @property {number} [port] Defaults to 0: a free one.
 * @property {string} [folder] whose files are listed and can be downloaded. Defaults to none.
 * @property {string} [follow] a JSON Lines file whose rows become lines of the log. Defaults to none.
 * @property {number} [maxUploadBytes] of a file that is dropped. Defaults to 16 GiB.
 */

class Dashboard {
  /** @param {DashboardOptions} [options] */
  constructor({ host = '127.0.0.1', port = 0, folder, follow, maxUploadBytes } = {}) {
    this.host = host;
    this.port = port;
    /** @type {any} */
    this.hub = createHub({ history: HISTORY });
    this.log = new EventLog();
    this.assets = new PageAssets(true);
    this.system = new SystemFeed(this.hub);
    /** @type {any} */
    this.server = http.createServer((req, res) => this.answer(req, res));
    /** @type {any} */
    this.inspector = inspector(this.server, '/inspect', { hub: this.hub, authorize: (req) => this.admit(req) });
    this.inspector.watch.on('finished', (this.onFinished = (/** @type {any} */ pipeline) => this.notePipeline(pipeline)));
    this.events = this.server.events('/events', {
      hub: this.hub,
      topics: ['system', 'pipelines', 'jobs/*'],
      retry: RETRY_MS,
      onSlow: 'disconnect',
      headers: SECURITY,
      authorize: (/** @type {any} */ req) => this.admit(req),
      onError: (/** @type {Error} */ error) => this.log.add('warn', 'server', `event stream: ${error.message}`),
    });
    this.logSockets = logSockets(this.server, this.log, (req) => refusal(req, this.boundTo));
    this.folder = folder === undefined ? null : new Folder(folder);
    this.follower = follow === undefined ? null : new FileFollower(follow, this.log);
    this.jobs = new Jobs({
      maxUploadBytes,
      onProgress: (progress) => this.hub.publish(`jobs/${progress.id}`, progress, { event: 'job', key: progress.id }),
      onLog: (level, line) => this.log.add(level, 'files', line),
    });
    // Elsewhere there is no gRPC on the port of an HTTP server.
    if (getEventLoop() !== null) serveCalls(this.server, { system: this.system, log: this.log });
    this.guard();
    /** What answers which path. @type {Record<string, (req: any, res: any, url: URL) => void>} */
    this.routes = {
      '/system': (_req, res) => json(res, 200, this.system.history()),
      '/jobs': (req, res, url) => this.answerJob(req, res, url),
      '/folder': (_req, res, url) => void this.answerFolder(res, url),
    };
  }

  /** Refuses requests before anything else sees them, calls of gRPC-Web among them. */
  guard() {
    const { server } = this;
    const { emit } = server;
    server.emit = (/** @type {any[]} */ ...args) => {
      const [event, req, res] = args;
      const why = event === 'request' ? refusal(req, this.boundTo) : null;
      if (why === null) return emit.apply(server, args);
      this.note(req, 403, performance.now());
      text(res, 403, why);
      return true;
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
    this.follower?.close();
    this.jobs.close();
    this.inspector.watch.off('finished', this.onFinished);
    this.inspector.close();
    await new Promise((resolve) => {
      this.server.close({ deadline: 2000 }, () => resolve(undefined));
    });
  }

  /**
   * For event streams and the inspector, which are answered without the listener below.
   *
   * @param {any} req
   * @returns {boolean}
   */
  admit(req) {
    this.note(req, 200, performance.now());
    return true;
  }

  /**
   * @param {any} req
   * @param {any} res
   */
  answer(req, res) {
    const began = performance.now();
    res.once('close', () => this.note(req, res.statusCode, began, { isBroken: !res.writableFinished }));
    if (!URL.canParse(req.url, 'http://x')) return text(res, 400, 'not an address');
    const url = new URL(req.url, 'http://x');
    const [, first] = url.pathname.split('/');
    const route = this.routes[`/${first}`];
    if (Object.hasOwn(this.routes, `/${first}`)) return route(req, res, url);
    if (this.assets.serve(req, res, url.pathname === '/' ? 'index.html' : url.pathname.slice(1))) return undefined;
    return text(res, 404, 'no such page');
  }

  /**
   * `POST /jobs?name=&size=` opens one; `PUT /jobs/<id>/input` brings the file, `GET /jobs/<id>/output` takes what becomes of it.
   *
   * @param {any} req
   * @param {any} res
   * @param {URL} url
   */
  answerJob(req, res, url) {
    const [, , id, end] = url.pathname.split('/');
    let status = 405;
    if (id === undefined && req.method === 'POST') {
      const size = Number(url.searchParams.get('size') ?? NaN);
      const job = this.jobs.open(url.searchParams.get('name') ?? '', Number.isSafeInteger(size) && size >= 0 ? size : null);
      if (typeof job !== 'number') return json(res, 201, { id: job.id });
      status = job;
    } else if ((end === 'input' && req.method === 'PUT') || (end === 'output' && req.method === 'GET')) {
      status = this.jobs.join(id, req, res);
    }
    if (status === 0) return undefined;
    // What is still to come of a refused file would be read for nothing.
    if (!req.complete) res.setHeader('Connection', 'close');
    return text(res, status, REFUSALS[status]);
  }

  /**
   * @param {any} res
   * @param {URL} url
   */
  async answerFolder(res, url) {
    const [, , name] = url.pathname.split('/');
    try {
      if (name === undefined) json(res, 200, (await this.folder?.list()) ?? { files: null, more: 0 });
      else if (!(await this.folder?.serve(res, decodeURIComponent(name)))) text(res, 404, 'no such file');
    } catch (error) {
      this.log.add('error', 'server', `folder: ${/** @type {Error} */ (error).message}`);
      if (!res.headersSent && !res.destroyed) text(res, error instanceof URIError ? 400 : 500, 'that went wrong');
    }
  }

  /** @param {ReturnType<import('../inspector.js').Inspector['snapshot']>['pipelines'][number]} pipeline */
  notePipeline({ id, began, ended, error, stages }) {
    const counted = stages.filter(({ native }) => native);
    const through = `${bytes(counted[0]?.bytesOut ?? 0)} → ${bytes(counted.at(-1)?.bytesOut ?? 0)}`;
    const did = `#${id} ${stages.map(({ stage }) => stage).join(' → ')}: ${through}`;
    const took = `${/** @type {number} */ (ended) - began} ms`;
    if (error === null) this.log.add('info', 'pipeline', `${did}, ${took}`);
    else this.log.add('error', 'pipeline', `${did}, ${took}, failed in ${error.stage}: ${error.message} [${error.code}]`);
  }

  /**
   * @param {any} req
   * @param {number} status
   * @param {number} began
   * @param {{ isBroken?: boolean }} [how] `isBroken`: the client went before the answer was whole
   */
  note(req, status, began, { isBroken = false } = {}) {
    // The page's own files are of interest to nobody but its authors.
    const usual = this.assets.assets.has(req.url.slice(1)) ? 'debug' : 'info';
    const level = status >= 500 ? 'error' : status >= 400 ? 'warn' : usual;
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
