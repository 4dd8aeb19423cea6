'use strict';

/** One-shots: sync, with a callback, with a promise. */

const { Writable, addAbortSignal } = require('node:stream');
const { isAnyArrayBuffer } = require('node:util/types');
const { promisify } = require('node:util');
const { abortError, invalidArgType } = require('./errors.js');
const { run } = require('./zlib-codec.js');
const { modes, readOptions } = require('./zlib-options.js');
const { classes, retire } = require('./zlib-stream.js');

/** @typedef {import('./zlib-options.js').Settings} Settings */
/** @typedef {keyof typeof modes} Name */

/**
 * Work that is done on this thread although nobody asked for that: less than a way to another thread and back costs.
 * Bytes of input to compress, of input to decompress, and of its output.
 */
const INLINE_PLAIN = 8 * 1024;
const INLINE_COMPRESSED = 16 * 1024;
const INLINE_OUTPUT = 64 * 1024;

/** Bytes that go to the pool at a time, so that a large input is not copied in one go. */
const PIECE = 256 * 1024;
/** Bytes in which the result comes. */
const RESULT_CHUNK = 256 * 1024;

const TYPES = ['string', 'Buffer', 'TypedArray', 'DataView', 'ArrayBuffer'];

/**
 * @param {unknown} data
 * @returns {Uint8Array}
 */
function bytesOf(data) {
  if (typeof data === 'string') return Buffer.from(data);
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (isAnyArrayBuffer(data)) return Buffer.from(/** @type {ArrayBuffer} */ (data));
  throw invalidArgType('buffer', TYPES, data);
}

/**
 * What a callback one-shot is given. Node ends a stream with it: nothing is no bytes, and what is no chunk gets the
 * stream's error.
 *
 * @param {unknown} data
 * @returns {Uint8Array}
 */
function chunkOf(data) {
  if (data == null) return Buffer.alloc(0);
  if (typeof data !== 'string' && !ArrayBuffer.isView(data) && !isAnyArrayBuffer(data)) new Writable().write(data);
  return bytesOf(data);
}

/**
 * @param {Name} name
 * @param {any} options
 * @param {Settings} settings
 * @param {Uint8Array} input
 * @param {number} most bytes of output
 * @returns {any} the result, or with `info` also the stream that stands for it
 */
function now(name, options, settings, input, most) {
  const { buffer, consumed } = run(settings, input, settings.finishFlush, most);
  if (!settings.info) return buffer;
  const engine = new classes[name](options);
  retire(engine, consumed, asBuffer(input).subarray(consumed));
  return { buffer, engine };
}

/**
 * @param {Uint8Array} bytes
 * @returns {Buffer} the same memory
 */
function asBuffer(bytes) {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * @param {Name} name
 * @param {any} options
 * @param {Settings} settings
 * @param {Uint8Array} input
 * @returns {any} the result, or undefined where the work is too much for this thread
 */
function nowIfSmall(name, options, settings, input) {
  const compresses = settings.mode.format !== undefined;
  if (input.length > (compresses ? INLINE_PLAIN : INLINE_COMPRESSED)) return undefined;
  const most = compresses ? settings.maxOutputLength : Math.min(settings.maxOutputLength, INLINE_OUTPUT);
  try {
    return now(name, options, settings, input, most);
  } catch (error) {
    // More output than is small, not more than is allowed.
    if (/** @type {any} */ (error).code === 'ERR_BUFFER_TOO_LARGE' && most < settings.maxOutputLength) return undefined;
    throw error;
  }
}

/**
 * Does the work on the pool, by a stream.
 *
 * @param {Name} name
 * @param {any} options
 * @param {Settings} settings
 * @param {Uint8Array} input
 * @param {(error: Error | null, result?: any) => void} callback
 */
function later(name, options, settings, input, callback) {
  const engine = new classes[name]({
    ...options,
    signal: undefined,
    highWaterMark: undefined,
    flush: undefined,
    chunkSize: RESULT_CHUNK,
    readableHighWaterMark: 4 * RESULT_CHUNK,
    maxOutputLength: settings.maxOutputLength,
  });
  if (settings.signal) addAbortSignal(settings.signal, engine);
  /** @type {Buffer[]} */
  const chunks = [];
  engine.on('data', (/** @type {Buffer} */ chunk) => chunks.push(chunk));
  engine.on('error', callback);
  engine.on('end', () => {
    const buffer = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    const consumed = engine.bytesWritten;
    engine.destroy();
    if (settings.info) {
      engine.bytesWritten = consumed;
      retire(engine, consumed, asBuffer(input).subarray(consumed));
      callback(null, { buffer, engine });
    } else {
      callback(null, buffer);
    }
  });
  let at = 0;
  const feed = () => {
    while (at < input.length) {
      const piece = input.subarray(at, at + PIECE);
      at += piece.length;
      if (!engine.write(piece)) {
        engine.once('drain', feed);
        return;
      }
    }
    engine.end();
  };
  feed();
}

/**
 * @param {Name} name
 * @returns {(buffer: any, options?: any) => any}
 */
function makeSync(name) {
  const mode = modes[name];
  return (buffer, options) => {
    const settings = readOptions(options, mode);
    return now(name, options, settings, bytesOf(buffer), settings.maxOutputLength);
  };
}

/**
 * @param {Name} name
 * @returns {(buffer: any, options?: any, callback?: any) => void}
 */
function makeCallback(name) {
  const mode = modes[name];
  return (buffer, options, callback) => {
    if (typeof options === 'function') {
      callback = options;
      options = undefined;
    }
    const settings = readOptions(options, mode);
    if (typeof callback !== 'function') throw invalidArgType('callback', 'function', callback);
    const input = chunkOf(buffer);
    if (settings.signal?.aborted) {
      process.nextTick(callback, abortError(settings.signal));
      return;
    }
    let result;
    try {
      result = nowIfSmall(name, options, settings, input);
    } catch (error) {
      process.nextTick(callback, error);
      return;
    }
    if (result === undefined) later(name, options, settings, input, callback);
    else process.nextTick(callback, null, result);
  };
}

/**
 * @param {Name} name
 * @returns {(buffer: any, options?: any) => Promise<any>}
 */
function makePromise(name) {
  const mode = modes[name];
  return (buffer, options) => {
    try {
      const settings = readOptions(options, mode);
      const input = bytesOf(buffer);
      if (settings.signal?.aborted) return Promise.reject(abortError(settings.signal));
      const result = nowIfSmall(name, options, settings, input);
      if (result !== undefined) return Promise.resolve(result);
      return new Promise((resolve, reject) => {
        later(name, options, settings, input, (error, value) => (error ? reject(error) : resolve(value)));
      });
    } catch (error) {
      return Promise.reject(/** @type {Error} */ (error));
    }
  };
}

/**
 * @param {Name} name
 * @returns {{ sync: any, callback: any, promise: any }}
 */
function makeOneShots(name) {
  const sync = makeSync(name);
  const callback = makeCallback(name);
  const promise = makePromise(name);
  const base = modes[name].name;
  Object.defineProperty(sync, 'name', { value: `${base}Sync` });
  Object.defineProperty(callback, 'name', { value: base });
  Object.defineProperty(promise, 'name', { value: base });
  Object.defineProperty(callback, promisify.custom, { value: promise });
  return { sync, callback, promise };
}

module.exports = { makeOneShots };
