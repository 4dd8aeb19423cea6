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
  assert.equal(error.path, at('out'));
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

/** @param {string} name @returns {string} a FIFO */
function fifo(name) {
  execFileSync('mkfifo', [at(name)]);
  return at(name);
}

/** @param {any} stream @returns {Promise<any[]>} the names of its events, when it is closed */
async function untilClosed(stream) {
  /** @type {any[]} */
  const events = [];
  for (const name of ['open', 'finish', 'end', 'error']) stream.on(name, () => events.push(name));
  await new Promise((resolve) => stream.once('close', resolve));
  return events;
}

test('a source of a FIFO that nobody writes lets go of it when it is destroyed', async () => {
  const source = createReadStream(fifo('fifo'));
  source.resume();
  const events = untilClosed(source);
  await once(source, 'ready');
  await turn();
  source.destroy();
  assert.deepEqual(await events, ['open']);
  assert.equal(source.fd, null);
});

test('a source of a FIFO waits for its writer, and ends with it', async () => {
  const source = createReadStream(fifo('fifo'), { encoding: 'utf8' });
  const text = source.toArray();
  await once(source, 'open');
  const writer = fs.openSync(at('fifo'), 'w');
  await turn();
  fs.writeSync(writer, 'through');
  fs.closeSync(writer);
  assert.equal((await text).join(''), 'through');
});

test('a sink of a FIFO that nobody opens is destroyed while it waits for a reader', async () => {
  const sink = createWriteStream(fifo('fifo'));
  sink.write('x');
  const events = untilClosed(sink);
  await turn();
  sink.destroy();
  assert.deepEqual(await events, []);
  assert.equal(sink.fd, null);
});

test('a signal ends the wait for the other end of a FIFO', async () => {
  const abort = new AbortController();
  const sink = createWriteStream(fifo('fifo'), { signal: abort.signal });
  const closed = untilClosed(sink);
  await turn();
  abort.abort();
  assert.deepEqual(await closed, ['error']);
});

test('two streams meet at a FIFO, whichever comes first', async () => {
  const bytes = 'x'.repeat(1_000_000);
  for (const first of ['sink', 'source']) {
    const name = fifo(first);
    const sink = first === 'sink' ? createWriteStream(name) : null;
    if (sink !== null) await turn();
    const source = createReadStream(name, { encoding: 'utf8' });
    (sink ?? createWriteStream(name)).end(bytes);
    assert.equal((await source.toArray()).join(''), bytes);
  }
});

test('a descriptor that does not block is waited for', async () => {
  const { O_RDWR, O_NONBLOCK } = fs.constants;
  const fd = fs.openSync(fifo('fifo'), O_RDWR | O_NONBLOCK);
  const sink = createWriteStream('', { fd });
  const source = createReadStream('', { fd: fs.openSync(at('fifo'), O_RDWR | O_NONBLOCK) });
  const length = 3_000_000;
  let read = 0;
  const all = new Promise((resolve) => source.on('data', (chunk) => (read += chunk.length) === length && resolve(read)));
  // Nothing to read at first, and later more to write than the FIFO holds.
  await turn();
  sink.end(Buffer.alloc(length));
  assert.equal(await all, length);
  const closed = once(source, 'close');
  source.destroy();
  await closed;
});

test('functions of node:fs that somebody replaced are called', async () => {
  const { read, write } = fs;
  fs.writeFileSync(at('input'), 'seen');
  let calls = 0;
  /** @type {any} */ (fs).read = (/** @type {any[]} */ ...args) => (calls++, /** @type {any} */ (read)(...args));
  /** @type {any} */ (fs).write = (/** @type {any[]} */ ...args) => (calls++, /** @type {any} */ (write)(...args));
  try {
    const sink = createWriteStream(at('output'));
    createReadStream(at('input')).pipe(sink);
    await once(sink, 'close');
  } finally {
    Object.assign(fs, { read, write });
  }
  assert.equal(fs.readFileSync(at('output'), 'utf8'), 'seen');
  assert.equal(calls, 3);
});

test('a stream on somebody else\'s file system can be corked', async () => {
  const sink = createWriteStream(at('output'), { fs });
  sink.cork();
  sink.write('a');
  sink.end('b');
  await once(sink, 'close');
  assert.equal(fs.readFileSync(at('output'), 'utf8'), 'ab');
});

test('close is not in the tick of finish or end: one can be awaited after the other', async () => {
  for (let i = 0; i < 20; i++) {
    const sink = createWriteStream(at('file'));
    sink.end('x');
    await once(sink, 'finish');
    assert.equal(sink.closed, false);
    await once(sink, 'close');
    const source = createReadStream(at('file')).resume();
    await once(source, 'end');
    assert.equal(source.closed, false);
    await once(source, 'close');
  }
});
