'use strict';

const { integer, optionsObject } = require('../internal/options.js');
const { EventStreamParser } = require('./event-stream.js');

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;
/** Milliseconds, as browsers have it, where neither server nor options say. */
const DEFAULT_RECONNECT_MS = 3000;
const DEFAULT_RECONNECT_MOST_MS = 60_000;
const MAX_MS = 2 ** 31 - 1;

/** What `onerror` gets: why, beside what the standard's plain event has. */
class EventSourceErrorEvent extends Event {
  /**
   * @param {string} message
   * @param {object} [details]
   * @param {number} [details.status] of the response, where there was one
   * @param {Error} [details.error]
   */
  constructor(message, { status, error } = {}) {
    super('error');
    this.message = message;
    /** The response's HTTP status. */
    this.code = status;
    this.error = error;
  }
}

/**
 * The client of the WHATWG HTML standard ("Server-sent events"), which Node does not offer by default. Beyond it: headers, and
 * any `fetch`.
 */
class EventSource extends EventTarget {
  static CONNECTING = CONNECTING;
  static OPEN = OPEN;
  static CLOSED = CLOSED;

  #url;
  /** @type {0 | 1 | 2} */
  #readyState = CONNECTING;
  #withCredentials;
  #options;
  #fetch;
  #abort = new AbortController();
  #reconnectMs;
  #mostMs;
  #failures = 0;
  #lastEventId;
  #maxEventBytes;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** @type {Map<string, { handler: any, listener: (event: any) => void }>} */
  #handlers = new Map();

  /**
   * @param {string | URL} url
   * @param {object} [options]
   * @param {boolean} [options.withCredentials] Defaults to `false`.
   * @param {ConstructorParameters<typeof Headers>[0]} [options.headers] sent with each request
   * @param {typeof globalThis.fetch} [options.fetch] Defaults to Node's.
   * @param {string} [options.lastEventId] where to go on from. Defaults to the start.
   * @param {number} [options.reconnectInterval] milliseconds before a reconnection, until the server says otherwise. Defaults to
   *   3,000.
   * @param {number} [options.maxReconnectInterval] milliseconds: each failure in a row doubles the wait, up to this. Defaults to
   *   60,000.
   * @param {number} [options.maxEventBytes] an event larger than this closes the client. Defaults to 16,777,216.
   */
  constructor(url, options) {
    super();
    const given = optionsObject(options);
    try {
      this.#url = new URL(url);
    } catch {
      throw new DOMException(`An invalid or illegal string was specified: ${url}`, 'SyntaxError');
    }
    this.#options = given;
    this.#withCredentials = Boolean(given.withCredentials);
    this.#fetch = given.fetch ?? globalThis.fetch;
    this.#lastEventId = given.lastEventId ?? '';
    this.#reconnectMs = integer(given, 'reconnectInterval', 0, MAX_MS, DEFAULT_RECONNECT_MS);
    this.#mostMs = integer(given, 'maxReconnectInterval', 0, MAX_MS, DEFAULT_RECONNECT_MOST_MS);
    this.#maxEventBytes = integer(given, 'maxEventBytes', 1, 2 ** 30, 16 * 1024 * 1024);
    void this.#connect();
  }

  /** @returns {string} */
  get url() {
    return this.#url.href;
  }

  /** @returns {0 | 1 | 2} `CONNECTING`, `OPEN` or `CLOSED` */
  get readyState() {
    return this.#readyState;
  }

  /** @returns {boolean} */
  get withCredentials() {
    return this.#withCredentials;
  }

  get CONNECTING() {
    return CONNECTING;
  }

  get OPEN() {
    return OPEN;
  }

  get CLOSED() {
    return CLOSED;
  }

  get onopen() {
    return this.#handler('open');
  }

  set onopen(handler) {
    this.#setHandler('open', handler);
  }

  get onmessage() {
    return this.#handler('message');
  }

  set onmessage(handler) {
    this.#setHandler('message', handler);
  }

  get onerror() {
    return this.#handler('error');
  }

  set onerror(handler) {
    this.#setHandler('error', handler);
  }

  /** Ends the connection, and does not come back. */
  close() {
    clearTimeout(this.#timer);
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    this.#abort.abort();
  }

  /** @param {string} type */
  #handler(type) {
    return this.#handlers.get(type)?.handler ?? null;
  }

