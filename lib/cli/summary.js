'use strict';

/** What happened, for machines and for people, and what went wrong. */

const { bottleneck } = require('../inspect.js');
const { bytes, rate } = require('./units.js');

/**
 * @param {{ source: any, stages: any[], sink: any, output: string | null, elapsedMs: number }} work
 * @returns {any} the summary
 */
function summarise({ source, stages, sink, output, elapsedMs }) {
  const native = [source.stream, ...stages, sink].filter((stream) => typeof stream.stats === 'function');
  const stats = native.map((stream) => stream.stats());
  const rows = stats.find((stage) => stage.rowsIn > 0);
  const slowest = bottleneck(stats);
  return {
    input: source.name,
    output,
    bytesIn: source.stream.bytesRead ?? stats[0]?.bytesIn ?? 0,
    bytesOut: stats[stats.length - 1]?.bytesOut ?? 0,
    rows: rows?.rowsIn ?? null,
    rejected: rows?.rejected ?? null,
    elapsedMs,
    bottleneck: stats[slowest]?.stage ?? null,
    stages: stats,
  };
}

/**
 * @param {any} summary
 * @returns {string} a table with each stage's share of the time
 */
function table(summary) {
  const busy = summary.stages.reduce((/** @type {number} */ sum, /** @type {any} */ stage) => sum + stage.busyMs, 0) || 1;
  const share = (/** @type {number} */ part, /** @type {number} */ whole) => `${Math.round((100 * part) / (whole || 1))}%`;
  const rows = [['stage', 'in', 'out', 'rows', 'bad', 'work', 'starved', 'held back', '']];
  for (const stage of summary.stages) {
    rows.push([
      stage.stage,
      bytes(stage.bytesIn),
      bytes(stage.bytesOut),
      stage.rowsIn > 0 ? String(stage.rowsOut) : '',
      stage.rowsIn > 0 ? String(stage.rejected) : '',
      share(stage.busyMs, busy),
      share(stage.starvedMs, stage.lifeMs),
      share(stage.heldBackMs, stage.lifeMs),
      stage.stage === summary.bottleneck ? '<- bottleneck' : '',
    ]);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column % 8 === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
  const seconds = summary.elapsedMs / 1000;
  lines.push(
    `${bytes(summary.bytesIn)} -> ${bytes(summary.bytesOut)} in ${seconds.toFixed(2)} s, ${rate(summary.bytesIn, seconds)}` +
      (summary.output === null || summary.output === '-' ? '' : `, into ${summary.output}`),
  );
  return `${lines.join('\n')}\n`;
}

/**
 * Says what went wrong: where, and in what.
 *
 * @param {any} error
 */
function report(error) {
  const place = [];
  if (error?.stage) place.push(`stage ${error.stage}`);
  if (error?.line !== undefined) place.push(`line ${error.line}`);
  if (error?.offset !== undefined) place.push(`byte ${error.offset}`);
  const where = error?.syscall || !error?.input ? '' : `${error.input}: `;
  const code = error?.code && !String(error.message).startsWith(error.code) ? ` [${error.code}]` : '';
  process.stderr.write(`millrace: ${where}${error?.message ?? error}${place.length ? ` (${place.join(', ')})` : ''}${code}\n`);
}

module.exports = { summarise, table, report };
