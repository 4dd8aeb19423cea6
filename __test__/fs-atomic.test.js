'use strict';

// createWriteStream(path, { atomic: true }): what it replaces, what it keeps, and what is left when it does not come to that.

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { afterEach, beforeEach, test } = require('node:test');
const { createWriteStream } = require('../lib/fs.js');

/** @type {string} */
let dir;
beforeEach(() => (dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-atomic-'))));
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

/** @param {string} name @returns {string} */
const at = (name) => path.join(dir, name);
/** @param {string} name @returns {string} */
const text = (name) => fs.readFileSync(at(name), 'utf8');

/**
 * @param {string} name
 * @param {any} [options]
 * @returns {Promise<any>} the stream, closed
 */
async function replace(name, options) {
  const sink = createWriteStream(at(name), { atomic: true, ...options });
  sink.write('new ');
  sink.end('bytes');
  await once(sink, 'close');
  return sink;
}

/** @param {string} name @param {any} [options] @returns {Promise<any>} the error */
async function refusal(name, options) {
  const sink = createWriteStream(at(name), { atomic: true, ...options });
  const closed = new Promise((resolve) => sink.once('close', resolve));
  const [error] = await once(sink, 'error');
  await closed;
  return error;
}

test('the old file is there, whole, until the new one is', async () => {
  fs.writeFileSync(at('target'), 'old');
  const sink = createWriteStream(at('target'), { atomic: true });
  await new Promise((resolve) => sink.write('new', resolve));
  assert.equal(text('target'), 'old');
  sink.end();
  await once(sink, 'finish');
  assert.equal(text('target'), 'new');
  await once(sink, 'close');
  assert.deepEqual(fs.readdirSync(dir), ['target']);
});

test('a link stays, and what it leads to is replaced', async () => {
  fs.mkdirSync(at('elsewhere'));
  fs.writeFileSync(at('elsewhere/target'), 'old');
  fs.symlinkSync('elsewhere', at('folder'));
  fs.symlinkSync(path.join('folder', 'target'), at('link'));
  fs.symlinkSync('link', at('link to the link'));
  await replace('link to the link');
  assert.equal(fs.readlinkSync(at('link to the link')), 'link');
  assert.equal(fs.readlinkSync(at('link')), path.join('folder', 'target'));
  assert.equal(text('elsewhere/target'), 'new bytes');
  assert.ok(fs.lstatSync(at('elsewhere/target')).isFile());
  assert.deepEqual(fs.readdirSync(at('elsewhere')), ['target']);
});

test('a link that leads to nothing yet stays, and what it names is made', async () => {
  fs.mkdirSync(at('elsewhere'));
  fs.symlinkSync(path.join('elsewhere', 'target'), at('link'));
  await replace('link');
  assert.ok(fs.lstatSync(at('link')).isSymbolicLink());
  assert.equal(text('elsewhere/target'), 'new bytes');
});

test('links in a circle fail with ELOOP', async () => {
  fs.symlinkSync('b', at('a'));
  fs.symlinkSync('a', at('b'));
  const error = await refusal('a');
  assert.equal(error.code, 'ELOOP');
  assert.equal(error.path, at('a'));
});

test('a FIFO stays one, and is written to', async () => {
  execFileSync('mkfifo', [at('fifo')]);
  fs.symlinkSync('fifo', at('link'));
  const reader = fs.openSync(at('fifo'), fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  await replace('link');
  const bytes = Buffer.alloc(100);
  assert.equal(bytes.toString('utf8', 0, fs.readSync(reader, bytes)), 'new bytes');
  fs.closeSync(reader);
  assert.ok(fs.lstatSync(at('fifo')).isFIFO());
  assert.ok(fs.lstatSync(at('link')).isSymbolicLink());
});

test('a device stays one, and is written to', async () => {
  fs.symlinkSync('/dev/full', at('link'));
  const sink = createWriteStream(at('link'), { atomic: true });
  const closed = new Promise((resolve) => sink.once('close', resolve));
  sink.end('lost');
  const [error] = await once(sink, 'error');
  assert.equal(error.code, 'ENOSPC');
  await closed;
  assert.ok(fs.statSync('/dev/full').isCharacterDevice());
  assert.ok(fs.lstatSync(at('link')).isSymbolicLink());
});

test('permissions are those of the file that is replaced', async () => {
  fs.writeFileSync(at('target'), 'old');
  fs.chmodSync(at('target'), 0o640);
  await replace('target', { mode: 0o666 });
  assert.equal(fs.statSync(at('target')).mode & 0o7777, 0o640);
});

test('permissions of a new file are those asked for, less the umask', async () => {
  await replace('target', { mode: 0o606 });
  fs.closeSync(fs.openSync(at('other'), 'w', 0o606));
  assert.equal(fs.statSync(at('target')).mode, fs.statSync(at('other')).mode);
});

test('the owner is that of the file that is replaced, where the system lets us', async () => {
  fs.writeFileSync(at('target'), 'old');
  // Only root may give files away; for everybody else there is but one owner to keep.
  if (process.getuid?.() === 0) fs.chownSync(at('target'), 12, 34);
  const before = fs.statSync(at('target'));
  await replace('target');
  const after = fs.statSync(at('target'));
  assert.deepEqual([after.uid, after.gid], [before.uid, before.gid]);
  assert.notEqual(after.ino, before.ino);
});

test('exclusive flags fail at the opening where there is a file, or a link', async () => {
  fs.writeFileSync(at('target'), 'old');
  fs.symlinkSync('nowhere', at('link'));
  for (const name of ['target', 'link']) {
    const error = await refusal(name, { flags: 'wx' });
    assert.equal(error.code, 'EEXIST');
    assert.equal(error.syscall, 'open');
    assert.equal(error.path, at(name));
  }
  assert.equal(text('target'), 'old');
  assert.deepEqual(fs.readdirSync(dir).sort(), ['link', 'target']);
});

test('what open(2) refuses is refused at the opening', async () => {
  fs.mkdirSync(at('folder'));
  fs.writeFileSync(at('file'), '');
  const codes = { folder: 'EISDIR', 'absent/name': 'ENOENT', 'file/name': 'ENOTDIR' };
  for (const [name, code] of Object.entries(codes)) {
    const error = await refusal(name);
    assert.equal(error.code, code, name);
    assert.equal(error.syscall, 'open');
    assert.equal(error.path, at(name));
  }
});

test('a name as long as names may be is replaced', async () => {
  const name = 'n'.repeat(255);
  fs.writeFileSync(at(name), 'old');
  await replace(name);
  assert.equal(text(name), 'new bytes');
  assert.deepEqual(fs.readdirSync(dir), [name]);
});

test('flush makes file and folder durable, and changes nothing else', async () => {
  await replace('target', { flush: true });
  assert.equal(text('target'), 'new bytes');
});

test('destroyed, it leaves the old file and nothing beside it', async () => {
  fs.writeFileSync(at('target'), 'old');
  const sink = createWriteStream(at('target'), { atomic: true });
  await new Promise((resolve) => sink.write('half', resolve));
  sink.destroy();
  await once(sink, 'close');
  assert.equal(text('target'), 'old');
  assert.deepEqual(fs.readdirSync(dir), ['target']);
});

/**
 * A child process that has written half of `target`.
 *
 * @param {string} then what it does next, as code
 * @returns {Promise<any>}
 */
async function halfDone(then) {
  const code = `
    const { createWriteStream } = require(${JSON.stringify(require.resolve('../lib/fs.js'))});
    const sink = createWriteStream(${JSON.stringify(at('target'))}, { atomic: true });
    sink.write('half', () => { console.log('ready'); ${then} });`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

test('process.exit() leaves the old file and nothing beside it', async () => {
  fs.writeFileSync(at('target'), 'old');
  const child = await halfDone('process.exit(3)');
  if (child.exitCode === null) await once(child, 'exit');
  assert.equal(child.exitCode, 3);
  assert.equal(text('target'), 'old');
  assert.deepEqual(fs.readdirSync(dir), ['target']);
});

test('a killed process leaves the old file whole, and at most a file that says whose it is', async () => {
  fs.writeFileSync(at('target'), 'old');
  const child = await halfDone('setInterval(() => {}, 1000)');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(text('target'), 'old');
  // Nothing, where the file system knows files without names.
  const left = fs.readdirSync(dir).filter((name) => !/^\.target\.millrace-[0-9a-f]{8}$/.test(name));
  assert.deepEqual(left, ['target']);
});
