'use strict';

/** What a connection of ours has of `net.Socket` beside its bytes: state, addresses, a timeout. */

const { AsyncResource } = require('node:async_hooks');
const { Duplex } = require('node:stream');
const { setIdleTimeout } = require('./idle-timeout.js');
const { hasPassed } = require('./upload.js');

/** What a connection speaks. */
const HTTP = 0;
const RAW = 1;
const TAKEN = 2;
const HTTP2 = 3;

/** Of connections that do not speak HTTP/2. @type {Set<any>} */
const NO_STREAMS = new Set();

class SocketFace extends Duplex {
  /**
   * @param {any} server
   * @param {import('../internal/http-engine.js').Engine} engine
   * @param {number} id
   */
  constructor(server, engine, id) {
    super({ allowHalfOpen: true, highWaterMark: server._highWaterMark, autoDestroy: false, emitClose: false });
    this.engine = engine;
    this.id = id;
    this.server = server;
    this.mode = HTTP;
    /** The request that comes in, until it is complete. @type {any} */
    this.incoming = null;
    /** The response under way, as `net.Socket` has it. @type {any} */
    this._httpMessage = null;
    this.requests = 0;
    /** Streams of HTTP/2 that are open. @type {Set<import('./http2-stream.js').StreamSocket>} */
    this.streams = NO_STREAMS;
    /** Runs handlers in a context of this connection's own, as Node does. */
    this.context = new AsyncResource('HTTPINCOMINGMESSAGE');
    /** Reading is held back. */
    this.held = false;
    /** Bytes that went to the engine, and those of them that still wait. */
    this.bytesWritten = 0;
    this.waiting = 0;
    /** Bytes in the slab. */
    this.unsent = 0;
    /** Bytes of bodies that came here. */
    this.received = 0;
    /** Those of earlier requests. */
    this.receivedBefore = 0;
    /** The way of the body past JavaScript. @type {import('../internal/native-source.js').Feed | null} */
    this.upload = null;
    /** Bytes that went that way when the timeout began. */
    this.fedBefore = 0;
    this.needsDrain = false;
    /** Callbacks, each behind the place that it waits for. @type {(number | ((error?: Error) => void))[]} */
    this.callbacks = [];
    this.released = false;
    /** Events of a hub go out on it, without being seen here. */
    this.isFed = false;
    /** The descriptor, where it was handed over; -1 otherwise. */
    this.descriptor = -1;
    /** @type {any} */
    this.addresses = undefined;
    this.timeout = 0;
    /** @type {NodeJS.Timeout | undefined} */
    this.timer = undefined;
  }

  get encrypted() {
    return false;
  }

  get connecting() {
    return false;
  }

  get pending() {
    return false;
  }

  get readyState() {
    if (this.readable && this.writable) return 'open';
    if (this.readable) return 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  get bufferSize() {
    return this.writableLength;
  }

  get bytesRead() {
    return this.received + this.fed();
  }

  /** @returns {number} bytes of bodies that went past JavaScript */
  fed() {
    return this.released ? 0 : this.engine.native.fed(this.id);
  }

  // What this tick wrote counts only where the system does not take it, as in Node, which writes at once.
  // @ts-expect-error: an accessor in Node, too, whatever its types say
  get writableLength() {
    // @ts-expect-error: the state is Node's, and not declared
    if (this.mode === TAKEN) return this._writableState.length;
    return this.isFed && !this.released ? this.engine.native.pending(this.id) : this.waiting;
  }

  // @ts-expect-error: an accessor in Node, too, whatever its types say
  get writableNeedDrain() {
    // @ts-expect-error: the state is Node's, and not declared
    return this.mode === TAKEN ? this._writableState.needDrain : this.needsDrain;
  }

  get remoteAddress() {
    return this.ends().peer.address;
  }

  get remotePort() {
    return this.ends().peer.port;
  }

  get remoteFamily() {
    return this.ends().peer.family;
  }

  get localAddress() {
    return this.ends().ours.address;
  }

  get localPort() {
    return this.ends().ours.port;
  }

  get localFamily() {
    return this.ends().ours.family;
  }

  address() {
    const { ours } = this.ends();
    return ours.address === undefined ? {} : ours;
  }

  /** @returns {{ ours: any, peer: any }} kept once they were asked for, as a closed socket still has them */
  ends() {
    if (this.addresses !== undefined) return this.addresses;
    const text = this.released ? null : this.engine.native.addresses(this.id);
    if (text === null) return { ours: {}, peer: {} };
    const [ours, peer] = JSON.parse(text);
    // The name of a Unix socket is no address.
    const named = (/** @type {any} */ end) => (end.path === undefined ? end : {});
    this.addresses = { ours: named(ours), peer: named(peer) };
    return this.addresses;
  }

  setNoDelay(on = true) {
    if (!this.released) this.engine.native.setNoDelay(this.id, Boolean(on));
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

  /**
   * @param {number} ms without a byte in either direction; 0 for no limit
   * @param {() => void} [callback] for the next `timeout`
   */
  setTimeout(ms, callback) {
    setIdleTimeout(this, ms, callback);
    return this;
  }

  /** No byte was seen for as long as the timeout is: of a body that goes past JavaScript, there may have been some. */
  idled() {
    if (!hasPassed(this)) {
      this.emit('timeout');
      return;
    }
    this.timer?.refresh();
  }
}

module.exports = { SocketFace, HTTP, RAW, TAKEN, HTTP2 };
