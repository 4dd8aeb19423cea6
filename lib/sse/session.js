'use strict';

const { randomUUID } = require('node:crypto');
const { IncomingMessage, ServerResponse } = require('node:http');
const { Http2ServerRequest, Http2ServerResponse } = require('node:http2');
const { Writable } = require('node:stream');
const { withCode } = require('../internal/errors.js');
const { integer, oneOf } = require('../internal/options.js');
const { SharedFrame } = require('../internal/shared-frame.js');
const { whenServerCloses } = require('../internal/server-stop.js');
const { lastEventIdOf, writeOpening } = require('../internal/sse-opening.js');
const { Connection } = require('./connection.js');
const { SseError } = require('./error.js');
const { EventBuffer, pushStream } = require('./event-buffer.js');
const { FetchConnection } = require('./fetch-connection.js');
const { NodeHttp1Connection, NodeHttp2CompatConnection } = require('./node-connection.js');
const { Outgoing } = require('./outgoing.js');

const DEFAULT_RETRY_MS = 2000;
const DEFAULT_KEEP_ALIVE_MS = 10_000;
const DEFAULT_BUFFERED_BYTES = 1024 * 1024;
const MAX_MS = 2 ** 31 - 1;
const SLOW_POLICIES = /** @type {const} */ (['disconnect', 'drop-oldest', 'drop-newest', 'keep-latest']);

/**
 * @typedef {object} SessionOptions
 * @property {import('./event-buffer.js').Serializer} [serializer]
 * @property {import('./event-buffer.js').Sanitizer} [sanitizer]
 * @property {boolean} [trustClientEventId]
 * @property {number | null} [retry]
 * @property {number | null} [keepAlive]
 * @property {number} [statusCode]
 * @property {import('./connection.js').HeaderMap} [headers]
 * @property {any} [state]
 * @property {boolean | { level?: number }} [compress]
 * @property {number} [maxBufferedBytes]
 * @property {import('./outgoing.js').SlowPolicy} [onSlow]
 * @property {number} [highWaterMark]
 */

/**
 * An event for `session.write()`.
 *
 * @typedef {object} SseEvent
 * @property {unknown} [data]
 * @property {string} [event]
 * @property {string} [id]
 * @property {number} [retry]
 * @property {string} [comment]
 */

/**
 * An open event stream. Mirrors `Session` of `better-sse`; it is a Writable in object mode as well, whose `write()` answers
 * whether the client keeps up.
 */
class Session extends Writable {
  /**
   * @param {any} req `IncomingMessage`, `Http2ServerRequest`, `Request` or `Connection`
   * @param {any} [res] the response that goes with it, or the options
   * @param {SessionOptions} [options]
   */
  constructor(req, res, options) {
    const [connection, given] = connect(req, res, options);
    super({ objectMode: true, highWaterMark: given.highWaterMark, emitClose: true });
    this.setMaxListeners(Infinity);
    /** The last id that was sent, or that the client named. */
    this.lastId = given.trustClientEventId === false ? '' : lastEventId(connection);
    /** Between `connected` and `disconnected`. */
    this.isConnected = false;
    /** The user's. @type {any} */
    this.state = given.state ?? {};
    /** Events that were dropped because the client was too slow. */
    this.dropped = 0;
    this.connection = connection;
    this.buffer = new EventBuffer(given);
    this.initialRetry = milliseconds(given, 'retry', DEFAULT_RETRY_MS);
    this.keepAliveInterval = milliseconds(given, 'keepAlive', DEFAULT_KEEP_ALIVE_MS);
    /** @type {NodeJS.Timeout | undefined} */
    this.keepAliveTimer = undefined;
    this.outgoing = new Outgoing(connection, {
      maxBufferedBytes: integer(given, 'maxBufferedBytes', 0, Number.MAX_SAFE_INTEGER, DEFAULT_BUFFERED_BYTES),
      onSlow: oneOf(given, 'onSlow', SLOW_POLICIES, 'disconnect'),
      onDropped: (bytes) => {
        this.dropped += 1;
        this.emit('dropped', bytes);
      },
      onOverflow: () => {
        const error = tooSlow(this.outgoing.maxBufferedBytes);
        // That a client is slow must not end the process of somebody who does not listen: sessions of `better-sse` never fail.
        this.destroy(this.listenerCount('error') > 0 ? error : undefined);
      },
    });
    // As EventEmitters, sessions of `better-sse` have them bound.
    const isOverridden = this.push !== Session.prototype.push;
    this.push = this.push.bind(this);
    /** `push` as it is here: who replaced it wants to see each event. @type {Session['push'] | null} */
    this.plainPush = isOverridden ? null : this.push;
    this.flush = this.flush.bind(this);
    this.keepAlive = this.keepAlive.bind(this);
    this.onDisconnected = this.onDisconnected.bind(this);
    const signal = /** @type {any} */ (connection).signal ?? connection.request.signal;
    this.signal = signal;
    /** @type {(() => void) | undefined} */
    this.leaveServer = undefined;
    if (signal.aborted) setImmediate(this.onDisconnected);
    else {
      signal.addEventListener('abort', this.onDisconnected);
      setImmediate(() => this.initialize());
    }
  }

