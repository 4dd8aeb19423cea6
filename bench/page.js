'use strict';

/** Figures that are kept from run to run, and their place in `docs/performance.md`. */

const fs = require('node:fs');

/**
 * What cases were measured, on what machine, from which commit and when.
 *
 * @template C
 * @typedef {{ machine: Record<string, string>, cases: Record<string, C & { date: string, commit: string }> }} Measured
 */

/**
 * Adds what was measured to what earlier runs on this machine measured, so that one case can be measured again by itself.
 *
 * @template {Measured<any>} R
 * @param {string} file  that keeps the figures from run to run
 * @param {R} results
 * @param {string[]} order  of the cases; others are forgotten
 * @returns {R}
 */
function merge(file, results, order) {
  const before = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : { cases: {} };
  const all = { ...before.cases, ...results.cases };
  const kept = order.filter((key) => all[key]).map((key) => [key, all[key]]);
  const merged = { ...before, ...results, cases: Object.fromEntries(kept) };
  fs.writeFileSync(file, JSON.stringify(merged));
  return merged;
}

/**
 * Where, when and on what the figures were taken.
 *
 * @param {Measured<{ sides: Record<string, { costs: object[] }> }>} results
 */
function provenance(results) {
  const cases = Object.values(results.cases);
  const dates = [...new Set(cases.map((one) => one.date))].sort();
  const commits = [...new Set(cases.map((one) => one.commit))];
  const trials = [...new Set(cases.flatMap((one) => Object.values(one.sides).map((side) => side.costs.length)))];
  return [
    ...Object.entries(results.machine).map(([name, value]) => `${name}: ${value}`),
    `date: ${dates.join(', ')}`,
    `commit: ${commits.join(', ')}`,
    `trials: ${trials.sort().join(', ')}`,
  ].map((line) => `* ${line}`).join('\n');
}

/**
 * Puts tables between the markers of a page.
 *
 * @param {string} page  path
 * @param {string} section  its markers are `<!-- SECTION:begin -->` and `<!-- SECTION:end -->`
 * @param {Measured<any>} results
 * @param {{ text: string, missed: string[] }} rendered
 */
function write(page, section, results, { text, missed }) {
  const [first, last] = [`<!-- ${section}:begin -->`, `<!-- ${section}:end -->`];
  const before = fs.readFileSync(page, 'utf8');
  const begin = before.indexOf(first);
  const end = before.indexOf(last);
  if (begin === -1 || end < begin) throw new Error(`${page} has no ${first} and ${last}`);
  const verdict = missed.length === 0
    ? 'Every floor and ceiling was met.'
    : `Missed:\n\n${missed.map((line) => `* ${line}`).join('\n')}`;
  const body = [first, provenance(results), text, verdict, ''].join('\n\n');
  fs.writeFileSync(page, before.slice(0, begin) + body + before.slice(end));
}

module.exports = { merge, write };
