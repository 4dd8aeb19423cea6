'use strict';

/** Numbers for people. */

/** @param {number} count @returns {string} in decimal units: 1 MB is 1,000,000 bytes */
function bytes(count) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

/**
 * @param {number} count bytes
 * @param {number} seconds
 * @returns {string}
 */
function rate(count, seconds) {
  return seconds > 0 ? `${(count / 1e6 / seconds).toFixed(1)} MB/s` : '-';
}

module.exports = { bytes, rate };
