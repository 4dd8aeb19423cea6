'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { brokenKinds } = require('../scripts/internal/broken-rows.js');
const { makeSample, parseSize, sample } = require('../scripts/make-sample.js');

const ROOT = path.join(__dirname, '..');
const SCRIPT = path.join(ROOT, 'scripts', 'make-sample.js');

/**
 * @param {import('../scripts/make-sample.js').SampleOptions} options
 * @returns {{ text: string, made: import('../scripts/make-sample.js').Made }}
 */
function collect(options) {
  const generator = sample(options);
  const chunks = [];
  for (;;) {
    const { done, value } = generator.next();
    if (done) return { text: Buffer.concat(chunks).toString(), made: value };
    chunks.push(value);
  }
}

describe('the sample', () => {
  test('the one that the package ships is made by these options', () => {
    const shipped = fs.readFileSync(path.join(ROOT, 'examples', 'data', 'events.jsonl'), 'utf8');
    assert.equal(collect({ rows: 600, broken: 6 }).text, shipped);
  });

  test('breaks the rows that it says, every kind for every parser, and no other', () => {
    const { text, made } = collect({ rows: 2000, broken: 3 * brokenKinds.length, seed: 7 });
    const rows = text.split('\n');
    assert.equal(rows.pop(), '');
    assert.equal(rows.length, 2000);
    assert.equal(made.rows, 2000);
    assert.equal(made.bytes, Buffer.byteLength(text));
    const failed = [];
    rows.forEach((row, i) => {
      try {
        // The bytes, too, are what JSON.stringify makes, so that tools that parse and tools that edit can agree.
        assert.equal(JSON.stringify(JSON.parse(row)), row);
      } catch (error) {
        assert.equal(error.name, 'SyntaxError', `row ${i + 1}: ${error.message}`);
        failed.push(i + 1);
      }
    });
    assert.deepEqual(made.broken.map(({ line }) => line), failed);
    assert.deepEqual(new Set(made.broken.map(({ kind }) => kind)), new Set(brokenKinds.map(({ name }) => name)));
  });

  test('with a size in bytes comes as near to it as whole rows can', () => {
    const { text, made } = collect({ bytes: 1_000_000, broken: 40 });
    assert.equal(made.bytes, Buffer.byteLength(text));
    assert.equal(made.broken.length, 40);
    assert.ok(made.bytes <= 1_000_000 && made.bytes > 1_000_000 - 512, `${made.bytes} bytes`);
    const average = made.bytes / made.rows;
    assert.ok(average > 325 && average < 345, `${average} bytes a row`);
  });

  test('differs by its seed alone', () => {
    const one = collect({ rows: 50, seed: 1 }).text;
    assert.equal(collect({ rows: 50, seed: 1 }).text, one);
    assert.notEqual(collect({ rows: 50, seed: 2 }).text, one);
  });

  test('refuses what cannot be', () => {
    assert.throws(() => collect({ rows: 5, broken: 6 }), RangeError);
    assert.throws(() => collect({}), RangeError);
    assert.throws(() => collect({ rows: 5, bytes: 5 }), RangeError);
    assert.throws(() => parseSize('12 apples'), RangeError);
    assert.equal(collect({ rows: 0 }).text, '');
  });

  test('sizes are read with decimal and binary units', () => {
    assert.deepEqual(['7', '64KB', '256MB', '256MiB', '1.5g'].map(parseSize), [7, 64e3, 256e6, 2 ** 28, 1.5e9]);
  });
});

describe('the generator as a command', () => {
  test('writes the file under its name only when it is whole', async (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-sample-'));
    t.after(() => fs.rmSync(folder, { recursive: true }));
    const out = path.join(folder, 'rows.jsonl');
    await assert.rejects(makeSample({ rows: 1, broken: 2, out }), RangeError);
    assert.deepEqual(fs.readdirSync(folder), []);
    const made = await makeSample({ bytes: 3e6, out });
    assert.deepEqual(fs.readdirSync(folder), ['rows.jsonl']);
    assert.equal(fs.statSync(out).size, made.bytes);
  });

  test('writes the same to a pipe, and says what it made', () => {
    const args = [SCRIPT, '--rows', '3000', '--broken', '2', '--out', '-'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(stderr, `3000 rows, ${Buffer.byteLength(stdout)} bytes, 2 broken\n`);
    assert.equal(status, 0);
    assert.equal(stdout, collect({ rows: 3000, broken: 2 }).text);
  });

  test('ends with 2 and its usage when used wrongly', () => {
    const out = ['--out', 'x'];
    for (const args of [[], out, ['--rows', '1', '--bytes', '1', ...out], ['--rows', '-1', ...out]]) {
      const { status, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });
      assert.equal(status, 2, stderr);
      assert.match(stderr, /Usage:/);
    }
  });
});
