'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { Readable } = require('node:stream');
const { describe, test } = require('node:test');
const { jsonl } = require('..');

/** Numbers below `bound`, the same in each run. */
class Dice {
  /** @param {number} seed */
  constructor(seed) {
    this.state = seed;
  }

  /** @param {number} bound @returns {number} */
  roll(bound) {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * bound);
  }

  /** @template T @param {T[]} values @returns {T} */
  pick(values) {
    return values[this.roll(values.length)];
  }
}

/**
 * Keys as they stand in JSON, with quotes. Not a lone escaped backslash beside a lone escaped quote: `JSON.parse` of Node.js 24
 * and 26 takes the second for the first where they follow each other, and could not be the judge.
 */
const KEYS = [
  '"a"', '"b"', '"id"', '"two words"', '"don\'t"', '"`$a`"', '"*/"', '"-->"', '""', '"0"', '"7"', '"00"', '"-0"',
  '"1e3"', '"1.5"', '"4294967294"', '"4294967295"', '"__proto__"', '"constructor"', '"prototype"', '"toString"',
  '"hasOwnProperty"', '"toJSON"', '"valueOf"', '"then"', '"values"', '"at"', '"é"', '"日本"', '"\\u0061"', '"\\n"', '"q\\"q"',
  '"b\\\\b"', '"\u2028"', '"\u007f"', '"\\u0000"', '"\\ud800"', '"get a"', '"async"', '"[a]"', '"...a"', `"${'k'.repeat(5000)}"`,
];

const VALUES = [
  '0', '-0', '1.5e300', '1e400', '12345678901234567890', 'true', 'false', 'null', '""', '"text"', '"é"', '"€"', '"😀"',
  '"\\ud800\\u0000"', '[]', '{}', '[1,[2,{"a":3}]]', '{"b":{"0":1,"__proto__":2},"a":1,"a":2}', '"],["', `${'['.repeat(100)}${']'.repeat(100)}`,
];

/** @param {Dice} dice @returns {string} a row */
function row(dice) {
  if (dice.roll(10) === 0) return dice.pick(['7', '"text"', '[{"a":1}]', '[]', 'true', ' {} ']);
  const pad = dice.roll(4) === 0 ? ' ' : '';
  const keys = dice.roll(3) === 0 ? KEYS : KEYS.slice(0, 3);
  const members = Array.from({ length: dice.roll(5) }, () => `${pad}${dice.pick(keys)}${pad}:${dice.pick(VALUES)}`);
  return `{${members.join(',')}}`;
}

/** @param {any} value @returns {any} what can be seen of it, deeply: prototypes, keys in order, their attributes, values */
function seen(value) {
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : value;
  const proto = Object.getPrototypeOf(value);
  return [
    proto === Object.prototype ? 'object' : proto === Array.prototype ? 'array' : proto,
    Reflect.ownKeys(value).map((key) => {
      const { value: inner, ...attributes } = /** @type {any} */ (Object.getOwnPropertyDescriptor(value, key));
      return [key, attributes, seen(inner)];
    }),
    Object.isExtensible(value),
  ];
}

/** @param {any[]} found @param {string[]} rows */
function same(found, rows) {
  assert.equal(found.length, rows.length);
  for (const [i, text] of rows.entries()) {
    const expected = JSON.parse(text);
    assert.deepEqual(found[i], expected, text);
    assert.deepEqual(seen(found[i]), seen(expected), text);
    assert.equal(JSON.stringify(found[i]), JSON.stringify(expected), text);
    assert.deepEqual(Object.keys(found[i]), Object.keys(expected), text);
  }
}

