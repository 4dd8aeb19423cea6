'use strict';

/**
 * @param {number[]} values  at least one
 * @returns {number} the middle one, or the mean of the two in the middle
 */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * @param {(number | null)[]} values
 * @returns {number | null} their median, or null where one is missing
 */
function medianOrNull(values) {
  const known = values.filter((value) => value !== null);
  return known.length === values.length && known.length > 0 ? median(known) : null;
}

module.exports = { median, medianOrNull };
