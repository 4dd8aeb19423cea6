'use strict';

const { Connection } = require('./connection.js');

/** On the Fetch API: the events are the body of a `Response`. */
class FetchConnection extends Connection {
  /**
   * @param {Request} request
   * @param {Response | null} [response] whose status and headers are taken over
   * @param {{ statusCode?: number, headers?: import('./connection.js').HeaderMap }} [options]
   */
  constructor(request, response = null, options = {}) {
    super();
    this.url = new URL(request.url);
    this.request = request;
    const { readable, writable } = new TransformStream();
    this.writer = writable.getWriter();
    this.encoder = new TextEncoder();
    this.waiting = 0;
    // A reader that goes away is a closed connection; there is no other sign of it.
    this.controller = new AbortController();
    this.writer.closed.then(
      () => this.controller.abort(),
      () => this.controller.abort(),
    );
    if (request.signal.aborted) this.controller.abort();
    else request.signal.addEventListener('abort', () => this.controller.abort(), { once: true });
    this.response = new Response(readable, {
      status: options.statusCode ?? response?.status ?? Connection.constants.RESPONSE_CODE,
      headers: Connection.constants.RESPONSE_HEADERS,
    });
    if (response) Connection.applyHeaders(response.headers, this.response.headers);
    if (options.headers) Connection.applyHeaders(options.headers, this.response.headers);
  }

  get signal() {
    return this.controller.signal;
  }

  sendHead() {}

  /**
   * @param {string | Uint8Array} chunk
   * @returns {boolean}
   */
  sendChunk(chunk) {
    const bytes = typeof chunk === 'string' ? this.encoder.encode(chunk) : chunk;
    this.waiting += bytes.length;
    this.writer.write(bytes).then(
      () => {
        this.waiting -= bytes.length;
        if (this.waiting === 0) this.onDrain?.();
      },
      () => this.controller.abort(),
    );
    return (this.writer.desiredSize ?? 0) > 0;
  }

  get bufferedBytes() {
    return this.waiting;
  }

  end() {
    this.writer.close().catch(() => {});
  }

  cleanup() {
    this.writer.close().catch(() => {});
  }
}

module.exports = { FetchConnection };
