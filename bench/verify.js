'use strict';

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { pipeline } = require('node:stream/promises');
const { Writable } = require('node:stream');
const { StringDecoder } = require('node:string_decoder');
const zlib = require('node:zlib');

/** Bytes that a gzip member of ours or of the rivals ends with: CRC-32 and length. */
const TRAILER = 8;

/**
 * The plain bytes of an output, piece by piece.
 *
 * @param {string} file
 * @param {'plain' | 'gzip'} format
 * @param {Writable} sink
 */
async function readPlain(file, format, sink) {
  const source = fs.createReadStream(file, { highWaterMark: 1 << 20 });
  if (format === 'plain') await pipeline(source, sink);
  else await pipeline(source, zlib.createGunzip({ chunkSize: 1 << 20 }), sink);
}

/**
 * @param {string} file
 * @param {'plain' | 'gzip'} format
 * @returns {Promise<string>} sha256 of the plain bytes
 */
async function digestBytes(file, format) {
  const hash = createHash('sha256');
  await readPlain(file, format, hash);
  return hash.digest('hex');
}

/**
 * The same for JSON rows that two programs may spell differently (`1.0` and `1`, `\/` and `/`): each row's `hash` is
 * checked against the row's own text, and what is digested is the row as JavaScript reads it, without the hash.
 *
 * @param {string} file  of gzipped JSON Lines that end with a `hash` field
 * @returns {Promise<string>} sha256
 */
async function digestRows(file) {
  const digest = createHash('sha256');
  const HASH = /^(.*),"hash":"([0-9a-f]{8})"\}$/s;
  let rest = '';
  let line = 0;
  const decoder = new StringDecoder('utf8');
  /** @param {string} text */
  const row = (text) => {
    line += 1;
    // A row that came with CRLF keeps its CR.
    const found = HASH.exec(text.trimEnd());
    if (!found) throw new Error(`${file}, line ${line}: no hash at the end of the row`);
    const body = `${found[1]}}`;
    const expected = createHash('sha256').update(body).digest('hex').slice(0, 8);
    if (expected !== found[2]) throw new Error(`${file}, line ${line}: the hash is ${found[2]}, not ${expected}`);
    digest.update(JSON.stringify(JSON.parse(body)));
  };
  const sink = new Writable({
    write(chunk, _encoding, callback) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = /** @type {string} */ (lines.pop());
      try {
        for (const text of lines) row(text);
        callback();
      } catch (error) {
        callback(/** @type {Error} */ (error));
      }
    },
  });
  await readPlain(file, 'gzip', sink);
  if (rest) row(rest);
  return digest.digest('hex');
}

/**
 * Whether the file is one gzip member and nothing else, as a strict reader demands.
 *
 * @param {string} file
 */
async function isOneMember(file) {
  const head = Buffer.alloc(1 << 10);
  const descriptor = fs.openSync(file, 'r');
  fs.readSync(descriptor, head);
  fs.closeSync(descriptor);
  const flags = head[3];
  let at = 10;
  if (flags & 4) at += 2 + head.readUInt16LE(at);
  if (flags & 8) at = head.indexOf(0, at) + 1;
  if (flags & 16) at = head.indexOf(0, at) + 1;
  if (flags & 2) at += 2;
  const inflate = zlib.createInflateRaw({ chunkSize: 1 << 20 });
  await pipeline(
    fs.createReadStream(file, { start: at }),
    inflate,
    new Writable({ write: (_chunk, _encoding, callback) => callback() }),
  );
  return at + inflate.bytesWritten + TRAILER === fs.statSync(file).size;
}

/**
 * The rows that a side refused: which lines, and their text. Reasons are each side's own words.
 *
 * @param {string} file
 */
function readRejects(file) {
  const rows = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((text) => JSON.parse(text));
  const digest = createHash('sha256');
  for (const { line, row } of rows) digest.update(JSON.stringify([line, row]));
  return { rejects: rows.length, rejected: digest.digest('hex') };
}

/**
 * What a trial left behind, reduced to what can be compared.
 *
 * @param {import('./cases').Case} one
 * @param {import('./cases').Job} job
 * @param {boolean} spelling  false where the two sides may spell the same JSON differently
 * @returns {Promise<{ size: number | null, facts: Record<string, any> }>}
 */
async function examine(one, job, spelling) {
  /** @type {Record<string, any>} */
  const facts = {};
  if (!one.writes) return { size: null, facts };
  if (spelling) facts.plain = await digestBytes(job.output, one.writes);
  else facts.rows = await digestRows(job.output);
  if (one.writes === 'gzip' && job.check) facts.oneMember = await isOneMember(job.output);
  if (fs.existsSync(`${job.output}.rejects`)) Object.assign(facts, readRejects(`${job.output}.rejects`));
  return { size: fs.statSync(job.output).size, facts };
}

module.exports = { examine };
