'use strict';

const { findCase } = require('./cases');
const { median } = require('./statistics');

/** The whole-file cases, whose memory must not depend on the size of the file. */
const WHOLE_FILE = ['pipeline', 'gzip6', 'gunzip', 'sha256', 'copy', 'uppercase', 'lines-to-objects'];

/**
 * Our side alone, on the generated rows and on four times as many: the memory must be the same.
 *
 * @param {import('./compare').Comparer} comparer
 * @param {number} bytes
 */
async function rss(comparer, bytes) {
  const rows = [];
  for (const name of WHOLE_FILE) {
    const one = findCase(name);
    const row = { name, costs: /** @type {import('./compare').Cost[]} */ ([]) };
    for (const size of [bytes, 4 * bytes]) {
      const cost = await alone(comparer, one, size);
      if (cost) row.costs.push(cost);
    }
    if (row.costs.length === 2) rows.push(row);
  }
  return rows;
}

/**
 * Our pipeline on a quarter, a half and the whole: the cost must grow linearly.
 *
 * @param {import('./compare').Comparer} comparer
 * @param {number} bytes
 */
async function linear(comparer, bytes) {
  const one = findCase('pipeline');
  const rows = [];
  for (const size of [bytes / 4, bytes / 2, bytes]) {
    const costs = [];
    for (let turn = 0; turn < comparer.trials; turn++) {
      const cost = await alone(comparer, one, size);
      if (cost) costs.push(cost);
    }
    if (costs.length > 0) {
      rows.push({
        bytes: costs[0].work,
        seconds: median(costs.map((cost) => cost.seconds)),
        cpuSeconds: median(costs.map((cost) => cost.cpuSeconds)),
      });
    }
  }
  return rows;
}

/**
 * @param {import('./compare').Comparer} comparer
 * @param {import('./cases').Case} one
 * @param {number} bytes
 */
async function alone(comparer, one, bytes) {
  const input = await comparer.inputs.get(one.inputs[0], bytes);
  if (!input) return null;
  try {
    return (await comparer.trial(one, 'ours', input, false)).cost;
  } catch (error) {
    comparer.failures.push(/** @type {Error} */ (error).message);
    return null;
  }
}

module.exports = { rss, linear };
