'use strict';

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const crypto = require('node:crypto');
const dns = require('node:dns');
const fs = require('node:fs');
const path = require('node:path');
const { Duplex, Readable, Transform, Writable, finished } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { once } = require('node:events');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');
const nodeZlib = require('node:zlib');
const { createReadStream, createWriteStream } = require('../lib/fs.js');
const { upperCase } = require('../lib/text.js');
const { createGunzip, createGzip } = require('../lib/zlib.js');
const { collect, folder, offer, rows } = require('./harness/streams.js');

const run = promisify(execFile);
const FIXTURES = path.join(__dirname, 'fixtures');
const INPUT = rows(20_000);

test('native streams are Node streams', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('in'), 'x');
  const source = createReadStream(at('in'));
  const sink = createWriteStream(at('out'));
  const gzip = createGzip();
  assert.ok(source instanceof Readable && !(source instanceof Writable));
  assert.ok(sink instanceof Writable);
  assert.ok(gzip instanceof Transform && gzip instanceof Duplex && gzip instanceof Readable && gzip instanceof Writable);
  await pipeline(source, gzip, sink);
});

test('finish, end and close come once and in this order', async () => {
  const upper = upperCase();
  /** @type {string[]} */
  const seen = [];
  for (const name of ['finish', 'end', 'close', 'error']) upper.on(name, () => seen.push(name));
  upper.end(INPUT);
  upper.resume();
  await once(upper, 'close');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepStrictEqual(seen, ['finish', 'end', 'close']);
});

test('destroy with an error tells it once and closes once', async () => {
  const gzip = createGzip();
  /** @type {string[]} */
  const seen = [];
  gzip.on('error', (error) => seen.push(error.message));
  gzip.on('close', () => seen.push('close'));
  gzip.write(INPUT);
  gzip.destroy(new Error('enough'));
  gzip.destroy(new Error('again'));
  await new Promise((resolve) => gzip.once('close', () => resolve(null)));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepStrictEqual(seen, ['enough', 'close']);
});

test('AbortSignal ends a pipeline and lets go of its files', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('in'), INPUT);
  const abort = new AbortController();
  const source = createReadStream(at('in'));
  const sink = createWriteStream(at('out'), { atomic: true });
  source.once('open', () => abort.abort());
  await assert.rejects(pipeline(source, createGzip(), sink, { signal: abort.signal }), { name: 'AbortError' });
  if (!sink.closed) await new Promise((resolve) => sink.once('close', () => resolve(null)));
  assert.deepStrictEqual(fs.readdirSync(at('')), ['in']);
});

test('a stage of JavaScript that throws ends the chain with its error', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('in'), INPUT);
  const bad = new Transform({
    transform() {
      throw new Error('my mistake');
    },
  });
  const chain = pipeline(createReadStream(at('in')), upperCase(), async function* (source) {
    for await (const chunk of source) {
      if (chunk.length > 0) throw new Error('my mistake');
      yield chunk;
    }
  }, createWriteStream(at('out')));
  await assert.rejects(chain, { message: 'my mistake' });
  bad.destroy();
});

test('async iteration, setEncoding and web streams give all bytes', async () => {
  const gzip = createGzip();
  gzip.end(INPUT);
  assert.ok(nodeZlib.gunzipSync(await collect(gzip)).equals(INPUT));

  const upper = upperCase();
  upper.setEncoding('utf8');
  upper.end(INPUT);
  let text = '';
  for await (const chunk of upper) text += chunk;
  assert.strictEqual(text, INPUT.toString().toUpperCase());

  const web = Duplex.toWeb(upperCase());
  const writer = web.writable.getWriter();
  const wrote = writer.write(Buffer.from('web')).then(() => writer.close());
  const parts = [];
  for await (const chunk of /** @type {any} */ (web.readable)) parts.push(chunk);
  await wrote;
  assert.strictEqual(Buffer.concat(parts).toString(), 'WEB');

  const source = upperCase();
  source.end('readable');
  const chunks = [];
  for await (const chunk of /** @type {any} */ (Readable.toWeb(source))) chunks.push(chunk);
  assert.strictEqual(Buffer.concat(chunks).toString(), 'READABLE');
});

