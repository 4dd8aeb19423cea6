'use strict';

/**
 * `node:fs` streams whose reading and writing is native. The classes extend Node's own, so that options, checks,
 * properties and methods are those of the Node that runs; ours is only where the bytes come from and go to.
 */

const nodeFs = require('node:fs');
const { Port } = require('./internal/port.js');
const { kInput, kOutput, kOutputEnded, kOpened, kFailed, kSettled } = require('./internal/port-keys.js');
const { event } = require('./internal/doorbell.js');
const { readableSide, writableSide, mix, own, bounded, without } = require('./internal/native-stream.js');
const { openFlags, openMode } = require('./internal/open-flags.js');
const { read: readStats, unmeasured } = require('./internal/stats.js');
const { boolean } = require('./internal/options.js');
const { destroyedError, invalidArgValue } = require('./internal/errors.js');

// Taken now: whoever replaces them in `node:fs` later, perhaps by ours, changes nothing here.
const { ReadStream: NodeReadStream, WriteStream: NodeWriteStream } = nodeFs;

/** Bytes in one read for JavaScript, as in `node:fs`. */
const READ_BYTES = 64 * 1024;

/** Node's own methods. */
const kBase = Symbol('millrace.fs.base');
/** Which port is the stream's: `kInput` or `kOutput`. */
const kSide = Symbol('millrace.fs.side');
/** What the stream was made with. */
const kOptions = Symbol('millrace.fs.options');
/** Makes the port before the file is open. */
const kPrepare = Symbol('millrace.fs.prepare');
/** Makes the port. */
const kAttach = Symbol('millrace.fs.attach');
/** The callback of `_construct` while the file is being opened. */
const kOpening = Symbol('millrace.fs.opening');
/** The file is open, and the descriptor is ours to close. */
const kOpenedHere = Symbol('millrace.fs.openedHere');
/** `_destroy` was called. */
const kOver = Symbol('millrace.fs.over');
/** A write was given a callback: from then on callbacks wait until the bytes are in the file. */
const kWatched = Symbol('millrace.fs.watched');

/** The callback of `_final` while the file is being completed. */
const kCompleted = Symbol('millrace.fs.completed');

/** @typedef {(error?: Error | null) => void} Callback */

/** Functions that Node's streams call, as they were. Not `close`: there are packages that replace it for everybody. */
const CALLED = { open: nodeFs.open, read: nodeFs.read, write: nodeFs.write, writev: nodeFs.writev, fsync: nodeFs.fsync };

/**
 * Whether somebody wants to see the calls that Node's stream would make: functions of `node:fs`, or methods of the given
 * `FileHandle`, were replaced.
 *
 * @param {any} fd
 * @returns {boolean}
 */
function watched(fd) {
  const given = typeof fd === 'object' && fd !== null;
  return Object.entries(CALLED).some(([name, own]) =>
    given ? Object.hasOwn(fd, name) : /** @type {any} */ (nodeFs)[name] !== own,
  );
}

/**
 * The options that Node does not keep as properties, as they were at the call. `theirs`: the stream stays Node's.
 *
 * @param {unknown} options
 * @returns {{ fs: any, autoClose: any, highWaterMark: any, fd: any, flags: any, atomic: boolean, theirs: boolean }}
 */
function chosen(options) {
  const { fs, autoClose, highWaterMark, fd, flags, atomic } = /** @type {any} */ (
    typeof options === 'object' && options !== null ? options : {}
  );
  const aside = boolean({ atomic }, 'atomic', false);
  // Descriptors of JavaScript's cannot be duplicated there.
  const foreign = process.platform === 'win32' && (typeof fd === 'number' || Boolean(fd) || autoClose === false);
  const theirs = Boolean(fs) || foreign || (!aside && watched(fd));
  return { fs, autoClose, highWaterMark, fd, flags, atomic: aside, theirs };
}

/**
 * What is written aside is a new file: nothing of the old one can be kept, and there must be a name to give it.
 *
 * @param {{ fs: any, fd: any, flags: any }} options
 */
function checkAtomic({ fs, fd, flags = 'w' }) {
  if (fs || (fd !== undefined && fd !== null)) {
    const key = fs ? 'fs' : 'fd';
    throw invalidArgValue('options.atomic', true, `cannot be used with options.${key}`);
  }
  const bits = openFlags(flags);
  const { O_CREAT, O_TRUNC, O_APPEND } = nodeFs.constants;
  if ((bits & (O_CREAT | O_TRUNC | O_APPEND)) !== (O_CREAT | O_TRUNC)) {
    throw invalidArgValue('options.flags', flags, "must be 'w', 'wx', 'w+' or 'wx+' where options.atomic is true");
  }
}

/**
 * From open to close.
 *
 * @type {ThisType<any>}
 */
