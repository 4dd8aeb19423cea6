'use strict';

// Every case here runs twice, on node:fs and on millrace/fs, and what can be observed must be the same: events and their
// order, bytes, properties, errors with all their fields, and what is in the file afterwards.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const nodeFs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { pathToFileURL } = require('node:url');
const ours = require('../lib/fs.js');

const TEXT = 'Grüße vom Mühlbach\n'.repeat(20_000);

/**
 * @typedef {object} Place
 * @property {any} api node:fs's streams or ours
 * @property {(name: string) => string} at
 * @property {any[]} log what happened, in order
 * @property {(stream: any, ...names: string[]) => any} watch logs the stream's events
 */

/** @param {any} error @returns {any} */
function told(error) {
  const { name, message, code, errno, syscall, path: file, dest } = error;
  return { name, message, code, errno, syscall, path: file, dest };
}

/**
 * Runs a scenario on `api`, in a folder of its own.
 *
 * @param {any} api
 * @param {(place: Place) => any} scenario
 * @returns {Promise<any[]>} the log, in which paths count from the folder
 */
async function run(api, scenario) {
  const dir = nodeFs.mkdtempSync(path.join(os.tmpdir(), 'millrace-fs-'));
  /** @type {any[]} */
  const log = [];
  const at = (/** @type {string} */ name) => path.join(dir, name);
  nodeFs.writeFileSync(at('input'), TEXT);
  nodeFs.writeFileSync(at('old'), 'what was there before');
  /** @type {Place['watch']} */
  const watch = (stream, ...more) => {
    for (const name of ['open', 'ready', 'end', 'finish', 'close', ...more]) {
      stream.on(name, (/** @type {any} */ value) => log.push(name === 'open' ? [name, typeof value] : [name]));
    }
    stream.on('error', (/** @type {any} */ error) => log.push(['error', told(error)]));
    return stream;
  };
  try {
    const result = await scenario({ api, at, log, watch });
    log.push(['result', result]);
    // Text, so that folders' names and undefined members fall out.
    return JSON.parse(JSON.stringify(log).replaceAll(dir, '.'));
  } finally {
    nodeFs.rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * @param {string} name
 * @param {(place: Place) => any} scenario
 */
function same(name, scenario) {
  test(name, async () => {
    const theirs = await run(nodeFs, scenario);
    assert.deepEqual(await run(ours, scenario), theirs);
  });
}

/** @param {any} stream @returns {any} */
function properties(stream) {
  const { fd, pending, bytesRead, bytesWritten, flags, mode, start, end, autoClose, destroyed } = stream;
  const file = Buffer.isBuffer(stream.path) ? stream.path.toString() : stream.path;
  const known = typeof fd === 'number' ? 'number' : fd;
  return { fd: known, pending, path: file, bytesRead, bytesWritten, flags, mode, start, end, autoClose, destroyed };
}

/** @param {any} stream @returns {Promise<void>} once it is closed, however it came to that */
const closed = (stream) => new Promise((resolve) => (stream.closed ? resolve() : stream.once('close', () => resolve())));

/**
 * Reads all of it.
 *
 * @param {Place} place
 * @param {any} stream
 * @returns {Promise<any>}
 */
async function readAll({ watch }, stream) {
  const before = properties(stream);
  /** @type {any[]} */
  const chunks = [];
  watch(stream).on('data', (/** @type {any} */ chunk) => chunks.push(chunk));
  await closed(stream);
  const text = typeof chunks[0] === 'string' ? chunks.join('') : Buffer.concat(chunks).toString();
  const largest = Math.max(0, ...chunks.map((chunk) => chunk.length));
  return { before, after: properties(stream), kind: typeof chunks[0], largest, text };
}

describe('createReadStream', () => {
  /** @type {Record<string, any>} */
  const options = {
    none: undefined,
    'an encoding alone': 'latin1',
    start: { start: 5 },
    end: { end: 9 },
    'start and end': { start: 5, end: 100_000 },
    'one byte': { start: 0, end: 0 },
    'start behind the end of the file': { start: 10_000_000 },
    highWaterMark: { highWaterMark: 1000 },
    'highWaterMark and end': { highWaterMark: 7, start: 3, end: 1000 },
    encoding: { encoding: 'utf8', highWaterMark: 1001 },
    'flags of reading and writing': { flags: 'r+' },
    'flags as a number': { flags: nodeFs.constants.O_RDONLY },
    'flags that create': { flags: 'a+' },
    mode: { mode: 0o600 },
    'another emitClose': { emitClose: true, autoClose: true },
  };
  for (const [name, value] of Object.entries(options)) {
    same(`options: ${name}`, (place) => readAll(place, place.api.createReadStream(place.at('input'), value)));
  }

  same('a URL', (place) => readAll(place, place.api.createReadStream(pathToFileURL(place.at('input')))));
  same('a Buffer', (place) => readAll(place, place.api.createReadStream(Buffer.from(place.at('input')))));
  same('an empty file', (place) => {
    nodeFs.writeFileSync(place.at('empty'), '');
    return readAll(place, place.api.createReadStream(place.at('empty')));
  });
  for (const name of ['absent', 'input/beneath', '', '.']) {
    same(`cannot be read: '${name}'`, (place) => readAll(place, place.api.createReadStream(place.at(name))));
  }
  same('flags that fail', (place) => readAll(place, place.api.createReadStream(place.at('input'), { flags: 'wx+' })));
  same('may be called without new', async ({ api, at }) => {
    const stream = api.ReadStream(at('input'));
    stream.destroy();
    await closed(stream);
    return stream instanceof nodeFs.ReadStream;
  });

  same('a descriptor', async (place) => {
    const fd = nodeFs.openSync(place.at('input'), 'r');
    nodeFs.readSync(fd, Buffer.alloc(10));
    return readAll(place, place.api.createReadStream('', { fd }));
  });
  same('a descriptor with start keeps its position', async (place) => {
    const fd = nodeFs.openSync(place.at('input'), 'r');
    const stream = place.watch(place.api.createReadStream('', { fd, start: 7, end: 70_000, autoClose: false }));
    stream.resume();
    await once(stream, 'end');
    const next = Buffer.alloc(6);
    nodeFs.readSync(fd, next);
    nodeFs.closeSync(fd);
    return { after: properties(stream), next: next.toString() };
  });
  same('a descriptor that is not open', (place) => readAll(place, place.api.createReadStream('', { fd: 987_654 })));
  same('a FileHandle', async (place) => {
    const handle = await nodeFs.promises.open(place.at('input'));
    handle.on('close', () => place.log.push(['handle closed']));
    const result = await readAll(place, place.api.createReadStream('', { fd: handle, start: 3 }));
    return { result, fd: handle.fd };
  });
  same('a FileHandle that is closed meanwhile', async (place) => {
    const handle = await nodeFs.promises.open(place.at('input'));
    const stream = place.watch(place.api.createReadStream('', { fd: handle }));
    await handle.close();
    await closed(stream);
    return properties(stream);
  });

  same('autoClose: false leaves the file open', async ({ api, at, watch, log }) => {
    const stream = watch(api.createReadStream(at('input'), { autoClose: false }));
    stream.resume();
    await once(stream, 'end');
    nodeFs.fstatSync(stream.fd);
    log.push([properties(stream)]);
    stream.close();
    await closed(stream);
    return properties(stream);
  });
  same('emitClose: false', async ({ api, at, watch, log }) => {
    const stream = watch(api.createReadStream(at('input'), { emitClose: false }));
    stream.resume();
    await once(stream, 'end');
    return log.length;
  });
  same('destroy before it is open', async ({ api, at, watch }) => {
    const stream = watch(api.createReadStream(at('input')));
    stream.destroy();
    await closed(stream);
    return properties(stream);
  });
  same('destroy with an error', async ({ api, at, watch }) => {
    const stream = watch(api.createReadStream(at('input')));
    stream.once('data', () => stream.destroy(new RangeError('enough')));
    await closed(stream);
    // How far each has read ahead by then depends on the disk.
    return { ...properties(stream), bytesRead: stream.bytesRead > 0 };
  });
  same('close twice, with callbacks', async ({ api, at, watch, log }) => {
    const stream = watch(api.createReadStream(at('input')));
    stream.close((/** @type {any} */ error) => log.push(['first', error ?? null]));
    stream.close((/** @type {any} */ error) => log.push(['second', error ?? null]));
    await closed(stream);
  });
  same('a signal that is aborted already', async ({ api, at, watch }) => {
    const stream = watch(api.createReadStream(at('input'), { signal: AbortSignal.abort() }));
    await closed(stream);
    return properties(stream);
  });
  same('a signal that is aborted later', async ({ api, at, watch }) => {
    const abort = new AbortController();
    const stream = watch(api.createReadStream(at('input'), { signal: abort.signal }));
    stream.once('data', () => abort.abort());
    await closed(stream);
    // How far each has read ahead by then depends on the disk.
    return { ...properties(stream), bytesRead: stream.bytesRead > 0 };
  });
  same('closed behind its back', async ({ api, at, watch }) => {
    const stream = watch(api.createReadStream(at('input')));
    await once(stream, 'open');
    nodeFs.closeSync(stream.fd);
    stream.destroy();
    await closed(stream);
  });

  /** @type {Record<string, any>} */
  const refused = {
    'start is negative': { start: -1 },
    'start is no whole number': { start: 1.5 },
    'start is text': { start: '1' },
    'start is NaN': { start: NaN },
    'start is too large': { start: 2 ** 53 },
    'end is negative': { end: -1 },
    'end is text': { end: 'x' },
    'start is behind end': { start: 5, end: 3 },
    'fd is text': { fd: 'x' },
    'fd is negative': { fd: -1 },
    'encoding is unknown': { encoding: 'klingon' },
    'options are a number': 5,
    'signal is none': { signal: 1 },
    'fs has no open': { fs: {} },
    'highWaterMark is negative': { highWaterMark: -1 },
  };
  for (const [name, value] of Object.entries(refused)) {
    same(`refused: ${name}`, ({ api, at }) => thrown(() => api.createReadStream(at('input'), value)));
  }
  for (const value of [undefined, null, 1, {}, 'a\0b', new URL('http://a/b')]) {
    same(`refused as a path: ${JSON.stringify(value)}`, ({ api }) => thrown(() => api.createReadStream(value)));
  }
  for (const value of [{ flags: 'nonsense' }, { mode: 'nonsense' }, { flags: 1.5 }]) {
    same(`refused when it is opened: ${JSON.stringify(value)}`, async ({ api, at, watch }) => {
      await closed(watch(api.createReadStream(at('input'), value)));
    });
  }
});

/** @param {() => any} make @returns {Promise<any>} what it throws */
async function thrown(make) {
  let stream;
  try {
    stream = make();
  } catch (error) {
    return told(error);
  }
  stream.on('error', () => {}).destroy();
  await closed(stream);
  return null;
}

/**
 * Writes the text in pieces.
 *
 * @param {Place} place
 * @param {any} stream
 * @param {string} [name] of the file
 * @returns {Promise<any>}
 */
async function writeAll({ at, watch }, stream, name = 'output') {
  const before = properties(stream);
  watch(stream);
  for (let i = 0; i < TEXT.length && !stream.destroyed; i += 50_000) stream.write(TEXT.slice(i, i + 50_000));
  stream.end('fin');
  await closed(stream);
  const there = nodeFs.existsSync(at(name)) && nodeFs.statSync(at(name)).isFile();
  const text = there ? nodeFs.readFileSync(at(name), 'utf8') : null;
  return { before, after: properties(stream), text, mode: there ? nodeFs.statSync(at(name)).mode : null };
}

describe('createWriteStream', () => {
  /** @type {Record<string, any>} */
  const options = {
    none: undefined,
    'an encoding alone': 'latin1',
    encoding: { encoding: 'utf16le' },
    highWaterMark: { highWaterMark: 1000 },
    mode: { mode: 0o600 },
    'mode as text': { mode: '640' },
    'flags that are exclusive': { flags: 'wx' },
    'flags that append': { flags: 'a' },
    start: { start: 1000 },
    flush: { flush: true },
  };
  for (const [name, value] of Object.entries(options)) {
    same(`options: ${name}`, (place) => writeAll(place, place.api.createWriteStream(place.at('output'), value)));
  }
  for (const value of [{ flags: 'a' }, { flags: 'r+' }, { flags: 'r+', start: 5 }, { flags: 'wx' }, { flags: 'a', start: 2 }]) {
    same(`an old file with ${JSON.stringify(value)}`, (place) =>
      writeAll(place, place.api.createWriteStream(place.at('old'), value), 'old'),
    );
  }
  for (const name of ['absent/beneath', 'input/beneath', '.']) {
    same(`cannot be written: '${name}'`, (place) => writeAll(place, place.api.createWriteStream(place.at(name)), name));
  }
  same('flags that need a file', (place) => writeAll(place, place.api.createWriteStream(place.at('output'), { flags: 'r+' })));
  same('a file that nobody may write', (place) => writeAll(place, place.api.createWriteStream('/proc/sys/kernel/ostype')));
  same('a URL', (place) => writeAll(place, place.api.createWriteStream(pathToFileURL(place.at('output')))));
  same('a Buffer', (place) => writeAll(place, place.api.createWriteStream(Buffer.from(place.at('output')))));
  same('nothing at all', async ({ api, at, watch }) => {
    const stream = watch(api.createWriteStream(at('output')));
    stream.end();
    await closed(stream);
    return nodeFs.statSync(at('output')).size;
  });
  same('may be called without new', async ({ api, at }) => {
    const stream = api.WriteStream(at('output'));
    stream.destroy();
    await closed(stream);
    return stream instanceof nodeFs.WriteStream;
  });
  same('callbacks, and the count in them', async ({ api, at, watch, log }) => {
    const stream = watch(api.createWriteStream(at('output')), 'drain');
    for (let i = 0; i < 5; i++) stream.write('x'.repeat(20_000), () => log.push(['written', stream.bytesWritten >= 20_000]));
    stream.end(() => log.push(['ended', stream.bytesWritten]));
    await closed(stream);
  });
  same('cork', async ({ api, at, watch }) => {
    const stream = watch(api.createWriteStream(at('output')));
    stream.cork();
    for (const text of ['a', 'b', 'c']) stream.write(text);
    stream.uncork();
    stream.end();
    await closed(stream);
    return nodeFs.readFileSync(at('output'), 'utf8');
  });

  same('a descriptor', async (place) => {
    const fd = nodeFs.openSync(place.at('output'), 'w');
    nodeFs.writeSync(fd, 'before ');
    return writeAll(place, place.api.createWriteStream('', { fd }));
  });
  same('a descriptor with start keeps its position', async (place) => {
    const fd = nodeFs.openSync(place.at('old'), 'r+');
    const stream = place.watch(place.api.createWriteStream('', { fd, start: 5, autoClose: false }));
    stream.end('HERE');
    await once(stream, 'finish');
    nodeFs.writeSync(fd, 'FRONT');
    nodeFs.closeSync(fd);
    return nodeFs.readFileSync(place.at('old'), 'utf8');
  });
  same('a descriptor that is not open', (place) => writeAll(place, place.api.createWriteStream('', { fd: 987_654 })));
  same('a descriptor that is not open, and nothing to write', async ({ api, watch }) => {
    const stream = watch(api.createWriteStream('', { fd: 987_654 }));
    stream.end();
    await closed(stream);
  });
  same('a descriptor that is not open for writing', async (place) => {
    const fd = nodeFs.openSync(place.at('input'), 'r');
    return writeAll(place, place.api.createWriteStream('', { fd }));
  });
  same('a FileHandle', async (place) => {
    const handle = await nodeFs.promises.open(place.at('output'), 'w');
    handle.on('close', () => place.log.push(['handle closed']));
    return writeAll(place, place.api.createWriteStream('', { fd: handle }));
  });

  same('autoClose: false leaves the file open', async ({ api, at, watch, log }) => {
    const stream = watch(api.createWriteStream(at('output'), { autoClose: false }));
    stream.end('x');
    await once(stream, 'finish');
    nodeFs.fstatSync(stream.fd);
    log.push([properties(stream)]);
    stream.destroy();
    await closed(stream);
    return properties(stream);
  });
  same('destroy before it is open', async ({ api, at, watch }) => {
    const stream = watch(api.createWriteStream(at('output')));
    stream.destroy();
    await closed(stream);
    return properties(stream);
  });
  same('destroy with an error', async ({ api, at, watch }) => {
    const stream = watch(api.createWriteStream(at('output')));
    await once(stream, 'ready');
    stream.destroy(new RangeError('enough'));
    await closed(stream);
    return properties(stream);
  });
  same('a signal that is aborted already', async ({ api, at, watch }) => {
    const stream = watch(api.createWriteStream(at('output'), { signal: AbortSignal.abort() }));
    await closed(stream);
    return properties(stream);
  });
  same('a signal that is aborted later', async ({ api, at, watch }) => {
    const abort = new AbortController();
    const stream = watch(api.createWriteStream(at('output'), { signal: abort.signal }));
    await once(stream, 'open');
    abort.abort();
    await closed(stream);
    return properties(stream);
  });
  same('write after end', async ({ api, at, watch, log }) => {
    const stream = watch(api.createWriteStream(at('output')));
    stream.end('x');
    stream.write('y', (/** @type {any} */ error) => log.push(['refused', told(error)]));
    await closed(stream);
  });
  same('a full disk', async ({ api, watch }) => {
    const stream = watch(api.createWriteStream('/dev/full'));
    stream.write('lost');
    await closed(stream);
    return properties(stream);
  });
  same('a reader that went away', async ({ api, at, watch }) => {
    execFileSync('mkfifo', [at('fifo')]);
    const reader = nodeFs.openSync(at('fifo'), nodeFs.constants.O_RDONLY | nodeFs.constants.O_NONBLOCK);
    const stream = watch(api.createWriteStream(at('fifo')));
    await once(stream, 'open');
    nodeFs.closeSync(reader);
    stream.write('lost');
    await closed(stream);
    return properties(stream);
  });
  same('closed behind its back', async ({ api, at, watch }) => {
    const stream = watch(api.createWriteStream(at('output')));
    await once(stream, 'open');
    nodeFs.closeSync(stream.fd);
    stream.end();
    await closed(stream);
  });

  /** @type {Record<string, any>} */
  const refused = {
    'start is negative': { start: -1 },
    'start is no whole number': { start: 1.5 },
    'start is text': { start: '1' },
    'fd is text': { fd: 'x' },
    'flush is a number': { flush: 1 },
    'encoding is unknown': { encoding: 'klingon' },
    'options are a number': 5,
    'signal is none': { signal: 1 },
    'fs has no write': { fs: { open() {} } },
    'highWaterMark is no number': { highWaterMark: 'x' },
  };
  for (const [name, value] of Object.entries(refused)) {
    same(`refused: ${name}`, ({ api, at }) => thrown(() => api.createWriteStream(at('output'), value)));
  }
});
