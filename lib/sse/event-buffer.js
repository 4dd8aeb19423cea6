'use strict';

const { randomUUID } = require('node:crypto');

/** @typedef {(data: unknown) => string} Serializer */
/** @typedef {(text: string) => string} Sanitizer */

/**
 * @param {unknown} data
 * @returns {string}
 */
function serialize(data) {
  return JSON.stringify(data);
}

/**
 * One kind of line end, and none at the end, where it would dispatch the event early.
 *
 * @param {string} text
 * @returns {string}
 */
function sanitize(text) {
  return text.replace(/\r\n|\r/g, '\n').replace(/\n+$/, '');
}

/**
 * Text of an event stream (WHATWG HTML, "Server-sent events", section "Parsing an event stream"), field by field.
 * Mirrors `EventBuffer` of `better-sse`; beyond it, a text with line ends becomes one field a line, so that nothing in it can
 * pose as another field.
 */
class EventBuffer {
  /**
   * @param {object} [options]
   * @param {Serializer} [options.serializer] Defaults to `JSON.stringify`.
   * @param {Sanitizer} [options.sanitizer] Defaults to one that leaves `\n` as the only line end, and none at the end.
   */
  constructor(options = {}) {
    this.text = '';
    this.serialize = options.serializer ?? serialize;
    this.sanitize = options.sanitizer ?? sanitize;
  }

  /**
   * @param {string} type the event's name
   * @returns {this}
   */
  event(type) {
    return this.line('event', type);
  }

  /**
   * @param {unknown} data for the serializer
   * @returns {this}
   */
  data(data) {
    return this.lines('data', this.serialize(data));
  }

  /**
   * @param {string} [id] Defaults to none, which clears the client's last id.
   * @returns {this}
   */
  id(id = '') {
    return this.line('id', id);
  }

  /**
   * @param {number} time milliseconds for the client to wait before it reconnects
   * @returns {this}
   */
  retry(time) {
    return this.line('retry', time.toString());
  }

  /**
   * @param {string} [text] that clients ignore
   * @returns {this}
   */
  comment(text = '') {
    return this.lines('', text);
  }

  /** @returns {this} the event is complete */
  dispatch() {
    this.text += '\n';
    return this;
  }

  /**
   * A whole event.
   *
   * @param {unknown} data
   * @param {string} [eventName] Defaults to `message`.
   * @param {string} [eventId] Defaults to a random UUID.
   * @returns {this}
   */
  push(data, eventName = 'message', eventId = randomUUID()) {
    return this.event(eventName).id(eventId).data(data).dispatch();
  }

  /**
   * @param {import('node:stream').Readable | ReadableStream} source each chunk becomes an event
   * @param {{ eventName?: string }} [options] Defaults to `stream`.
   * @returns {Promise<boolean>} `true`
   */
  stream(source, options) {
    return pushStream((data, name) => void this.push(data, name), source, options);
  }

  /**
   * @param {Iterable<unknown> | AsyncIterable<unknown>} iterable each value becomes an event
   * @param {{ eventName?: string }} [options] Defaults to `iteration`.
   */
  async iterate(iterable, { eventName = 'iteration' } = {}) {
    for await (const data of iterable) this.push(data, eventName);
  }

  /** @returns {this} without its text */
  clear() {
    this.text = '';
    return this;
  }

  /** @returns {string} the text */
  read() {
    return this.text;
  }

  /**
   * @param {string} name
   * @param {string} value a line end in it, and NUL, would change the field's meaning or have it ignored
   * @returns {this}
   * @private
   */
  line(name, value) {
    const text = `${this.sanitize(value)}`;
    this.text += `${name}:${guard(/[\n\r\0]/.test(text) ? text.replace(/[\n\r\0]+/g, ' ') : text)}\n`;
    return this;
  }

  /**
   * @param {string} name
   * @param {string} value
   * @returns {this}
   * @private
   */
  lines(name, value) {
    const text = `${this.sanitize(value)}`;
    if (!/[\n\r]/.test(text)) this.text += `${name}:${guard(text)}\n`;
    else for (const line of text.split(/\r\n|\r|\n/)) this.text += `${name}:${guard(line)}\n`;
    return this;
  }
}

/**
 * A client drops one space behind the colon.
 *
 * @param {string} text
 * @returns {string}
 */
function guard(text) {
  return text.charCodeAt(0) === 32 ? ` ${text}` : text;
}

/**
 * @param {(data: unknown, eventName: string) => void | Promise<void>} push awaited, where it gives a promise
 * @param {import('node:stream').Readable | ReadableStream} source
 * @param {{ eventName?: string }} [options]
 * @returns {Promise<boolean>} `true` once the source ended
 */
async function pushStream(push, source, { eventName = 'stream' } = {}) {
  for await (const chunk of /** @type {AsyncIterable<unknown>} */ (source)) {
    const waits = push(chunk instanceof Uint8Array ? Buffer.from(chunk).toString() : chunk, eventName);
    if (waits) await waits;
  }
  return true;
}

module.exports = { EventBuffer, pushStream, serialize, sanitize };
