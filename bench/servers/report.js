'use strict';

/** The tables of servers. */

const { median } = require('../statistics');
const { figure, middle, spread, table } = require('../tables');

/**
 * @typedef {object} ServerResults
 * @property {Record<string, import('./compare').ServerComparison & { date: string, commit: string }>} cases
 * @property {Record<string, string>} machine
 */

/** @type {Record<import('.').Measure, (unit: string) => string>} what a measure is called in the tables */
const MEASURES = {
  rate: (unit) => `${unit}/s`,
  cpuMicros: () => 'CPU µs each',
  p99Micros: () => 'p99 µs',
  rssEach: () => 'bytes a connection',
};

/** @param {number} bytes */
const megabytes = (bytes) => `${Math.round(bytes / 1e6)}`;

/**
 * @param {import('.').Bound} bound
 * @returns {string}
 */
function limit({ atLeast, atMost }) {
  if (atLeast !== undefined) return `≥ ${atLeast}`;
  return atMost === undefined ? '' : `≤ ${atMost}`;
}

/**
 * @param {ServerResults} results
 * @returns {{ text: string, missed: string[] }} the tables, and which bounds were missed
 */
function render(results) {
  /** @type {string[]} */
  const missed = [];
  const ratios = [];
  const costs = [];
  for (const { name, unit, sides } of Object.values(results.cases)) {
    const { ours, ...rivals } = sides;
    for (const [rival, { label, bounds = {}, costs: theirs }] of Object.entries(rivals)) {
      for (const [key, bound] of Object.entries(bounds)) {
        const measure = /** @type {import('.').Measure} */ (key);
        const known = (/** @type {import('./compare').ServerCost[]} */ list) => list.map((cost) => cost[measure] ?? 0);
        if (theirs.length === 0) continue;
        const [mine, other] = [known(ours?.costs ?? []), known(theirs)];
        if (mine.length === 0) {
          ratios.push([name, MEASURES[measure](unit), label, '–', spread(other), '–', '']);
          continue;
        }
        const ratio = median(mine) / median(other);
        const each = mine.slice(0, other.length).map((value, i) => value / other[i]);
        const wide = `${figure(Math.min(...each))}–${figure(Math.max(...each))}`;
        ratios.push([
          name,
          MEASURES[measure](unit),
          label,
          spread(mine),
          spread(other),
          `**${figure(ratio)}** (${wide})`,
          limit(bound),
        ]);
        if (ratio < (bound.atLeast ?? 0) || ratio > (bound.atMost ?? Infinity)) {
          missed.push(`${name} against ${rival}, ${MEASURES[measure](unit)}: ${figure(ratio)} times, ${limit(bound)} wanted`);
        }
      }
    }
    for (const { label, costs: list } of Object.values(sides)) {
      if (list.length === 0) continue;
      costs.push([
        name,
        label,
        figure(median(list.map((one) => one.cpuMicros))),
        middle(list.map((one) => one.p50Micros), figure),
        middle(list.map((one) => one.p99Micros), figure),
        megabytes(median(list.map((one) => one.rss))),
      ]);
    }
  }
  const cases = Object.values(results.cases).map(({ name, title, unit }) => [name, title, unit]);
  const parts = cases.length === 0 ? [] : [
    table(['case', 'what', 'counted'], cases),
    'Median (lowest–highest), and the ratio of the medians (of single rounds). Where less is better, the limit is a ceiling.',
    table(['case', 'measure', 'rival', 'millrace', 'rival, same measure', 'ratio', 'limit'], ratios),
    'What they cost the server, and how long a message or a request took: medians. Resident memory at the end, in MB.',
    table(['case', 'who', 'CPU µs each', 'p50 µs', 'p99 µs', 'RSS'], costs),
  ];
  return { text: parts.join('\n\n'), missed };
}

module.exports = { render };
