'use strict';

const fs = require('node:fs');
const { median, medianOrNull } = require('./statistics');

/** The ceilings that hold for every whole-file case: bytes, and milliseconds. */
const RSS_CEILING = 128e6;
const DELAY_CEILING = 10;

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/**
 * @param {number} value
 * @returns {string} with as many digits as mean something
 */
function figure(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en-GB');
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** @param {number[]} values */
function spread(values) {
  return `${figure(median(values))} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
}

/**
 * @param {(number | null)[]} values
 * @param {(value: number) => string} format
 */
function middle(values, format) {
  const value = medianOrNull(values);
  return value === null ? '–' : format(value);
}

/** @param {number} bytes */
const megabytes = (bytes) => `${Math.round(bytes / 1e6)}`;
/** @param {number} ms */
const milliseconds = (ms) => ms.toFixed(1);

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
function table(head, rows) {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  /** @param {string[]} cells */
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}

/**
 * @typedef {object} Results
 * @property {Record<string, import('./compare').Comparison & { date: string, commit: string }>} cases
 * @property {Awaited<ReturnType<import('./studies').rss>>} [rss]
 * @property {Awaited<ReturnType<import('./studies').linear>>} [linear]
 * @property {Record<string, string>} machine
 */

/**
 * @param {Results} results
 * @returns {{ text: string, missed: string[] }} the tables, and which floors or ceilings were missed
 */
function render(results) {
  /** @type {string[]} */
  const missed = [];
  const speed = [];
  const cost = [];
  for (const comparison of Object.values(results.cases)) {
    const { ours, ...rivals } = comparison.sides;
    const where = `${comparison.name} on ${comparison.input}`;
    if (ours?.costs.length > 0 && comparison.unit === 'MB/s') {
      const rss = median(ours.costs.map((one) => one.peakRss));
      const delay = medianOrNull(ours.costs.map((one) => one.delayP99));
      if (rss > RSS_CEILING) missed.push(`${where}: peak RSS ${megabytes(rss)} MB, at most ${megabytes(RSS_CEILING)}`);
      if (delay !== null && delay >= DELAY_CEILING) {
        missed.push(`${where}: p99 of the event-loop delay ${milliseconds(delay)} ms, at most ${DELAY_CEILING}`);
      }
    }
    for (const [name, rival] of Object.entries(rivals)) {
      if (rival.costs.length === 0) continue;
      const theirs = rival.costs.map((one) => one.rate);
      let [mine, ratio, size] = ['–', '–', '–'];
      if (ours?.costs.length > 0) {
        const rates = ours.costs.map((one) => one.rate);
        const factor = median(rates) / median(theirs);
        const pairs = Math.min(rates.length, theirs.length);
        const factors = Array.from({ length: pairs }, (_, i) => rates[i] / theirs[i]);
        mine = spread(rates);
        ratio = `**${figure(factor)}** (${figure(Math.min(...factors))}–${figure(Math.max(...factors))})`;
        if (rival.floor && factor < rival.floor) {
          missed.push(`${where} against ${name}: ${figure(factor)} times, at least ${rival.floor}`);
        }
        const [a, b] = [ours.costs[0], rival.costs[0]];
        if (a.size && b.size && a.work === b.work) {
          size = (a.size / b.size).toFixed(3);
          if (rival.sizeFloor && a.size / b.size > rival.sizeFloor) {
            missed.push(`${where} against ${name}: output ${size} times as large, at most ${rival.sizeFloor}`);
          }
        }
      }
      const floor = rival.floor ? `${rival.floor}` : '';
      speed.push([comparison.name, comparison.input, rival.label, mine, spread(theirs), ratio, floor, size]);
    }
    for (const side of Object.values(comparison.sides)) {
      if (side.costs.length === 0) continue;
      // Another program's memory and CPU time are not in this process's accounts.
      const foreign = side.label.includes('pigz');
      /** @param {import('./compare').Cost} one  CPU seconds a GB, or microseconds a call */
      const cpu = (one) => (one.cpuSeconds / one.work) * (comparison.unit === 'MB/s' ? 1e9 : 1e6);
      cost.push([
        comparison.name,
        comparison.input,
        side.label,
        foreign ? '–' : `${figure(median(side.costs.map(cpu)))} ${comparison.unit === 'MB/s' ? 's/GB' : 'µs/call'}`,
        foreign ? '–' : megabytes(median(side.costs.map((one) => one.peakRss))),
        foreign ? '–' : middle(side.costs.map((one) => one.delayP99), milliseconds),
        foreign ? '–' : middle(side.costs.map((one) => one.delayMax), milliseconds),
      ]);
    }
  }

  const parts = [];
  if (speed.length > 0) {
    const head = ['case', 'input', 'rival', 'millrace', 'rival, same unit', 'times as fast', 'floor', 'output size'];
    parts.push('Rates in MB (10⁶ plain bytes) a second, or calls a second for one-shots: median (lowest–highest).');
    parts.push(table(head, speed));
    parts.push('What they cost: medians. RSS in MB; delay of the event loop in ms beyond the monitor\'s resolution.');
    parts.push(table(['case', 'input', 'who', 'CPU time', 'peak RSS', 'p99 delay', 'max delay'], cost));
  }
  if (results.rss && results.rss.length > 0) {
    parts.push('Memory of ours against the size of the file.');
    parts.push(table(
      ['case', 'MB read', 'peak RSS, MB', 'MB read', 'peak RSS, MB'],
      results.rss.map(({ name, costs: [small, large] }) => {
        for (const one of [small, large]) {
          if (one.peakRss > RSS_CEILING) {
            missed.push(`${name} on ${megabytes(one.work)} MB: peak RSS ${megabytes(one.peakRss)} MB, at most ${megabytes(RSS_CEILING)}`);
          }
        }
        return [name, ...[small, large].flatMap((one) => [megabytes(one.work), megabytes(one.peakRss)])];
      }),
    ));
  }
  if (results.linear && results.linear.length > 0) {
    parts.push('Cost of our pipeline against the size of the file.');
    parts.push(table(
      ['MB read', 'seconds', 'MB/s', 'CPU s/GB'],
      results.linear.map(({ bytes, seconds, cpuSeconds }) => [
        megabytes(bytes),
        seconds.toFixed(2),
        figure(bytes / seconds / 1e6),
        figure((cpuSeconds / bytes) * 1e9),
      ]),
    ));
  }
  return { text: parts.join('\n\n'), missed };
}

/**
 * Where, when and on what the figures were taken.
 *
 * @param {Results} results
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
 * Puts the tables between the markers of a page.
 *
 * @param {string} page  path
 * @param {Results} results
 */
function write(page, results) {
  const before = fs.readFileSync(page, 'utf8');
  const begin = before.indexOf(BEGIN);
  const end = before.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${page} has no ${BEGIN} and ${END}`);
  const { text, missed } = render(results);
  const verdict = missed.length === 0
    ? 'Every floor and ceiling was met.'
    : `Missed:\n\n${missed.map((line) => `* ${line}`).join('\n')}`;
  const body = [BEGIN, provenance(results), text, verdict, ''].join('\n\n');
  fs.writeFileSync(page, before.slice(0, begin) + body + before.slice(end));
}

module.exports = { render, write };
