'use strict';

/** What Linux tells of another process. */

const fs = require('node:fs');

/** A tick of /proc's clocks. */
const TICKS_PER_SECOND = 100;

/**
 * @param {number} pid
 * @returns {number} seconds of processor time of all its threads so far, to a hundredth
 */
function cpuSeconds(pid) {
  // The name in parentheses may hold anything.
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/**
 * @param {number} pid
 * @returns {number} bytes of memory that are resident
 */
function residentBytes(pid) {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(found?.[1]) * 1024;
}

module.exports = { cpuSeconds, residentBytes };
