'use strict';

/** Options of the deflate family: Node's checks in Node's order and words, and ours behind them. */

const buffer = require('node:buffer');
const { isAnyArrayBuffer } = require('node:util/types');
const { constants } = require('node:zlib');
const { invalidArgType, outOfRange } = require('./errors.js');
const { boolean, oneOf, threads } = require('./options.js');

const {
  Z_NO_FLUSH, Z_FINISH, Z_BLOCK,
  Z_MIN_CHUNK, Z_MIN_WINDOWBITS, Z_MAX_WINDOWBITS, Z_DEFAULT_WINDOWBITS,
  Z_MIN_LEVEL, Z_MAX_LEVEL, Z_DEFAULT_COMPRESSION,
  Z_MIN_MEMLEVEL, Z_MAX_MEMLEVEL, Z_DEFAULT_MEMLEVEL,
  Z_DEFAULT_STRATEGY, Z_FIXED,
} = constants;

/** As it was when this was loaded: Node's module reads it then, too. */
const { kMaxLength } = buffer;

/**
 * What one of the seven does.
 *
 * @typedef {object} Mode
 * @property {string} name the stage, as people know it
 * @property {'gzip' | 'zlib' | 'raw'} [format] of what it makes; compressors only
 * @property {number} minWindowBits
 * @property {boolean} headerWindow `windowBits` may be 0: as the header says
 */

/** @type {Record<'Gzip' | 'Gunzip' | 'Deflate' | 'Inflate' | 'DeflateRaw' | 'InflateRaw' | 'Unzip', Mode>} */
const modes = {
  Gzip: { name: 'gzip', format: 'gzip', minWindowBits: Z_MIN_WINDOWBITS + 1, headerWindow: false },
  Gunzip: { name: 'gunzip', minWindowBits: Z_MIN_WINDOWBITS, headerWindow: true },
  Deflate: { name: 'deflate', format: 'zlib', minWindowBits: Z_MIN_WINDOWBITS, headerWindow: false },
  Inflate: { name: 'inflate', minWindowBits: Z_MIN_WINDOWBITS, headerWindow: true },
  DeflateRaw: { name: 'deflateRaw', format: 'raw', minWindowBits: Z_MIN_WINDOWBITS, headerWindow: false },
  InflateRaw: { name: 'inflateRaw', minWindowBits: Z_MIN_WINDOWBITS, headerWindow: false },
  Unzip: { name: 'unzip', minWindowBits: Z_MIN_WINDOWBITS, headerWindow: true },
};

/**
 * Options once checked.
 *
 * @typedef {object} Settings
 * @property {Mode} mode
 * @property {number} level
 * @property {number} windowBits
 * @property {number} memLevel
 * @property {number} strategy
 * @property {Uint8Array | undefined} dictionary
 * @property {number | undefined} chunkSize bytes, where it was given
 * @property {number} flush zlib's number, for every write
 * @property {number} finishFlush zlib's number, for the end
 * @property {number} maxOutputLength bytes
 * @property {boolean} limited `maxOutputLength` was given
 * @property {number | undefined} maxRatio
 * @property {boolean} rejectGarbageAfterEnd
 * @property {'all' | 'first'} members
 * @property {number} threads 0 for as many as there are
 * @property {boolean} info
 * @property {AbortSignal | undefined} signal
 */

/**
 * @param {unknown} number
 * @param {string} name
 * @returns {number is number} false where the default is meant: `undefined` and NaN
 */
function isGiven(number, name) {
  if (number === undefined) return false;
  if (Number.isFinite(number)) return true;
  if (Number.isNaN(number)) return false;
  if (typeof number !== 'number') throw invalidArgType(name, 'number', number);
  throw outOfRange(name, 'a finite number', number);
}

/**
 * @param {unknown} number
 * @param {string} name
 * @param {number} min
 * @param {number} max
 * @param {number} fallback
 * @returns {number}
 */
function ranged(number, name, min, max, fallback) {
  if (!isGiven(number, name)) return fallback;
  if (number < min || number > max) throw outOfRange(name, `>= ${min} and <= ${max}`, number);
  return number;
}

/**
 * @param {any} options
 * @param {Mode} mode
 * @returns {number}
 */
function windowBits({ windowBits: bits }, { minWindowBits, headerWindow, format }) {
  // The largest window reads data of any window, so what the header says need not be asked.
  if (headerWindow && (bits == null || bits === 0)) return Z_DEFAULT_WINDOWBITS;
  const checked = ranged(bits, 'options.windowBits', minWindowBits, Z_MAX_WINDOWBITS, Z_DEFAULT_WINDOWBITS);
  // zlib takes 9 for 8 when it compresses, and says so in the header; raw data has none.
  return format === 'raw' && checked === Z_MIN_WINDOWBITS ? Z_MIN_WINDOWBITS + 1 : Math.trunc(checked);
}

/**
 * @param {unknown} dictionary
 * @returns {Uint8Array | undefined}
 */
function dictionaryBytes(dictionary) {
  if (dictionary === undefined) return undefined;
  if (dictionary instanceof Uint8Array) return dictionary;
  if (ArrayBuffer.isView(dictionary)) {
    return new Uint8Array(dictionary.buffer, dictionary.byteOffset, dictionary.byteLength);
  }
  if (isAnyArrayBuffer(dictionary)) return new Uint8Array(/** @type {ArrayBuffer} */ (dictionary));
  throw invalidArgType('options.dictionary', ['Buffer', 'TypedArray', 'DataView', 'ArrayBuffer'], dictionary);
}

