'use strict';

/**
 * Something to look at in the dashboard: the sample pipeline over and over, gently, as programs have it. One writes slower than
 * it could read (and holds the rest back), one waits for rows to arrive (and starves), and now and then one has no limit.
 */

const nodeFs = require('node:fs');
const path = require('node:path');
const { Readable, Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { setTimeout: wait } = require('node:timers/promises');
const { fs, jsonl, zlib } = require('../index.js');
const { makeSample, sample } = require('./make-sample.js');

const SAMPLE_BYTES = 48_000_000;
/** What the slow writer takes in a second: of compressed bytes. */
const SLOW_BYTES_PER_S = 200_000;
/** Rows arrive in such pieces, so often. */
const ARRIVAL_BYTES = 64 * 1024;
const ARRIVAL_MS = 100;
const ARRIVALS_BYTES = 24_000_000;
const PAUSE_MS = 4000;

/** @returns {any[]} check each row, stamp it, digest it, compress the lot */
function stages() {
  return [
    jsonl.validate({ onInvalid: 'skip' }),
    jsonl.edit({ set: { processedAt: jsonl.now() }, hash: { field: 'hash', algorithm: 'sha256', length: 8 } }),
    zlib.createGzip(),
  ];
}

/** Takes a piece when its time has come: its file is written no quicker than a slow disk or a network would. */
class SlowWriter extends Writable {
  /** @param {string} file @param {AbortSignal} signal */
  constructor(file, signal) {
    super({ highWaterMark: 64 * 1024 });
    this.signal = signal;
    this.out = nodeFs.createWriteStream(file);
  }

  /** @param {Buffer} chunk @param {string} _encoding @param {(error?: any) => void} callback */
  _write(chunk, _encoding, callback) {
    this.out.write(chunk);
    wait((1000 * chunk.length) / SLOW_BYTES_PER_S, undefined, { signal: this.signal }).then(() => callback(), callback);
  }

  /** @param {(error?: any) => void} callback */
  _final(callback) {
    this.out.end(callback);
  }
}

/** @param {AbortSignal} signal @returns {AsyncGenerator<Buffer>} rows as a service would log them */
async function* arrivals(signal) {
  for (const chunk of sample({ bytes: ARRIVALS_BYTES, broken: 20, seed: 7 })) {
    for (let at = 0; at < chunk.length; at += ARRIVAL_BYTES) {
      await wait(ARRIVAL_MS, undefined, { signal });
      yield chunk.subarray(at, at + ARRIVAL_BYTES);
    }
  }
}

/**
 * @param {string} folder for its files
 * @param {AbortSignal} signal ends it
 * @returns {Promise<void>} once it ended
 */
async function demo(folder, signal) {
  nodeFs.mkdirSync(folder, { recursive: true });
  const input = path.join(folder, 'events.jsonl');
  if (!nodeFs.existsSync(input)) await makeSample({ bytes: SAMPLE_BYTES, broken: 10, out: input });
  const output = (/** @type {string} */ name) => path.join(folder, `${name}.jsonl.gz`);
  const runs = [
    () => [fs.createReadStream(input), ...stages(), new SlowWriter(output('slow'), signal)],
    () => [Readable.from(arrivals(signal)), ...stages(), fs.createWriteStream(output('arrivals'), { atomic: true })],
    () => [fs.createReadStream(input), ...stages(), fs.createWriteStream(output('events'), { atomic: true })],
  ];
  await Promise.all(
    runs.map(async (streams) => {
      while (!signal.aborted) {
        try {
          await pipeline(streams(), { signal });
          await wait(PAUSE_MS, undefined, { signal });
        } catch (error) {
          if (!signal.aborted) throw error;
        }
      }
    }),
  );
}

module.exports = { demo };
