'use strict';

/** Deadlines of calls: ms since 1970, a Date, or Infinity for none. */

/** The longest timer of Node; what is further away is as good as never. */
const MOST_TIMER_MS = 2 ** 31 - 1;

/** Units of `grpc-timeout`, which has eight digits at the most. @type {[string, number][]} */
const UNITS = [
  ['m', 1],
  ['S', 1000],
  ['M', 60_000],
  ['H', 3_600_000],
];

/** @typedef {number | Date} Deadline */

/** @param {Deadline} deadline @returns {number} ms since 1970 */
function toMs(deadline) {
  return deadline instanceof Date ? deadline.getTime() : deadline;
}

/**
 * @param {Deadline} one
 * @param {Deadline} other
 * @returns {number} the nearer one
 */
function nearer(one, other) {
  return Math.min(toMs(one), toMs(other));
}

/**
 * @param {number} deadline
 * @returns {number} ms from now on, 0 where it has passed; Infinity where no timer is needed
 */
function timeLeft(deadline) {
  const left = deadline - Date.now();
  if (left > MOST_TIMER_MS) return Infinity;
  return Math.max(left, 0);
}

/**
 * @param {number} deadline
 * @returns {string} `grpc-timeout`
 */
function timeoutField(deadline) {
  const left = Math.max(deadline - Date.now(), 0);
  for (const [unit, ms] of UNITS) {
    if (left / ms < 1e8) return `${Math.ceil(left / ms)}${unit}`;
  }
  throw new Error('Deadline is too far in the future');
}

/**
 * @param {number} from ms
 * @param {number} to ms
 * @returns {string} in seconds
 */
function seconds(from, to) {
  return `${((to - from) / 1000).toFixed(3)}s`;
}

module.exports = { toMs, nearer, timeLeft, timeoutField, seconds };
