'use strict';

/** `server.events()`: a path that serves topics of a hub as an event stream. */

const { invalidArgType, invalidArgValue } = require('../internal/errors.js');
const { integer, oneOf, optionsObject } = require('../internal/options.js');
const { createHub } = require('../hub.js');
const { checkPatterns } = require('../internal/topic-pattern.js');
const { Connection, Session } = require('../sse.js');
const { EventStreams } = require('./event-streams.js');

const MAX_MS = 2 ** 31 - 1;
const SLOW_POLICIES = /** @type {const} */ (['disconnect', 'drop-oldest', 'drop-newest', 'keep-latest']);
const SLOW_CLIENT = 'ERR_MILLRACE_SSE_SLOW_CLIENT';

/**
 * What a client may see.
 *
 * @typedef {object} Grant
 * @property {string | string[]} [topics] Defaults to the route's.
 * @property {string[]} [scopes] Defaults to the route's.
 * @property {string} [since] the id of the last event that was seen. Defaults to what the client names.
 */

class EventsRoute {
  /**
   * @param {string} path
   * @param {Record<string, any>} options
   * @param {import('../hub/hub.js').Hub} hub
   */
  constructor(path, options, hub) {
    this.path = path;
    this.hub = hub;
    this.options = options;
    this.streams = new EventStreams(hub, options);
    /** Those that are not native. @type {Set<Session>} */
    this.sessions = new Set();
    this.dropped = 0;
    this.slow = 0;
    this.closed = false;
  }

  /**
   * @returns {{ connections: number, dropped: number, slow: number }} streams that are open, events that slow clients did not
   *   get, and clients that were disconnected for being slow
   */
  stats() {
    let { dropped } = this;
    for (const session of this.sessions) dropped += session.dropped;
    const native = this.streams.stats();
    return {
      connections: this.sessions.size + native.connections,
      dropped: dropped + native.dropped,
      slow: this.slow + native.slow,
    };
  }

  /**
   * Ends all streams; further requests are answered with 503.
   *
   * @param {{ retry?: number, jitter?: number }} [options] milliseconds, as for `session.close()`
   */
  close(options) {
    this.closed = true;
    this.streams.close(options);
    for (const session of [...this.sessions]) session.close(options);
  }

  /**
   * @param {any} req
   * @param {any} res
   */
  async serve(req, res) {
    const { authorize, onError = warn } = this.options;
    try {
      const verdict = authorize === undefined ? true : await authorize(req);
      // The client may have gone meanwhile: a session on a closed response would never hear of it.
      if (res.destroyed || res.writableEnded) return;
      if (this.closed || !res.socket.server.listening) refuse(res, 503);
      else if (verdict === true) this.open(req, res, {});
      else if (typeof verdict === 'object' && verdict !== null) this.open(req, res, verdict);
      // Whatever else was answered, nothing included, admits nobody.
      else refuse(res, Number.isInteger(verdict) && verdict >= 400 && verdict <= 599 ? verdict : 403);
    } catch (error) {
      if (!res.destroyed && !res.headersSent) refuse(res, 500);
      onError(error, req);
    }
  }

  /**
   * @param {any} req
   * @param {any} res
   * @param {Grant} grant
   */
  open(req, res, grant) {
    const { hub, options } = this;
    const topics = checkPatterns(grant.topics ?? options.topics);
    const scopes = checkScopes(grant.scopes ?? options.scopes);
    if (grant.since !== undefined && typeof grant.since !== 'string') throw invalidArgType('since', 'string', grant.since);
    if (this.streams.takes(req, res)) {
      this.streams.open(req, res, { topics, scopes, since: grant.since });
      return;
    }
    const { retry, keepAlive, onSlow, maxBufferedBytes, compress, headers } = options;
    const session = new Session(req, res, { retry, keepAlive, onSlow, maxBufferedBytes, compress, headers });
    this.sessions.add(session);
    session.on('error', (error) => {
      if (/** @type {any} */ (error).code === SLOW_CLIENT) this.slow += 1;
      else (options.onError ?? warn)(error, req);
    });
    session.once('connected', () => {
      if (this.closed) session.close();
      else hub.attach(session, topics, { since: grant.since, scopes });
    });
    session.once('disconnected', () => {
      this.sessions.delete(session);
      this.dropped += session.dropped;
    });
  }
}

/**
 * @param {any} res
 * @param {number} status
 */
function refuse(res, status) {
  res.writeHead(status, { 'Content-Length': 0, 'Cache-Control': 'no-store' });
  res.end();
}

/** @param {unknown} error */
function warn(error) {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}

/**
 * @param {unknown} scopes
 * @returns {string[] | undefined}
 */
function checkScopes(scopes) {
  if (scopes !== undefined && !Array.isArray(scopes)) throw invalidArgType('scopes', 'Array', scopes);
  return scopes;
}

/**
 * @param {unknown} path
 * @param {unknown} given
 * @param {any} server whose hub it is, where the options name none
 * @returns {EventsRoute}
 */
function eventsRoute(path, given, server) {
  if (typeof path !== 'string') throw invalidArgType('path', 'string', path);
  if (!path.startsWith('/') || /[?#]/.test(path)) {
    throw invalidArgValue('path', path, "must begin with a slash and have no '?' or '#'");
  }
  const options = optionsObject(given);
  for (const name of ['authorize', 'onError']) {
    if (options[name] !== undefined && typeof options[name] !== 'function') {
      throw invalidArgType(`options.${name}`, 'function', options[name]);
    }
  }
  // With `authorize` the topics may be told for each client.
  if (options.topics !== undefined || options.authorize === undefined) checkPatterns(options.topics);
  checkScopes(options.scopes);
  for (const name of ['retry', 'keepAlive']) if (options[name] !== null) integer(options, name, 0, MAX_MS, 0);
  integer(options, 'maxBufferedBytes', 0, Number.MAX_SAFE_INTEGER, 0);
  oneOf(options, 'onSlow', SLOW_POLICIES, 'disconnect');
  if (options.headers !== undefined) Connection.applyHeaders(optionsObject(options.headers), new Headers());
  const { hub = (server._hub ??= createHub()) } = options;
  if (typeof hub?.attach !== 'function') throw invalidArgType('options.hub', 'Hub', hub);
  return new EventsRoute(path, options, hub);
}

/**
 * Gives a server's requests to its routes first, whoever parsed them.
 *
 * @param {any} server
 * @param {ReadonlyMap<string, { serve(req: any, res: any): Promise<void> }>} routes
 */
function intercept(server, routes) {
  const { emit } = server;
  /** @this {any} @param {any[]} args */
  server.emit = function (...args) {
    const [event, req, res] = args;
    if (event !== 'request') return emit.apply(this, args);
    const query = req.url.indexOf('?');
    const route = routes.get(query === -1 ? req.url : req.url.slice(0, query));
    if (route !== undefined && req.method === 'GET') {
      void route.serve(req, res);
      return true;
    }
    if (emit.apply(this, args)) return true;
    // With paths alone to serve, that is the answer.
    if (route !== undefined) res.setHeader('Allow', 'GET');
    refuse(res, route === undefined ? 404 : 405);
    return true;
  };
}

module.exports = { eventsRoute, intercept };