test('finished tells of a premature close', async () => {
  const upper = upperCase();
  const told = new Promise((resolve) => finished(upper, resolve));
  upper.destroy();
  assert.strictEqual(/** @type {any} */ (await told).code, 'ERR_STREAM_PREMATURE_CLOSE');
});

test('breaking off an iteration destroys the stream', async () => {
  const upper = upperCase();
  offer(1e6).pipe(upper);
  let turns = 0;
  for await (const chunk of upper) {
    assert.ok(chunk.length > 0);
    if (++turns === 2) break;
  }
  assert.ok(upper.destroyed);
});

test('destroy in the middle of work, at any moment, neither crashes nor hangs', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('in'), Buffer.concat(Array(8).fill(INPUT)));
  for (let i = 0; i < 60; i++) {
    const streams = [createReadStream(at('in')), upperCase(), createGzip(), createWriteStream(at('out'))];
    const done = pipeline(/** @type {any} */ (streams)).catch((error) => error);
    for (let turn = 0; turn < i % 12; turn++) await new Promise((resolve) => setImmediate(resolve));
    streams[i % 4].destroy();
    await done;
  }
});

test('more pipelines than any pool has threads, while fs, dns and crypto go on', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('in'), INPUT);
  const pipelines = Array.from({ length: 64 }, (_, i) =>
    pipeline(createReadStream(at('in')), createGzip(), createGunzip(), upperCase(), createWriteStream(at(`out${i}`))),
  );
  // A reader of which nothing is taken must not hold a thread either.
  const stuck = Array.from({ length: 16 }, () => {
    const upper = upperCase();
    offer(1e8).pipe(upper);
    return upper;
  });
  await fs.promises.readFile(at('in'));
  await dns.promises.lookup('localhost');
  await promisify(crypto.pbkdf2)('a', 'b', 1000, 32, 'sha256');
  await Promise.all(pipelines);
  const expected = Buffer.from(INPUT.toString().toUpperCase());
  for (let i = 0; i < 64; i++) assert.ok(fs.readFileSync(at(`out${i}`)).equals(expected));
  for (const stream of stuck) stream.destroy();
});

test('several worker threads load the addon, work, and are terminated in the middle', async () => {
  const workers = Array.from({ length: 6 }, () => new Worker(path.join(FIXTURES, 'worker.js')));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  await Promise.all(workers.map((worker) => worker.terminate()));
  const gzip = createGzip();
  gzip.end(INPUT);
  assert.ok(nodeZlib.gunzipSync(await collect(gzip)).equals(INPUT));
});

test('the addon loaded in a worker alone survives its end', async () => {
  const { stdout } = await run(process.execPath, [path.join(FIXTURES, 'only-in-worker.js'), path.join(FIXTURES, 'worker.js')]);
  assert.strictEqual(stdout, 'well\n');
});

test('process.exit with work under way is clean', async () => {
  for (let i = 0; i < 5; i++) {
    await run(process.execPath, [path.join(FIXTURES, 'exit.js'), 'exit']);
  }
});

test('the process ends by itself when all work is done, and not before', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('in'), INPUT);
  await run(process.execPath, [path.join(FIXTURES, 'exit.js'), 'pipe', at('in'), at('out')], { timeout: 20_000 });
  assert.ok(nodeZlib.gunzipSync(fs.readFileSync(at('out'))).equals(INPUT));
});

test('an idle stream keeps no process alive', async () => {
  await run(process.execPath, [path.join(FIXTURES, 'exit.js'), 'idle'], { timeout: 20_000 });
});

test('abandoned streams are collected, and their native memory goes with them', async () => {
  const { stdout } = await run(process.execPath, ['--expose-gc', path.join(FIXTURES, 'abandoned.js')], { timeout: 60_000 });
  const { made, collected, before, peak, after } = JSON.parse(stdout);
  assert.ok(collected >= made * 0.95, `${collected} of ${made} collected`);
  assert.ok(peak - before > made * 10_000, 'native memory is counted');
  assert.ok(after - before < (peak - before) * 0.1, 'and taken back');
});

test('a listener that throws is an uncaught exception, and other streams go on', async () => {
  const { stdout } = await run(process.execPath, [path.join(FIXTURES, 'throwing.js')], { timeout: 20_000 });
  assert.strictEqual(stdout, 'caught thrown in a listener\nother stream: 20000 bytes\n');
});
