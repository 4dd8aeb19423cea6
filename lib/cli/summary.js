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
 * Says what went wrong: in which file, where in it, and what.
 *
 * @param {any} error
 */
function report(error) {
  const message = String(error?.message ?? error);
  const where = [];
  if (error?.stage) where.push(`stage ${error.stage}`);
  // Some errors say it themselves.
  if (error?.line !== undefined && !message.includes(`line ${error.line}`)) where.push(`line ${error.line}`);
  if (error?.offset !== undefined && !message.includes(`byte ${error.offset}`)) where.push(`byte ${error.offset}`);
  const file = !error?.place || error.path !== undefined ? '' : `${error.place}: `;
  const code = error?.code && !message.startsWith(error.code) ? ` [${error.code}]` : '';
  say(process.stderr, `millrace: ${file}${message}${where.length ? ` (${where.join(', ')})` : ''}${code}\n`);
}

/** Streams that may fail without harm. @type {WeakSet<NodeJS.WriteStream>} */
const heard = new WeakSet();

/**
 * Writes for people or for the next program, who may be gone.
 *
 * @param {NodeJS.WriteStream} stream
 * @param {string} text
 */
function say(stream, text) {
  if (!heard.has(stream)) {
    heard.add(stream);
    stream.on('error', (/** @type {any} */ error) => {
      if (error.code !== 'EPIPE') process.exitCode = 1;
    });
  }
  stream.write(text);
}

module.exports = { summarise, table, report, say };
