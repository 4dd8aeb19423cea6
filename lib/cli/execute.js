'use strict';

/** Runs one pipeline with its progress, its summary and its interrupts. */

const { finished, pipeline } = require('node:stream/promises');
const { Progress } = require('./progress.js');
const { say, summarise, table } = require('./summary.js');

/** What ends the work before its time. */
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** The work was ended by a signal, and has left nothing. */
class Interrupted extends Error {
  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(`interrupted by ${signal}; no output is left`);
    this.signal = signal;
  }
}

/**
 * @typedef {object} Work
 * @property {{ stream: any, bytes: number | null, name: string }} source
 * @property {any[]} stages
 * @property {any} sink
 * @property {string | null} output its name; null for none
 * @property {{ stream: any, name: string }} [rejects] a further output, to be ended when all is well
 * @property {any} options what people asked for
 * @property {(summary: any) => void} [finish] adds to the machine's summary, or prints a result where that is null
 */

/**
 * @param {Work} work
 * @returns {Promise<number>} exit code
 * @throws the first error of the pipeline, with the name of the file that it happened in as `place`; `Interrupted`
 */
async function execute({ source, stages, sink, output, rejects, options, finish }) {
  const abort = new AbortController();
  const interrupt = (/** @type {NodeJS.Signals} */ signal) => abort.abort(signal);
  for (const signal of SIGNALS) process.once(signal, interrupt);
  const began = process.hrtime.bigint();
  const streams = [source.stream, ...stages, sink];
  const toStandard = output === '-';
  /** @type {string | null | undefined} */
  let place;
  for (const stream of streams) {
    // The first is told first; others are destroyed with the same error.
    stream.once('error', () => (place ??= stream === sink ? nameOf(output) : source.name));
  }
  // Told by the pipeline, too.
  rejects?.stream.once('error', () => {});
  const progress = options.quiet || options.json ? null : new Progress(source, stages, toStandard);
  try {
    await pipeline(streams, { signal: abort.signal, end: sink !== process.stdout });
    // Not before: of work that failed, no rejects are left.
    if (rejects !== undefined && rejects.stream !== process.stdout) await finished(rejects.stream.end());
  } catch (error) {
    progress?.stop();
    if (rejects?.stream.errored === error) place = nameOf(rejects?.name ?? null);
    rejects?.stream.destroy();
    // Streams let go of their files, and of half outputs, before the process may end.
    await Promise.all([...streams, rejects?.stream].map(closed));
    if (abort.signal.aborted) throw new Interrupted(abort.signal.reason);
    // Whoever reads our output has enough, as `head` has.
    if (/** @type {any} */ (error).code === 'EPIPE' && place === nameOf('-')) return 0;
    /** @type {any} */ (error).place = place ?? source.name;
    throw error;
  } finally {
    progress?.stop();
    for (const signal of SIGNALS) process.removeListener(signal, interrupt);
    if (source.stream === process.stdin) process.stdin.destroy();
  }
  const elapsedMs = Number(process.hrtime.bigint() - began) / 1e6;
  const summary = summarise({ source, stages, sink, output, elapsedMs });
  if (options.json) {
    finish?.(summary);
    // Standard output may be the data's.
    say(toStandard || rejects?.name === '-' ? process.stderr : process.stdout, `${JSON.stringify(summary)}\n`);
  } else {
    finish?.(null);
    if (!options.quiet) say(process.stderr, table(summary));
  }
  return 0;
}

/** @param {string | null} output @returns {string | null} for people */
const nameOf = (output) => (output === '-' ? 'standard output' : output);

/**
 * @param {any} stream
 * @returns {Promise<void>} once it is closed, where it ever will be
 */
function closed(stream) {
  if (!stream || stream.closed || !stream.destroyed || stream === process.stdout) return Promise.resolve();
  if (stream === process.stdin) return Promise.resolve();
  return new Promise((resolve) => stream.once('close', resolve));
}

module.exports = { execute, Interrupted };