  /** @private */
  initialize() {
    if (this.destroyed || this.signal.aborted) return;
    const { connection, buffer } = this;
    connection.sendHead();
    writeOpening(buffer, connection.url.searchParams, this.initialRetry);
    if (buffer.read() === '') connection.flushHead();
    this.flush();
    if (this.keepAliveInterval !== null) this.keepAliveTimer = setInterval(this.keepAlive, this.keepAliveInterval);
    this.isConnected = true;
    this.wasConnected = true;
    // It would keep its server from closing.
    this.leaveServer = whenServerCloses(/** @type {any} */ (connection).res?.socket?.server, (how) => this.close(how));
    this.emit('connected');
  }

  /** The peer or the server closed the connection. @private */
  onDisconnected() {
    if (this.disconnected) return;
    this.disconnected = true;
    this.signal.removeEventListener('abort', this.onDisconnected);
    clearInterval(this.keepAliveTimer);
    this.isConnected = false;
    this.leaveServer?.();
    this.outgoing.close();
    this.connection.cleanup();
    this.emit('disconnected');
    this.destroy();
  }

  /** @private */
  keepAlive() {
    // A client that does not read needs no further bytes to find that out.
    if (this.outgoing.isFull) return;
    this.buffer.comment().dispatch();
    this.flush();
  }

  /**
   * Sends what the buffer holds.
   *
   * @param {string} [key]
   * @returns {boolean} whether there is room for more
   * @private
   */
  flush(key) {
    const text = this.buffer.read();
    this.buffer.clear();
    return text === '' ? !this.outgoing.isFull : this.outgoing.send(text, key);
  }

  /** @returns {boolean} whether the client had gone before the session connected */
  get neverConnected() {
    return Boolean(this.disconnected && !this.wasConnected);
  }

  /** @returns {Request} the request, as the Fetch API has it */
  getRequest() {
    return this.connection.request;
  }

  /** @returns {Response} the response, as the Fetch API has it */
  getResponse() {
    return this.connection.response;
  }

  /** @returns {number} bytes that were sent and wait for the client */
  get bufferedAmount() {
    return this.outgoing.bufferedBytes;
  }

  /**
   * Sends an event at once. Where the client is slow it waits, up to `maxBufferedBytes`; `ready()` and `writableNeedDrain` tell.
   *
   * @param {unknown} data
   * @param {string} [eventName] Defaults to `message`.
   * @param {string} [eventId] Defaults to a random UUID.
   * @returns {this}
   * @throws {SseError} where the session is not connected
   */
  push(data, eventName = 'message', eventId = randomUUID()) {
    if (!this.isConnected) {
      // Its owner could not know: that must not end the process.
      if (this.neverConnected) return this;
      throw notConnected();
    }
    this.buffer.push(data, eventName, eventId);
    this.flush(eventName);
    this.lastId = eventId;
    this.emit('push', data, eventName, eventId);
    return this;
  }

  /**
   * An event whose text is there already: what a channel made once for all its sessions.
   *
   * @param {Uint8Array | SharedFrame} frame
   * @param {unknown} data
   * @param {string} eventName
   * @param {string} eventId
   * @param {string | null} [key] for `keep-latest`; `null` for an event that replaces none. Defaults to its name.
   * @returns {boolean} whether there is room for more
   */
  pushFrame(frame, data, eventName, eventId, key = eventName) {
    const room = frame instanceof SharedFrame ? this.outgoing.share(frame, key) : this.outgoing.send(frame, key);
    this.lastId = eventId;
    if (this.listenerCount('push') > 0) this.emit('push', data, eventName, eventId);
    return room;
  }

