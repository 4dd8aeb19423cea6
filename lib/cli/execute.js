'use strict';

/** Runs one pipeline with its progress, its summary and its interrupts. */

const { pipeline } = require('node:stream/promises');
const { Progress } = require('./progress.js');
const { summarise, table } = require('./summary.js');

/**
 * @typedef {object} Work
 * @property {{ stream: any, bytes: number | null, name: string }} source
 * @property {any[]} stages
 * @property {any} sink
 * @property {string | null} output its name; null for none
 * @property {any} options what people asked for
 * @property {(summary: any) => void} [finish] adds to the machine's summary, or prints a result where that is null
 */

/**
 * @param {Work} work
 * @returns {Promise<number>} exit code
 * @throws the first error of the pipeline, with the input's name in `input`; an AbortError when interrupted
 */
async function execute({ source, stages, sink, output, options, finish }) {
  const abort = new AbortController();
  const interrupt = () => abort.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const began = process.hrtime.bigint();
  const progress = options.quiet || options.json ? null : new Progress(source, stages, sink);
  try {
    const toStandard = sink === process.stdout;
    await pipeline([source.stream, ...stages, sink], { signal: abort.signal, end: !toStandard });
  } catch (error) {
    progress?.stop();
    // Streams let go of their files, and of half outputs, before the process may end.
    await Promise.all([source.stream, ...stages, sink].map(closed));
    /** @type {any} */ (error).input = source.name;
    throw error;
  } finally {
    progress?.stop();
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
    if (source.stream === process.stdin) process.stdin.destroy();
  }
  const elapsedMs = Number(process.hrtime.bigint() - began) / 1e6;
  const summary = summarise({ source, stages, sink, output, elapsedMs });
  if (options.json) {
    finish?.(summary);
    // Standard output may be the data's.
    (sink === process.stdout ? process.stderr : process.stdout).write(`${JSON.stringify(summary)}\n`);
  } else {
    finish?.(null);
    if (!options.quiet) process.stderr.write(table(summary));
  }
  return 0;
}

/**
 * @param {any} stream
 * @returns {Promise<void>} once it is closed, where it ever will be
 */
function closed(stream) {
  if (stream.closed || !stream.destroyed || stream === process.stdout || stream === process.stdin) return Promise.resolve();
  return new Promise((resolve) => stream.once('close', resolve));
}

module.exports = { execute };
