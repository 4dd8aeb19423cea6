'use strict';

/**
 * A stream of HTTP/2, in the place that a connection's socket has for a request of HTTP/1: `req.socket`. What is written to
 * it is the response's body; heads and trailers go their own way.
 */

const { EventEmitter } = require('node:events');
const { command } = require('../internal/http-engine.js');
const { withCode } = require('../internal/errors.js');
const { feedTarget } = require('../internal/native-source.js');
const { drained, onRequest, onStreamClose } = require('./requests.js');
const { fromLines } = require('./http2-response.js');
const { HTTP2 } = require('./socket-face.js');

/** Error codes of RFC 9113 section 7. */
const NO_ERROR = 0;
const INTERNAL_ERROR = 2;
const CANCEL = 8;

/** What Node's response touches of a socket's inner state. Nothing is corked here: a tick's writes leave together anyhow. */
const STATE = { corked: 0 };

/** Where the status of an informational head stands, as Node writes it: `HTTP/1.1 103 Early Hints`. */
const STATUS_AT = 9;

class StreamSocket extends EventEmitter {
  /**
   * @param {import('./socket.js').Socket} session the connection
   * @param {number} id
   * @param {number} streamId as on the wire
   */
  constructor(session, id, streamId) {
    super();
    /** The connection's socket. */
    this.session = session;
    this.server = session.server;
    this.engine = session.engine;
    this.id = id;
    this.streamId = streamId;
    this.mode = HTTP2;
    /** The request that comes in, until it is complete. @type {any} */
    this.incoming = null;
    /** The response under way. @type {any} */
    this._httpMessage = null;
    this.held = false;
    this.bytesWritten = 0;
    this.bytesRead = 0;
    /** Bytes that went to the engine and wait there, and bytes in the slab. */
    this.waiting = 0;
    this.unsent = 0;
    this.needsDrain = false;
    /** Callbacks, each behind the place that it waits for. @type {(number | ((error?: Error) => void))[]} */
    this.callbacks = [];
    this.destroyed = false;
    this.released = false;
    /** The response is complete; the request may not be. */
    this.answered = false;
    this.timeout = 0;
    /** @type {NodeJS.Timeout | undefined} */
    this.timer = undefined;
  }

  // What a socket has.

  get requests() {
    return 1;
  }

  get readable() {
    return !this.destroyed;
  }

  get writable() {
    return !this.destroyed;
  }

  get _writableState() {
    return STATE;
  }

  get writableCorked() {
    return 1;
  }

  get writableLength() {
    return this.waiting;
  }

  get writableNeedDrain() {
    return this.needsDrain;
  }

  get writableHighWaterMark() {
    return this.session.writableHighWaterMark;
  }

  get readableHighWaterMark() {
    return this.session.readableHighWaterMark;
  }

  get remoteAddress() {
    return this.session.remoteAddress;
  }

  get remotePort() {
    return this.session.remotePort;
  }

  get remoteFamily() {
    return this.session.remoteFamily;
  }

  get localAddress() {
    return this.session.localAddress;
  }

  get localPort() {
    return this.session.localPort;
  }

  get localFamily() {
    return this.session.localFamily;
  }

  /** Of TLS; `undefined` without it. */
  get encrypted() {
    return /** @type {any} */ (this.session).encrypted;
  }

  get authorized() {
    return /** @type {any} */ (this.session).authorized;
  }

  get alpnProtocol() {
    return /** @type {any} */ (this.session).alpnProtocol;
  }

  get authorizationError() {
    return /** @type {any} */ (this.session).authorizationError;
  }

  get servername() {
    return /** @type {any} */ (this.session).servername;
  }

  getProtocol() {
    return /** @type {any} */ (this.session).getProtocol?.();
  }

  getCipher() {
    return /** @type {any} */ (this.session).getCipher?.();
  }

  /** @param {any[]} args */
  getPeerCertificate(...args) {
    return /** @type {any} */ (this.session).getPeerCertificate?.(...args);
  }

  getPeerX509Certificate() {
    return /** @type {any} */ (this.session).getPeerX509Certificate?.();
  }

  isSessionReused() {
    return /** @type {any} */ (this.session).isSessionReused?.();
  }

  address() {
    return this.session.address();
  }

  setNoDelay() {
    return this;
  }

  setKeepAlive() {
    return this;
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }

  cork() {}

  uncork() {}

  pause() {
    return this;
  }

  resume() {
    this.hold(false);
    return this;
  }

