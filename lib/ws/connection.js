'use strict';

/** One connection behind its handshake: between the native engine, Node's socket and the WebSocket. */

const { getDefaultHighWaterMark } = require('node:stream');
const engine = require('./engine.js');
const { EMPTY_BUFFER } = require('./constants.js');
const { destroyedError, systemCallError } = require('../internal/errors.js');
const { isTakeable, takeOver } = require('./takeover.js');

const { event, flag } = engine;

/** @typedef {import('./websocket.js')} WebSocket */

/** Bytes that may wait before a writer should: as of Node's streams. */
const HIGH_WATER_MARK = getDefaultHighWaterMark(false);

/** Instead of an empty array for each connection. @type {any} */
const NONE = Object.freeze([]);

class Connection {
  /**
   * @param {WebSocket} websocket
   * @param {any} socket a Duplex; a plain `net.Socket` is taken over
   * @param {{ allowSynchronousEvents?: boolean, isServer: boolean, maxFragments: number, maxPayload: number,
   *   skipUTF8Validation: boolean, deflate?: object, maxBufferedAmount?: number, onSlow?: string,
   *   compressFrom?: number }} options
   */
  constructor(websocket, socket, options) {
    this.websocket = websocket;
    this.socket = socket;
    /** Bytes packed and not handed down, of the flush named by `packedIn`. */
    this.packedBytes = 0;
    this.packedIn = -1;
    /** Of sends that are not written. @type {((error?: Error) => void)[]} */
    this.callbacks = NONE;
    /** Where the frames of the next message end. @type {number[]} */
    this.fragmentEnds = NONE;
    /** Events that are told one in a turn of the loop; null where that is not wanted. @type {(() => void)[] | null} */
    this.deferred = options.allowSynchronousEvents === false ? [] : null;
    /** Who waits until those are told. @type {(() => void) | null} */
    this.onTold = null;
    /** Bytes sent since it was last known how many wait. */
    this.sentBytes = 0;
    this.waitsForSocket = false;
    /** More waits than is good, and `drain` will tell when nothing does. */
    this.needsDrain = false;
    this.maxBufferedAmount = options.maxBufferedAmount ?? 0;
    /** Messages that were left out. */
    this.dropped = 0;
    /** The engine let go of it. */
    this.closed = false;
    this.id = engine.open(this, {
      isServer: options.isServer,
      maxPayload: Math.max(0, options.maxPayload | 0),
      maxFragments: Math.max(0, options.maxFragments | 0),
      skipUtf8Validation: !!options.skipUTF8Validation,
      maxBufferedAmount: options.maxBufferedAmount ?? 0,
      overflowCloses: options.onSlow !== 'drop-newest',
      compressFrom: options.compressFrom ?? 0,
      deflate: options.deflate,
    });
    /** Nobody but Node has a hand in the socket. */
    this.takeable = isTakeable(socket);
    /** The engine reads and writes the socket itself. */
    this.attached = false;
  }

  /** Our own listeners are on the socket: it is taken over, where it may be. */
  takeOver() {
    this.attached = this.takeable && takeOver(this, this.socket);
  }

  /** @param {boolean} referenced whether the connection keeps the loop alive */
  setReferenced(referenced) {
    if (!this.closed) engine.setReferenced(this, referenced);
  }

  /** Bytes that wait in the engine, framing included. */
  get buffered() {
    return this.closed ? 0 : engine.buffered(this);
  }

  /**
   * @param {number} flags see `engine.send`
   * @param {Uint8Array | string} data
   * @param {number} length in bytes
   * @param {Uint8Array} [mask]
   * @param {((error?: Error) => void)} [callback] called when it is written
   */
  send(flags, data, length, mask, callback) {
    if (this.closed) {
      if (callback) process.nextTick(callback, destroyedError('write'));
      return;
    }
    if (typeof callback === 'function') {
      this.wait(callback);
      flags |= flag.TICKET;
    }
    engine.send(this, flags, data, length, mask);
    this.sentBytes += length;
    if (this.sentBytes >= HIGH_WATER_MARK && !this.needsDrain) this.checkLevel();
  }

