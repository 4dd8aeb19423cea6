'use strict';

/** What a stream of HTTP/2 has of `net.Socket` beside its bytes: state, a timeout, and what its connection tells of itself. */

const { EventEmitter } = require('node:events');
const { setIdleTimeout } = require('./idle-timeout.js');
const { HTTP2 } = require('./socket-face.js');

/** What Node's response touches of a socket's inner state. Nothing is corked here: a tick's writes leave together anyhow. */
const STATE = { corked: 0 };

/** A stream has none. @type {StreamFace[]} */
const NO_STREAMS = [];

class StreamFace extends EventEmitter {
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
    /** Bytes of the body that came here. */
    this.received = 0;
    /** There is one request. */
    this.receivedBefore = 0;
    /** The way of the body past JavaScript. @type {import('../internal/native-source.js').Feed | null} */
    this.upload = null;
    /** Bytes that went that way when the timeout began. */
    this.fedBefore = 0;
    this.streams = NO_STREAMS;
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

  get requests() {
    return 1;
  }

  get bytesRead() {
    return this.received + this.fed();
  }

  /** @returns {number} bytes of the body that went past JavaScript */
  fed() {
    return this.released ? 0 : this.engine.native.fed(this.id);
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

  /**
   * @param {number} ms without a byte in either direction; 0 for no limit
   * @param {() => void} [callback] for the next `timeout`
   */
  setTimeout(ms, callback) {
    setIdleTimeout(this, ms, callback);
    return this;
  }
}

// The connection's to tell.
for (const name of [
  'readableHighWaterMark', 'address', 'remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort', 'localFamily',
  // Of its TLS session; `undefined` without one.
  'encrypted', 'authorized', 'authorizationError', 'alpnProtocol', 'servername',
  'getProtocol', 'getCipher', 'getPeerCertificate', 'getPeerX509Certificate', 'isSessionReused',
]) {
  Object.defineProperty(StreamFace.prototype, name, {
    configurable: true,
    get() {
      const value = this.session[name];
      return typeof value === 'function' ? value.bind(this.session) : value;
    },
  });
}

module.exports = { StreamFace };
