'use strict';

// Streams that are made and not used, or not yet.

const assert = require('node:assert');
const { AsyncLocalStorage } = require('node:async_hooks');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { PassThrough, Readable } = require('node:stream');
const { describe, test } = require('node:test');
const { promisify } = require('node:util');
const { compose } = require('../lib/compose.js');
const { hash } = require('../lib/crypto.js');
const { inspect } = require('../lib/inspect.js');
const { edit, validate } = require('../lib/jsonl.js');
const { lines, upperCase } = require('../lib/text.js');
/** @type {any} */
const zlib = require('../lib/zlib.js');
const { collect } = require('./harness/streams.js');
const { MEMBERS } = require('./harness/zlib.js');

const run = promisify(execFile);
const UNUSED = path.join(__dirname, 'fixtures', 'unused.js');

/** @param {string} stage @returns {string[][]} the pipelines with this stage, as names of stages */
const listed = (stage) =>
  inspect()
    .map(({ stages }) => stages.map((one) => one.stage))
    .filter((stages) => stages.includes(stage));

describe('unused zlib streams', () => {
  for (const { create } of MEMBERS) {
    test(`${create}: V8 knows what they hold, and gc() takes it back in the very job (they held it till the next)`, async () => {
      // Sweeping on a thread of its own would tell of it a moment later.
      const flags = ['--expose-gc', '--no-concurrent-array-buffer-sweeping'];
      const { stdout } = await run(process.execPath, [...flags, UNUSED, create], { timeout: 60_000 });
      const { before, made, after } = JSON.parse(stdout);
      assert.ok(made - before >= 200 * 1000, `${made - before} bytes for 200 streams`);
      assert.ok(after - before <= (made - before) * 0.05, `${after - before} of ${made - before} bytes are still held`);
    });
  }

  test('have the members of used ones, before and after they are destroyed', async () => {
    for (const { create } of MEMBERS) {
      const stream = zlib[create]();
      const look = () => {
        assert.strictEqual(stream.bytesWritten, 0);
        assert.strictEqual(stream.remainder.length, 0);
        assert.strictEqual(stream.writableLength, 0);
        assert.strictEqual(stream.readableLength, 0);
        const { native, bytesIn, busyMs, lifeMs, queuedBytes, fused } = stream.stats();
        assert.deepStrictEqual([native, bytesIn, busyMs, lifeMs, queuedBytes, fused], [true, 0, 0, 0, 0, false]);
      };
      look();
      stream.reset();
      look();
      stream.destroy();
      look();
      await once(stream, 'close');
      look();
      assert.strictEqual(stream._closed, true);
    }
  });

  test('keep a dictionary as it was when they were made', async () => {
    const dictionary = Buffer.from('a dictionary that both sides know');
    const packed = zlib.deflateSync('a dictionary that both sides know', { dictionary });
    const given = Buffer.from(dictionary);
    const inflate = zlib.createInflate({ dictionary: given });
    given.fill(0);
    inflate.end(packed);
    assert.strictEqual(String(await collect(inflate)), 'a dictionary that both sides know');
  });

  test('run in the context in which they were made, whoever uses them first', async () => {
    const storage = new AsyncLocalStorage();
    const gzip = storage.run('maker', () => zlib.createGzip());
    /** @type {Set<unknown>} */
    const seen = new Set();
    for (const name of ['finish', 'end', 'close']) gzip.on(name, () => seen.add(storage.getStore()));
    storage.run('user', () => {
      gzip.end(Buffer.alloc(1e6));
      gzip.resume();
    });
    await once(gzip, 'close');
    assert.deepStrictEqual([...seen], ['maker']);
  });

  test('give small results that are not overwritten by later ones', async () => {
    const deflate = zlib.createDeflateRaw();
    /** @type {Buffer[]} */
    const chunks = [];
    /** @type {Buffer[]} */
    const copies = [];
    deflate.on('data', (/** @type {Buffer} */ chunk) => {
      chunks.push(chunk);
      copies.push(Buffer.from(chunk));
    });
    for (let i = 0; i < 200; i++) {
      deflate.write(`row ${i} ${i * i};`);
      await new Promise((resolve) => deflate.flush(resolve));
    }
    deflate.end();
    await once(deflate, 'end');
    assert.deepStrictEqual(chunks, copies);
    const expected = Array.from({ length: 200 }, (_, i) => `row ${i} ${i * i};`).join('');
    assert.strictEqual(String(zlib.inflateRawSync(Buffer.concat(chunks))), expected);
  });
});

describe('inspect()', () => {
  test('does not list a stream that nobody uses', () => {
    const gzip = zlib.createGzip();
    assert.deepStrictEqual(listed('gzip'), []);
    gzip.destroy();
  });

  test('lists what is piped, though nothing flows', () => {
    const source = new PassThrough();
    const upper = source.pipe(upperCase());
    assert.deepStrictEqual(listed('upperCase'), [['upperCase']]);
    const sink = new PassThrough();
    upper.pipe(zlib.createGzip()).pipe(sink);
    assert.deepStrictEqual(listed('gzip'), [['upperCase', 'gzip', 'PassThrough']]);
    source.destroy();
    upper.destroy();
  });

  test('lists a composed stream that is piped into', () => {
    const source = new PassThrough();
    const all = compose(lines(), hash());
    source.pipe(all);
    assert.deepStrictEqual(listed('hash'), [['lines', 'hash']]);
    all.destroy();
  });
});

test('stages of every kind end well when their first use is their end, and when it is their destruction', async () => {
  const stages = [upperCase, lines, validate, hash, () => edit({ set: { a: 1 } }), () => lines({ objectMode: true })];
  for (const make of stages) {
    const ended = /** @type {Readable} */ (/** @type {unknown} */ (make()));
    /** @type {any} */ (ended).end();
    assert.deepStrictEqual(await ended.toArray(), []);
    const destroyed = make();
    destroyed.destroy();
    await once(destroyed, 'close');
    assert.strictEqual(/** @type {any} */ (destroyed).stats().bytesIn, 0);
  }
});

test('a stream that waits for its reader goes on from where it is', async () => {
  const gzip = zlib.createGzip();
  Readable.from([Buffer.from('abc')]).pipe(gzip);
  await once(gzip, 'readable');
  assert.strictEqual(String(zlib.gunzipSync(await collect(gzip))), 'abc');
});
