'use strict';

/** Flags and mode of `open(2)`, as `node:fs` takes them. */

const { constants } = require('node:fs');
const { invalidArgType, invalidArgValue, outOfRange } = require('./errors.js');

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;

/** @type {Record<string, number>} */
const FLAGS = {
  r: O_RDONLY,
  rs: O_RDONLY | O_SYNC,
  'r+': O_RDWR,
  'rs+': O_RDWR | O_SYNC,
  w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  'w+': O_TRUNC | O_CREAT | O_RDWR,
  'wx+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY,
  ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  as: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  'a+': O_APPEND | O_CREAT | O_RDWR,
  'ax+': O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  'as+': O_APPEND | O_CREAT | O_RDWR | O_SYNC,
};
for (const [swapped, name] of [
  ['sr', 'rs'],
  ['sr+', 'rs+'],
  ['xw', 'wx'],
  ['xw+', 'wx+'],
  ['xa', 'ax'],
  ['xa+', 'ax+'],
  ['sa', 'as'],
  ['sa+', 'as+'],
]) {
  FLAGS[swapped] = FLAGS[name];
}

/**
 * @param {unknown} flags
 * @returns {number} bits of `open(2)`
 * @throws {TypeError | RangeError} as `fs.open` does
 */
function openFlags(flags) {
  if (typeof flags === 'number') return within(flags, 'flags', -2147483648, 2147483647);
  if (flags === undefined || flags === null) return O_RDONLY;
  if (typeof flags === 'string' && Object.hasOwn(FLAGS, flags)) return FLAGS[flags];
  throw invalidArgValue('flags', flags);
}

/**
 * @param {unknown} mode a number, or octal digits
 * @returns {number} permissions
 * @throws {TypeError | RangeError} as `fs.open` does
 */
function openMode(mode) {
  if (mode === undefined || mode === null) return 0o666;
  if (typeof mode !== 'string') return within(mode, 'mode', 0, 4294967295);
  if (!/^[0-7]+$/.test(mode)) {
    throw invalidArgValue('mode', mode, 'must be a 32-bit unsigned integer or an octal string');
  }
  return within(parseInt(mode, 8), 'mode', 0, 4294967295);
}

/**
 * @param {unknown} value
 * @param {string} name
 * @param {number} min
 * @param {number} max
 * @returns {number}
 */
function within(value, name, min, max) {
  if (typeof value !== 'number') throw invalidArgType(name, 'number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
  return value;
}

module.exports = { openFlags, openMode };