  /** @returns {Promise<void>} once the client has room for more, or is gone */
  ready() {
    return new Promise((resolve) => this.outgoing.whenReady(resolve));
  }

  /**
   * @param {import('node:stream').Readable | ReadableStream} source each chunk becomes an event; it is held back with the client
   * @param {{ eventName?: string }} [options] Defaults to `stream`.
   * @returns {Promise<boolean>} `true` once it ended
   */
  stream(source, options) {
    return pushStream((data, name) => this.pushSlowly(data, name), source, options);
  }

  /**
   * @param {Iterable<unknown> | AsyncIterable<unknown>} iterable each value becomes an event; it is held back with the client
   * @param {{ eventName?: string }} [options] Defaults to `iteration`.
   */
  async iterate(iterable, { eventName = 'iteration' } = {}) {
    for await (const data of iterable) {
      const waits = this.pushSlowly(data, eventName);
      if (waits) await waits;
    }
  }

  /**
   * @param {unknown} data
   * @param {string} eventName
   * @returns {Promise<void> | void}
   * @private
   */
  pushSlowly(data, eventName) {
    if (!this.isConnected) throw notConnected();
    this.push(data, eventName);
    if (this.outgoing.isFull) return this.ready();
  }

  /**
   * Sends several events in one piece.
   *
   * @param {EventBuffer | ((buffer: EventBuffer) => void | Promise<void>)} batcher a buffer, or what fills one
   */
  async batch(batcher) {
    let buffer = batcher;
    if (!isBuffer(buffer)) {
      buffer = new EventBuffer({ serializer: this.buffer.serialize, sanitizer: this.buffer.sanitize });
      await /** @type {(buffer: EventBuffer) => void | Promise<void>} */ (batcher)(buffer);
    }
    this.outgoing.send(buffer.read());
    if (this.outgoing.isFull) await this.ready();
  }

  /**
   * Ends the stream, and may say when to come back.
   *
   * @param {object} [options]
   * @param {number} [options.retry] milliseconds for the client to wait before it reconnects
   * @param {number} [options.jitter] up to so many more, at random for each client, so that they do not all come at once
   */
  close({ retry, jitter = 0 } = {}) {
    if (this.isConnected && retry !== undefined) {
      this.buffer.retry(Math.round(retry + Math.random() * jitter)).dispatch();
      this.flush();
    }
    this.end();
  }

  /**
   * @param {unknown} chunk an {@link SseEvent}, or data
   * @param {string} _encoding
   * @param {(error?: Error | null) => void} callback
   */
  _write(chunk, _encoding, callback) {
    if (!this.isConnected) {
      if (this.disconnected) callback(notConnected());
      else this.whenConnected((error) => (error ? callback(error) : this._write(chunk, _encoding, callback)));
      return;
    }
    const event = asEvent(chunk);
    const { buffer } = this;
    if (event.comment !== undefined) buffer.comment(event.comment);
    if (event.retry !== undefined) buffer.retry(event.retry);
    if (event.event !== undefined) buffer.event(event.event);
    if (event.id !== undefined) {
      buffer.id(event.id);
      this.lastId = event.id;
    }
    try {
      if ('data' in event) buffer.data(event.data);
    } catch (error) {
      buffer.clear();
      callback(/** @type {Error} */ (error));
      return;
    }
    buffer.dispatch();
    this.flush(event.event);
    this.outgoing.whenReady(callback);
  }

  /** @param {(error?: Error | null) => void} callback */
  _final(callback) {
    const end = () => {
      this.connection.end();
      // Whoever still pushes may not know: a server that closes ends its sessions.
      this.outgoing.close();
      callback();
    };
    if (this.isConnected || this.disconnected) this.outgoing.whenReady(end);
    else this.whenConnected((error) => (error ? callback(error) : this.outgoing.whenReady(end)));
  }

