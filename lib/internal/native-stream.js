'use strict';

/**
 * Node streams whose work is a native operator's. The classes are Node's own; only where bytes come from and go to is
 * ours. Life and order of events are those of `node:zlib`: all input worked off → `finish` → all output → `end` → `close`.
 */

const { Readable, Transform, Writable } = require('node:stream');
const { Port } = require('./port.js');
const { kInput, kOutput, kOutputEnded } = require('./port-keys.js');
const { fuse, reconsider } = require('./fusion.js');
const { read: readStats } = require('./stats.js');
const { integer } = require('./options.js');

/** @typedef {import('./port.js').PortOptions} PortOptions */

/**
 * @param {Record<string, any>} options stream options
 * @param {string} key
 * @returns {number | undefined} bytes; `null` is none given, as in Node
 */
function markOf(options, key) {
  return options[key] === null ? undefined : integer(options, key, 0, Number.MAX_SAFE_INTEGER, undefined);
}

/**
 * Bounds of the operator's queues. A `highWaterMark` that the user set holds for them too, so that no more is accepted
 * than it says; the defaults are those of the design.
 *
 * @param {Record<string, any>} options stream options
 * @param {PortOptions} port
 * @returns {PortOptions}
 */
function bounded(options, port) {
  const both = markOf(options, 'highWaterMark');
  const writable = markOf(options, 'writableHighWaterMark') ?? both;
  const readable = markOf(options, 'readableHighWaterMark') ?? both;
  const result = { ...port };
  if (writable !== undefined && !options.writableObjectMode && !options.objectMode) {
    // Node counts a chunk until its callback: one that is not worked off keeps it, and what Node counts is the bound.
    result.inbox = 1;
    result.link = Math.max(writable, 1);
  }
  if (readable !== undefined && !options.readableObjectMode && !options.objectMode) {
    result.outbox = Math.max(readable, 1);
  }
  return result;
}

/**
 * The readable side: mixed into each class below.
 *
 * @type {ThisType<any>}
 */
const readableSide = {
  _read() {
    if (!fuse(this)) this[kOutput].want();
  },

  pipe(/** @type {any} */ target, /** @type {any} */ options) {
    const piped = Readable.prototype.pipe.call(this, target, options);
    enlist(this[kOutput]);
    reconsider(this);
    return piped;
  },

  unpipe(/** @type {any} */ target) {
    Readable.prototype.unpipe.call(this, target);
    reconsider(this);
    return this;
  },

  on(/** @type {string | symbol} */ name, /** @type {any} */ listener) {
    Readable.prototype.on.call(this, name, listener);
    if (name === 'data' || name === 'readable') reconsider(this);
    // Node's `pipe` listens for this where it leads to.
    else if (name === 'unpipe') enlist(this[kInput]);
    return this;
  },

  addListener(/** @type {string | symbol} */ name, /** @type {any} */ listener) {
    return this.on(name, listener);
  },

  prependListener(/** @type {string | symbol} */ name, /** @type {any} */ listener) {
    Readable.prototype.prependListener.call(this, name, listener);
    if (name === 'data' || name === 'readable') reconsider(this);
    return this;
  },

  removeListener(/** @type {string | symbol} */ name, /** @type {any} */ listener) {
    Readable.prototype.removeListener.call(this, name, listener);
    if (name === 'data' || name === 'readable') reconsider(this);
    return this;
  },

  off(/** @type {string | symbol} */ name, /** @type {any} */ listener) {
    return this.removeListener(name, listener);
  },

  removeAllListeners(/** @type {string | symbol | undefined} */ name) {
    Readable.prototype.removeAllListeners.apply(this, /** @type {any} */ (arguments));
    if (name === undefined || name === 'data' || name === 'readable') reconsider(this);
    return this;
  },

  pause() {
    Readable.prototype.pause.call(this);
    reconsider(this);
    return this;
  },

  setEncoding(/** @type {BufferEncoding} */ encoding) {
    Readable.prototype.setEncoding.call(this, encoding);
    reconsider(this);
    return this;
  },

  stats() {
    return readStats(this[kOutput]);
  },
};

/**
 * The writable side: mixed into each class below.
 *
 * @type {ThisType<any>}
 */