  /**
   * @param {number} ms without a byte in either direction; 0 for no limit
   * @param {() => void} [callback] for the next `timeout`
   */
  setTimeout(ms, callback) {
    if (this.destroyed) return this;
    this.timeout = ms;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (ms > 0) {
      this.timer = setTimeout(() => this.timedOut(), ms);
      this.timer.unref();
      if (callback) this.once('timeout', callback);
    } else if (callback) this.removeListener('timeout', callback);
    return this;
  }

  timedOut() {
    const told = [this.incoming?.emit('timeout', this), this._httpMessage?.emit('timeout', this), this.emit('timeout')];
    if (!told.includes(true)) this.destroy();
  }

  // Down.

  /** @param {string} text see `http2-response.js` */
  sendHead(text) {
    this.engine.writeFields(this, command.HEAD, text);
    this.bytesWritten += text.length;
    this.unsent += text.length;
  }

  /**
   * @param {any} chunk
   * @param {any} [encoding]
   * @param {any} [callback]
   * @returns {boolean}
   */
  write(chunk, encoding, callback) {
    if (typeof encoding === 'function') {
      callback = encoding;
      encoding = undefined;
    }
    if (this.destroyed) {
      if (callback) process.nextTick(callback, withCode(new Error('The stream is closed'), 'ERR_STREAM_DESTROYED'));
      return false;
    }
    const res = this._httpMessage;
    if (res !== null && !res._headerSent) {
      // Before the head Node writes 1xx, as the text of HTTP/1.
      const text = String(chunk);
      this.sendHead(`0${text.slice(STATUS_AT, STATUS_AT + 3)}\0${fromLines(text)}`);
    } else if (chunk.length > 0) {
      const bytes = this.engine.write(this, chunk, encoding);
      this.bytesWritten += bytes;
      this.unsent += bytes;
    }
    this.refresh();
    if (callback) {
      if (this.unsent + this.waiting === 0) process.nextTick(callback);
      else this.callbacks.push(this.bytesWritten, callback);
    }
    const mark = this.writableHighWaterMark;
    if (this.unsent + this.waiting < mark) return true;
    if (this.unsent > 0 && this.waiting < mark) {
      // Only the engine can tell whether there is room.
      this.engine.flushWithin();
      if (this.waiting < mark) return true;
    }
    this.needsDrain = true;
    return false;
  }

  refresh() {
    this.timer?.refresh();
    this.session.timer?.refresh();
  }

  onFlushed() {
    this.unsent = 0;
    this.settle();
  }

  /** @param {number} waiting bytes of all that went down that wait there */
  onSent(waiting) {
    this.unsent = 0;
    this.waiting = waiting;
  }

  /** @param {number} bytes that wait for the peer's window */
  onPending(bytes) {
    this.waiting = bytes;
    this.refresh();
    if (this.unsent === 0) this.settle();
  }

  /** Calls back whoever waited for bytes that are with the frame layer now. */
  settle() {
    const { callbacks } = this;
    if (callbacks.length > 0) {
      const sent = this.bytesWritten - this.unsent - this.waiting;
      let count = 0;
      while (count < callbacks.length && /** @type {number} */ (callbacks[count]) <= sent) count += 2;
      if (count > 0) {
        const due = callbacks.splice(0, count);
        for (let i = 1; i < due.length; i += 2) /** @type {() => void} */ (due[i])();
      }
    }
    if (this.needsDrain && this.unsent + this.waiting === 0) {
      this.needsDrain = false;
      this.emit('drain');
      drained(this);
    }
  }

  /** @param {any} res complete */
  respond(res) {
    // A file's answer ends by itself, and has no head of ours.
    if (this.released || res._head === undefined) return;
    const trailers = res._trailer;
    if (trailers) this.engine.writeFields(this, command.TRAILERS, fromLines(trailers));
    else this.engine.push(command.RESPOND, this.id, 1);
  }

  /** The response is sent. The stream is over, unless somebody reads the rest of the request. */
  destroySoon() {
    this.answered = true;
    const req = this.incoming;
    if (req === null) this.close(NO_ERROR);
    else if (req._dumped) {
      this.complete(req, []);
      this.close(NO_ERROR);
    }
  }

  /** @param {number} code */
  close(code) {
    if (this.destroyed) return;
    this.destroyed = true;
    this.release(code);
    if (this.listenerCount('close') > 0) process.nextTick(() => this.emit('close', code !== NO_ERROR));
  }

