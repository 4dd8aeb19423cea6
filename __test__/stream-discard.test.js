'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const { once } = require('node:events');
const { PassThrough } = require('node:stream');
const { test } = require('node:test');
const nodeZlib = require('node:zlib');
const { createReadStream } = require('../lib/fs.js');
const { kOutput } = require('../lib/internal/port-keys.js');
const { upperCase } = require('../lib/text.js');
const { createGunzip, createGzip } = require('../lib/zlib.js');
const { collect, folder, fused, random, until } = require('./harness/streams.js');

/** Bytes of which each place looks different, more than any queue holds. */
const PLAIN = Buffer.alloc(24 << 20);
for (let at = 0, next = random(7); at < PLAIN.length; at += 4) PLAIN.writeUInt32LE(Math.floor(next() * 2 ** 20), at);
const PACKED = nodeZlib.gzipSync(PLAIN, { level: 1 });

/** @param {any} stream @returns {boolean} whether its output is dropped where it is made */
const discards = (stream) => stream[kOutput].discarding;

test('resume() without a reader works all off, counts it, and does not bring it to JavaScript', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('in'), PACKED);
  /** @param {any} gunzip @param {any} source */
  const run = async (gunzip, source) => {
    const events = [];
    for (const name of ['finish', 'end', 'close']) gunzip.on(name, () => events.push(name));
    source.pipe(gunzip);
    assert.strictEqual(gunzip.resume(), gunzip);
    await once(gunzip, 'close');
    const { bytesWritten, readableDidRead, readableEnded } = gunzip;
    return { events, bytesWritten, readableDidRead, readableEnded, bytesRead: source.bytesRead };
  };
  const ours = createGunzip();
  const facts = await run(ours, createReadStream(at('in')));
  assert.deepStrictEqual(facts, await run(nodeZlib.createGunzip(), fs.createReadStream(at('in'))));
  assert.strictEqual(/** @type {any} */ (ours).stats().bytesOut, PLAIN.length);
  assert.strictEqual(discards(ours), fused);
});

test('a stream whose end is there when nobody looks any more ends', async () => {
  for (const turns of [0, 1, 2, 3]) {
    const upper = upperCase();
    upper.end('all of it');
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    upper.resume();
    await once(upper, 'end');
    assert.strictEqual(upper.stats().bytesOut, 9);
  }
});

test('only the first chunk of what nobody reads comes to JavaScript (all that waited did)', async () => {
  const gzip = createGunzip({ chunkSize: 16384 });
  gzip.end(PACKED);
  await once(gzip, 'readable');
  gzip.removeAllListeners('readable');
  await until(() => gzip.stats().queuedBytes > 256 * 1024);
  let pushed = 0;
  const port = /** @type {any} */ (gzip)[kOutput];
  const { deliver } = port;
  port.deliver = (/** @type {Buffer} */ chunk) => {
    pushed += 1;
    deliver.call(port, chunk);
  };
  gzip.resume();
  await once(gzip, 'end');
  assert.strictEqual(gzip.stats().bytesOut, PLAIN.length);
  if (fused) assert.ok(pushed <= 2, `${pushed} chunks came to JavaScript`);
});

test('a file that nobody reads is read to its end', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('in'), PLAIN);
  const source = createReadStream(at('in'), { start: 5, end: PLAIN.length - 8 });
  source.resume();
  await once(source, 'close');
  assert.strictEqual(source.bytesRead, PLAIN.length - 12);
});

/** Ways to begin to look. @type {Record<string, (stream: any) => Promise<Buffer>>} */
const LOOKS = {
  'a data listener': async (stream) => {
    const chunks = [];
    stream.on('data', (/** @type {Buffer} */ chunk) => chunks.push(chunk));
    await once(stream, 'end');
    return Buffer.concat(chunks);
  },
  'a readable listener': async (stream) => {
    const chunks = [];
    stream.on('readable', () => {
      for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) chunks.push(chunk);
    });
    await once(stream, 'end');
    return Buffer.concat(chunks);
  },
  'a pipe': (stream) => collect(stream.pipe(new PassThrough())),
  'a native pipe': async (stream) => nodeZlib.gunzipSync(await collect(stream.pipe(createGzip({ level: 1 })))),
  'an async iterator': collect,
  'a listener after a pause': async (stream) => {
    stream.pause();
    await new Promise((resolve) => setImmediate(resolve));
    const chunks = [];
    stream.on('data', (/** @type {Buffer} */ chunk) => chunks.push(chunk));
    stream.resume();
    await once(stream, 'end');
    return Buffer.concat(chunks);
  },
};

for (const [name, look] of Object.entries(LOOKS)) {
  test(`${name} that comes while output is dropped sees every byte from then on`, async () => {
    const gunzip = createGunzip();
    gunzip.write(PACKED.subarray(0, PACKED.length / 2));
    gunzip.resume();
    await until(() => /** @type {any} */ (gunzip).stats().bytesOut > PLAIN.length / 8, 'output');
    const seen = look(gunzip);
    assert.ok(!discards(gunzip));
    gunzip.end(PACKED.subarray(PACKED.length / 2));
    const bytes = await seen;
    assert.ok(bytes.length >= PLAIN.length / 3, `${bytes.length} bytes`);
    assert.ok(PLAIN.subarray(PLAIN.length - bytes.length).equals(bytes));
  });
}

test('flush() is answered, and errors are told, while output is dropped', async () => {
  const gzip = createGzip({ level: 0 });
  gzip.resume();
  for (let i = 0; i < 40; i++) {
    gzip.write(PLAIN.subarray(0, 300_000));
    await new Promise((resolve) => gzip.flush(() => resolve(undefined)));
  }
  assert.strictEqual(discards(gzip), fused);
  gzip.end();
  await once(gzip, 'close');

  const cut = createGunzip();
  cut.resume();
  cut.end(PACKED.subarray(0, PACKED.length - 100));
  await assert.rejects(once(cut, 'end'), { code: 'Z_BUF_ERROR', message: 'unexpected end of file' });
});

test('destroy() while output is dropped ends it at once', async () => {
  const gunzip = createGunzip();
  gunzip.write(PACKED.subarray(0, PACKED.length / 2));
  gunzip.resume();
  await until(() => /** @type {any} */ (gunzip).stats().bytesOut > 0, 'output');
  gunzip.destroy();
  await once(gunzip, 'close');
  assert.ok(!gunzip.readableEnded);
});

test('a replaced push sees every byte of a stream without a reader', async () => {
  const gunzip = createGunzip();
  let bytes = 0;
  gunzip.push = (/** @type {Buffer | null} */ chunk) => {
    bytes += chunk?.length ?? 0;
    return PassThrough.prototype.push.call(gunzip, chunk);
  };
  gunzip.resume();
  gunzip.end(PACKED);
  await once(gunzip, 'end');
  assert.strictEqual(bytes, PLAIN.length);
  assert.ok(!discards(gunzip));
});
