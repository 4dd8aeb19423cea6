'use strict';

const { Duplex, finished, pipeline } = require('node:stream');
const { invalidArgType, invalidArgValue } = require('./internal/errors.js');
const { fuse } = require('./internal/fusion.js');
const { kInput, kOutput, kComposed, kParts, kOwnMethods } = require('./internal/port-keys.js');
const { mix, readableSide, without, writableSide } = require('./internal/native-stream.js');
const { read: readStats, unmeasured } = require('./internal/stats.js');

/**
 * Several streams as one Duplex: what is written goes into the first, what is read comes from the last. Native stages
 * inside are fused with each other, and with native streams that the whole is piped from or to.
 *
 * An error of any of them destroys the whole with that error; destroying the whole destroys all of them.
 *
 * @param {...(Duplex | import('node:stream').Readable | import('node:stream').Writable)} streams at least one; all but the
 *   first writable, all but the last readable
 * @returns {Composed}
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 */
function compose(...streams) {
  if (streams.length === 0) throw invalidArgValue('streams', streams, 'must hold at least one stream');
  streams.forEach((stream, index) => {
    const any = /** @type {any} */ (stream);
    if (typeof any?.pipe !== 'function' && typeof any?.write !== 'function') {
      throw invalidArgType(`streams[${index}]`, 'Stream', stream);
    }
    if (index > 0 && typeof any.write !== 'function') {
      throw invalidArgValue(`streams[${index}]`, stream, 'must be writable');
    }
    if (index < streams.length - 1 && typeof any.read !== 'function') {
      throw invalidArgValue(`streams[${index}]`, stream, 'must be readable');
    }
  });
  return new Composed(streams);
}

/** See `compose`. */
class Composed extends Duplex {
  /** @param {any[]} streams */
  constructor(streams) {
    const first = streams[0];
    const last = streams[streams.length - 1];
    const writable = typeof first.write === 'function';
    const readable = typeof last.read === 'function';
    super({
      readable,
      writable,
      writableObjectMode: writable && first.writableObjectMode,
      readableObjectMode: readable && last.readableObjectMode,
      writableHighWaterMark: writable ? first.writableHighWaterMark : 0,
      readableHighWaterMark: readable ? last.readableHighWaterMark : 0,
    });
    Object.defineProperty(this, kParts, { value: streams });
    for (const stream of streams) Object.defineProperty(stream, kComposed, { value: this, configurable: true });
    this._first = first;
    this._last = last;
    this._pumping = false;
    this._wants = false;
    Object.defineProperty(this, kOwnMethods, { value: { read: Composed.prototype._read, write: Composed.prototype._write } });
    if (writable && first[kInput]) Object.defineProperty(this, kInput, { value: first[kInput] });
    if (readable && last[kOutput]) {
      Object.defineProperty(this, kOutput, { value: last[kOutput] });
      last[kOutput].outer = this;
    }
    const done = (/** @type {NodeJS.ErrnoException | null | undefined} */ error) => {
      if (error && !this.destroyed) this.destroy(error);
    };
    if (streams.length > 1) pipeline(streams, done);
    else finished(first, { readable, writable }, done);
    if (readable) {
      last.on('end', () => this.push(null));
    }
  }

  _read() {
    if (this[kOutput] && !this._pumping && fuse(this)) return;
    this._wants = true;
    if (!this._pumping) {
      this._pumping = true;
      this._last.on('readable', () => this._pump());
    }
    this._pump();
  }

  _pump() {
    while (this._wants && !this.destroyed) {
      const chunk = this._last.read();
      if (chunk === null) return;
      this._wants = this.push(chunk);
    }
  }

  /** @returns {import('./inspect.js').StageStats} the counters of its native end, the first where both are */
  stats() {
    const port = this[kInput] ?? this[kOutput];
    return port === undefined ? unmeasured(Composed.name, 0) : readStats(port);
  }

  /** The link behind the last stream ended with the data. */
  outputEnded() {
    // Nobody reads the last stream while it is linked: its `end` waits for a read.
    if (!this._pumping) process.nextTick(() => this._last.read());
  }

  /** Bytes come to JavaScript from here on. */
  outputUnlinked() {
    if (!this.destroyed && !this._last.readableEnded) this._read();
  }

  /**
   * @param {any} chunk
   * @param {BufferEncoding} encoding
   * @param {(error?: Error | null) => void} callback
   */
  _write(chunk, encoding, callback) {
    if (this._first.write(chunk, encoding)) callback();
    else this._first.once('drain', callback);
  }

  /** @param {(error?: Error | null) => void} callback */
  _final(callback) {
    this._first.once('finish', () => callback());
    this._first.end();
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback
   */
  _destroy(error, callback) {
    for (const stream of /** @type {any} */ (this)[kParts]) if (!stream.destroyed) stream.destroy(error ?? undefined);
    callback(error);
  }
}
// Only what watches for onlookers; reading, writing and counters are its own.
mix(Composed, [without(readableSide, ['_read', 'stats']), without(writableSide, ['_write', 'stats', 'writableLength'])]);

module.exports = { compose };
