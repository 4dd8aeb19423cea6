'use strict';

/** The streams of the deflate family, with the members of `node:zlib`'s. */

const assert = require('node:assert');
const { Transform, finished } = require('node:stream');
const { deprecate } = require('node:util');
const { constants } = require('node:zlib');
const { NativeTransform, joinTransform } = require('./native-stream.js');
const { CHUNK_BYTES } = require('./chunk-room.js');
const { kInput } = require('./port-keys.js');
const { run } = require('./zlib-codec.js');
const { modes, ranged, readOptions, stageSpec } = require('./zlib-options.js');

const {
  Z_NO_FLUSH, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FINISH, Z_BLOCK,
  Z_MIN_LEVEL, Z_MAX_LEVEL, Z_DEFAULT_STRATEGY, Z_FIXED, Z_DEFAULT_CHUNK,
} = constants;

/** @typedef {import('./port.js').Port} Port */
/** @typedef {import('./zlib-options.js').Mode} Mode */
/** @typedef {import('./zlib-options.js').Settings} Settings */
/** @typedef {(error?: Error | null) => void} Callback */

/** On an empty chunk: the work that it stands for, which so keeps its place among the writes. */
const kWork = Symbol('millrace.zlib.work');
/** @type {unique symbol} */
const kSettings = Symbol('millrace.zlib.settings');
/** What a one-shot consumed and left, where the stream did not do it. */
const kConsumed = Symbol('millrace.zlib.consumed');
const kRemainder = Symbol('millrace.zlib.remainder');

const EMPTY = Buffer.alloc(0);

/** Bytes of plain output for JavaScript at which decompression stops: room for pieces that are worth a call of the codec. */
const PLAIN_OUTBOX = 512 * 1024;

/** The flushes, the stronger later: the last chunk gets the stronger of two. */
const BY_STRENGTH = [Z_NO_FLUSH, Z_BLOCK, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FINISH];

/** How the operator calls them: see `Operator.flush`. */
const OPERATOR_KINDS = new Map([[Z_PARTIAL_FLUSH, 0], [Z_SYNC_FLUSH, 1], [Z_FULL_FLUSH, 2], [Z_BLOCK, 3]]);

/**
 * @param {number} a
 * @param {number} b
 * @returns {number} the stronger flush
 */
function stronger(a, b) {
  return BY_STRENGTH.indexOf(a) > BY_STRENGTH.indexOf(b) ? a : b;
}

/**
 * @param {any} stream
 * @param {Uint8Array} chunk
 * @param {number} kind zlib's
 * @returns {number} the flush for `chunk`: the last one gets `finishFlush` where that is stronger, as in Node
 */
function kindFor(stream, chunk, kind) {
  const isLast = stream.writableEnded && stream._writableState.length === chunk.length;
  return isLast ? stronger(kind, stream._finishFlushFlag) : kind;
}

/**
 * Sends a flush to the operator, behind all bytes so far.
 *
 * @param {Port} port
 * @param {number} kind zlib's
 * @param {() => void} callback
 */
function flushPort(port, kind, callback) {
  const known = OPERATOR_KINDS.get(kind);
  // What comes last ends the stream: then block stages need not hand over, and the bytes are those of a plain end.
  if (kind === Z_FINISH && port.stream.writableEnded) endPort(port, callback);
  else if (kind === Z_FINISH) port.control((ticket) => port.operator.finish(ticket), callback);
  else if (known === undefined) port.control((ticket) => port.operator.mark(ticket), callback);
  else port.control((ticket) => port.operator.flush(known, ticket), callback);
}

/**
 * Ends the operator's input; its output comes out up to the stream's `highWaterMark` without a reader, as in Node.
 *
 * @param {Port} port
 * @param {Callback} callback once all output came
 */
function endPort(port, callback) {
  if (port.ended) process.nextTick(callback);
  else {
    // Callbacks of writes before it, which were done at once, wait for their tick.
    port.stream._flushed = () => process.nextTick(callback);
    port.endAtOnce();
  }
}

/**
 * @param {any} options
 * @returns {any} options for `Transform`: bytes only, on both sides
 */
function streamOptions(options) {
  const bytes = { autoDestroy: true, ...options };
  if (bytes.encoding || bytes.objectMode || bytes.writableObjectMode) {
    bytes.encoding = null;
    bytes.objectMode = false;
    bytes.writableObjectMode = false;
  }
  return bytes;
}

/**
 * What the seven classes have in common. A function, since `node:zlib`'s constructors can be called without `new`.
 *
 * @this {any}
 * @param {any} options
 * @param {Mode} mode
 */
