'use strict';

const { Connection } = require('./connection.js');
const { kShare } = require('../internal/shared-frame.js');
const { EventCompressor, negotiate } = require('./event-compressor.js');

/**
 * @typedef {object} NodeConnectionOptions
 * @property {number} [statusCode]
 * @property {import('./connection.js').HeaderMap} [headers]
 * @property {boolean | { level?: number }} [compress] gzip, where the client accepts it, flushed behind each event. Defaults to
 *   `false`.
 */

/** On `node:http`, on `node:http2`'s compatibility API, and on `millrace/http`: they have the same members. */
class NodeConnection extends Connection {
  /**
   * @param {import('node:http').IncomingMessage} req
   * @param {import('node:http').ServerResponse} res
   * @param {NodeConnectionOptions} [options]
   */
  constructor(req, res, options = {}) {
    super();
    this.req = req;
    this.res = res;
    this.controller = new AbortController();
    const host = req.headers.host ?? /** @type {any} */ (req).authority ?? Connection.constants.REQUEST_HOST;
    this.url = new URL(req.url ?? '/', `http://${host}`);
    this.response = new Response(null, {
      status: options.statusCode ?? res.statusCode ?? Connection.constants.RESPONSE_CODE,
      headers: Connection.constants.RESPONSE_HEADERS,
    });
    Connection.applyHeaders(/** @type {any} */ (res.getHeaders()), this.response.headers);
    if (options.headers) Connection.applyHeaders(options.headers, this.response.headers);
    /** @type {EventCompressor | null} */
    this.compressor = null;
    if (options.compress && negotiate(req.headers['accept-encoding']) === 'gzip') {
      this.response.headers.set('Content-Encoding', 'gzip');
      this.response.headers.append('Vary', 'Accept-Encoding');
      this.compressor = new EventCompressor(res, options.compress === true ? {} : options.compress);
    }
    this.onClose = () => this.controller.abort();
    this.onRoom = () => {
      if (!this.isFull()) this.onDrain?.();
    };
    req.once('close', this.onClose);
    res.once('close', this.onClose);
    res.on('drain', this.onRoom);
    // It will not tell again.
    if (res.destroyed || /** @type {any} */ (res).stream?.destroyed) this.onClose();
    this.compressor?.stream.on('drain', this.onRoom);
    setNoDelay(res.socket);
    /** @type {Request | undefined} */
    this.fetchRequest = undefined;
    // A field of the base class would hide the accessor.
    Object.defineProperty(this, 'request', { get: () => this.makeRequest(), configurable: true, enumerable: true });
  }

  get signal() {
    return this.controller.signal;
  }

  /** @returns {Request} made when somebody asks: it costs more than all the rest of a session */
  makeRequest() {
    if (this.fetchRequest === undefined) {
      this.fetchRequest = new Request(this.url, {
        method: this.req.method ?? Connection.constants.REQUEST_METHOD,
        signal: this.controller.signal,
      });
      const headers = Object.entries(this.req.headers).filter(([name]) => !name.startsWith(':'));
      Connection.applyHeaders(Object.fromEntries(headers), this.fetchRequest.headers);
    }
    return this.fetchRequest;
  }

  /** @returns {string} the client's `Last-Event-ID`; a middleware may have spelled it in its own way */
  get lastEventId() {
    const { headers } = this.req;
    const name = 'last-event-id' in headers ? 'last-event-id' : Object.keys(headers).find((key) => /^last-event-id$/i.test(key));
    return name === undefined ? '' : String(headers[name]);
  }

  sendHead() {
    this.res.writeHead(this.response.status, Object.fromEntries(this.response.headers));
    this.compressor?.start();
  }

  flushHead() {
    this.res.flushHeaders();
  }

  /**
   * @param {string | Uint8Array} chunk
   * @returns {boolean}
   */
  sendChunk(chunk) {
    if (this.compressor) this.compressor.write(chunk);
    else this.res.write(chunk);
    return !this.isFull();
  }

  /**
   * @param {import('../internal/shared-frame.js').SharedFrame} frame
   * @returns {boolean}
   */
  shareChunk(frame) {
    // Responses of our server take it by the thousand; whoever else's may want to see each.
    const room = this.compressor === null ? /** @type {any} */ (this.res)[kShare]?.(frame) : undefined;
    return room ?? this.sendChunk(frame.bytes);
  }

  isFull() {
    return this.res.writableNeedDrain || (this.compressor?.stream.writableNeedDrain ?? false);
  }

  get bufferedBytes() {
    return (this.res.writableLength ?? 0) + (this.compressor?.stream.writableLength ?? 0);
  }

  end() {
    if (this.compressor) this.compressor.end();
    else this.res.end();
  }

  cleanup() {
    this.req.removeListener('close', this.onClose);
    this.res.removeListener('close', this.onClose);
    this.res.removeListener('drain', this.onRoom);
    this.compressor?.destroy();
  }
}

/** @param {any} socket an event is to leave at once, not with the next */
function setNoDelay(socket) {
  try {
    socket?.setNoDelay?.(true);
  } catch {
    // HTTP/2's socket proxy refuses; its streams have no delay of their own.
  }
}

/** On `node:http` and `millrace/http`. */
class NodeHttp1Connection extends NodeConnection {}

/** On `node:http2`. */
class NodeHttp2CompatConnection extends NodeConnection {
  sendHead() {
    // HTTP/2 has no connection headers (RFC 9113 section 8.2.2).
    this.response.headers.delete('Connection');
    super.sendHead();
  }
}

module.exports = { NodeHttp1Connection, NodeHttp2CompatConnection };
