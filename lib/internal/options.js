'use strict';

/** Checks of options: each returns the value or its default, or throws the error that Node throws. */

const { invalidArgType, invalidArgValue, outOfRange } = require('./errors.js');

/**
 * @param {unknown} options
 * @returns {Record<string, any>} the options, or none
 */
function optionsObject(options) {
  if (options === undefined || options === null) return {};
  if (typeof options !== 'object') throw invalidArgType('options', 'Object', options);
  return /** @type {Record<string, any>} */ (options);
}

/**
 * @template D
 * @param {Record<string, any>} options
 * @param {string} key
 * @param {number} min
 * @param {number} max
 * @param {D} fallback
 * @returns {number | D} a whole number
 */
function integer(options, key, min, max, fallback) {
  const value = options[key];
  if (value === undefined) return fallback;
  const name = `options.${key}`;
  if (typeof value !== 'number') throw invalidArgType(name, 'number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
  return value;
}

/**
 * @param {Record<string, any>} options
 * @param {string} key
 * @param {boolean} fallback
 * @returns {boolean}
 */
function boolean(options, key, fallback) {
  const value = options[key];
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw invalidArgType(`options.${key}`, 'boolean', value);
  return value;
}

/**
 * @template {string} V
 * @param {Record<string, any>} options
 * @param {string} key
 * @param {readonly V[]} values
 * @param {V} fallback
 * @returns {V}
 */
function oneOf(options, key, values, fallback) {
  const value = options[key];
  if (value === undefined) return fallback;
  if (!values.includes(value)) {
    const list = values.map((v) => `'${v}'`).join(', ');
    throw invalidArgValue(`options.${key}`, value, `must be one of: ${list}`);
  }
  return value;
}

/** @param {Record<string, any>} options @returns {number} threads for one stream; 0 for as many as there are */
function threads(options) {
  return integer(options, 'threads', 1, 256, 0);
}

/** Options of Node's stream constructors that a user may give; the methods of a stream are not among them. */
const STREAM_OPTIONS = [
  'highWaterMark',
  'readableHighWaterMark',
  'writableHighWaterMark',
  'encoding',
  'defaultEncoding',
  'allowHalfOpen',
  'autoDestroy',
  'emitClose',
  'signal',
];

/**
 * @param {Record<string, any>} options
 * @returns {Record<string, any>} those that are Node's, which checks them
 */
function streamOptions(options) {
  const given = STREAM_OPTIONS.filter((key) => options[key] !== undefined);
  return Object.fromEntries(given.map((key) => [key, options[key]]));
}

/**
 * Stream options for a stage with one side in object mode: there, `highWaterMark` counts objects, and says nothing
 * about the bytes of the other side.
 *
 * @param {Record<string, any>} options
 * @param {'readable' | 'writable'} side the one in object mode
 * @param {number} [objects] the default
 * @returns {Record<string, any>}
 */
function oneSidedOptions(options, side, objects) {
  const { highWaterMark, ...rest } = streamOptions(options);
  const key = `${side}HighWaterMark`;
  return { ...rest, [`${side}ObjectMode`]: true, [key]: rest[key] ?? highWaterMark ?? objects };
}

module.exports = { streamOptions, oneSidedOptions, optionsObject, integer, boolean, oneOf, threads };