function Zlib(options, mode) {
  const settings = readOptions(options, mode);
  const forStream = streamOptions(options);
  Transform.call(this, forStream);
  const port = joinTransform(this, forStream, {
    name: mode.name,
    spec: stageSpec(settings, true),
    blob: settings.dictionary,
    outbox: mode.format === undefined ? PLAIN_OUTBOX : undefined,
    chunkSize: settings.chunkSize ?? CHUNK_BYTES,
    firstChunk: settings.chunkSize ?? Z_DEFAULT_CHUNK,
    holdsRoom: true,
  });
  port.ownWrite = Zlib.prototype._write;
  port.ownTransform = Zlib.prototype._transform;
  this[kSettings] = settings;
  // Names that programs know from `node:zlib`.
  this._handle = port;
  this._chunkSize = settings.chunkSize ?? Z_DEFAULT_CHUNK;
  this._defaultFlushFlag = settings.flush;
  this._finishFlushFlag = settings.finishFlush;
  this._defaultFullFlushFlag = Z_FULL_FLUSH;
  this._info = settings.info;
  this._maxOutputLength = settings.maxOutputLength;
  this._level = settings.level;
  this._strategy = settings.strategy;
}
Object.setPrototypeOf(Zlib.prototype, NativeTransform.prototype);
Object.setPrototypeOf(Zlib, Transform);

/** @type {ThisType<any>} */
const members = {
  get _closed() {
    return !this._handle;
  },

  /** Bytes that the codec consumed. */
  get bytesWritten() {
    return this[kConsumed] ?? this[kInput].made?.consumed() ?? 0;
  },

  set bytesWritten(bytes) {
    this[kConsumed] = bytes;
  },

  /** What followed the compressed data, its first MiB. */
  get remainder() {
    return this[kRemainder] ?? this[kInput].made?.remainder() ?? EMPTY;
  },

  _write(/** @type {Buffer} */ chunk, /** @type {BufferEncoding} */ encoding, /** @type {Callback} */ callback) {
    if (this._transform === Zlib.prototype._transform) {
      this._transform(chunk, encoding, callback);
      return;
    }
    // A subclass has its own, which may call ours.
    this._transform(chunk, encoding, (/** @type {Error | null | undefined} */ error, /** @type {unknown} */ value) => {
      if (!error && value != null) this.push(value);
      callback(error);
    });
  },

  _transform(/** @type {any} */ chunk, /** @type {BufferEncoding} */ encoding, /** @type {Callback} */ callback) {
    const port = this[kInput];
    if (this._handle === null) process.nextTick(callback);
    else if (chunk.length === 0 && chunk[kWork] !== undefined) chunk[kWork](this, port, callback);
    else {
      const kind = kindFor(this, chunk, this._defaultFlushFlag);
      if (kind === Z_NO_FLUSH) port.write(chunk, callback);
      else {
        port.write(chunk, () => {});
        flushPort(port, kind, callback);
      }
    }
  },

  /** All output precedes `finish`, so that truncated input fails before anybody takes it for done. */
  _final(/** @type {Callback} */ callback) {
    const port = this[kInput];
    const kind = stronger(this._defaultFlushFlag, this._finishFlushFlag);
    // A compressor that is told not to end its data only flushes.
    if (kind === Z_FINISH || this[kSettings].mode.format === undefined) endPort(port, callback);
    else flushPort(port, kind, callback);
  },

  /** `Transform` pushes the end then: `end` comes behind `finish`. */
  _flush(/** @type {Callback} */ callback) {
    process.nextTick(() => {
      callback();
      // Its end is there to be read only now.
      this[kInput].outer?.outputEnded();
    });
  },

  _destroy(/** @type {Error | null} */ error, /** @type {Callback} */ callback) {
    this._handle = null;
    NativeTransform.prototype._destroy.call(this, error, callback);
  },

  /** With a callback as its third argument, a write and a flush; without, the whole work of this stream at once. */
  _processChunk(/** @type {Uint8Array} */ chunk, /** @type {number} */ kind, /** @type {Callback} */ callback) {
    if (typeof callback === 'function') {
      this[kInput].write(chunk, () => {});
      flushPort(this[kInput], kind, callback);
      return undefined;
    }
    const settings = this[kSettings];
    const finishing = { ...settings, finishFlush: kind };
    const { buffer, consumed } = run(finishing, chunk, kind, settings.maxOutputLength);
    retire(this, consumed, EMPTY);
    return buffer;
  },

  flush(/** @type {number | Callback | undefined} */ kind, /** @type {Callback | undefined} */ callback) {
    if (typeof kind === 'function' || (kind === undefined && !callback)) {
      callback = /** @type {Callback | undefined} */ (kind);
      kind = this._defaultFullFlushFlag;
    }
    const known = Math.trunc(ranged(kind, 'kind', Z_NO_FLUSH, Z_BLOCK, this._defaultFullFlushFlag));
    enqueue(this, (stream, port, done) => flushPort(port, kindFor(stream, EMPTY, known), done), callback);
  },

  params(/** @type {number} */ level, /** @type {number} */ strategy, /** @type {Callback | undefined} */ callback) {
    level = Math.trunc(ranged(level, 'level', Z_MIN_LEVEL, Z_MAX_LEVEL, 0));
    strategy = Math.trunc(ranged(strategy, 'strategy', Z_DEFAULT_STRATEGY, Z_FIXED, 0));
    if (this._level === level && this._strategy === strategy) {
      if (callback) process.nextTick(callback);
      return;
    }
    const compresses = this[kSettings].mode.format !== undefined;
    const work = (/** @type {any} */ stream, /** @type {Port} */ port, /** @type {Callback} */ done) => {
      const send = (/** @type {number} */ ticket) => {
        if (compresses) port.operator.params(level, strategy, ticket);
        else port.operator.mark(ticket);
      };
      port.control(send, () => {
        stream._level = level;
        stream._strategy = strategy;
        done();
      });
    };
    enqueue(this, work, callback);
  },

  reset() {
    assert(this._handle, 'zlib binding closed');
    this[kInput].made?.reset();
  },

  close(/** @type {Callback | undefined} */ callback) {
    if (callback) finished(this, callback);
    this.destroy();
  },
};
Object.defineProperties(Zlib.prototype, Object.getOwnPropertyDescriptors(members));

