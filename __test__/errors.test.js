'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { KINDS, OWN_CODES, fromFailure } = require('../lib/internal/errors.js');

const ROOT = path.join(__dirname, '..');
const read = (/** @type {string[]} */ ...parts) => fs.readFileSync(path.join(ROOT, ...parts), 'utf8');
const DOCS = read('docs', 'errors.md');

/**
 * The variants of the Rust enum, with their doc comments.
 *
 * @returns {Map<string, string>}
 */
function rustKinds() {
  const body = /pub enum ErrorKind \{\n([\s\S]*?)\n\}/.exec(read('src', 'codec', 'error.rs'))?.[1];
  assert.ok(body, 'src/codec/error.rs has no enum ErrorKind');
  /** @type {Map<string, string>} */
  const kinds = new Map();
  let comment = '';
  for (const line of body.split('\n').map((text) => text.trim())) {
    if (line.startsWith('///')) comment += line.slice(3);
    else if (line !== '') {
      assert.match(line, /^[A-Z]\w*,$/, 'a variant with data has no place in the table of codes');
      kinds.set(line.slice(0, -1), comment);
      comment = '';
    }
  }
  return kinds;
}

/**
 * @typedef {{ code: string, type: string, meaning: string, advice: string, fields: string }} Row
 * @param {string} name of the markers around the table
 * @returns {Row[]}
 */
function table(name) {
  const text = new RegExp(`<!-- ${name}:begin -->([\\s\\S]*?)<!-- ${name}:end -->`).exec(DOCS)?.[1];
  assert.ok(text, `docs/errors.md has no table '${name}'`);
  const rows = text.split('\n').filter((line) => line.startsWith('|')).slice(2);
  return rows.map((line) => {
    const [code, type, meaning, advice, fields] = line.split('|').slice(1, -1).map((cell) => cell.trim());
    return { code: code.replaceAll('`', ''), type: type.replaceAll('`', ''), meaning, advice, fields };
  });
}

/** @param {string} folder @returns {Generator<string>} its files */
function* sources(folder) {
  for (const entry of fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true })) {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(name);
    else if (/\.(js|rs|d\.ts)$/.test(entry.name)) yield name;
  }
}

describe('the table of errors', () => {
  test('has every kind of native failure, in Rust, in JavaScript and on the page', () => {
    const kinds = rustKinds();
    assert.deepEqual(Object.keys(KINDS).sort(), [...kinds.keys()].sort());
    assert.deepEqual(table('native').map((row) => row.code), [...kinds.keys()].map((kind) => KINDS[kind].code));
    assert.equal(new Set(Object.values(KINDS).map(({ code }) => code)).size, kinds.size, 'two kinds share a code');
  });

  test('has in Rust the codes that JavaScript gives', () => {
    for (const [kind, comment] of rustKinds()) {
      const { code, errno } = KINDS[kind];
      assert.ok(comment.includes(`\`${code}\``), `${kind}: the comment does not name ${code}`);
      if (errno !== undefined) assert.ok(comment.includes(`(${errno})`), `${kind}: the comment does not name ${errno}`);
    }
  });

  test('has on the page the class and the number of each native failure', () => {
    const rows = new Map(table('native').map((row) => [row.code, row]));
    for (const { code, errno, type } of Object.values(KINDS)) {
      const row = /** @type {Row} */ (rows.get(code));
      assert.equal(row.type, type ?? 'Error', code);
      assert.equal(/`errno` (-?\d+)/.exec(row.fields)?.[1], errno?.toString(), code);
    }
  });

  test('has every code that is made in JavaScript', () => {
    assert.deepEqual(table('own').map((row) => row.code).sort(), [...OWN_CODES].sort());
  });

  test('says of each error what it means and what to do', () => {
    for (const row of [...table('native'), ...table('own')]) {
      assert.ok(row.meaning.length > 10, row.code);
      assert.ok(row.fields.length > 0, row.code);
      assert.ok(row.advice.length > 5, row.code);
    }
  });

  test('has every code of ours that the sources name', () => {
    const known = new Set([...table('native'), ...table('own')].map((row) => row.code));
    for (const folder of ['lib', 'src', 'bin']) {
      for (const file of sources(folder)) {
        const codes = read(file).matchAll(/\bERR_MILLRACE_\w+[A-Z]\b/g);
        for (const [code] of codes) assert.ok(known.has(code), `${code} in ${file}`);
      }
    }
  });
});

describe('fromFailure', () => {
  const failure = { message: 'what', offset: 7, line: 3 };

  test('gives each kind its code, class, number and place', () => {
    for (const [kind, { code, errno, type }] of Object.entries(KINDS)) {
      const error = fromFailure(JSON.stringify({ ...failure, kind }), 'stage');
      assert.equal(error.constructor.name, type ?? 'Error');
      const { message, stage, offset, line } = error;
      assert.deepEqual(
        { message, code: error.code, errno: error.errno, stage, offset, line },
        { message: 'what', code, errno, stage: 'stage', offset: 7, line: 3 },
      );
    }
  });

  test('leaves out a place that is not known', () => {
    const error = fromFailure(JSON.stringify({ kind: 'Internal', message: 'x', offset: null, line: null }), 'stage');
    assert.deepEqual(Object.keys(error).sort(), ['code', 'stage']);
  });

  test('words a failed system call as Node does', () => {
    const path = '/no/such/file';
    /** @type {any} */
    let expected;
    try {
      fs.openSync(path, 'r');
    } catch (error) {
      expected = error;
    }
    const io = { kind: 'Io', errno: -expected.errno, syscall: 'open', path, dest: null, message: 'unused' };
    const error = fromFailure(JSON.stringify(io), 'createReadStream');
    assert.deepEqual({ ...error, message: error.message }, { ...expected, message: expected.message });
  });

  test('gives a failed rename both paths', () => {
    const io = { kind: 'Io', errno: 13, syscall: 'rename', path: 'a', dest: 'b', message: 'unused' };
    const error = fromFailure(JSON.stringify(io), 'createWriteStream');
    assert.equal(error.message, "EACCES: permission denied, rename 'a' -> 'b'");
    assert.deepEqual([error.path, error.dest], ['a', 'b']);
  });
});
