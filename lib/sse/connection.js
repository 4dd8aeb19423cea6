'use strict';

/**
 * What a session needs of the connection that it is on. Mirrors `Connection` of `better-sse`, so that its adapters work here;
 * beyond it, `sendChunk` may answer whether there is room, and the others may be there.
 */

const constants = Object.freeze({
  REQUEST_METHOD: 'GET',
  REQUEST_HOST: 'localhost',
  RESPONSE_CODE: 200,
  RESPONSE_HEADERS: Object.freeze({
    'Content-Type': 'text/event-stream',
    // `no-transform` and `X-Accel-Buffering` keep proxies from holding events back.
    'Cache-Control': 'private, no-cache, no-store, no-transform, must-revalidate, max-age=0',
    Connection: 'keep-alive',
    Pragma: 'no-cache',
    'X-Accel-Buffering': 'no',
  }),
});

/** @typedef {Record<string, string | string[] | undefined>} HeaderMap */

/** @abstract */
class Connection {
  static constants = constants;

  /**
   * @param {HeaderMap | Headers} from a value replaces what is there, an array's are appended, `undefined` deletes
   * @param {Headers} to
   */
  static applyHeaders(from, to) {
    const map = from instanceof Headers ? Object.fromEntries(from) : from;
    for (const [key, value] of Object.entries(map)) {
      if (Array.isArray(value)) {
        to.delete(key);
        for (const item of value) to.append(key, item);
      } else if (value === undefined) to.delete(key);
      else to.set(key, value);
    }
  }

  /** @type {URL} */
  url = /** @type {any} */ (undefined);
  /** @type {Request} its signal is aborted when the connection is closed */
  request = /** @type {any} */ (undefined);
  /** @type {Response} */
  response = /** @type {any} */ (undefined);

  sendHead() {
    throw new TypeError('sendHead() is for a subclass to define');
  }

  /** Called behind {@link sendHead} where nothing is said yet: the client waits for the head. */
  flushHead() {}

  /**
   * @param {string | Uint8Array} _chunk
   * @returns {boolean | void} `false` where the caller should wait for `onDrain`
   */
  sendChunk(_chunk) {
    throw new TypeError('sendChunk() is for a subclass to define');
  }

  /**
   * @param {import('../internal/shared-frame.js').SharedFrame} frame of a channel, which others get, too
   * @returns {boolean | void} as {@link sendChunk}
   */
  shareChunk(frame) {
    return this.sendChunk(frame.bytes);
  }

  /** Called once, when the connection is closed. */
  cleanup() {}

  /** @type {(() => void) | null} called when there is room again */
  onDrain = null;

  /** @returns {number} bytes that wait in the connection */
  get bufferedBytes() {
    return 0;
  }

  /** Closes the connection behind what was sent. */
  end() {}
}

module.exports = { Connection };