/** @param {Buffer} bytes @param {number} size */
function* pieces(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('rows by their shapes', () => {
  const parsed = async (/** @type {string[]} */ rows, /** @type {number} */ size, /** @type {any} */ options = {}) => {
    const source = Readable.from(pieces(Buffer.from(rows.join('\n')), size), { objectMode: false });
    const output = await source.pipe(jsonl.parse(options)).toArray();
    return options.batch === undefined ? output : output.flat();
  };

  test('cannot be told from what JSON.parse gives', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const dice = new Dice(seed);
      const rows = Array.from({ length: 300 }, () => row(dice));
      for (const options of [{}, { batch: true }, { batch: 7 }]) same(await parsed(rows, 1 + dice.roll(5000), options), rows);
    }
  });

  test('each key alone, and behind another', async () => {
    const rows = KEYS.flatMap((key) => [`{${key}:1}`, `{"z":0,${key}:{"x":1}}`, `{${key}:1,"z":0}`, `{${key}:1,${key}:2}`]);
    same(await parsed(rows, 64 << 10), rows);
  });

  test('in every chunking', async () => {
    const dice = new Dice(99);
    const rows = Array.from({ length: 8 }, () => row(dice)).map((text) => (text.length > 300 ? '{"b":1}' : text));
    const { length } = Buffer.from(rows.join('\n'));
    for (let size = 1; size <= length; size++) same(await parsed(rows, size), rows);
  });

  test('more shapes than are kept, and more keys', async () => {
    const wide = (/** @type {number} */ keys) => `{${Array.from({ length: keys }, (_, i) => `"k${i}":${i}`)}}`;
    const rows = Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? `{"n":${i}}` : `{"a${i % 200}":${i},"b":[]}`));
    for (const keys of [63, 64, 65, 66, 1000]) rows.push(wide(keys), wide(keys));
    same(await parsed(rows, 1000), rows);
  });

  test('on several threads, where blocks come out of order', async () => {
    const rows = Array.from({ length: 60_000 }, (_, i) => `{"kind${i % 7 ^ (i >> 13)}":${i},"text":"${'x'.repeat(i % 90)}"}`);
    for (const options of [{ threads: 4 }, { threads: 4, batch: true }, { threads: 1 }]) {
      const found = await parsed(rows, 64 << 10, options);
      assert.equal(found.map((value) => JSON.stringify(value)).join('\n'), rows.join('\n'));
    }
  });

  test('behind a fused stage', async () => {
    const dice = new Dice(5);
    const rows = Array.from({ length: 5000 }, () => row(dice));
    const source = Readable.from(pieces(Buffer.from(rows.join('\n')), 10_000), { objectMode: false });
    same(await source.pipe(jsonl.validate()).pipe(jsonl.parse()).toArray(), rows);
  });

  test('rows before a bad one come first, whole', async () => {
    for (const bad of ['{"a":3', '{"a":tru}', '{"a":3,}', 'null', '{"c":1}}']) {
      const stage = jsonl.parse();
      /** @type {any[]} */
      const output = [];
      stage.on('data', (value) => output.push(value));
      stage.end(`{"a":1}\n{"a":2}\n${bad}\n{"a":4}\n`);
      const error = /** @type {any} */ (await new Promise((resolve) => stage.once('error', resolve)));
      assert.deepEqual([output, error.line], [[{ a: 1 }, { a: 2 }], 3], bad);
    }
  });

  test('a setter of Object.prototype is not called', async () => {
    let calls = 0;
    Object.defineProperty(Object.prototype, 'shapeTrap', {
      configurable: true,
      set() {
        calls++;
      },
    });
    try {
      const [value] = await parsed(['{"shapeTrap":1}'], 100);
      assert.deepEqual([Object.hasOwn(value, 'shapeTrap'), calls], [true, 0]);
    } finally {
      delete (/** @type {any} */ (Object.prototype).shapeTrap);
    }
  });
});

describe('where code may not be made from strings', () => {
  const script = (/** @type {string} */ before, /** @type {string} */ after) => `
    const { jsonl } = require(${JSON.stringify(require.resolve('..'))});
    ${before}
    const stage = jsonl.parse();
    ${after}
    stage.on('data', (row) => console.log(JSON.stringify(row)));
    stage.end('{"a":1,"b":[2]}\\n{"a":3,"b":{"c":4}}\\n[5]\\n{"toString":6}');
  `;
  const expected = '{"a":1,"b":[2]}\n{"a":3,"b":{"c":4}}\n[5]\n{"toString":6}\n';

  test('rows are parsed whole', () => {
    const forbid = '--disallow-code-generation-from-strings';
    const check = 'try { new Function(); process.exit(1); } catch {}';
    assert.equal(String(execFileSync(process.execPath, [forbid, '-e', script(check, '')])), expected);
  });

  test('objects are built without code where that comes to be forbidden later', () => {
    const forbid = "globalThis.Function = class { constructor() { throw new EvalError('forbidden'); } };";
    assert.equal(String(execFileSync(process.execPath, ['-e', script('', forbid)])), expected);
  });
});