  /** @param {(error?: Error) => void} callback of what is sent next */
  wait(callback) {
    if (this.callbacks === NONE) this.callbacks = [callback];
    else this.callbacks.push(callback);
  }

  /** Enough was sent to look how much of it waits; where that is much, `drain` comes when it is written. */
  checkLevel() {
    this.sentBytes = this.buffered + this.socket.writableLength;
    if (this.sentBytes < HIGH_WATER_MARK) return;
    this.needsDrain = true;
    this.wait((error) => {
      this.needsDrain = false;
      this.sentBytes = 0;
      if (!error) this.websocket.emit('drain');
    });
    engine.send(this, flag.RAW | flag.TICKET, EMPTY_BUFFER, 0);
  }

  /** Bytes pass through Node's socket from here on. @returns {number} the descriptor; -1 where it is closed */
  release() {
    this.attached = false;
    return this.closed ? -1 : engine.release(this);
  }

  /** Calls back when all that was queued so far is written. @param {(error?: Error | null) => void} callback */
  whenWritten(callback) {
    this.send(flag.RAW, EMPTY_BUFFER, 0, undefined, callback);
    engine.flush();
  }

  /** @param {Buffer} chunk from the peer, on a socket of Node's */
  feed(chunk) {
    if (!this.closed) engine.feed(this, chunk);
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    if (!this.closed) engine.setPaused(this, paused || (this.deferred !== null && this.deferred.length > 0));
  }

  /** Nothing of what still comes is looked at. */
  setDeaf() {
    if (!this.closed) engine.setDeaf(this);
  }

  /** The socket will be destroyed: what was sent goes out first, but for what `ws` would still be compressing. */
  sendRest() {
    if (this.closed) return;
    const tickets = engine.takeBackCompressed(this);
    if (tickets > 0) for (const callback of this.callbacks.splice(this.callbacks.length - tickets)) {
      process.nextTick(callback, new Error('The socket was closed while data was being compressed'));
    }
    engine.flush();
    this.pumpAll();
  }

  /**
   * The socket is going: what can still be written is, then the engine lets go of it.
   *
   * @param {Error | null} [error] for sends that were not written
   */
  detach(error) {
    if (this.closed) return;
    this.sendRest();
    this.closed = true;
    engine.close(this);
    const { callbacks } = this;
    this.callbacks = NONE;
    for (const callback of callbacks) process.nextTick(callback, error ?? destroyedError('write'));
  }

  /**
   * @param {Buffer} data
   * @param {boolean} isBinary
   */
  onMessage(data, isBinary) {
    const { websocket } = this;
    if (this.deferred !== null || websocket._binaryType !== 'nodebuffer') {
      this.onUnusualMessage(data, isBinary);
    } else {
      websocket.emit('message', data, isBinary);
    }
  }

  /**
   * @param {Buffer} data
   * @param {boolean} isBinary
   */
  onUnusualMessage(data, isBinary) {
    const ends = this.fragmentEnds;
    if (ends.length > 0) this.fragmentEnds = NONE;
    this.tell(() => {
      const { websocket } = this;
      websocket.emit('message', isBinary ? convert(data, websocket._binaryType, ends) : data, isBinary);
    });
  }

  /**
   * @param {number} kind
   * @param {Buffer} payload
   * @param {number} code of a close frame
   */
  onControl(kind, payload, code) {
    const { websocket } = this;
    switch (kind) {
      case event.PING:
        this.tell(() => websocket._onPing(payload));
        break;
      case event.PONG:
        this.tell(() => websocket._onPong(payload));
        break;
      case event.CLOSE:
        this.behind(() => websocket._onConclude(code, payload));
        break;
      default:
        this.behind(() => websocket._onBreach(breachError(payload.toString())));
    }
  }

