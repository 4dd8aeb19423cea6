'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { addonFile } = require('../scripts/build.js');
const { libc, triples } = require('../lib/internal/platform.js');

const LIB = path.join(__dirname, '..', 'lib');

/**
 * A copy of the loader in an empty package, so that what the loader finds is what a test put there.
 *
 * @param {import('node:test').TestContext} t
 * @returns {string} its folder
 */
function emptyPackage(t) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-loader-')));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  for (const file of ['loader.js', 'platform.js']) {
    fs.cpSync(path.join(LIB, 'internal', file), path.join(folder, 'lib', 'internal', file));
  }
  return folder;
}

/**
 * Loads the addon in a process of its own.
 *
 * @param {string} folder
 * @param {string} [native] the value of MILLRACE_NATIVE
 * @returns {{ exports?: string[], same?: boolean, code?: string, message?: string, cause?: string, candidates?: any[] }}
 */
function loadIn(folder, native) {
  const program = `
    const { load } = require('./lib/internal/loader.js');
    let result;
    try {
      result = { exports: Object.keys(load()), same: load() === load() };
    } catch ({ code, message, cause, candidates }) {
      result = { code, message, cause: cause?.message, candidates };
    }
    console.log(JSON.stringify(result));`;
  const env = { ...process.env, MILLRACE_NATIVE: native };
  const { stdout, stderr } = spawnSync(process.execPath, ['--eval', program], { cwd: folder, env, encoding: 'utf8' });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

describe('the loader', () => {
  test('loads the addon that was built here, once', () => {
    const { exports, same } = loadIn(path.join(LIB, '..'));
    assert.ok(exports.length > 0);
    assert.equal(same, true);
  });

  test('with nothing to load lists every place, the machine, and what to do', (t) => {
    const folder = emptyPackage(t);
    const { code, message, candidates } = loadIn(folder);
    assert.equal(code, 'ERR_MILLRACE_LOAD');
    assert.equal(candidates.length, 2 * triples().length);
    for (const { request, reason } of candidates) {
      assert.ok(message.includes(`${request}: ${reason}`), message);
      assert.equal(reason, path.isAbsolute(request) ? 'no such file' : 'not installed');
    }
    assert.ok(message.includes(path.join(folder, 'native', path.basename(addonFile()))));
    for (const fact of [process.platform, process.arch, process.version, libc()]) assert.ok(message.includes(fact), fact);
    assert.match(message, /What to do:\n.*rustup\.rs.*scripts.build\.js/s);
  });

  test('says why a file that is there would not load, and tries the next', (t) => {
    const folder = emptyPackage(t);
    const broken = path.join(folder, 'native', `millrace.${triples()[0]}.node`);
    fs.mkdirSync(path.dirname(broken));
    fs.writeFileSync(broken, 'not a library');
    const failed = loadIn(folder);
    assert.equal(failed.code, 'ERR_MILLRACE_LOAD');
    assert.match(failed.candidates[0].reason, /ERR_DLOPEN_FAILED/);
    assert.ok(failed.cause.length > 0);

    const installed = path.join(folder, 'node_modules', '@millrace', triples()[0]);
    fs.mkdirSync(installed, { recursive: true });
    fs.writeFileSync(path.join(installed, 'index.js'), 'exports.prebuilt = true;');
    assert.deepEqual(loadIn(folder).exports, ['prebuilt']);
  });

  test('says which module a prebuilt package lacks', (t) => {
    const folder = emptyPackage(t);
    const installed = path.join(folder, 'node_modules', '@millrace', triples()[0]);
    fs.mkdirSync(installed, { recursive: true });
    fs.writeFileSync(path.join(installed, 'index.js'), 'require(\'./addon.node\');');
    const { candidates } = loadIn(folder);
    const { reason } = candidates.find(({ request }) => request === `@millrace/${triples()[0]}`);
    assert.match(reason, /addon\.node/);
  });

  test('takes the file that MILLRACE_NATIVE names, and no other', (t) => {
    const folder = emptyPackage(t);
    assert.ok(loadIn(folder, addonFile()).exports.length > 0);

    const { message, candidates } = loadIn(path.join(LIB, '..'), path.join(folder, 'nowhere.node'));
    assert.deepEqual(candidates.map(({ reason }) => reason), ['no such file']);
    assert.match(message, /MILLRACE_NATIVE/);
  });
});