/**
 * @param {any} options
 * @returns {number | undefined}
 */
function ratio({ maxRatio }) {
  if (maxRatio === undefined) return undefined;
  if (typeof maxRatio !== 'number') throw invalidArgType('options.maxRatio', 'number', maxRatio);
  if (!(maxRatio >= 1)) throw outOfRange('options.maxRatio', '>= 1', maxRatio);
  // No limit at all.
  return maxRatio === Infinity ? undefined : maxRatio;
}

/**
 * @param {any} signal
 * @returns {AbortSignal | undefined}
 */
function abortSignal(signal) {
  if (!signal) return undefined;
  // As `stream.addAbortSignal` words it.
  if (typeof signal !== 'object' || !('aborted' in signal)) throw invalidArgType('signal', 'AbortSignal', signal);
  return signal;
}

/**
 * @param {Mode} mode
 * @returns {Settings}
 */
function defaults(mode) {
  return {
    mode,
    level: Z_DEFAULT_COMPRESSION,
    windowBits: Z_DEFAULT_WINDOWBITS,
    memLevel: Z_DEFAULT_MEMLEVEL,
    strategy: Z_DEFAULT_STRATEGY,
    dictionary: undefined,
    chunkSize: undefined,
    flush: Z_NO_FLUSH,
    finishFlush: Z_FINISH,
    maxOutputLength: kMaxLength,
    limited: false,
    maxRatio: undefined,
    rejectGarbageAfterEnd: false,
    members: 'all',
    threads: 0,
    info: false,
    signal: undefined,
  };
}

/** @type {Map<Mode, Settings>} */
const untouched = new Map(Object.values(modes).map((mode) => [mode, Object.freeze(defaults(mode))]));

/**
 * @param {any} options
 * @param {Mode} mode
 * @returns {Settings}
 * @throws {TypeError | RangeError} as Node does
 */
function readOptions(options, mode) {
  if (!options) return /** @type {Settings} */ (untouched.get(mode));
  const settings = defaults(mode);
  settings.windowBits = windowBits(options, mode);
  settings.level = Math.trunc(
    ranged(options.level, 'options.level', Z_MIN_LEVEL, Z_MAX_LEVEL, Z_DEFAULT_COMPRESSION));
  settings.memLevel = Math.trunc(
    ranged(options.memLevel, 'options.memLevel', Z_MIN_MEMLEVEL, Z_MAX_MEMLEVEL, Z_DEFAULT_MEMLEVEL));
  settings.strategy = Math.trunc(
    ranged(options.strategy, 'options.strategy', Z_DEFAULT_STRATEGY, Z_FIXED, Z_DEFAULT_STRATEGY));
  settings.dictionary = dictionaryBytes(options.dictionary);
  if (isGiven(options.chunkSize, 'options.chunkSize')) {
    if (options.chunkSize < Z_MIN_CHUNK) throw outOfRange('options.chunkSize', `>= ${Z_MIN_CHUNK}`, options.chunkSize);
    settings.chunkSize = Math.trunc(options.chunkSize);
  }
  settings.flush = Math.trunc(ranged(options.flush, 'options.flush', Z_NO_FLUSH, Z_BLOCK, Z_NO_FLUSH));
  settings.finishFlush = Math.trunc(
    ranged(options.finishFlush, 'options.finishFlush', Z_NO_FLUSH, Z_BLOCK, Z_FINISH));
  settings.limited = isGiven(options.maxOutputLength, 'options.maxOutputLength');
  settings.maxOutputLength = Math.trunc(
    ranged(options.maxOutputLength, 'options.maxOutputLength', 1, kMaxLength, kMaxLength));
  settings.maxRatio = ratio(options);
  settings.rejectGarbageAfterEnd = boolean(options, 'rejectGarbageAfterEnd', false);
  settings.members = oneOf(options, 'members', /** @type {const} */ (['all', 'first']), 'all');
  settings.threads = threads(options);
  settings.info = Boolean(options.info);
  settings.signal = abortSignal(options.signal);
  return settings;
}

/**
 * @param {Settings} settings
 * @param {boolean} limits also those of the output
 * @returns {object} the stage, as Rust knows it
 */
function stageSpec(settings, limits) {
  const { mode, level, memLevel, strategy, members, rejectGarbageAfterEnd, maxRatio } = settings;
  const limit = limits && settings.limited ? settings.maxOutputLength : undefined;
  if (mode.format !== undefined) {
    return {
      stage: 'deflate',
      format: mode.format,
      level,
      windowBits: settings.windowBits,
      memLevel,
      strategy,
      threads: settings.threads,
      outputLimit: limit,
    };
  }
  return {
    stage: 'inflate',
    mode: mode.name,
    windowBits: settings.windowBits,
    finishFlushSync: settings.finishFlush !== Z_FINISH,
    rejectGarbageAfterEnd,
    firstMember: members === 'first',
    maxRatio,
    maxOutput: limit,
  };
}

module.exports = { modes, readOptions, stageSpec, ranged, kMaxLength };
