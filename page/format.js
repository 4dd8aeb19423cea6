/** Numbers for people. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/**
 * @param {number} count bytes
 * @returns {string} in decimal units: 1 MB is 1,000,000 bytes
 */
export function bytes(count) {
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** @param {number} perSecond bytes @returns {string} */
export const rate = (perSecond) => `${bytes(perSecond)}/s`;

/** @param {number} share 0 to 1 @returns {string} */
export const percent = (share) => `${Math.round(100 * share)} %`;

/** @param {number} count @returns {string} */
export const count = (count) => Math.round(count).toLocaleString('en-GB');

/**
 * @param {number} ms
 * @returns {string}
 */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/**
 * @param {number} time milliseconds since 1970
 * @returns {string} 12:34:56.789
 */
export function clock(time) {
  const date = new Date(time);
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}