  /**
   * @param {string} type
   * @param {any} handler
   */
  #setHandler(type, handler) {
    const before = this.#handlers.get(type);
    if (before) this.removeEventListener(type, before.listener);
    this.#handlers.delete(type);
    if (typeof handler !== 'function') return;
    const listener = (/** @type {any} */ event) => handler.call(this, event);
    this.#handlers.set(type, { handler, listener });
    this.addEventListener(type, listener);
  }

  async #connect() {
    const abort = new AbortController();
    this.#abort = abort;
    const headers = new Headers(this.#options.headers);
    headers.set('Accept', 'text/event-stream');
    if (this.#lastEventId !== '') headers.set('Last-Event-ID', Buffer.from(this.#lastEventId).toString('latin1'));
    /** @type {any} */
    const init = {
      method: 'GET',
      headers,
      cache: 'no-store',
      redirect: 'follow',
      mode: 'cors',
      credentials: this.#withCredentials ? 'include' : 'same-origin',
      signal: abort.signal,
    };
    let response;
    try {
      const fetch = this.#fetch;
      response = await fetch(this.#url, init);
    } catch (error) {
      this.#comeBack(abort, /** @type {Error} */ (error));
      return;
    }
    if (abort.signal.aborted) return;
    if (!this.#accepts(response)) {
      response.body?.cancel().catch(() => {});
      return;
    }
    try {
      await this.#read(response);
      this.#comeBack(abort);
    } catch (error) {
      this.#comeBack(abort, /** @type {Error} */ (error));
    }
  }

  /**
   * @param {Response} response
   * @returns {boolean} whether it is an event stream; if not, the client is closed, as the standard has it
   */
  #accepts(response) {
    const { status } = response;
    const type = response.headers.get('content-type') ?? '';
    if (status === 204) this.#fail('Server sent HTTP 204, not reconnecting', { status });
    else if (status !== 200) this.#fail(`Non-200 status code (${status})`, { status });
    else if (!/^text\/event-stream\s*(;|$)/i.test(type)) {
      this.#fail('Invalid content type, expected "text/event-stream"', { status });
    } else if (!response.body) this.#fail('The response has no body', { status });
    else return true;
    return false;
  }

  /** @param {Response} response */
  async #read(response) {
    this.#readyState = OPEN;
    this.#failures = 0;
    this.dispatchEvent(new Event('open'));
    const origin = response.redirected && response.url ? new URL(response.url).origin : this.#url.origin;
    const parser = new EventStreamParser(
      {
        onEvent: ({ type, data, lastEventId }) => {
          this.#lastEventId = lastEventId;
          if (this.#readyState === OPEN) this.dispatchEvent(new MessageEvent(type, { data, lastEventId, origin }));
        },
        onRetry: (milliseconds) => {
          this.#reconnectMs = Math.min(milliseconds, MAX_MS);
        },
      },
      { maxEventBytes: this.#maxEventBytes, lastEventId: this.#lastEventId },
    );
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    for await (const chunk of /** @type {AsyncIterable<Uint8Array>} */ (/** @type {unknown} */ (response.body))) {
      if (this.readyState === CLOSED) return;
      try {
        parser.push(decoder.decode(chunk, { stream: true }));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        this.#fail(error.message, { error });
        return;
      }
      this.#lastEventId = parser.lastEventId;
    }
  }

  /**
   * The connection is lost.
   *
   * @param {AbortController} abort of that connection
   * @param {Error} [error]
   */
  #comeBack(abort, error) {
    if (this.#readyState === CLOSED || abort.signal.aborted) return;
    this.#readyState = CONNECTING;
    const wait = Math.max(this.#reconnectMs, Math.min(this.#reconnectMs * 2 ** this.#failures, this.#mostMs));
    if (error) this.#failures += 1;
    this.#timer = setTimeout(() => {
      if (this.#readyState === CONNECTING) void this.#connect();
    }, wait);
    this.dispatchEvent(new EventSourceErrorEvent(error ? causes(error) : 'The connection was closed', { error }));
  }

  /**
   * @param {string} message
   * @param {{ status?: number, error?: Error }} details
   */
  #fail(message, details) {
    this.close();
    this.dispatchEvent(new EventSourceErrorEvent(message, details));
  }
}

/**
 * @param {any} error `fetch failed` says little; its cause does
 * @returns {string}
 */
function causes(error) {
  const texts = [];
  for (let at = error; at instanceof Error; at = /** @type {any} */ (at.cause)) if (at.message) texts.push(at.message);
  return texts.join(': ');
}

module.exports = { EventSource, EventSourceErrorEvent };