const fileLife = {
  _construct(/** @type {Callback} */ callback) {
    const { open, _construct } = this[kBase];
    const { theirs, autoClose } = this[kOptions];
    if (this[kOver]) {
      // Aborted before it began. Node opens the file nonetheless, and leaves it open.
      callback();
    } else if (theirs) {
      _construct.call(this, callback);
    } else if (this.open !== open || (this.fd === null && autoClose === false)) {
      // Somebody replaced `open`, or the descriptor is to outlive the stream: Node opens, and we get a duplicate.
      _construct.call(this, (/** @type {Error | null | undefined} */ error) => {
        if (!error) this[kAttach](this.fd);
        callback(error);
      });
    } else {
      const port = this[this[kSide]] ?? this[kAttach](this.fd);
      if (typeof this.fd === 'number') callback();
      else {
        this[kOpening] = callback;
        port.begin();
      }
    }
  },

  /** Makes the port at once where that is possible, so that a stream can be composed and measured before it is open. */
  [kPrepare]() {
    const { theirs, autoClose } = this[kOptions];
    if (theirs || this.destroyed || this.open !== this[kBase].open || (this.fd === null && autoClose === false)) return;
    try {
      this[kAttach](this.fd);
    } catch {
      // As in Node, flags and mode are wrong when the file is opened, which tells by an event.
    }
  },

  stats() {
    const port = this[this[kSide]];
    return port === undefined ? unmeasured(this.constructor.name, 0) : readStats(port);
  },

  [kOpened]() {
    const callback = this[kOpening];
    if (callback === undefined) return;
    this[kOpening] = undefined;
    this[kOpenedHere] = true;
    this.fd = Number(this[this[kSide]].operator.descriptor());
    callback();
    this.emit('open', this.fd);
    this.emit('ready');
  },

  [kSettled](/** @type {number} */ bits) {
    const port = this[this[kSide]];
    if (bits & event.FAILED) port.fail();
    else if (port.operator.descriptor() >= 0) this[kOpened]();
    else {
      // The opening was interrupted, because of a `destroy` that goes on now.
      const callback = this[kOpening];
      this[kOpening] = undefined;
      callback?.();
    }
  },

  destroy(/** @type {Error | undefined} */ error, /** @type {Callback | undefined} */ callback) {
    this[kBase].destroy.call(this, error, callback);
    // The opening of a FIFO may last forever.
    if (this[kOpening] !== undefined) this[this[kSide]].operator.interrupt();
    return this;
  },

  [kFailed](/** @type {Error} */ error) {
    const callback = this[kOpening] ?? this[this[kSide]].takeCallback();
    this[kOpening] = undefined;
    if (callback !== undefined) callback(error);
    else if (this.autoClose) this.destroy(error);
    else this.emit('error', error);
  },

  _destroy(/** @type {Error | null} */ error, /** @type {Callback} */ callback) {
    this[kOver] = true;
    const { _destroy } = this[kBase];
    const port = this[this[kSide]];
    if (port === undefined) {
      _destroy.call(this, error, callback);
      return;
    }
    port.destroy(true, () => {
      // A write that was under way, as Node ends it.
      port.takeCallback()?.(destroyedError('write'));
      // One that was given, or that Node opened, is Node's to close.
      if (!this[kOpenedHere]) {
        _destroy.call(this, error, callback);
        return;
      }
      // Ours is closed already, perhaps in the very tick of `finish`. Node's `close` is never that soon, and who awaits one
      // event after the other must not miss it.
      this.fd = null;
      setImmediate(() => _destroy.call(this, error ?? port.closeError(), callback));
    });
  },
};

/**
 * Counters that Node keeps as plain properties, and only the operator knows.
 *
 * @param {any} stream
 * @param {string} name
 * @param {() => number | undefined} count
 */
function counter(stream, name, count) {
  Object.defineProperty(stream, name, { get: count, set() {}, enumerable: true, configurable: true });
}

/**
 * A constructor that may be called without `new`, as Node's may: programs that wrap `fs` do.
 *
 * @param {Function} type
 * @param {any} base Node's
 * @param {object[]} sides
 */
function inherit(type, base, sides) {
  Object.setPrototypeOf(type, base);
  Object.setPrototypeOf(type.prototype, base.prototype);
  mix(type, [...sides, { [kBase]: base.prototype }]);
}

/**
 * Reads a file.
 *
 * @this {any}
 * @param {any} path
 * @param {any} [options]
 */
function ReadStream(path, options) {
  if (!(this instanceof ReadStream)) return new /** @type {any} */ (ReadStream)(path, options);
  NodeReadStream.call(this, path, options);
  this[kOptions] = chosen(options);
  this[kPrepare]();
}

