'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { addonFile } = require('../scripts/build.js');
const { libc, prebuilt, triples } = require('../lib/internal/platform.js');
const { version } = require('../package.json');
const { PLATFORMS } = require('../scripts/internal/platforms.js');

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
  fs.cpSync(path.join(LIB, '..', 'package.json'), path.join(folder, 'package.json'));
  return folder;
}

/**
 * Puts a prebuilt package for this platform beside the loader.
 *
 * @param {string} folder
 * @param {string} main its main file's text
 * @param {string} [found] its version
 */
function install(folder, main, found = version) {
  const installed = path.join(folder, 'node_modules', '@millrace', triples()[0]);
  fs.mkdirSync(installed, { recursive: true });
  fs.writeFileSync(path.join(installed, 'package.json'), JSON.stringify({ version: found, main: 'index.js' }));
  fs.writeFileSync(path.join(installed, 'index.js'), main);
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
    assert.match(message, /What to do:\n.*--omit=optional.*rustup\.rs.*scripts.build\.js/s);
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

    install(folder, 'exports.prebuilt = true;');
    assert.deepEqual(loadIn(folder).exports, ['prebuilt']);
  });

  test('says which module a prebuilt package lacks', (t) => {
    const folder = emptyPackage(t);
    install(folder, 'require(\'./addon.node\');');
    const { candidates } = loadIn(folder);
    const { reason } = candidates.find(({ request }) => request === `@millrace/${triples()[0]}`);
    assert.match(reason, /addon\.node/);
  });

  test('takes no prebuilt package of another version, and says what parted them', (t) => {
    const folder = emptyPackage(t);
    install(folder, 'exports.prebuilt = true;', '0.0.1');
    const { candidates, message } = loadIn(folder);
    const { reason } = candidates.find(({ request }) => request === `@millrace/${triples()[0]}`);
    assert.equal(reason, `is of version 0.0.1, and this is millrace ${version}`);
    assert.match(message, /another version/);
  });

  test('knows the platforms that packages are made for', () => {
    for (const { name } of PLATFORMS) assert.equal(prebuilt(name), true, name);
    for (const name of ['linux-ia32', 'freebsd-x64', 'linux-arm']) assert.equal(prebuilt(name), false, name);
  });

  test('takes the file that MILLRACE_NATIVE names, and no other', (t) => {
    const folder = emptyPackage(t);
    assert.ok(loadIn(folder, addonFile()).exports.length > 0);

    const { message, candidates } = loadIn(path.join(LIB, '..'), path.join(folder, 'nowhere.node'));
    assert.deepEqual(candidates.map(({ reason }) => reason), ['no such file']);
    assert.match(message, /MILLRACE_NATIVE/);
  });
});

// What a process has loaded is told by Linux alone.
if (process.platform === 'linux') describe('the front door', () => {
  test('loads nothing native and starts no thread, whatever is looked at, before it is used', () => {
    const program = `
      const fs = require('node:fs');
      // Node has threads of its own, and starts some when it likes.
      const name = (id) => fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8');
      const seen = () => ({
        threads: fs.readdirSync('/proc/self/task').filter((id) => name(id).startsWith('millrace')).length,
        native: /millrace[^/]*\\.node/.test(fs.readFileSync('/proc/self/maps', 'utf8')),
      });
      const { exports } = require('./package.json');
      const before = seen();
      for (const name of Object.keys(exports)) require(require('node:path').posix.join('millrace', name));
      const millrace = require('millrace');
      for (const name of Object.keys(millrace)) void millrace[name];
      millrace.zlib.createGzip();
      const looked = seen();
      millrace.zlib.createGzip().on('end', () => console.log(JSON.stringify({ before, looked, used: seen() }))).resume()
        .end(Buffer.alloc(8 << 20));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--eval', program], { cwd: path.join(LIB, '..'), encoding: 'utf8' });
    assert.equal(stderr, '');
    const { before, looked, used } = JSON.parse(stdout);
    assert.deepEqual(looked, before);
    assert.equal(before.native, false);
    assert.equal(used.native, true, 'the check would not see an addon that was loaded');
    assert.ok(used.threads > 0, 'the check would not see a thread that was started');
  });
});

/**
 * Not by name to ES modules: Node looks at each such name when the module is imported, and this one would load all of grpc-js for
 * every server. `import grpc from 'millrace/grpc'` has it.
 */
const NAMELESS = ['ServerMetricRecorder'];

describe('the subpaths', () => {
  const { exports: subpaths } = require('../package.json');
  for (const subpath of Object.keys(subpaths)) {
    if (subpath.endsWith('.json')) continue;
    test(`${subpath} has every name as an ES module, too`, async () => {
      const name = path.posix.join('millrace', subpath);
      const module = await import(name);
      const all = require(name);
      // What a newer Node has and we only hand on is in no text.
      const handedOn = subpath === './zlib' ? require('node:zlib') : {};
      const missing = Object.keys(all).filter((one) => !Object.hasOwn(module, one) && !NAMELESS.includes(one));
      assert.deepEqual(missing.filter((one) => all[one] !== handedOn[one]), []);
    });
  }
});