  /**
   * @param {number} kind
   * @param {number} third
   * @param {number} fourth
   */
  onNews(kind, third, fourth) {
    switch (kind) {
      case event.WRITTEN:
        this.callBack(third);
        break;
      case event.OUTPUT:
        this.pump();
        break;
      case event.FRAGMENT_END:
        if (this.fragmentEnds === NONE) this.fragmentEnds = [third];
        else this.fragmentEnds.push(third);
        break;
      case event.END:
        this.behind(() => {
          // As a socket of Node's does it, for whoever listens there.
          this.socket.push(null);
          this.socket.read(0);
        });
        break;
      case event.DROPPED:
        this.dropped += third;
        break;
      case event.OVERFLOW:
        this.websocket._onOverflow(third);
        break;
      case event.FAILURE:
        this.socket.destroy(systemCallError(third, fourth === 1 ? 'write' : 'read'));
        break;
      default:
    }
  }

  /** @param {number} count of callbacks whose sends were written */
  callBack(count) {
    for (const callback of this.callbacks.splice(0, count)) process.nextTick(callback);
  }

  /** Writes what is queued to a socket of Node's, when that has room: what waits is counted, and bounded, in one place. */
  pump() {
    if (!this.socket.writableNeedDrain || this.socket.writableEnded) {
      this.pumpAll();
    } else if (!this.waitsForSocket) {
      this.waitsForSocket = true;
      this.socket.once('drain', () => {
        this.waitsForSocket = false;
        if (!this.closed && !this.attached) this.pump();
      });
    }
  }

  pumpAll() {
    if (this.closed || this.attached) return;
    engine.pack();
    const bytes = engine.takeOutput(this);
    const { callbacks } = this;
    if (callbacks.length === 0) {
      if (bytes.length > 0) this.socket.write(bytes);
      return;
    }
    this.callbacks = NONE;
    this.socket.write(bytes, (/** @type {Error | null | undefined} */ error) => {
      for (const callback of callbacks) process.nextTick(callback, error ?? undefined);
    });
  }

  /** Tells an event: at once, or in a turn of the loop of its own. @param {() => void} emit */
  tell(emit) {
    const { deferred } = this;
    if (deferred === null) return emit();
    deferred.push(emit);
    if (deferred.length === 1) {
      this.setPaused(true);
      setImmediate(() => this.tellNext());
    }
  }

  tellNext() {
    const deferred = /** @type {(() => void)[]} */ (this.deferred);
    try {
      deferred[0]();
    } finally {
      deferred.shift();
      if (deferred.length > 0) {
        setImmediate(() => this.tellNext());
      } else {
        this.setPaused(this.websocket._paused);
        const { onTold } = this;
        this.onTold = null;
        if (onTold !== null) onTold();
      }
    }
  }

  /** Acts when all is told. @param {() => void} act */
  whenTold(act) {
    if (this.deferred === null || this.deferred.length === 0) act();
    else this.onTold = act;
  }

  /** Acts when all events before are told. @param {() => void} act */
  behind(act) {
    const { deferred } = this;
    if (deferred === null || deferred.length === 0) return act();
    deferred.push(act);
  }
}

/**
 * A binary message in the shape that the user asked for.
 *
 * @param {Buffer} data
 * @param {string} type
 * @param {number[]} ends of its fragments
 * @returns {Buffer | ArrayBuffer | Buffer[] | Blob}
 */
function convert(data, type, ends) {
  switch (type) {
    case 'arraybuffer':
      if (data.byteLength === data.buffer.byteLength) return /** @type {ArrayBuffer} */ (data.buffer);
      return /** @type {ArrayBuffer} */ (data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
    case 'blob':
      return new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (data)]);
    case 'fragments': {
      let start = 0;
      return (ends.length > 0 ? ends : [data.length].filter(Boolean)).map((end) => data.subarray(start, (start = end)));
    }
    default:
      return data;
  }
}

/**
 * @param {string} text `close code, class, code, message`
 * @returns {Error & { code: string, closeCode: number }}
 */
function breachError(text) {
  const [, closeCode, type, code, message] = /** @type {RegExpExecArray} */ (/^(\d+) (\w+) (\w+) (.*)$/s.exec(text));
  /** @type {any} */
  const error = type === 'RangeError' ? new RangeError(message) : new Error(message);
  error.code = code;
  if (code === 'Z_DATA_ERROR') error.errno = -3;
  Object.defineProperty(error, 'closeCode', { value: Number(closeCode) });
  return error;
}

module.exports = { Connection };
