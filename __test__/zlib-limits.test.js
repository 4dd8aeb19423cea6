'use strict';

const assert = require('node:assert');
const { once } = require('node:events');
const { Readable, Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { test } = require('node:test');
const { promisify } = require('node:util');
/** @type {any} */
const zlib = require('../lib/zlib.js');
const { CUTS, settled } = require('./harness/streams.js');
const { COMPRESSORS, INPUTS, LARGE, node, noise } = require('./harness/zlib.js');

const PACKED = node.gzipSync(INPUTS.rows);
/** 256 MB of zeros in 250 KB. */
const BOMB = node.gzipSync(Buffer.alloc(256e6), { level: 9 });

/**
 * @param {any} stream
 * @param {Buffer[]} pieces
 * @returns {Promise<{ bytes: number, error: any }>} what came out before it closed
 */
async function drained(stream, pieces) {
  let bytes = 0;
  const sink = new Writable({
    write(chunk, encoding, callback) {
      bytes += chunk.length;
      callback();
    },
  });
  const error = await pipeline(Readable.from(pieces), stream, sink).then(() => null, (cause) => cause);
  return { bytes, error };
}

test('maxOutputLength bounds streams to the byte, however the input comes', async () => {
  const plain = INPUTS.rows.length;
  for (const [how, pieces] of Object.entries(CUTS)) {
    for (const maxOutputLength of [1, 1000, 65536, plain - 1]) {
      const { bytes, error } = await drained(zlib.createGunzip({ maxOutputLength }), pieces(PACKED));
      assert.strictEqual(error?.code, 'ERR_BUFFER_TOO_LARGE', how);
      assert.ok(error instanceof RangeError);
      assert.strictEqual(error.message, `Cannot create a Buffer larger than ${maxOutputLength} bytes`);
      assert.strictEqual(error.stage, 'gunzip');
      assert.ok(error.offset > 0 && error.offset <= PACKED.length);
      assert.ok(bytes <= maxOutputLength, `${bytes}`);
    }
    const { bytes, error } = await drained(zlib.createGunzip({ maxOutputLength: plain }), pieces(PACKED));
    assert.deepStrictEqual([bytes, error], [plain, null], how);
  }
  for (const { create } of COMPRESSORS) {
    const { bytes, error } = await drained(zlib[create]({ maxOutputLength: 10_000 }), [noise(200_000)]);
    assert.strictEqual(error?.code, 'ERR_BUFFER_TOO_LARGE', create);
    assert.ok(bytes <= 10_000);
  }
});

test('maxOutputLength bounds one-shots as Node does', async () => {
  const options = { maxOutputLength: 1000 };
  const wanted = { code: 'ERR_BUFFER_TOO_LARGE', name: 'RangeError', message: 'Cannot create a Buffer larger than 1000 bytes' };
  for (const packed of [PACKED, BOMB]) {
    assert.throws(() => zlib.gunzipSync(packed, options), wanted);
    await assert.rejects(promisify(zlib.gunzip)(packed, options), wanted);
    await assert.rejects(zlib.promises.gunzip(packed, options), wanted);
  }
  assert.strictEqual(zlib.gunzipSync(PACKED, { maxOutputLength: INPUTS.rows.length }).length, INPUTS.rows.length);
});

test('maxRatio stops a bomb early, and lets a small file of zeros and ordinary data pass', async () => {
  for (const pieces of [[BOMB], CUTS['by 7 bytes'](BOMB)]) {
    const { bytes, error } = await drained(zlib.createGunzip({ maxRatio: 100 }), pieces);
    assert.strictEqual(error?.code, 'ERR_MILLRACE_ZLIB_RATIO');
    assert.strictEqual(error.stage, 'gunzip');
    assert.ok(error.offset > 0 && error.offset < 20_000, `offset ${error.offset}`);
    assert.ok(bytes <= 2e6, `${bytes}`);
  }
  const small = node.gzipSync(Buffer.alloc(900_000));
  assert.strictEqual((await drained(zlib.createGunzip({ maxRatio: 100 }), [small])).bytes, 900_000);
  const large = node.gzipSync(LARGE);
  assert.strictEqual((await drained(zlib.createGunzip({ maxRatio: 100 }), [large])).bytes, LARGE.length);
  assert.throws(() => zlib.gunzipSync(BOMB, { maxRatio: 100 }), { code: 'ERR_MILLRACE_ZLIB_RATIO' });
  await assert.rejects(zlib.promises.gunzip(BOMB, { maxRatio: 100 }), { code: 'ERR_MILLRACE_ZLIB_RATIO' });
});

test('memory stays flat under a bomb, with a limit and with a reader that reads nothing', async () => {
  const before = process.memoryUsage.rss();
  for (let round = 0; round < 20; round++) {
    const { error } = await drained(zlib.createGunzip({ maxOutputLength: 50e6 }), [BOMB]);
    assert.strictEqual(error?.code, 'ERR_BUFFER_TOO_LARGE');
  }
  const stuck = zlib.createGunzip();
  stuck.end(BOMB);
  await once(stuck, 'readable');
  const given = await settled(() => stuck.stats().bytesOut);
  assert.ok(given < 4e6, `${given}`);
  stuck.destroy();
  assert.ok(process.memoryUsage.rss() - before < 80e6, `RSS grew by ${process.memoryUsage.rss() - before}`);
});

test("members: 'first' stops behind one member, with the exact count of bytes and what followed", async () => {
  const tail = Buffer.concat([node.gzipSync('second'), Buffer.from('and more')]);
  const input = Buffer.concat([PACKED, tail]);
  for (const create of ['createGunzip', 'createUnzip']) {
    for (const [how, pieces] of Object.entries(CUTS)) {
      const stream = zlib[create]({ members: 'first' });
      const { bytes, error } = await drained(stream, pieces(input));
      assert.deepStrictEqual([bytes, error], [INPUTS.rows.length, null], how);
      assert.strictEqual(stream.bytesWritten, PACKED.length, how);
      // Those that it was given: a pipe stops writing where the data ended.
      assert.ok(tail.subarray(0, stream.remainder.length).equals(stream.remainder), how);
    }
  }
  const whole = zlib.createGunzip({ members: 'first' });
  whole.resume();
  whole.end(input);
  await once(whole, 'close');
  assert.ok(whole.remainder.equals(tail));
  const { buffer, engine } = zlib.gunzipSync(input, { members: 'first', info: true });
  assert.ok(buffer.equals(INPUTS.rows));
  assert.strictEqual(engine.bytesWritten, PACKED.length);
  assert.ok(engine.remainder.equals(tail));
});

test('what follows is kept up to 1 MiB, and counted no further', async () => {
  const stream = zlib.createInflate();
  stream.resume();
  stream.end(Buffer.concat([node.deflateSync('abc'), Buffer.alloc(3e6, 'x')]));
  await once(stream, 'close');
  assert.strictEqual(stream.remainder.length, 1 << 20);
});

test('a signal ends streams and one-shots with an AbortError', async () => {
  const wanted = { name: 'AbortError', code: 'ABORT_ERR' };
  const reason = new Error('enough');
  for (const { name } of COMPRESSORS) {
    const aborted = AbortSignal.abort(reason);
    await assert.rejects(zlib.promises[name]('x', { signal: aborted }), { ...wanted, cause: reason });
    await assert.rejects(promisify(zlib[name])('x', { signal: aborted }), { ...wanted, cause: reason });
    const abort = new AbortController();
    const running = zlib.promises[name](LARGE, { signal: abort.signal, level: 9 });
    abort.abort(reason);
    await assert.rejects(running, { ...wanted, cause: reason });
    /** @type {unknown[][]} */
    const calls = [];
    const second = new AbortController();
    const told = new Promise((resolve) => {
      zlib[name](LARGE, { signal: second.signal }, (/** @type {unknown[]} */ ...args) => {
        calls.push(args);
        resolve(null);
      });
    });
    second.abort();
    await told;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.strictEqual(calls.length, 1);
    assert.strictEqual(/** @type {any} */ (calls[0][0]).name, 'AbortError');
    const third = new AbortController();
    const stream = zlib[`create${name[0].toUpperCase()}${name.slice(1)}`]({ signal: third.signal });
    stream.write(LARGE);
    third.abort();
    const [error] = await once(stream, 'error');
    assert.strictEqual(error.name, 'AbortError');
  }
  const late = new AbortController();
  const packed = await zlib.promises.gzip('done', { signal: late.signal });
  late.abort();
  assert.strictEqual(String(node.gunzipSync(packed)), 'done');
});
