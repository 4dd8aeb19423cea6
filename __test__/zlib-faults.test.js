'use strict';

const assert = require('node:assert');
const { PassThrough, Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { test } = require('node:test');
const { upperCase } = require('../lib/text.js');
/** @type {any} */
const zlib = require('../lib/zlib.js');
const { CUTS, random } = require('./harness/streams.js');
const { DECOMPRESSORS, INPUTS, node, thrown } = require('./harness/zlib.js');

const PLAIN = INPUTS.rows.subarray(0, 20_000);

/**
 * Feeds `pieces` as fast as they are taken, whatever happens.
 *
 * @param {any} stream
 * @param {Buffer[]} pieces
 * @returns {Promise<{ errors: any[], output: Buffer, events: string[] }>} once it is closed
 */
async function outcome(stream, pieces) {
  /** @type {any[]} */
  const errors = [];
  /** @type {Buffer[]} */
  const chunks = [];
  /** @type {string[]} */
  const events = [];
  stream.on('error', (/** @type {any} */ error) => errors.push(error));
  stream.on('data', (/** @type {Buffer} */ chunk) => chunks.push(chunk));
  for (const name of ['finish', 'end', 'close', 'error']) stream.on(name, () => events.push(name));
  const closed = new Promise((resolve) => stream.once('close', resolve));
  const source = Readable.from(pieces);
  source.on('error', () => {});
  source.pipe(stream);
  stream.once('close', () => source.destroy());
  await closed;
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  return { errors, output: Buffer.concat(chunks), events };
}

for (const { name, create, sync, inverse } of DECOMPRESSORS) {
  test(`${name}: data cut off at any byte fails once, with code, stage and offset`, async () => {
    const packed = node[`${inverse}Sync`](PLAIN.subarray(0, 300));
    for (let bytes = 0; bytes < packed.length; bytes++) {
      const input = packed.subarray(0, bytes);
      const { errors, output, events } = await outcome(zlib[create](), bytes % 2 ? [input] : CUTS['by 7 bytes'](input));
      assert.strictEqual(errors.length, 1, `at ${bytes}`);
      const [{ code, errno, message, stage, offset }] = errors;
      const wanted = { code: 'Z_BUF_ERROR', errno: -5, message: 'unexpected end of file', stage: name, offset: bytes };
      assert.deepStrictEqual({ code, errno, message, stage, offset }, wanted);
      assert.deepStrictEqual(events, ['error', 'close']);
      assert.ok(PLAIN.subarray(0, 300).subarray(0, output.length).equals(output));
      assert.throws(() => zlib[sync](input), wanted);
    }
  });

  test(`${name}: any flipped bit gives what Node gives, in every form`, async () => {
    const packed = node[`${inverse}Sync`](PLAIN);
    const next = random(packed.length);
    for (let round = 0; round < 120; round++) {
      const broken = Buffer.from(packed);
      const at = round < 20 ? round : Math.floor(next() * packed.length);
      broken[at % packed.length] ^= 1 << Math.floor(next() * 8);
      const theirs = thrown(() => node[sync](broken));
      assert.deepStrictEqual(thrown(() => zlib[sync](broken)), theirs, `byte ${at}`);
      const { errors, events } = await outcome(zlib[create](), CUTS['at random'](broken));
      assert.strictEqual(errors.length, theirs ? 1 : 0);
      assert.strictEqual(errors[0]?.code, theirs?.code);
      assert.strictEqual(errors[0]?.message, theirs?.message);
      assert.strictEqual(errors[0]?.stage, theirs ? name : undefined);
      assert.ok(errors.every(({ offset }) => offset >= 0 && offset <= broken.length));
      assert.strictEqual(events.at(-1), 'close');
    }
  });
}

test('the offset is that of the input, and does not depend on how it came', async () => {
  const packed = node.gzipSync(PLAIN);
  // RFC 1952: the CRC-32 is the eighth byte from the end.
  packed[packed.length - 8] ^= 1;
  for (const [how, pieces] of Object.entries(CUTS)) {
    const { errors } = await outcome(zlib.createGunzip(), pieces(packed));
    assert.deepStrictEqual([errors[0].message, errors[0].offset], ['incorrect data check', packed.length - 4], how);
  }
});

test('what was good before the error is given out', async () => {
  const packed = node.gzipSync(PLAIN);
  const { errors, output } = await outcome(zlib.createGunzip(), [packed.subarray(0, -9)]);
  assert.strictEqual(errors[0].code, 'Z_BUF_ERROR');
  assert.ok(output.equals(PLAIN));
});

test('another format is told from corrupt data by the text', async () => {
  const inputs = [Buffer.from('PK\x03\x04 a zip'), Buffer.from('{"json":true}'), node.deflateSync('zlib'), Buffer.alloc(100)];
  for (const input of inputs) {
    const { errors } = await outcome(zlib.createGunzip(), [input]);
    assert.deepStrictEqual(errors.map(({ code, message }) => [code, message]), [['Z_DATA_ERROR', 'incorrect header check']]);
  }
  const other = node.gzipSync('x');
  other[2] = 7;
  assert.throws(() => zlib.gunzipSync(other), { code: 'Z_DATA_ERROR', message: 'unknown compression method' });
});

test('garbage behind the trailer: an error for gzip, ignored for the others, an error for all where it is refused', async () => {
  const junk = Buffer.from('junk');
  for (const { name, create, sync, inverse } of DECOMPRESSORS) {
    const input = Buffer.concat([node[`${inverse}Sync`]('abc'), junk]);
    const end = input.length - junk.length;
    const padded = Buffer.concat([input.subarray(0, end), Buffer.from([0])]);
    for (const [how, pieces] of Object.entries(CUTS)) {
      const stream = zlib[create]();
      const { errors, output } = await outcome(stream, pieces(input));
      assert.strictEqual(String(output), 'abc', `${name} ${how}`);
      const gzip = inverse === 'gzip';
      assert.deepStrictEqual(errors.map(({ code }) => code), gzip ? ['Z_DATA_ERROR'] : [], `${name} ${how}`);
      if (!gzip) assert.deepStrictEqual([stream.bytesWritten, String(stream.remainder)], [end, 'junk']);
      const strict = await outcome(zlib[create]({ rejectGarbageAfterEnd: true }), pieces(padded));
      assert.deepStrictEqual(strict.errors.map(({ code, stage, offset }) => [code, stage, offset]), [
        ['ERR_TRAILING_JUNK_AFTER_STREAM_END', name, end],
      ]);
    }
    assert.throws(() => zlib[sync](padded, { rejectGarbageAfterEnd: true }), {
      name: 'TypeError',
      code: 'ERR_TRAILING_JUNK_AFTER_STREAM_END',
      message: 'Trailing junk found after the end of the compressed stream',
    });
  }
});

test('a broken second member fails behind the first one', async () => {
  const one = node.gzipSync('one');
  const two = node.gzipSync('two');
  two[two.length - 1] ^= 1;
  for (const [how, pieces] of Object.entries(CUTS)) {
    const { errors, output } = await outcome(zlib.createGunzip(), pieces(Buffer.concat([one, two])));
    assert.deepStrictEqual(errors.map(({ code, message }) => [code, message]), [['Z_DATA_ERROR', 'incorrect length check']], how);
    assert.strictEqual(String(output), 'onetwo');
  }
});

test('in a pipeline the first cause is told, on the stream that failed', async () => {
  for (const middle of [[], [new PassThrough()]]) {
    const gunzip = zlib.createGunzip();
    const upper = upperCase();
    const gzip = zlib.createGzip();
    /** @type {any[]} */
    const errors = [];
    for (const stream of [gunzip, upper, gzip]) stream.on('error', (/** @type {any} */ error) => errors.push([stream, error]));
    const source = Readable.from([node.gzipSync(PLAIN).subarray(0, 100)]);
    const run = pipeline(source, gunzip, ...middle, upper, gzip, new PassThrough().resume());
    await assert.rejects(run, { code: 'Z_BUF_ERROR', stage: 'gunzip', offset: 100 });
    assert.strictEqual(errors.filter(([stream]) => stream === gunzip).length, 1);
    assert.ok(errors.every(([, { code }]) => code === 'Z_BUF_ERROR'));
    assert.ok(gunzip.destroyed && upper.destroyed && gzip.destroyed);
  }
});

test('an error is emitted once, whatever is written behind it', async () => {
  const stream = zlib.createInflate();
  /** @type {any[]} */
  const errors = [];
  stream.on('error', (/** @type {any} */ error) => errors.push(error.code));
  const closed = new Promise((resolve) => stream.once('close', resolve));
  for (let i = 0; i < 100; i++) stream.write('no zlib data');
  stream.flush();
  stream.end();
  await closed;
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepStrictEqual(errors, ['Z_DATA_ERROR']);
  stream.close();
  stream.destroy();
  assert.throws(() => stream.reset(), { code: 'ERR_ASSERTION' });
});
