'use strict';

/** JSON Lines: rows checked, edited, parsed and written. See `docs/jsonl.md`. */

const { isWritable } = require('node:stream');
const { FramedTransform } = require('./internal/framed-stream.js');
const { invalidArgType, invalidArgValue } = require('./internal/errors.js');
const {
  boolean,
  integer,
  oneOf,
  oneSidedOptions,
  optionsObject,
  streamOptions,
  threads,
} = require('./internal/options.js');
const { RowUnframer, canBuild } = require('./internal/row-frames.js');
const { RowStage } = require('./internal/row-stage.js');
const { Stringify } = require('./internal/stringify.js');

/** Longest row in bytes unless `maxLineLength` says otherwise. */
const DEFAULT_MAX_LINE = 16 * 1024 * 1024;
const MAX_LINE = 2 ** 30;

/** Digests of rows, with the hex characters that each has. */
const HEX_CHARACTERS = { sha256: 64, sha512: 128, sha1: 40, md5: 32, crc32: 8, blake3: 64, xxh3: 16 };

/** Stands for the time at which a row is edited. */
class Now {}
const NOW = Object.freeze(new Now());

/** @returns {object} a value for `edit`'s `set`: the time, as `Date.prototype.toISOString` writes it */
function now() {
  return NOW;
}

/**
 * @param {Record<string, any>} given
 * @returns {{ spec: Record<string, any>, policy: { rejects?: any, endRejects: boolean } }} what all row stages are told
 */
function rowOptions(given) {
  const { rejects } = given;
  if (rejects !== undefined && typeof rejects?.write !== 'function') {
    throw invalidArgType('options.rejects', 'Writable', rejects);
  }
  if (rejects !== undefined && isWritable(rejects) === false) {
    throw invalidArgValue('options.rejects', rejects, 'must be writable');
  }
  const onInvalid = oneOf(given, 'onInvalid', ['error', 'skip'], rejects === undefined ? 'error' : 'skip');
  return {
    spec: {
      skipInvalid: onInvalid === 'skip',
      maxLineLength: integer(given, 'maxLineLength', 1, MAX_LINE, DEFAULT_MAX_LINE),
      replaceUtf8: oneOf(given, 'utf8', ['error', 'replace'], 'error') === 'replace',
      rejects: rejects === undefined ? undefined : rejects.writableObjectMode ? 'first' : 'whole',
      threads: threads(given),
    },
    policy: { rejects, endRejects: boolean(given, 'endRejects', true) },
  };
}

/**
 * Lets rows pass that are valid JSON, byte for byte.
 *
 * @param {import('./jsonl.js').ValidateOptions} [options]
 * @returns {import('./jsonl.js').RowTransform}
 * @throws {TypeError | RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`
 */
function validate(options) {
  const given = optionsObject(options);
  const { spec, policy } = rowOptions(given);
  const port = { name: 'validate', wholeRows: true, spec: { stage: 'validate', ...spec } };
  return /** @type {any} */ (new RowStage(streamOptions(given), port, policy));
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {string | null} its JSON; null for the time
 */
function jsonOf(value, name) {
  if (value === NOW) return null;
  let text;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw Object.assign(invalidArgValue(name, value, 'has no JSON'), { cause });
  }
  if (text === undefined) throw invalidArgValue(name, value, 'has no JSON');
  return text;
}

/**
 * @param {Record<string, any>} given
 * @param {string} key
 * @returns {[string, any][]}
 */
function entries(given, key) {
  const value = given[key];
  if (value === undefined) return [];
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidArgType(`options.${key}`, 'Object', value);
  }
  return Object.entries(value);
}

/**
 * @param {any} hash
 * @returns {{ field: string, algorithm: string, length: number } | undefined}
 */
function hashOption(hash) {
  if (hash === undefined) return undefined;
  if (hash === null || typeof hash !== 'object') throw invalidArgType('options.hash', 'Object', hash);
  if (typeof hash.field !== 'string') throw invalidArgType('options.hash.field', 'string', hash.field);
  const names = /** @type {(keyof typeof HEX_CHARACTERS)[]} */ (Object.keys(HEX_CHARACTERS));
  const checked = { 'hash.algorithm': hash.algorithm, 'hash.length': hash.length };
  const algorithm = oneOf(checked, 'hash.algorithm', names, 'sha256');
  const all = HEX_CHARACTERS[algorithm];
  return { field: hash.field, algorithm, length: integer(checked, 'hash.length', 1, all, all) };
}

/**
 * Edits members of each row's object: remove, then rename, then set, then hash. All else keeps its bytes.
 *
 * @param {import('./jsonl.js').EditOptions} options
 * @returns {import('./jsonl.js').RowTransform}
 * @throws {TypeError | RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`
 */
function edit(options) {
  const given = optionsObject(options);
  const { spec, policy } = rowOptions(given);
  const remove = given.remove ?? [];
  if (!Array.isArray(remove)) throw invalidArgType('options.remove', 'Array', remove);
  remove.forEach((name, index) => {
    if (typeof name !== 'string') throw invalidArgType(`options.remove[${index}]`, 'string', name);
  });
  const rename = entries(given, 'rename');
  for (const [from, to] of rename) {
    if (typeof to !== 'string') throw invalidArgType(`options.rename.${from}`, 'string', to);
  }
  const set = entries(given, 'set').map(([name, value]) => [name, jsonOf(value, `options.set.${name}`)]);
  const work = { remove, rename, set, hash: hashOption(given.hash) };
  const port = { name: 'edit', wholeRows: true, spec: { stage: 'edit', ...spec, ...work } };
  return /** @type {any} */ (new RowStage(streamOptions(given), port, policy));
}

/**
 * Rows into objects: one by one, or in arrays of up to `batch`.
 *
 * @param {import('./jsonl.js').ParseOptions} [options]
 * @returns {import('node:stream').Transform}
 * @throws {TypeError | RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`
 */
function parse(options) {
  const given = optionsObject(options);
  if (given.rejects !== undefined) {
    throw invalidArgValue('options.rejects', given.rejects, 'belongs to validate(), which goes in front');
  }
  const batch = given.batch === true ? Infinity : integer(given, 'batch', 1, 2 ** 20, 0);
  const { spec } = rowOptions(given);
  const stage = { stage: 'parseRows', ...spec, refuseNull: batch === 0, shaped: canBuild() };
  const port = { name: 'parse', spec: stage };
  return new FramedTransform(oneSidedOptions(given, 'readable'), { ...port, unframer: new RowUnframer(batch) });
}

/**
 * Values into rows, as `JSON.stringify` writes them.
 *
 * @param {import('./jsonl.js').StringifyOptions} [options]
 * @returns {import('node:stream').Transform}
 */
function stringify(options) {
  return new Stringify(oneSidedOptions(optionsObject(options), 'writable'));
}

module.exports = { validate, edit, parse, stringify, now };
