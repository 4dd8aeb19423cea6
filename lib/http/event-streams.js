'use strict';

/**
 * Responses whose events go from the hub to the socket in the reactor: JavaScript sends the head, and is not called until
 * the client is gone. A response on a socket of somebody else's, or one that is compressed, is a `Session` instead.
 */

const { load } = require('../internal/loader.js');
const { whenServerCloses } = require('../internal/server-stop.js');
const { lastEventIdOf, writeOpening } = require('../internal/sse-opening.js');
const { Hub } = require('../hub.js');
const { Connection, EventBuffer } = require('../sse.js');
const { Socket } = require('./socket.js');

const DEFAULT_RETRY_MS = 2000;
const DEFAULT_KEEP_ALIVE_MS = 10_000;
const DEFAULT_BUFFERED_BYTES = 1024 * 1024;

/** The native event streams of one route. */
class EventStreams {
  /**
   * @param {import('../hub/hub.js').Hub} hub
   * @param {Record<string, any>} options of the route, checked
   */
  constructor(hub, options) {
    this.hub = hub;
    this.options = options;
    const { retry = DEFAULT_RETRY_MS } = options;
    /** @type {number | null} */
    this.retry = retry;
    const head = new Headers(Connection.constants.RESPONSE_HEADERS);
    if (options.headers) Connection.applyHeaders(options.headers, head);
    this.head = head;
    this.fields = Object.fromEntries(head);
    /** By the server's engine, of which there is one each time that it listens. @type {Map<any, any>} */
    this.natives = new Map();
    /** Responses that are streams. @type {Map<any, { id: number, native: any }>} */
    this.responses = new Map();
  }

  /**
   * @param {any} req
   * @param {any} res
   * @returns {boolean} whether its events need no JavaScript
   */
  takes(req, res) {
    const { socket } = res;
    return (
      this.hub instanceof Hub &&
      socket instanceof Socket &&
      socket.carries(res) &&
      !res.headersSent &&
      !Object.hasOwn(res, 'write') &&
      !(this.options.compress && req.headers['accept-encoding'] !== undefined)
    );
  }

  /**
   * @param {any} req
   * @param {any} res
   * @param {{ topics: string[], scopes: string[] | undefined, since: string | undefined }} grant
   */
  open(req, res, { topics, scopes, since }) {
    const { socket } = res;
    const mark = req.url.indexOf('?');
    const query = new URLSearchParams(mark === -1 ? '' : req.url.slice(mark + 1));
    const named = since ?? lastEventIdOf(req.headers['last-event-id'], query);
    const buffer = new EventBuffer();
    writeOpening(buffer, query, this.retry);
    res.writeHead(res.statusCode, this.fieldsFor(res));
    const opening = buffer.read();
    if (opening === '') res.flushHeaders();
    else writeNow(res, opening);
    // A stream is quiet for as long as nothing happens.
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.engine.flush();
    if (socket.released) return;
    const native = this.nativeOf(socket.engine, socket.server);
    const { id } = socket;
    if (native.open(id, res.chunkedEncoding, topics, named === '' ? undefined : named, scopes) === null) return;
    this.responses.set(res, { id, native });
    socket.isFed = true;
    res.once('close', () => this.responses.delete(res));
    // What did not fit into the socket at once may have been too much for it.
    socket.engine.receiveSoon();
  }

  /**
   * @param {any} res
   * @returns {Record<string, any>} the fields of its head; what was set before counts where the options say nothing
   */
  fieldsFor(res) {
    if (res.getHeaderNames().length === 0) return this.fields;
    const head = new Headers(Connection.constants.RESPONSE_HEADERS);
    Connection.applyHeaders(res.getHeaders(), head);
    if (this.options.headers) Connection.applyHeaders(this.options.headers, head);
    return Object.fromEntries(head);
  }

  /**
   * @param {any} engine
   * @param {any} server whose it is
   */
  nativeOf(engine, server) {
    let native = this.natives.get(engine);
    if (native === undefined) {
      const { onSlow = 'disconnect', maxBufferedBytes = DEFAULT_BUFFERED_BYTES } = this.options;
      const { keepAlive = DEFAULT_KEEP_ALIVE_MS } = this.options;
      const { HttpEventRoute } = /** @type {any} */ (load());
      const { native: hub, mailboxBytes } = this.hub;
      native = new HttpEventRoute(hub, engine.native, maxBufferedBytes, onSlow, keepAlive ?? 0, mailboxBytes);
      this.natives.set(engine, native);
      // They would keep it from closing.
      whenServerCloses(server, (how) => this.close(how));
    }
    return native;
  }

  /** @returns {{ connections: number, dropped: number, slow: number }} */
  stats() {
    const all = { connections: 0, dropped: 0, slow: 0 };
    for (const native of this.natives.values()) {
      const [connections, dropped, slow] = native.counts();
      all.connections += connections;
      all.dropped += dropped;
      all.slow += slow;
    }
    return all;
  }

  /**
   * Ends all streams.
   *
   * @param {{ retry?: number, jitter?: number }} [options] milliseconds
   */
  close({ retry, jitter = 0 } = {}) {
    for (const [res, { id, native }] of [...this.responses]) {
      this.responses.delete(res);
      if (res.destroyed || res.socket === null) continue;
      native.close(id);
      res.socket.isFed = false;
      res.socket.engine.receiveSoon();
      if (retry === undefined) res.end();
      else res.end(new EventBuffer().retry(Math.round(retry + Math.random() * jitter)).dispatch().read());
    }
  }
}

/**
 * Node.js 26 keeps what a tick writes in the response until the tick's end, where events would overtake it.
 *
 * @param {any} res
 * @param {string} text
 */
function writeNow(res, text) {
  const corks = res.writableCorked;
  res.write(text);
  if (res.writableCorked > corks) res.uncork();
}

module.exports = { EventStreams };
