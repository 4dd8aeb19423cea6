'use strict';

// Ends of pipelines that the command line stands on: files next to each other, sinks that nobody empties, and names
// that somebody else takes.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { afterEach, beforeEach, test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { createReadStream, createWriteStream } = require('../lib/fs.js');

/** @type {string} */
let dir;
beforeEach(() => (dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-ends-'))));
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

/** @param {string} name @returns {string} */
const at = (name) => path.join(dir, name);

/**
 * A source that is piped into a FIFO which nobody reads, when both are open.
 *
 * @returns {Promise<{ source: any, sink: any, holder: number }>}
 */
async function stalled() {
  fs.writeFileSync(at('input'), Buffer.alloc(8_000_000, 'x'));
  execFileSync('mkfifo', [at('fifo')]);
  // Reading and writing: neither this nor the sink's open waits for the other end.
  const holder = fs.openSync(at('fifo'), 'r+');
  const source = createReadStream(at('input'));
  const sink = createWriteStream(at('fifo'));
  source.pipe(sink);
  await Promise.all([once(source, 'ready'), once(sink, 'ready')]);
  await turn();
  return { source, sink, holder };
}

test('a file is written without JavaScript when it stands behind a native stream', async () => {
  const { source, sink, holder } = await stalled();
  assert.equal(source.stats().fused, process.env.MILLRACE_FUSE !== '0');
  source.destroy();
  sink.destroy();
  await once(sink, 'close');
  fs.closeSync(holder);
});

test('a sink whose reader does not read lets go of its file when it is destroyed', async () => {
  const { source, sink, holder } = await stalled();
  source.destroy();
  sink.destroy();
  await once(sink, 'close');
  assert.equal(sink.fd, null);
  assert.ok(sink.bytesWritten <= 8_000_000);
  fs.closeSync(holder);
});

test('an atomic file with exclusive flags does not take a name that was taken meanwhile', async () => {
  const sink = createWriteStream(at('out'), { atomic: true, flags: 'wx' });
  sink.write('ours');
  await once(sink, 'ready');
  fs.writeFileSync(at('out'), 'theirs');
  sink.end();
  // Both come in one tick.
  const closed = new Promise((resolve) => sink.once('close', resolve));
  const [error] = await once(sink, 'error');
  assert.equal(error.code, 'EEXIST');
  assert.equal(error.dest, at('out'));
  await closed;
  assert.equal(fs.readFileSync(at('out'), 'utf8'), 'theirs');
  assert.deepEqual(fs.readdirSync(dir), ['out']);
});

test('an atomic file with exclusive flags takes a free name, and leaves nothing beside it', async () => {
  const sink = createWriteStream(at('out'), { atomic: true, flags: 'wx' });
  sink.end('ours');
  await once(sink, 'close');
  assert.equal(fs.readFileSync(at('out'), 'utf8'), 'ours');
  assert.deepEqual(fs.readdirSync(dir), ['out']);
});
