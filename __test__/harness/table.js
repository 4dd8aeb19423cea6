'use strict';

/** The table of section "every stage, every chunking": the inputs, and how a stage is driven with one of them. */

const assert = require('node:assert');
const { hash } = require('../../lib/crypto.js');
const { fused, random, rows } = require('./streams.js');

/** @typedef {{ output: any[], error?: NodeJS.ErrnoException & { line?: number, offset?: number, stage?: string } }} Outcome */

const next = random(42);
const noise = Buffer.from(Array.from({ length: 2000 }, () => Math.floor(next() * 256)));
const BOM = '\ufeff';

/**
 * Inputs for every stage, whether they mean anything to it or not.
 *
 * @type {Record<string, Buffer>}
 */
const CASES = {
  nothing: Buffer.alloc(0),
  'one byte': Buffer.from('x'),
  'one line end': Buffer.from('\n'),
  'rows of 64 KiB and more': rows(700),
  'no line end at the end': Buffer.from('{"a":1}\n{"b":2}'),
  'CRLF, mixed with LF, CR and blank rows': Buffer.from('{"a":1}\r\n\r\n{"b":\t2}\n\n\r{"c":3}\r\r\n \n{"d":4}\r'),
  'BOM first and later': Buffer.from(`${BOM}{"a":1}\n${BOM}{"b":2}\n{"c":"${BOM}"}\n`),
  'only a BOM': Buffer.from(BOM),
  'line separators of Unicode': Buffer.from('{"a":"x\u2028y\u2029z\u0085"}\n"\u2028"\n\u2028\n'),
  'letters whose case depends on others': Buffer.from(
    'ΌΔΟΣ ὈΔΥΣΣΕΎΣ Σ ΑΣ\n straße ŉ ǰ ﬁ İstanbul ıİ DŽ ǆ \u{10400}\u{10428} 𝔘 ﬀ i\u0307 ΑΣ\u0301Β Α\u00adΣ ΑΣ',
  ),
  'characters of 1 to 4 bytes': Buffer.from('aé€😀'.repeat(200)),
  'invalid UTF-8': Buffer.from([
    0x22, 0xff, 0x22, 0x0a, 0x22, 0xc3, 0x22, 0x0a, 0x22, 0xe2, 0x82, 0x22, 0x0a, 0xed, 0xa0, 0x80, 0x0a, 0xf0, 0x9f,
    0x98, 0x0a, 0xc0, 0xaf, 0x0a, 0xf4, 0x90, 0x80, 0x80, 0x0a, 0x22, 0xc3, 0xa9, 0x22, 0x0a, 0x22, 0xe2, 0x82,
  ]),
  'NUL bytes': Buffer.from('{"a":"\0"}\n\0\n{"b":"\\u0000"}\n\0\0'),
  noise,
  'one long line': Buffer.from(`"${'long '.repeat(390)}"`),
  'rows of which some are broken': Buffer.from(
    '{"i":0}\n{"i":1,}\n[1,2\n{"i":2}\n{"i":01}\ntrue\n"\\x"\n{"i":3}\n"\t"\nnul\n-\n1e\n{"i":4} {"i":5}\n{"i":6}\n}\n',
  ),
  'escapes and lone surrogates': Buffer.from(
    '{"\\u0061":"\\ud83d\\ude00","b":"\\ud83d","c":"\\ude00\\n\\/\\"\\\\"}\n"\\ud8"\n"\\uZZZZ"\n{"\\ud800":1}\n',
  ),
  'numbers as people write them': Buffer.from('{"n":1.50,"m":-0.0e+00,"big":123456789012345678901234567890,"e":1E400}\n'),
  'objects to edit': Buffer.from(
    '{"a":1,"gone":2,"old":3}\n{}\n{ }\n{"gone":1}\n{"gone":{"gone":1},"x":{"gone":2}}\n{"old":1,"new":2}\n' +
      '{"s":0,"hash":"h","s":1}\n{"né":1,"\\u0067one":5}\n[]\n{"__proto__":1,"constructor":2}\n{"s":[{},[]],"a":{}}\n',
  ),
};

/** Of more pieces than this, some share a tick, and the stage gets those together. */
const MOST_TICKS = 2000;

/**
 * Writes the pieces, each in a tick of its own, so that the stage gets them as they were cut.
 *
 * @param {import('node:stream').Writable} stream
 * @param {any[]} pieces
 */
async function dripFeed(stream, pieces) {
  const together = Math.ceil(pieces.length / MOST_TICKS);
  for (const [index, piece] of pieces.entries()) {
    if (stream.destroyed) return;
    if (!stream.write(piece)) {
      await new Promise((resolve) => {
        stream.once('drain', resolve);
        stream.once('close', resolve);
      });
    }
    if (index % together === 0) await new Promise((resolve) => process.nextTick(resolve));
  }
  stream.end();
}

/**
 * @param {any} stage
 * @param {boolean} between native neighbours on the sides where it takes or gives bytes, instead of alone
 * @param {any[]} pieces
 * @returns {Promise<Outcome>}
 */
async function drive(stage, between, pieces) {
  const head = between && !stage.writableObjectMode ? hash({ algorithms: ['crc32'] }) : stage;
  const tail = between && !stage.readableObjectMode ? hash({ algorithms: ['crc32'] }) : stage;
  if (head !== stage) head.pipe(stage);
  if (tail !== stage) stage.pipe(tail);
  /** @type {any[]} */
  const output = [];
  /** @type {any[]} */
  const errors = [];
  const closed = new Promise((resolve) => tail.once('close', resolve));
  for (const stream of new Set([head, stage, tail])) {
    stream.on('error', (/** @type {any} */ error) => {
      errors.push(error);
      assert.strictEqual(stream, stage, `the error is on ${stream.constructor.name}`);
      if (tail !== stage) tail.destroy();
      if (head !== stage) head.destroy();
    });
  }
  tail.on('data', (/** @type {any} */ chunk) => output.push(chunk));
  if (head !== stage) {
    // A link is made when data is first asked for.
    await new Promise((resolve) => setImmediate(resolve));
    assert.strictEqual(head.stats().fused, fused, 'the neighbour in front is fused with it');
  }
  await dripFeed(head, pieces);
  await closed;
  assert.ok(errors.length <= 1, 'an error is told once');
  if (errors.length === 0) {
    const { bytesIn } = stage.stats();
    if (head !== stage) assert.strictEqual(bytesIn, pieces.reduce((sum, piece) => sum + piece.length, 0));
  }
  return { output, error: errors[0] };
}

module.exports = { CASES, drive, dripFeed, fused };
