'use strict';

/** Text: whole lines, upper and lower case. See `docs/text.md`. */

const { constants } = require('node:buffer');
const { FramedTransform } = require('./internal/framed-stream.js');
const { LineUnframer } = require('./internal/line-frames.js');
const { NativeTransform } = require('./internal/native-stream.js');
const {
  boolean,
  integer,
  oneOf,
  oneSidedOptions,
  optionsObject,
  streamOptions,
  threads,
} = require('./internal/options.js');

/** Longest line in bytes unless `maxLength` says otherwise. */
const DEFAULT_MAX_LENGTH = 16 * 1024 * 1024;
/** Longest line that may be asked for, in bytes; see `MAX_LINE_LENGTH` in Rust. */
const MAX_LENGTH = 2 ** 30;

/**
 * Splits what flows by into lines: as batches of whole lines in bytes, or as one string a line in object mode.
 *
 * @param {import('./text.js').LinesOptions} [options]
 * @returns {import('node:stream').Transform}
 * @throws {TypeError | RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`
 */
function lines(options) {
  const given = optionsObject(options);
  const framed = boolean(given, 'objectMode', false) || boolean(given, 'readableObjectMode', false);
  const most = framed ? Math.min(MAX_LENGTH, constants.MAX_STRING_LENGTH) : MAX_LENGTH;
  const spec = {
    stage: 'lines',
    maxLength: integer(given, 'maxLength', 1, most, DEFAULT_MAX_LENGTH),
    keepEnds: boolean(given, 'keepEnds', false),
    onTooLong: oneOf(given, 'onTooLong', ['error', 'skip', 'truncate'], 'error'),
    framed,
    threads: threads(given),
  };
  const port = { name: 'lines', spec };
  return framed
    ? new FramedTransform(oneSidedOptions(given, 'readable'), { ...port, unframer: new LineUnframer() })
    : new NativeTransform(streamOptions(given), { ...port, wholeRows: true });
}

/**
 * @param {string} name
 * @param {boolean} upper
 * @param {import('./text.js').CaseOptions | undefined} options
 * @returns {NativeTransform}
 */
function caseMap(name, upper, options) {
  const given = optionsObject(options);
  const refuseInvalid = oneOf(given, 'utf8', ['error', 'replace'], 'replace') === 'error';
  const spec = { stage: 'case', upper, refuseInvalid, threads: threads(given) };
  return new NativeTransform(streamOptions(given), { name, spec });
}

/**
 * UTF-8 text in upper case, by Unicode's full mapping: as `String.prototype.toUpperCase` of the whole text.
 *
 * @param {import('./text.js').CaseOptions} [options]
 * @returns {import('node:stream').Transform}
 * @throws {TypeError | RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`
 */
function upperCase(options) {
  return caseMap('upperCase', true, options);
}

/**
 * UTF-8 text in lower case, by Unicode's full mapping: as `String.prototype.toLowerCase` of the whole text.
 *
 * @param {import('./text.js').CaseOptions} [options]
 * @returns {import('node:stream').Transform}
 * @throws {TypeError | RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`
 */
function lowerCase(options) {
  return caseMap('lowerCase', false, options);
}

module.exports = { lines, upperCase, lowerCase };