  /**
   * @param {(error?: Error) => void} callback once it is connected, or with the error that it never will be
   * @private
   */
  whenConnected(callback) {
    const connected = () => {
      this.removeListener('disconnected', disconnected);
      callback();
    };
    const disconnected = () => {
      this.removeListener('connected', connected);
      callback(notConnected());
    };
    this.once('connected', connected);
    this.once('disconnected', disconnected);
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback
   */
  _destroy(error, callback) {
    if (!this.disconnected) {
      if (this.writableFinished) {
        // The connection closes behind what was sent, and tells.
        callback(error);
        return;
      }
      const res = /** @type {any} */ (this.connection).res;
      if (res) res.destroy();
      else this.connection.end();
      this.onDisconnected();
    }
    callback(error);
  }
}

/** `disconnected` was emitted. @type {boolean} */
Session.prototype.disconnected = false;
/** `connected` was emitted. @type {boolean} */
Session.prototype.wasConnected = false;

/**
 * @param {any} req
 * @param {any} res
 * @param {SessionOptions | undefined} options
 * @returns {[Connection, SessionOptions]}
 */
function connect(req, res, options) {
  if (req instanceof Request) {
    if (res instanceof Response) return [new FetchConnection(req, res, options), options ?? {}];
    if (res && options) {
      throw new SseError(
        'When providing a Fetch Request object but no Response object, ' +
          'you may pass options as the second OR third argument ' +
          'to the session constructor, but not to both.',
      );
    }
    const given = options ?? res ?? {};
    return [new FetchConnection(req, null, given), given];
  }
  if (req instanceof IncomingMessage) {
    if (!(res instanceof ServerResponse)) throw missing('IncomingMessage', 'ServerResponse');
    return [new NodeHttp1Connection(req, res, options), options ?? {}];
  }
  if (req instanceof Http2ServerRequest) {
    if (!(res instanceof Http2ServerResponse)) throw missing('HTTP2ServerRequest', 'HTTP2ServerResponse');
    return [new NodeHttp2CompatConnection(/** @type {any} */ (req), /** @type {any} */ (res), options), options ?? {}];
  }
  if (req instanceof Connection) {
    if (options) {
      throw new SseError(
        'When providing a Connection object, ' +
          'you may pass options as the second argument, ' +
          'but not to the third argument.',
      );
    }
    return [req, res ?? {}];
  }
  throw new SseError(
    'Malformed request or response objects given to session constructor. ' +
      'Must be one of IncomingMessage/ServerResponse from the Node HTTP/1 API, ' +
      'HTTP2ServerRequest/HTTP2ServerResponse from the Node HTTP/2 Compatibility API, ' +
      'or Request/Response from the Fetch API.',
  );
}

/**
 * @param {string} request
 * @param {string} response
 * @returns {SseError}
 */
function missing(request, response) {
  return new SseError(`When providing a Node ${request} object, a corresponding ${response} object must also be provided.`);
}

/**
 * @param {Connection} connection
 * @returns {string} from the header, or from the query of a polyfill
 */
function lastEventId(connection) {
  const header = /** @type {any} */ (connection).lastEventId ?? connection.request.headers.get('last-event-id');
  return lastEventIdOf(header, connection.url.searchParams);
}

/**
 * @param {Record<string, any>} options
 * @param {'retry' | 'keepAlive'} key
 * @param {number} fallback
 * @returns {number | null}
 */
function milliseconds(options, key, fallback) {
  return options[key] === null ? null : integer(options, key, 0, MAX_MS, fallback);
}

/**
 * @param {unknown} value
 * @returns {value is EventBuffer}
 */
function isBuffer(value) {
  return value instanceof EventBuffer;
}

/**
 * @param {any} chunk
 * @returns {SseEvent}
 */
function asEvent(chunk) {
  const isEvent =
    typeof chunk === 'object' &&
    ['data', 'comment', 'retry', 'event'].some((key) => key in chunk) &&
    !(chunk instanceof Uint8Array);
  return isEvent ? chunk : { data: chunk instanceof Uint8Array ? Buffer.from(chunk).toString() : chunk };
}

function notConnected() {
  return new SseError(
    'Cannot push data to a non-active session. ' +
      'Ensure the session is connected before attempting to push events. ' +
      'If using the Fetch API, the response stream ' +
      'must begin being consumed before the session is considered connected.',
  );
}

/**
 * @param {number} most
 * @returns {Error}
 */
function tooSlow(most) {
  const message = `The client is too slow: more than ${most} bytes wait for it. Raise maxBufferedBytes, or choose another onSlow.`;
  return withCode(new Error(message), 'ERR_MILLRACE_SSE_SLOW_CLIENT');
}

module.exports = { Session };
