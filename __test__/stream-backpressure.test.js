'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const { availableParallelism } = require('node:os');
const { Writable } = require('node:stream');
const { once } = require('node:events');
const { test } = require('node:test');
const { createReadStream, createWriteStream } = require('../lib/fs.js');
const { lines, upperCase } = require('../lib/text.js');
const { createGunzip, createGzip, gzipSync } = require('../lib/zlib.js');
const { folder, offer, settled } = require('./harness/streams.js');

const GIGABYTE = 1e9;
/** Threads for blocks, as the pool counts them. */
const THREADS = Number(process.env.MILLRACE_THREADS) || availableParallelism();
/**
 * Bytes that a stage behind a linked file may hold, in pieces of the file's reads of 1 MiB: its inbox (2 MiB, and a piece over
 * it), a piece in the cutter, blocks under way (threads and one), finished ones in the outbox (128 KiB, and a piece over it), and
 * the piece that the file holds. Node's own buffers are less than one more.
 */
const HELD = (2 + 1 + 1 + (THREADS + 1) + 1 + 1 + 1) * 1024 * 1024;

/** @type {Record<string, () => any>} */
const STAGES = { upperCase, lines, createGzip: () => createGzip({ level: 1 }) };

for (const [name, make] of Object.entries(STAGES)) {
  test(`${name} without a reader accepts a bounded part of a gigabyte, and RSS stays flat`, async () => {
    const before = process.memoryUsage.rss();
    const source = offer(GIGABYTE);
    const stage = make();
    source.pipe(stage);
    // Gzip of this input shrinks a thousandfold: its output fills its bound late.
    const taken = await settled(() => source.offered);
    if (name === 'createGzip') assert.ok(taken <= GIGABYTE);
    else assert.ok(taken < HELD, `took ${taken} bytes`);
    assert.ok(process.memoryUsage.rss() - before < 100e6, 'RSS grew');
    source.destroy();
    stage.destroy();
    await once(stage, 'close');
  });
}

test('a fused chain in front of a sink that does not write stops its source', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('in'), Buffer.alloc(64e6, 'some text\n'));
  const source = createReadStream(at('in'));
  const upper = upperCase();
  let first;
  const stuck = new Writable({
    write(chunk, encoding, callback) {
      first ??= callback;
    },
  });
  source.pipe(upper).pipe(stuck);
  const read = await settled(() => source.bytesRead);
  assert.ok(read < HELD, `read ${read} bytes`);
  source.destroy();
  upper.destroy();
});

test('a bomb stops at its consumer', async () => {
  const bomb = gzipSync(Buffer.alloc(256e6), { level: 9 });
  const before = process.memoryUsage.rss();
  const gunzip = createGunzip();
  gunzip.end(bomb);
  await once(gunzip, 'readable');
  const out = await settled(() => gunzip.stats().bytesOut);
  assert.ok(out < HELD, `gave out ${out} bytes`);
  assert.ok(process.memoryUsage.rss() - before < 100e6);
  gunzip.destroy();
});

test('highWaterMark is the bound of what write accepts', async () => {
  const upper = upperCase({ highWaterMark: 1000 });
  let accepted = 0;
  const piece = Buffer.alloc(100, 'x');
  // Nobody reads: sooner or later write says no, and drain never comes.
  for (let turn = 0; turn < 200; turn++) {
    while (upper.write(piece)) accepted += piece.length;
    accepted += piece.length;
    const drained = await Promise.race([once(upper, 'drain').then(() => true), settled(() => accepted).then(() => false)]);
    if (!drained) break;
  }
  // Writable and readable side, the operator's outbox, and a piece each.
  assert.ok(accepted <= 3 * 1000 + 4 * piece.length, `accepted ${accepted}`);
  assert.ok(upper.writableLength > 0);
  assert.strictEqual(upper.writableHighWaterMark, 1000);
  upper.destroy();
});

test('a slow writer gets drain for each time it was told to wait', async (t) => {
  const at = folder(t);
  const sink = createWriteStream(at('out'), { highWaterMark: 16 * 1024 });
  const piece = Buffer.alloc(10 * 1024, 'y');
  let waits = 0;
  for (let i = 0; i < 200; i++) {
    if (!sink.write(piece)) {
      waits++;
      await once(sink, 'drain');
    }
  }
  sink.end();
  await once(sink, 'close');
  assert.ok(waits > 0);
  assert.strictEqual(fs.statSync(at('out')).size, 200 * piece.length);
});
