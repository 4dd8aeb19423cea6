'use strict';

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { staleness } = require('../scripts/internal/freshness.js');
const { withLock } = require('../scripts/internal/lock.js');
const { MissingRequirement, atLeast, requireNode, requireRust } = require('../scripts/internal/requirements.js');

const SCRIPTS = path.join(__dirname, '..', 'scripts');

/**
 * @param {import('node:test').TestContext} t
 * @returns {string}
 */
function temporaryFolder(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-setup-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

describe('requirements', () => {
  test('versions compare by number, part by part', () => {
    assert.equal(atLeast('20.0.0', '20.0.0'), true);
    assert.equal(atLeast('20.10.0', '20.9.9'), true);
    assert.equal(atLeast('1.88.0-nightly', '1.88.0'), true);
    assert.equal(atLeast('1.9.0', '1.88.0'), false);
    assert.equal(atLeast('18.99.99', '20.0.0'), false);
  });

  test('an old Node is named, with what is needed and where it is', () => {
    requireNode();
    assert.throws(() => requireNode('18.20.4'), (error) => {
      assert.ok(error instanceof MissingRequirement);
      assert.match(error.message, /18\.20\.4.*20\.0\.0.*nodejs\.org/s);
      return true;
    });
  });

  test('a missing Rust is named, with what is needed and where it is', (t) => {
    assert.match(requireRust(), /^\d+\.\d+\.\d+$/);
    const env = { PATH: temporaryFolder(t) };
    assert.throws(() => requireRust(env), /rustc was not found.*1\.88.*rustup\.rs/s);
  });

  test('an old Rust is named, with the command that renews it', (t) => {
    const folder = temporaryFolder(t);
    for (const tool of ['rustc', 'cargo']) {
      fs.writeFileSync(path.join(folder, tool), `#!/bin/sh\necho "${tool} 1.70.0 (an old one)"\n`, { mode: 0o755 });
    }
    assert.throws(() => requireRust({ PATH: `${folder}${path.delimiter}/bin` }), /1\.70\.0 is too old.*rustup update/s);
  });

  test('a build without Rust ends with 3 and the advice, not with a stack', (t) => {
    const env = { ...process.env, PATH: temporaryFolder(t), MILLRACE_NATIVE: '' };
    const args = [path.join(SCRIPTS, 'build.js'), '--force'];
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    assert.equal(status, 3);
    assert.match(stderr, /rustup\.rs/);
    assert.doesNotMatch(stderr, /^ {4}at /m);
  });

  test('a build used wrongly ends with 2 and its usage', () => {
    const args = [path.join(SCRIPTS, 'build.js'), '--frobnicate'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /Usage:/);
  });
});

describe('freshness', () => {
  test('an output is stale when missing, when a source is newer, and when a source went away', (t) => {
    const folder = temporaryFolder(t);
    const [output, sources] = [path.join(folder, 'output'), path.join(folder, 'src')];
    fs.mkdirSync(path.join(sources, 'deep'), { recursive: true });
    const [file, other] = ['a.rs', 'b.rs'].map((name) => path.join(sources, 'deep', name));
    const age = (/** @type {string} */ name, /** @type {number} */ seconds) => fs.utimesSync(name, seconds, seconds);
    const settle = () => [file, path.join(sources, 'deep'), sources].forEach((name) => age(name, 1000));
    fs.writeFileSync(file, '');
    fs.writeFileSync(other, '');
    settle();
    age(other, 1000);

    assert.equal(staleness(output, [sources]), 'missing');
    fs.writeFileSync(output, '');
    age(output, 2000);
    assert.equal(staleness(output, [sources, path.join(folder, 'absent')]), undefined);
    age(file, 3000);
    assert.equal(staleness(output, [sources]), 'older than its sources');
    settle();
    fs.rmSync(other);
    assert.equal(staleness(output, [sources]), 'older than its sources');
  });
});

describe('the build lock', () => {
  test('lets one in at a time', async (t) => {
    const folder = temporaryFolder(t);
    const [lock, left] = [path.join(folder, 'made', 'build.lock'), path.join(folder, 'left')];
    const program = `
      const { withLock } = require(${JSON.stringify(path.join(SCRIPTS, 'internal', 'lock.js'))});
      withLock(${JSON.stringify(lock)}, () => {}, async () => {
        console.log('in');
        await new Promise((resolve) => process.stdin.once('data', resolve).once('end', resolve));
        require('node:fs').writeFileSync(${JSON.stringify(left)}, '');
      }).then(() => process.exit());`;
    const first = spawn(process.execPath, ['--eval', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(first.stdout, 'data');

    let waitsFor;
    const waiting = new Promise((resolve) => {
      waitsFor = resolve;
    });
    const second = withLock(lock, waitsFor, () => fs.existsSync(left));
    assert.equal(await waiting, first.pid);
    assert.equal(fs.existsSync(left), false);
    first.stdin.end();
    assert.equal(await second, true, 'the second came in before the first had left');
    assert.equal(fs.existsSync(lock), false);
  });

  test('is taken over from a process that died with it', async (t) => {
    const lock = path.join(temporaryFolder(t), 'build.lock');
    const { pid } = spawnSync(process.execPath, ['--eval', '']);
    fs.writeFileSync(lock, `${pid}\n`);
    let waited = false;
    const onWait = () => {
      waited = true;
    };
    assert.equal(await withLock(lock, onWait, () => 'done'), 'done');
    assert.equal(waited, false);
    assert.deepEqual(fs.readdirSync(path.dirname(lock)), []);
  });

  test('is released when the work fails', async (t) => {
    const lock = path.join(temporaryFolder(t), 'build.lock');
    await assert.rejects(withLock(lock, () => {}, () => Promise.reject(new Error('broken'))), /broken/);
    assert.equal(fs.existsSync(lock), false);
  });
});