Object.defineProperty(Zlib.prototype, 'bytesRead', {
  configurable: true,
  enumerable: true,
  get: deprecate(
    /** @this {any} */ function bytesRead() {
      return this.bytesWritten;
    },
    'zlib.bytesRead is deprecated and will change its meaning in the future. Use zlib.bytesWritten instead.',
    'DEP0108',
  ),
  set: deprecate(
    /** @this {any} */ function bytesRead(value) {
      this.bytesWritten = value;
    },
    'Setting zlib.bytesRead is deprecated. This feature will be removed in the future.',
    'DEP0108',
  ),
});

/**
 * Lines work up among the writes.
 *
 * @param {any} stream
 * @param {(stream: any, port: Port, done: Callback) => void} work
 * @param {Callback | undefined} callback
 */
function enqueue(stream, work, callback) {
  if (stream.writableFinished) {
    if (callback) process.nextTick(callback);
  } else if (stream.writableEnded) {
    if (callback) stream.once('end', callback);
  } else {
    // Not from Node's pool: the buffer is marked.
    const chunk = Buffer.alloc(0);
    Object.defineProperty(chunk, kWork, { value: work });
    stream.write(chunk, '', callback);
  }
}

/**
 * The stream's work is done elsewhere: its own engine goes, without an event, as after Node's one-shots.
 *
 * @param {any} stream
 * @param {number} consumed
 * @param {Buffer} remainder
 */
function retire(stream, consumed, remainder) {
  stream._handle = null;
  stream[kConsumed] = consumed;
  stream[kRemainder] = remainder;
  stream[kInput].destroy(false, () => {});
}

/** Since Node 24 it warns of what is called without `new`, once for each class. */
const warnsOfCalls = Number(process.versions.node.split('.')[0]) >= 24;
/** @type {Set<string>} */
const warnedOf = new Set();

/** @param {string} name of a class */
function warnOfCall(name) {
  if (!warnsOfCalls || warnedOf.has(name)) return;
  warnedOf.add(name);
  const text = `Instantiating ${name} without the 'new' keyword has been deprecated.`;
  process.emitWarning(text, 'DeprecationWarning', 'DEP0184');
}

/**
 * @param {Mode} mode
 * @param {string} name
 * @returns {any} a constructor that may be called without `new`
 */
function makeClass(mode, name) {
  const Class = {
    /** @this {any} */
    [name]: function (/** @type {any} */ options) {
      if (!(this instanceof Class)) {
        warnOfCall(name);
        return Reflect.construct(Class, [options]);
      }
      Zlib.call(this, options, mode);
      return undefined;
    },
  }[name];
  Object.setPrototypeOf(Class.prototype, Zlib.prototype);
  Object.setPrototypeOf(Class, Zlib);
  return Class;
}

/** The seven classes, by name. @type {Record<keyof typeof modes, any>} */
const classes = /** @type {any} */ (
  Object.fromEntries(Object.entries(modes).map(([name, mode]) => [name, makeClass(mode, name)]))
);

module.exports = { classes, retire };