  /** @param {Error} [error] */
  destroy(error) {
    if (this.destroyed) return this;
    this.close(error ? INTERNAL_ERROR : CANCEL);
    const { callbacks } = this;
    this.callbacks = [];
    for (let i = 1; i < callbacks.length; i += 2) {
      const failure = error ?? withCode(new Error('Stream was closed before its bytes were sent'), 'ERR_STREAM_DESTROYED');
      process.nextTick(/** @type {any} */ (callbacks[i]), failure);
    }
    if (error && this.listenerCount('error') > 0) process.nextTick(() => this.emit('error', error));
    process.nextTick(onStreamClose, this);
    return this;
  }

  /** @param {Error} [error] */
  end(error) {
    return this.destroy(error);
  }

  /** @param {number} code */
  release(code) {
    if (this.released) return;
    this.released = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.session.streams.delete(this);
    this.engine.releaseStream(this.id, code);
  }

  // Up.

  /**
   * @param {number} flags
   * @param {string} method
   * @param {number} minor
   * @param {string} url
   * @param {string[]} fields
   */
  onRequest(flags, method, minor, url, fields) {
    const { session, server } = this;
    session.requests++;
    this.refresh();
    session.context.runInAsyncScope(onRequest, undefined, server, this, flags, method, minor, url, fields);
  }

  /**
   * @param {Buffer} bytes of all connections
   * @param {number} start of those of a body
   * @param {number} end
   * @param {boolean} [last] nothing more comes until it is resumed
   * @returns {boolean} whether they went on into a native stream
   */
  feed(bytes, start, end, last) {
    const req = this.incoming;
    if (req === null || req.destroyed) return false;
    const port = feedTarget(req);
    if (port === null || port.operator.inboxBytes() >= port.inboxBound) return false;
    this.bytesRead += end - start;
    this.refresh();
    port.feed(bytes.subarray(start, end));
    if (last) {
      // Once the stage is full the next bytes go the other way, which holds them back.
      this.held = true;
      this.hold(false);
    }
    return true;
  }

  /** Bytes of a stream come through its session's frames; they do not go past JavaScript. */
  link() {}

  /**
   * @param {Buffer} chunk
   * @param {boolean} [last] nothing more comes until it is resumed
   */
  onData(chunk, last) {
    this.bytesRead += chunk.length;
    this.refresh();
    const req = this.incoming;
    if (last) this.held = true;
    if (req === null) return;
    if (req.destroyed) this.hold(false);
    else this.session.context.runInAsyncScope(this.push, this, req, chunk);
  }

  /**
   * @param {any} req
   * @param {Buffer} chunk
   */
  push(req, chunk) {
    this.hold(!req.push(chunk) && !req._dumped);
  }

  /** @param {string[]} trailers */
  onEnd(trailers) {
    const req = this.incoming;
    if (req !== null) this.session.context.runInAsyncScope(this.complete, this, req, trailers);
  }

  /**
   * @param {any} req
   * @param {string[]} trailers
   */
  complete(req, trailers) {
    this.incoming = null;
    req.complete = true;
    if (trailers.length > 0) req._addHeaderLines(trailers, trailers.length);
    if (!req.destroyed) req.push(null);
    if (this.answered) this.close(NO_ERROR);
  }

  /** @param {boolean} held whether no body is to come */
  hold(held) {
    if (this.held === held || this.released) return;
    this.held = held;
    this.engine.push(held ? command.PAUSE : command.RESUME, this.id);
  }

  /** The peer gave the stream up, or broke the rules, or is gone. */
  onReset() {
    this.destroy();
  }

  // What only connections are told.

  onFault() {}

  onPeerEnd() {}

  onTimeout() {}

  onHttp2() {}

  onSessionFault() {}

  onClosed() {
    this.destroy();
  }

  /** @returns {any} */
  onStream() {
    return undefined;
  }
}

// What a request asks of its TLS session is the connection's to tell.
for (const name of [
  'encrypted', 'authorized', 'authorizationError', 'alpnProtocol', 'servername',
  'getProtocol', 'getCipher', 'getPeerCertificate', 'getPeerX509Certificate', 'isSessionReused',
]) {
  Object.defineProperty(StreamSocket.prototype, name, {
    configurable: true,
    get() {
      const value = this.session[name];
      return typeof value === 'function' ? value.bind(this.session) : value;
    },
  });
}

module.exports = { StreamSocket };
