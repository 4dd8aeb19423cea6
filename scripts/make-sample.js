#!/usr/bin/env node
'use strict';

// Makes JSON Lines log rows of about 330 bytes, some of them broken on purpose. The same options make the same bytes
// on every machine, and every good row is what JSON.stringify makes of it, so that any two tools can be compared.

const fs = require('node:fs');
const { once } = require('node:events');
const { parseArgs } = require('node:util');
const { brokenKinds } = require('./internal/broken-rows.js');
const { rowMaker } = require('./internal/log-rows.js');
const { runMain } = require('./internal/main.js');

const USAGE = `Usage: node scripts/make-sample.js (--bytes SIZE | --rows N) [--broken N] [--seed N] --out FILE

  --bytes SIZE   the most bytes to make; ends with a whole row. 64KB, 256MB, 1GB, or KiB, MiB, GiB for powers of two
  --rows N       the rows to make, broken ones included
  --broken N     how many rows are broken, evenly spread, each in another way than the last (default 0)
  --seed N       another seed makes other rows (default 1)
  --out FILE     where they go; - is the standard output`;

const CHUNK_BYTES = 256 * 1024;
/** No row is longer, good or broken. */
const LONGEST_ROW = 512;

/**
 * @typedef {object} SampleOptions
 * @property {number} [bytes] the most bytes to make; this or `rows` is given
 * @property {number} [rows] the rows to make, broken ones included
 * @property {number} [broken] how many of the rows are broken; defaults to 0
 * @property {number} [seed] defaults to 1
 */

/** @typedef {{ rows: number, bytes: number, broken: { line: number, kind: string }[] }} Made `line` counts from 1 */

/**
 * Makes the sample in chunks of some 256 KiB of whole rows.
 *
 * @param {SampleOptions} options
 * @returns {Generator<Buffer, Made, void>} returns what was made
 * @throws {RangeError} where more rows are to be broken than there are
 */
function* sample({ bytes, rows, broken = 0, seed = 1 }) {
  if ((bytes === undefined) === (rows === undefined)) throw new RangeError('give either bytes or rows');
  if (broken > (rows ?? Math.floor((bytes ?? 0) / LONGEST_ROW))) throw new RangeError('too many broken rows');
  const next = rowMaker(seed);
  /** @type {Made} */
  const made = { rows: 0, bytes: 0, broken: [] };
  let chunk = '';
  let chunkBytes = 0;
  for (;;) {
    const done = rows === undefined ? made.bytes / (bytes ?? 1) : made.rows / rows;
    // Not a number where nothing at all is wanted.
    if (!(done < 1)) break;
    // The broken rows lie in the middle of as many equal parts of the sample.
    const count = made.broken.length;
    const kind = done >= (count + 0.5) / broken ? brokenKinds[count % brokenKinds.length] : undefined;
    const row = kind === undefined ? next() : kind.breakRow(next());
    const rowBytes = Buffer.byteLength(row) + 1;
    if (bytes !== undefined && made.bytes + rowBytes > bytes) break;
    made.rows += 1;
    made.bytes += rowBytes;
    if (kind !== undefined) made.broken.push({ line: made.rows, kind: kind.name });
    chunk += row + '\n';
    chunkBytes += rowBytes;
    if (chunkBytes >= CHUNK_BYTES) {
      yield Buffer.from(chunk);
      chunk = '';
      chunkBytes = 0;
    }
  }
  if (chunk) yield Buffer.from(chunk);
  return made;
}

/**
 * Writes a sample to a file, which appears under its name only when it is whole.
 *
 * @param {SampleOptions & { out: string }} options `out`: the file, or `-` for the standard output
 * @returns {Promise<Made>}
 */
async function makeSample({ out, ...options }) {
  if (out === '-') return write(options, process.stdout);
  const aside = `${out}.${process.pid}.part`;
  const file = fs.createWriteStream(aside, { highWaterMark: 4 * CHUNK_BYTES });
  try {
    const made = await write(options, file);
    file.end();
    await once(file, 'close');
    fs.renameSync(aside, out);
    return made;
  } catch (error) {
    file.destroy();
    fs.rmSync(aside, { force: true });
    throw error;
  }
}

/**
 * @param {SampleOptions} options
 * @param {NodeJS.WritableStream} stream
 * @returns {Promise<Made>}
 */
async function write(options, stream) {
  const chunks = sample(options);
  for (;;) {
    const { done, value } = chunks.next();
    if (done) return value;
    if (!stream.write(value)) await once(stream, 'drain');
  }
}

/**
 * @param {string} text such as `256MB`
 * @returns {number} bytes
 */
function parseSize(text) {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)(i?)b?$/i.exec(text.trim());
  if (match === null) throw new RangeError(`not a size: ${text}`);
  const power = { '': 0, k: 1, m: 2, g: 3 }[match[2].toLowerCase()] ?? 0;
  return Math.floor(Number(match[1]) * (match[3] ? 1024 : 1000) ** power);
}

/**
 * @param {string} text
 * @returns {number}
 */
function parseCount(text) {
  if (!/^\d+$/.test(text)) throw new RangeError(`not a count: ${text}`);
  return Number(text);
}

/**
 * @returns {(SampleOptions & { out: string }) | undefined} what the command line asks for; undefined where that is help
 * @throws {Error} where it asks for something wrong
 */
function fromCommandLine() {
  const { values } = parseArgs({
    options: {
      bytes: { type: 'string' },
      rows: { type: 'string' },
      broken: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  if (values.out === undefined) throw new RangeError('--out is needed');
  if ((values.bytes === undefined) === (values.rows === undefined)) {
    throw new RangeError('give either --bytes or --rows');
  }
  return {
    bytes: values.bytes === undefined ? undefined : parseSize(values.bytes),
    rows: values.rows === undefined ? undefined : parseCount(values.rows),
    broken: parseCount(values.broken),
    seed: parseCount(values.seed),
    out: values.out,
  };
}

/** @returns {Promise<number>} exit code */
async function main() {
  let options;
  try {
    options = fromCommandLine();
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const made = await makeSample(options);
  console.error(`${made.rows} rows, ${made.bytes} bytes, ${made.broken.length} broken`);
  return 0;
}

if (require.main === module) void runMain(main);

module.exports = { makeSample, parseSize, sample };
