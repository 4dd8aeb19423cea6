'use strict';

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');
/** @type {any} */
const zlib = require('../lib/zlib.js');
const { random } = require('./harness/streams.js');
const { LARGE, MEMBERS, node, noise } = require('./harness/zlib.js');

const run = promisify(execFile);
const FIXTURES = path.join(__dirname, 'fixtures');
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** @param {any} stream @returns {Promise<void>} */
const closed = (stream) => new Promise((resolve) => (stream.closed ? resolve() : stream.once('close', () => resolve())));

test('reset, params, flush, close and destroy during writes, at any moment, neither crash nor hang', async () => {
  const next = random(5);
  const input = noise(300_000);
  for (let round = 0; round < 150; round++) {
    const { create, inverse } = MEMBERS[round % MEMBERS.length];
    const data = /^(gzip|deflate|deflateRaw)$/.test(inverse) ? node[`${inverse}Sync`](input) : input;
    const stream = zlib[create]({ memLevel: round % 2 ? 8 : 7 });
    stream.on('error', () => {});
    if (next() < 0.7) stream.resume();
    let told = 0;
    let asked = 0;
    const callback = () => told++;
    for (let step = 0; step < 8; step++) {
      const act = Math.floor(next() * 6);
      if (stream.destroyed) break;
      if (act < 2) stream.write(data.subarray(0, Math.floor(next() * data.length)), callback);
      else if (act === 2) stream.flush(Math.floor(next() * 4), callback);
      else if (act === 3) stream.params(Math.floor(next() * 10), Math.floor(next() * 5), callback);
      else if (act === 4) stream.reset();
      else await turn();
      if (act < 4) asked++;
    }
    if (next() < 0.5) stream.destroy();
    else stream.close();
    stream.destroy();
    await closed(stream);
    for (let i = 0; i < 3; i++) await turn();
    assert.strictEqual(told, asked, `round ${round}: every callback is called`);
    assert.throws(() => stream.reset(), { code: 'ERR_ASSERTION' });
  }
});

test('writes and flushes under way when the stream is destroyed are called back once each', async () => {
  const gzip = zlib.createGzip();
  /** @type {string[]} */
  const told = [];
  const tell = (/** @type {string} */ name) => (/** @type {any} */ error) => told.push(`${name} ${error?.code ?? 'ok'}`);
  gzip.write(LARGE, tell('first'));
  gzip.flush(tell('flush'));
  gzip.write(LARGE, tell('second'));
  gzip.destroy();
  await closed(gzip);
  await turn();
  assert.deepStrictEqual(told, ['first ok', 'flush ERR_STREAM_DESTROYED', 'second ERR_STREAM_DESTROYED']);
});

test('work that nothing refers to comes to its end under the collector', async () => {
  const { stdout } = await run(process.execPath, ['--expose-gc', path.join(FIXTURES, 'zlib-unheld.js')], { timeout: 60_000 });
  assert.deepStrictEqual(JSON.parse(stdout), { begun: 40, ended: 40 });
});

test('a worker is terminated during writes, one-shots and sync calls', async () => {
  const program = `
    const zlib = require(${JSON.stringify(require.resolve('../lib/zlib.js'))});
    const { parentPort } = require('node:worker_threads');
    const input = Buffer.alloc(3_000_000, 'some text that goes round and round ');
    const gzip = zlib.createGzip({ level: 9 });
    gzip.resume().write(input);
    gzip.flush();
    zlib.createInflate().on('error', () => {}).write(zlib.deflateSync(input));
    zlib.gzip(input, () => {});
    void zlib.promises.deflate(input);
    parentPort.postMessage('at work');
    for (;;) zlib.gunzipSync(zlib.gzipSync(input.subarray(0, 1000)));`;
  const workers = Array.from({ length: 8 }, () => new Worker(program, { eval: true }));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  await Promise.all(workers.map((worker) => worker.terminate()));
  assert.strictEqual(String(zlib.gunzipSync(zlib.gzipSync('alive'))), 'alive');
});

/** @type {[string, number][]} */
const CHURN = [
  ['sync failures', 20_000],
  ['sync failures of format', 20_000],
  ['promise failures', 20_000],
  ['stream failures', 20_000],
  ['refused options', 20_000],
  ['sync round trips', 20_000],
  ['streams that are closed at work', 20_000],
];

for (const [what, times] of CHURN) {
  test(`${times} ${what} leak nothing`, async () => {
    const args = ['--expose-gc', path.join(FIXTURES, 'zlib-churn.js'), what, String(times)];
    const { stdout } = await run(process.execPath, args, { timeout: 120_000 });
    const { half, late } = JSON.parse(stdout);
    assert.ok(late.native <= half.native + 64 * 1024, `native bytes: ${half.native}, ${late.native}`);
    // Less than a leak of 1 KiB each time.
    const allowed = (times / 2) * 1024;
    assert.ok(late.rss - half.rss < allowed, `RSS grew by ${late.rss - half.rss} bytes`);
  });
}