/** @type {ThisType<any>} */
const reading = {
  [kSide]: kOutput,

  /**
   * @param {number | null} fd that is open already
   * @returns {Port}
   */
  [kAttach](fd) {
    const { highWaterMark } = this[kOptions];
    const { start, end } = this;
    const port = new Port(
      this,
      bounded(
        { readableHighWaterMark: highWaterMark },
        {
          name: 'createReadStream',
          spec: {
            stage: 'fileSource',
            fd,
            start: start ?? null,
            end: end === Infinity ? null : end,
            readBytes: highWaterMark ?? READ_BYTES,
            readBytesSet: highWaterMark !== undefined,
            flags: fd === null ? openFlags(this.flags) : 0,
            mode: fd === null ? openMode(this.mode) : 0,
          },
          blob: Buffer.from(this.path ?? ''),
          chunkSize: highWaterMark ?? READ_BYTES,
        },
      ),
    );
    own(this, kOutput, port);
    port.ownRead = reading._read;
    counter(this, 'bytesRead', () => port.bytesGiven());
    counter(this, 'pos', () => (start === undefined ? undefined : start + port.bytesGiven()));
    return port;
  },

  _read(/** @type {number} */ size) {
    if (this[kOutput] === undefined) NodeReadStream.prototype._read.call(this, size);
    else readableSide._read.call(this);
  },

  [kOutputEnded]() {
    this.push(null);
  },
};

inherit(ReadStream, NodeReadStream, [without(readableSide, ['_read']), fileLife, reading]);

/**
 * Writes a file.
 *
 * @this {any}
 * @param {any} path
 * @param {any} [options]
 */
function WriteStream(path, options) {
  if (!(this instanceof WriteStream)) return new /** @type {any} */ (WriteStream)(path, options);
  const own = chosen(options);
  if (own.atomic) checkAtomic(own);
  NodeWriteStream.call(this, path, options);
  this[kOptions] = own;
  this[kWatched] = false;
  /** @type {Callback | null} */
  this[kCompleted] = null;
  this[kPrepare]();
}

/** @type {ThisType<any>} */
const writing = {
  [kSide]: kInput,

  /**
   * @param {number | null} fd that is open already
   * @returns {Port}
   */
  [kAttach](fd) {
    const { highWaterMark, atomic } = this[kOptions];
    const { start, flush } = this;
    const port = new Port(
      this,
      bounded(
        { writableHighWaterMark: highWaterMark },
        {
          name: 'createWriteStream',
          spec: {
            stage: 'fileSink',
            fd,
            start: start ?? null,
            flags: fd === null ? openFlags(this.flags) : 0,
            mode: fd === null ? openMode(this.mode) : 0,
            atomic,
            // What was given is synced by Node, before it closes it.
            flush: fd === null && flush,
          },
          blob: Buffer.from(this.path ?? ''),
        },
      ),
    );
    own(this, kInput, port);
    port.ownWrite = writing._write;
    port.ownAccept = writing.write;
    counter(this, 'bytesWritten', () => port.bytesGiven());
    counter(this, 'pos', () => (start === undefined ? undefined : start + port.bytesGiven()));
    return port;
  },

  write(/** @type {any} */ chunk, /** @type {any} */ encoding, /** @type {any} */ callback) {
    if (typeof encoding === 'function' || typeof callback === 'function') this[kWatched] = true;
    return NodeWriteStream.prototype.write.call(this, chunk, encoding, callback);
  },

  _write(/** @type {Buffer} */ chunk, /** @type {BufferEncoding} */ encoding, /** @type {Callback} */ callback) {
    const port = this[kInput];
    if (port === undefined) NodeWriteStream.prototype._write.call(this, chunk, encoding, callback);
    else if (this[kWatched]) port.writeThrough([{ chunk }], callback);
    else port.write(chunk, callback);
  },

  _writev(/** @type {{ chunk: Buffer, encoding: BufferEncoding }[]} */ chunks, /** @type {Callback} */ callback) {
    const port = this[kInput];
    if (port === undefined) NodeWriteStream.prototype._writev?.call(this, chunks, callback);
    else if (this[kWatched]) port.writeThrough(chunks, callback);
    else port.writeAll(chunks, callback);
  },

  _final(/** @type {Callback} */ callback) {
    const port = this[kInput];
    if (port === undefined) {
      callback();
      return;
    }
    this[kCompleted] = callback;
    port.end();
  },

  [kOutputEnded]() {
    this[kCompleted]?.();
  },
};

inherit(WriteStream, NodeWriteStream, [without(writableSide, ['_write']), fileLife, writing]);

/**
 * @param {any} path
 * @param {any} [options]
 * @returns {any} a `ReadStream`
 */
function createReadStream(path, options) {
  return new /** @type {any} */ (ReadStream)(path, options);
}

/**
 * @param {any} path
 * @param {any} [options]
 * @returns {any} a `WriteStream`
 */
function createWriteStream(path, options) {
  return new /** @type {any} */ (WriteStream)(path, options);
}

module.exports = { createReadStream, createWriteStream, ReadStream, WriteStream };
