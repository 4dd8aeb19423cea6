'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { gunzipSync } = require('node:zlib');
const { bareEnvironment, install, installedAddon } = require('./tarballs.js');

const ROOT = path.join(__dirname, '..', '..');
const ROWS = 2000;

describe('installed from its tarballs, without Rust', () => {
  /** @type {string} */
  let folder;

  before(() => {
    folder = install();
    const rows = Array.from({ length: ROWS }, (_, id) => (id === 99 ? '{"id":99,\n' : `{"id":${id}}\n`));
    fs.writeFileSync(path.join(folder, 'events.jsonl'), rows.join(''));
  });

  after(() => fs.rmSync(folder, { recursive: true }));

  /**
   * @param {string} command
   * @param {string[]} args
   * @returns {string} what it prints
   */
  function run(command, ...args) {
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, env: bareEnvironment(), encoding: 'utf8' });
    assert.equal(status, 0, error?.message ?? `${stdout}${stderr}`);
    return stdout;
  }

  /** The first program of the README, which is a CommonJS one. @returns {string} */
  function example() {
    const [, text] = /```js\n(.*?)```/s.exec(fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8')) ?? [];
    assert.match(text, /createWriteStream\('clean\.jsonl\.gz'/);
    return text;
  }

  /** The same as a module. @returns {string} */
  function module() {
    return example().replace(/^const (\{.*?\}) = require\((.*?)\);$/gm, 'import $1 from $2;');
  }

  /** @param {string} stdout what the program printed */
  function assertCleaned(stdout) {
    assert.equal(stdout, 'done\n');
    const output = path.join(folder, 'clean.jsonl.gz');
    const rows = gunzipSync(fs.readFileSync(output)).toString().trimEnd().split('\n').map((row) => JSON.parse(row));
    assert.equal(rows.length, ROWS - 1);
    assert.deepEqual(Object.keys(rows[0]), ['id', 'processedAt', 'hash']);
    assert.match(fs.readFileSync(path.join(folder, 'rejects.jsonl'), 'utf8'), /"id\\?":99/);
    fs.rmSync(output);
  }

  test('the tools that would build it are not to be found', () => {
    const { error } = spawnSync('cargo', ['--version'], { env: bareEnvironment() });
    assert.equal(/** @type {NodeJS.ErrnoException} */ (error).code, 'ENOENT');
  });

  test('the example of the README runs as CommonJS', () => {
    fs.writeFileSync(path.join(folder, 'example.cjs'), example());
    assertCleaned(run(process.execPath, 'example.cjs'));
  });

  test('and as an ES module', () => {
    assert.doesNotMatch(module(), /require/);
    fs.writeFileSync(path.join(folder, 'example.mjs'), module());
    assertCleaned(run(process.execPath, 'example.mjs'));
  });

  test('and as TypeScript, strictly checked', () => {
    fs.writeFileSync(path.join(folder, 'example.mts'), module());
    const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const types = path.join(ROOT, 'node_modules', '@types');
    run(process.execPath, tsc, '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--typeRoots', types,
      '--outDir', 'compiled', 'example.mts');
    assertCleaned(run(process.execPath, path.join('compiled', 'example.mjs')));
  });

  test('the command line runs by its name', () => {
    const bin = path.join(folder, 'node_modules', '.bin');
    const names = fs.readdirSync(bin);
    assert.ok(names.includes('millrace'), names.join(' '));
    const cli = path.join('node_modules', 'millrace', 'bin', 'millrace.js');
    run(process.execPath, cli, 'gzip', 'events.jsonl', '-o', 'events.jsonl.gz', '--quiet');
    const input = fs.readFileSync(path.join(folder, 'events.jsonl'));
    assert.deepEqual(gunzipSync(fs.readFileSync(path.join(folder, 'events.jsonl.gz'))), input);
  });

  test('what is loaded is the addon of the platform package', () => {
    const program = `require("millrace/zlib").gzipSync("");
      console.log(Object.keys(require.cache).find((name) => name.endsWith(".node")));`;
    assert.equal(run(process.execPath, '--eval', program).trim(), installedAddon(folder));
  });

  test('without the platform package it says so, and what to do', () => {
    const program = 'try { require("millrace/zlib").gzipSync("") } catch (error) { console.log(error.code, error.message) }';
    const addon = path.dirname(installedAddon(folder));
    fs.renameSync(addon, `${addon}.away`);
    try {
      assert.match(run(process.execPath, '--eval', program), /^ERR_MILLRACE_LOAD .*not installed\n.*--omit=optional/s);
    } finally {
      fs.renameSync(`${addon}.away`, addon);
    }
  });
});
