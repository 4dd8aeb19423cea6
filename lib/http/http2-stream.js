'use strict';

/**
 * A stream of HTTP/2, in the place that a connection's socket has for a request of HTTP/1: `req.socket`. What is written to
 * it is the response's body; heads and trailers go their own way.
 */

const { command } = require('../internal/http-words.js');
const { withCode } = require('../internal/errors.js');
const { drained, onRequest, onStreamClose } = require('./requests.js');
const { fromLines } = require('./http2-response.js');
const { callSent, callUnsent, callWhenSent, takesMore } = require('./sent-callbacks.js');
const { StreamFace } = require('./http2-stream-face.js');
const { feedUpload, hasPassed, linkUpload } = require('./upload.js');

/** Error codes of RFC 9113 section 7. */
const NO_ERROR = 0;
const INTERNAL_ERROR = 2;
const CANCEL = 8;

/** Where the status of an informational head stands, as Node writes it: `HTTP/1.1 103 Early Hints`. */
const STATUS_AT = 9;

class StreamSocket extends StreamFace {
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
    if (callback) callWhenSent(this, callback);
    return takesMore(this);
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
    callSent(this);
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
    callUnsent(this, error);
    if (error && this.listenerCount('error') > 0) process.nextTick(() => this.emit('error', error));
    process.nextTick(onStreamClose, this);
    return this;
  }

  /** No byte was seen for as long as the timeout is. */
  idled() {
    if (hasPassed(this)) {
      this.timer?.refresh();
      return;
    }
    const told = [this.incoming?.emit('timeout', this), this._httpMessage?.emit('timeout', this), this.emit('timeout')];
    if (!told.includes(true)) this.destroy();
  }

  /** @param {Error} [error] */
  end(error) {
    return this.destroy(error);
  }

  /** @param {number} code */
  release(code) {
    if (this.released) return;
    this.received += this.fed();
    this.released = true;
    this.upload?.unlink();
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
    if (!feedUpload(this, bytes, start, end)) return false;
    this.refresh();
    if (last) {
      // Once the stage is full the next bytes go the other way, which holds them back.
      this.held = true;
      this.hold(false);
    }
    return true;
  }

  /** Lets the rest of the body go past JavaScript, where nobody looks. */
  link() {
    linkUpload(this);
    // The native side gives the peer its credit now.
    if (this.upload !== null) this.held = false;
  }

  /**
   * @param {Buffer} chunk
   * @param {boolean} [last] nothing more comes until it is resumed
   */
  onData(chunk, last) {
    this.received += chunk.length;
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
    this.upload?.unlink();
    req.complete = true;
    if (trailers.length > 0) req._addHeaderLines(trailers, trailers.length);
    if (!req.destroyed) req.push(null);
    if (this.answered) this.close(NO_ERROR);
  }

  resume() {
    this.hold(false);
    return this;
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

module.exports = { StreamSocket };
