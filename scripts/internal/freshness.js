'use strict';

const fs = require('node:fs');
const path = require('node:path');

/**
 * The time of the last change under any of these files and folders, in ms since the epoch; 0 where none exists.
 * Folders count too, since a file that was removed leaves its mark only there.
 *
 * @param {string[]} paths
 * @returns {number}
 */
function newest(paths) {
  let time = 0;
  for (const file of paths) {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    time = Math.max(time, stat.mtimeMs);
    if (stat.isDirectory()) {
      time = Math.max(time, newest(fs.readdirSync(file).map((name) => path.join(file, name))));
    }
  }
  return time;
}

/**
 * @param {string} output
 * @param {string[]} inputs
 * @returns {'missing' | 'older than its sources' | undefined} why `output` must be made again
 */
function staleness(output, inputs) {
  const stat = fs.statSync(output, { throwIfNoEntry: false });
  if (stat === undefined) return 'missing';
  return stat.mtimeMs < newest(inputs) ? 'older than its sources' : undefined;
}

module.exports = { newest, staleness };