const writableSide = {
  _write(/** @type {Buffer} */ chunk, /** @type {string} */ encoding, /** @type {(error?: Error | null) => void} */ callback) {
    this[kInput].write(chunk, callback);
  },

  get writableLength() {
    return writableBytes(this);
  },

  cork() {
    // What is written while corked waits in JavaScript; linked bytes would overtake it.
    this[kInput]?.unlinkInput();
    Writable.prototype.cork.call(this);
  },

  stats() {
    return readStats(this[kInput]);
  },
};

/**
 * @param {Function} type
 * @param {object[]} sides
 */
function mix(type, sides) {
  for (const side of sides) {
    for (const key of Reflect.ownKeys(side)) {
      const descriptor = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(side, key));
      Object.defineProperty(type.prototype, key, { ...descriptor, enumerable: false });
    }
  }
}

/**
 * @param {object} side
 * @param {string[]} names
 * @returns {object} the side's other members
 */
function without(side, names) {
  const members = Object.getOwnPropertyDescriptors(side);
  for (const name of names) delete (/** @type {any} */ (members)[name]);
  return Object.defineProperties({}, members);
}

/**
 * @param {any} stream
 * @returns {number} bytes accepted and not worked off: Node's own count and the operator's
 */
function writableBytes(stream) {
  const state = stream._writableState;
  const port = stream[kInput];
  if (state === undefined || port === undefined || state.objectMode || stream.destroyed) return state?.length ?? 0;
  const native = port.bytesWaiting();
  // A chunk whose callback waits is in both counts.
  return port.whenWritable === null ? state.length + native : Math.max(state.length, native);
}

/**
 * What is piped is somebody's pipeline, though no byte flows yet.
 *
 * @param {Port | undefined} port
 */
function enlist(port) {
  if (port !== undefined && port.made === null && !port.stream.destroyed) port.open();
}

/** A transform: every stage. */
class NativeTransform extends Transform {
  /**
   * @param {Record<string, any>} options stream options
   * @param {PortOptions} port
   */
  constructor(options, port) {
    super(options);
    /** @type {(() => void) | null} */
    this._flushed = null;
    joinTransform(this, options, port);
  }

  /** @param {(error?: Error | null) => void} callback once all input is worked off, so that its errors precede `finish` */
  _final(callback) {
    port(this, kInput).drain(callback);
  }

  /** @param {(error?: Error | null) => void} callback once all output came; `Transform` then pushes the end */
  _flush(callback) {
    const joined = port(this, kInput);
    if (joined.ended) {
      callback();
      return;
    }
    this._flushed = callback;
    joined.end();
  }

  [kOutputEnded]() {
    const flushed = this._flushed;
    this._flushed = null;
    if (flushed) flushed();
    else this.push(null);
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback
   */
  _destroy(error, callback) {
    port(this, kInput).destroy(false, () => callback(error));
  }
}
mix(NativeTransform, [readableSide, writableSide]);

/**
 * Gives a transform its port. What a `NativeTransform` is beside a Node Transform, for constructors that can be called
 * without `new`.
 *
 * @param {any} stream
 * @param {Record<string, any>} options stream options
 * @param {PortOptions} portOptions
 * @returns {Port}
 */
function joinTransform(stream, options, portOptions) {
  const joined = new (portOptions.type ?? Port)(stream, bounded(options, portOptions));
  own(stream, kInput, joined);
  own(stream, kOutput, joined);
  /** @type {(() => void) | null} */
  stream._flushed = null;
  return joined;
}

/**
 * Gives `stream` its port, and notes which methods are ours: who replaces them wants to see the bytes.
 *
 * @param {any} stream
 * @param {symbol} side
 * @param {Port} joined
 */
function own(stream, side, joined) {
  Object.defineProperty(stream, side, { value: joined });
  joined.ownRead = /** @type {any} */ (readableSide)._read;
  joined.ownWrite = /** @type {any} */ (writableSide)._write;
}

/**
 * @param {any} stream
 * @param {symbol} side
 * @returns {Port}
 */
function port(stream, side) {
  return stream[side];
}

module.exports = {
  NativeTransform,
  joinTransform,
  readableSide,
  writableSide,
  mix,
  without,
  own,
  bounded,
  writableBytes,
};
