'use strict';

/** The tables of streams and codecs. */

const { median, medianOrNull } = require('./statistics');
const { figure, middle, spread, table } = require('./tables');

/** The ceilings that hold for every whole-file case: bytes, and milliseconds. */
const RSS_CEILING = 128e6;
const DELAY_CEILING = 10;

/** @param {number} bytes */
const megabytes = (bytes) => `${Math.round(bytes / 1e6)}`;
/** @param {number} ms */
const milliseconds = (ms) => ms.toFixed(1);

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

module.exports = { render };
