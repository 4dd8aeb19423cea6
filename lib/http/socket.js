'use strict';

/**
 * The socket of a connection that millrace reads and writes itself, in the shape of `net.Socket`. While the connection
 * speaks HTTP its bytes are not seen here: requests come parsed, and what is written joins the batch of the tick. After
 * an upgrade it is an ordinary Duplex.
 */

const fs = require('node:fs');
const { getSystemErrorMap } = require('node:util');
const { command } = require('../internal/http-words.js');
const { withCode } = require('../internal/errors.js');
const { callSent, callUnsent, callWhenSent, takesMore } = require('./sent-callbacks.js');
const { drained, onClientError, onPeerEnd, onRequest, onSocketError } = require('./requests.js');
const { StreamSocket } = require('./http2-stream.js');
const { SocketFace, HTTP, RAW, TAKEN, HTTP2 } = require('./socket-face.js');
const { feedUpload, linkUpload } = require('./upload.js');

/** Gives the descriptor away: `socket[Symbol.for('millrace.takeDescriptor')]()`. */
const kTakeDescriptor = Symbol.for('millrace.takeDescriptor');

/**
 * @param {Socket} socket
 * @param {boolean} hadError
 */
function emitClose(socket, hadError) {
  socket.emit('close', hadError);
}

/** A connection that both sides ended is over. @this {Socket} */
function destroyIfDone() {
  if (this.readableEnded && this.writableFinished) this.destroy();
}

