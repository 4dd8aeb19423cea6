'use strict';

/** What the servers send by themselves. */

const LINE = 'the quick brown fox jumps over the lazy dog ';
/** Digits of a stamp: the generator reads as many. */
const STAMP_DIGITS = 16;

/**
 * @param {number} bytes
 * @returns {string} always the same
 */
function text(bytes) {
  return LINE.repeat(Math.ceil(bytes / LINE.length)).slice(0, bytes);
}

/**
 * @param {number} bytes  at least as many as a stamp has
 * @returns {string} a text that begins with the microseconds of the monotonic clock, which the generator has, too
 */
function stamp(bytes) {
  return String(process.hrtime.bigint() / 1000n).padStart(STAMP_DIGITS, '0') + text(bytes - STAMP_DIGITS);
}

module.exports = { stamp, text };
