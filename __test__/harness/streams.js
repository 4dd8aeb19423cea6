'use strict';

/** What the stream tests share: ways to cut input, to collect output, and stages without a public face. */

const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Readable } = require('node:stream');

const fused = process.env.MILLRACE_FUSE !== '0';

/**
 * A small generator of pseudo-random numbers: the same for the same seed.
 *
 * @param {number} seed
 * @returns {() => number} numbers from 0 to below 1
 */
function random(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** The ways in which each stage gets its input. @type {Record<string, (input: Buffer) => Buffer[]>} */
const CUTS = {
  'byte by byte': (input) => cut(input, () => 1),
  'by 7 bytes': (input) => cut(input, () => 7),
  'by 64 KiB': (input) => cut(input, () => 65536),
  whole: (input) => [input],
  'at random': (input) => {
    const next = random(input.length + 7);
    return cut(input, () => 1 + Math.floor(next() ** 4 * 40000));
  },
};

/**
 * @param {Buffer} input
 * @param {() => number} size
 * @returns {Buffer[]}
 */
function cut(input, size) {
  const pieces = [];
  for (let at = 0; at < input.length; ) {
    const end = Math.min(at + size(), input.length);
    pieces.push(input.subarray(at, end));
    at = end;
  }
  return pieces;
}

/**
 * @param {import('node:stream').Readable} stream
 * @returns {Promise<Buffer>} all that comes out of it
 */
async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks);
}

/**
 * Writes all pieces, as fast as the stream takes them.
 *
 * @param {import('node:stream').Writable} stream
 * @param {Iterable<Buffer>} pieces
 */
async function feed(stream, pieces) {
  for (const piece of pieces) {
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
}

/**
 * A folder of its own, gone after the test.
 *
 * @param {import('node:test').TestContext} t
 * @returns {(name: string) => string} paths in it
 */
function folder(t) {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-'));
  t.after(() => fs.rmSync(root, { recursive: true, force: true }));
  return (name) => path.join(root, name);
}

/**
 * Log rows.
 *
 * @param {number} count
 * @returns {Buffer}
 */
function rows(count) {
  const next = random(count);
  let text = '';
  for (let i = 0; i < count; i++) {
    text += `${JSON.stringify({ i, level: next() < 0.1 ? 'error' : 'info', message: 'héllo wörld '.repeat(1 + Math.floor(next() * 4)), at: next() })}\n`;
  }
  return Buffer.from(text);
}

/**
 * A readable of JavaScript's that offers `total` bytes and counts what was taken.
 *
 * @param {number} total
 * @param {number} [size] bytes in a chunk
 * @param {string} [text] what it is full of
 * @returns {Readable & { offered: number }}
 */
function offer(total, size = 65536, text = 'abcdefghijklmno\n') {
  const chunk = Buffer.alloc(size, text);
  /** @type {any} */
  const source = new Readable({
    read() {
      if (source.offered >= total) this.push(null);
      else {
        source.offered += size;
        this.push(chunk);
      }
    },
  });
  source.offered = 0;
  return source;
}

/**
 * Waits until `done()` holds: looks after each turn of the event loop, and fails after many.
 *
 * @param {() => boolean} done
 * @param {string} what
 */
async function until(done, what) {
  const deadline = Date.now() + 20_000;
  while (!done()) {
    if (Date.now() > deadline) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * Resolves when `value()` did not change for a while of turns: for what must stop growing.
 *
 * @param {() => number} value
 * @returns {Promise<number>} the value
 */
async function settled(value) {
  let last = value();
  let since = Date.now();
  while (Date.now() - since < 150) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = value();
    if (now !== last) {
      last = now;
      since = Date.now();
    }
  }
  return last;
}

/**
 * @param {import('node:stream').Duplex} stage
 * @param {...any} pieces each written in a tick of its own
 * @returns {Promise<string>} what comes out
 */
async function through(stage, ...pieces) {
  for (const piece of pieces) {
    stage.write(piece);
    await new Promise((resolve) => process.nextTick(resolve));
  }
  stage.end();
  return String(await collect(stage));
}

module.exports = { CUTS, collect, cut, feed, folder, fused, offer, random, rows, settled, through, until };