class Socket extends SocketFace {
  // Down.

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
    // @ts-expect-error: the state is Node's, and not declared
    const ended = this._writableState.ending || this.destroyed || this.mode === TAKEN;
    if (ended || typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) {
      // Node knows the errors, and a new owner has a `_write` of its own.
      return super.write(chunk, encoding, callback);
    }
    if (this.mode === HTTP2) {
      // Frames are not JavaScript's to write.
      if (callback) process.nextTick(callback);
      return true;
    }
    this.accept(chunk, encoding, callback);
    return takesMore(this);
  }

  /**
   * @param {string | Uint8Array} chunk
   * @param {BufferEncoding | undefined} encoding
   * @param {(() => void) | undefined} callback once it went to the system
   */
  accept(chunk, encoding, callback) {
    const bytes = chunk.length === 0 ? 0 : this.engine.write(this, chunk, encoding);
    this.bytesWritten += bytes;
    this.unsent += bytes;
    this.timer?.refresh();
    if (callback) callWhenSent(this, callback);
  }

  /**
   * @param {any} chunk
   * @param {BufferEncoding} encoding
   * @param {() => void} callback
   */
  _write(chunk, encoding, callback) {
    this.accept(chunk, encoding, callback);
  }

  /** @param {() => void} callback */
  _final(callback) {
    if (this.released) {
      callback();
      return;
    }
    if (this.mode === TAKEN) {
      // The new owner has sent all; it has no other way to end our side. In TLS it has ended the session itself.
      if (!this.encrypted && this.descriptor >= 0) this.engine.native.shutdown(this.descriptor);
      callback();
      return;
    }
    this.engine.push(command.FINISH, this.id);
    if (this.unsent + this.waiting === 0) callback();
    else this.callbacks.push(this.bytesWritten, callback);
  }

  onFlushed() {
    this.unsent = 0;
    this.settle();
  }

  /** @param {number} waiting bytes of all that went down that the system did not take */
  onSent(waiting) {
    this.unsent = 0;
    this.waiting = waiting;
  }

  /** @param {number} bytes that the system did not take yet */
  onPending(bytes) {
    this.waiting = bytes;
    this.timer?.refresh();
    if (this.unsent === 0) this.settle();
  }

  /** Calls back whoever waited for bytes that are with the system now. */
  settle() {
    callSent(this);
    if (this.unsent + this.waiting > 0) return;
    if (this.needsDrain) {
      this.needsDrain = false;
      this.emit('drain');
    } else if (this._httpMessage !== null) {
      // A response counts what it gathers itself, and may wait where this never said no.
      drained(this);
    }
  }

  destroySoon() {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', this.destroy);
  }

  /**
   * @param {Error | null} error
   * @param {(error: Error | null) => void} callback
   */
  _destroy(error, callback) {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.ends();
    for (const stream of [...this.streams]) stream.destroy();
    this.release();
    callUnsent(this, error);
    if (error !== null && this.mode === HTTP && this.listenerCount('error') === 0) {
      // Node's server listens to each of its connections: what ends one of them is never uncaught.
      this.once('error', (reason) => this.server.emit('clientError', reason, this));
    }
    callback(error);
    process.nextTick(emitClose, this, Boolean(error));
  }

  release() {
    if (this.released) return;
    this.received += this.fed();
    this.released = true;
    this.upload?.unlink();
    if (this.mode === TAKEN) {
      this.server._taken.delete(this);
      this.engine.connections--;
      if (this.descriptor >= 0) fs.closeSync(this.descriptor);
      return;
    }
    // What is corked was not written yet.
    // @ts-expect-error: the state is Node's, and not declared
    if (this._writableState.corked > 0) this.engine.discard(this.id);
    this.engine.release(this.id);
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
    // The response before this request is sent, or the request would not be told.
    this.waiting = 0;
    if (this.unsent > 0 || this.callbacks.length > 0) this.onFlushed();
    this.requests++;
    this.receivedBefore = this.received;
    this.timer?.refresh();
    this.context.runInAsyncScope(onRequest, undefined, this.server, this, flags, method, minor, url, fields);
  }

  /**
   * @param {Buffer} bytes of all connections
   * @param {number} start of those of a body
   * @param {number} end
   * @returns {boolean} whether they went on into a native stream
   */
  feed(bytes, start, end) {
    if (this.mode !== HTTP || !feedUpload(this, bytes, start, end)) return false;
    this.timer?.refresh();
    return true;
  }

  /** Lets the rest of the body go past JavaScript, where nobody looks. */
  link() {
    if (this.mode === HTTP) linkUpload(this);
  }

  /** @param {Buffer} chunk */
  onData(chunk) {
    this.received += chunk.length;
    this.timer?.refresh();
    const target = this.mode === HTTP ? this.incoming : this;
    if (target === null || target.destroyed) return;
    this.context.runInAsyncScope(this.push_, this, target, chunk);
  }

  /**
   * @param {any} target
   * @param {Buffer} chunk
   */
  push_(target, chunk) {
    if (!target.push(chunk) && !target._dumped) this.hold(true);
  }

  /** @param {string[]} trailers */
  onEnd(trailers) {
    const req = this.incoming;
    if (req === null) return;
    this.context.runInAsyncScope(this.complete, this, req, trailers);
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
    this.held = false;
    if (!req.destroyed) req.push(null);
  }

  /** @param {boolean} held whether nothing is to be read */
  hold(held) {
    if (this.held === held || this.released) return;
    this.held = held;
    this.engine.push(held ? command.PAUSE : command.RESUME, this.id);
  }

  // While it speaks HTTP, `resume` is what a request asks for when it wants its body, and nobody pauses a socket whose bytes
  // are not seen.

  resume() {
    if (this.mode !== HTTP) return super.resume();
    this.hold(false);
    this.link();
    return this;
  }

  pause() {
    return this.mode === HTTP ? this : super.pause();
  }

  _read() {
    if (this.mode === RAW) this.hold(false);
  }

  onPeerEnd() {
    if (this.mode === HTTP) this.context.runInAsyncScope(onPeerEnd, undefined, this.server, this);
    else {
      this.push(null);
      // Where nothing waits to be read the end is heard without a reader, as in Node.
      this.read(0);
    }
  }

  /**
   * @param {string} code
   * @param {string} reason
   * @param {Buffer} packet
   */
  onFault(code, reason, packet) {
    /** @type {any} */
    const error = new Error(reason === '' ? 'Parse Error' : `Parse Error: ${reason}`);
    error.code = code;
    error.bytesParsed = 0;
    if (reason !== '') {
      error.reason = reason;
      error.rawPacket = packet;
    }
    onClientError(this.server, this, error);
  }

  /** @param {number} _which */
  onTimeout(_which) {
    onClientError(this.server, this, withCode(new Error('Request timeout'), 'ERR_HTTP_REQUEST_TIMEOUT'));
  }

  onHttp2() {
    this.mode = HTTP2;
    this.streams = new Set();
  }

  /**
   * @param {number} id
   * @param {number} number
   */
  onStream(id, number) {
    const stream = new StreamSocket(this, id, number);
    this.streams.add(stream);
    return stream;
  }

  onReset() {}

  /**
   * @param {number} code of RFC 9113 section 7
   * @param {string} message
   */
  onSessionFault(code, message) {
    /** @type {any} */
    const error = withCode(new Error(`HTTP/2 session closed: ${message}`), 'ERR_HTTP2_SESSION_ERROR');
    error.errno = code;
    this.server.emit('clientError', error, this);
  }

  /** @param {number} errno */
  onClosed(errno) {
    this.release();
    // What its streams lost they were told.
    if (errno === 0 || this.mode === HTTP2) {
      this.destroy();
      return;
    }
    const [code, text] = getSystemErrorMap().get(-errno) ?? ['EIO', ''];
    /** @type {any} */
    const error = new Error(`${code === 'ECONNRESET' ? 'read' : 'write'} ${code}`);
    Object.assign(error, { errno: -errno, code, syscall: code === 'ECONNRESET' ? 'read' : 'write' });
    void text;
    onSocketError(this.server, this, error);
  }

  // Another protocol.

  /**
   * @param {any} res
   * @returns {boolean} whether what it writes goes out now, and by the engine
   */
  carries(res) {
    return this.mode === HTTP && !this.released && this._httpMessage === res;
  }

  /** @param {any} res complete: the connection may go on with the next request, or end */
  respond(res) {
    if (this.released) return;
    // One that closes the connection does so when its bytes are sent: `finish` sees to it.
    if (!res._last) this.engine.push(command.RESPOND, this.id, 1);
  }

  /** Bytes are another protocol's from here on. They are read when `startRaw` is called. */
  becomeRaw() {
    this.mode = RAW;
    this.held = true;
    this.engine.push(command.PAUSE, this.id);
    this.engine.push(command.DETACH, this.id);
    this.on('end', destroyIfDone);
    this.on('finish', destroyIfDone);
  }

  /** Reads, up to the mark, unless the descriptor was given away. */
  startRaw() {
    if (this.mode === RAW) this.hold(false);
  }

  /**
   * Hands the descriptor over, out of the loop. This stays its face: the new owner replaces `_read`, `_write`, `_writev`
   * and `_final`, and uses a duplicate; ours is closed when this is destroyed, where the owner did not close it.
   *
   * @returns {{ fd: number, head: Buffer, session?: any } | null} the descriptor, what was read and not seen by anybody, and
   *   the TLS session on it; null where the peer is gone, or bytes wait to be sent
   */
  [kTakeDescriptor]() {
    if (this.mode !== RAW) return null;
    this.engine.flush();
    if (this.released || this.waiting > 0) return null;
    this.ends();
    const { descriptor, bytes, session } = this.engine.native.detach(this.id);
    if (descriptor < 0) return null;
    this.engine.forget(this.id);
    this.descriptor = descriptor;
    this.mode = TAKEN;
    this.server._taken.add(this);
    const read = this.readableLength > 0 ? this.read() : null;
    return { fd: descriptor, session, head: read === null ? bytes : Buffer.concat([read, bytes]) };
  }
}

module.exports = { Socket };
