'use strict';

/** `inspector(server, '/inspect')`: a page that shows the pipelines of a program, live. */

const { createHub } = require('./hub.js');
const { createSession } = require('./sse.js');
const { isLoopback, refusal } = require('./internal/admission.js');
const { invalidArgType, invalidArgValue } = require('./internal/errors.js');
const { optionsObject } = require('./internal/options.js');
const { PageAssets, SECURITY } = require('./internal/page-assets.js');
const { PipelineWatch, INTERVAL_MS } = require('./inspector/watch.js');

/** Of the stream's events, and of its topic in the hub. */
const PIPELINES = 'pipelines';

/** One for all inspectors of the thread: what they look at is the same. @type {PipelineWatch | undefined} */
let watch;
let watchers = 0;

/** The pages of a server, and who may see them. */
class Inspector {
  /**
   * @param {any} server
   * @param {string} path
   * @param {Record<string, any>} options
   */
  constructor(server, path, options) {
    this.path = path;
    this.server = server;
    this.authorize = options.authorize ?? fromLoopback;
    this.hub = options.hub ?? createHub({ history: { count: 4, totalBytes: 4 * 1024 * 1024 } });
    this.assets = new PageAssets();
    this.closed = false;
    if (watch === undefined) {
      watch = new PipelineWatch();
      watch.start();
    }
    watchers += 1;
    this.watch = watch;
    this.publish = (/** @type {import('./inspector/watch.js').Snapshot} */ snapshot) => {
      if (this.hub.subscribers(PIPELINES) > 0) this.hub.publish(PIPELINES, snapshot, { event: PIPELINES, key: PIPELINES });
    };
    watch.on('look', this.publish);
  }

  /** @returns {import('./inspector/watch.js').Snapshot} what the page shows */
  snapshot() {
    return this.watch.snapshot();
  }

  /** The pages are not served any more. */
  close() {
    if (this.closed) return;
    this.closed = true;
    this.watch.off('look', this.publish);
    watchers -= 1;
    if (watchers > 0) return;
    this.watch.stop();
    watch = undefined;
  }

  /**
   * @param {any} req
   * @param {any} res
   * @param {string} rest of the path
   */
  async serve(req, res, rest) {
    try {
      const verdict = await this.authorize(req);
      if (res.destroyed) return;
      if (verdict !== true) return answer(res, Number.isInteger(verdict) && verdict >= 400 && verdict <= 599 ? verdict : 403);
      if (req.method !== 'GET' && req.method !== 'HEAD') return answer(res, 405, { Allow: 'GET, HEAD' });
      if (rest === '') return answer(res, 308, { Location: `${this.path.slice(this.path.lastIndexOf('/') + 1)}/` });
      if (rest === '/events') return await this.stream(req, res);
      if (rest === '/pipelines') return json(res, this.snapshot());
      if (!this.assets.serve(req, res, rest === '/' ? 'inspect.html' : rest.slice(1))) answer(res, 404);
    } catch (error) {
      if (!res.destroyed && !res.headersSent) answer(res, 500);
      process.emitWarning(error instanceof Error ? error : new Error(String(error)));
    }
    return undefined;
  }

  /**
   * @param {any} req
   * @param {any} res
   */
  async stream(req, res) {
    const session = await createSession(req, res, { onSlow: 'keep-latest', headers: SECURITY });
    // A client that is too slow, or gone, is told by `disconnected` alone.
    session.on('error', () => {});
    if (!session.isConnected) return;
    session.push(this.snapshot(), PIPELINES);
    this.hub.attach(session, PIPELINES, { since: this.hub.lastId });
  }
}

/**
 * @param {any} res
 * @param {number} status
 * @param {Record<string, string>} [headers]
 */
function answer(res, status, headers) {
  res.writeHead(status, { ...SECURITY, 'Cache-Control': 'no-store', 'Content-Length': 0, ...headers }).end();
}

/** @param {any} res @param {unknown} value */
function json(res, value) {
  res.writeHead(200, { ...SECURITY, 'Cache-Control': 'no-store', 'Content-Type': 'application/json' });
  res.end(JSON.stringify(value));
}

/** @param {any} req @returns {boolean} whether this machine asks, and no page of another site makes it */
function fromLoopback(req) {
  return isLoopback(req.socket?.remoteAddress ?? '') && refusal(req, '127.0.0.1') === null;
}

/**
 * Serves a page under `path` that shows the live pipelines of this thread: each stage's bytes, rows and throughput, how full
 * its queue is, where its time goes, and which one holds the rest back. Other requests are the server's, as before.
 *
 * @param {any} server of `millrace/http` or `node:http`
 * @param {string} [path] Defaults to `/inspect`.
 * @param {{ authorize?: (req: any) => any, hub?: any }} [options] `authorize`: true admits, a status from 400 to 599 refuses with
 *   it, anything else with 403. Defaults to whoever asks from loopback. `hub`: gets a snapshot twice a second, as topic
 *   `pipelines`, while somebody follows that. Defaults to one of its own.
 * @returns {Inspector}
 */
function inspector(server, path = '/inspect', options = undefined) {
  if (typeof server?.emit !== 'function') throw invalidArgType('server', 'http.Server', server);
  if (typeof path !== 'string') throw invalidArgType('path', 'string', path);
  if (!/^\/[^?#]*[^/?#]$/.test(path)) throw invalidArgValue('path', path, "must begin with a slash, not end with one, and have no '?' or '#'");
  const given = optionsObject(options);
  if (given.authorize !== undefined && typeof given.authorize !== 'function') {
    throw invalidArgType('options.authorize', 'function', given.authorize);
  }
  if (given.hub !== undefined && typeof given.hub?.attach !== 'function') throw invalidArgType('options.hub', 'Hub', given.hub);
  const made = new Inspector(server, path, given);
  const { emit } = server;
  /** @this {any} @param {any[]} args */
  server.emit = function (...args) {
    const [event, req, res] = args;
    if (event !== 'request' || made.closed || !req.url.startsWith(path)) return emit.apply(this, args);
    const [rest] = req.url.slice(path.length).split('?');
    if (rest !== '' && !rest.startsWith('/')) return emit.apply(this, args);
    void made.serve(req, res, rest);
    return true;
  };
  server.once('close', () => made.close());
  return made;
}

module.exports = { inspector, Inspector, INTERVAL_MS };
