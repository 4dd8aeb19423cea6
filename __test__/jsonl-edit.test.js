'use strict';

const assert = require('node:assert/strict');
const nodeCrypto = require('node:crypto');
const { describe, test } = require('node:test');
const { crypto, jsonl } = require('..');
const { Kept, failing } = require('./harness/rows.js');
const { through } = require('./harness/streams.js');

describe('edit', () => {
  /** @param {string} input @param {jsonl.EditOptions} options @returns {Promise<string>} */
  const edited = async (input, options) => (await through(jsonl.edit(options), input)).trimEnd();

  test('sets constants of every kind, in place or at the end', async () => {
    const set = { s: 'é"\\', n: 1.5, t: true, z: null, o: { a: [1] } };
    const tail = '"n":1.5,"t":true,"z":null,"o":{"a":[1]}';
    assert.equal(await edited('{"s":0,"x":1}', { set }), `{"s":"é\\"\\\\","x":1,${tail}}`);
    assert.equal(await edited('{}', { set: { a: 1 } }), '{"a":1}');
    assert.equal(await edited('{ }', { set: { a: 1 } }), '{ "a":1}');
  });

  test('sets the time of the edit', async () => {
    const before = Date.now();
    const { at, kept } = JSON.parse(await edited('{"kept":1}', { set: { at: jsonl.now() } }));
    assert.equal(new Date(at).toISOString(), at);
    assert.ok(Date.parse(at) >= before && Date.parse(at) <= Date.now());
    assert.equal(kept, 1);
  });

  test('replaces a member that is there, and does not double it', async () => {
    assert.equal(await edited('{"a":1,"b":2,"a":3}', { set: { a: 9 } }), '{"a":9,"b":2}');
    assert.equal(await edited('{"\\u0061":1}', { set: { a: 9 } }), '{"\\u0061":9}');
  });

  test('removes members, with their commas', async () => {
    const options = { remove: ['a', 'c'] };
    assert.equal(await edited('{"a":1,"b":2,"c":3}', options), '{"b":2}');
    assert.equal(await edited('{"a":1}', options), '{}');
    assert.equal(await edited('{"c":{"a":1},"b":{"a":1},"\\u0061":5}', options), '{"b":{"a":1}}');
  });

  test('renames members in place; who had the name gives way', async () => {
    assert.equal(await edited('{"x":0,"old":1,"y":2}', { rename: { old: 'né"w' } }), '{"x":0,"né\\"w":1,"y":2}');
    assert.equal(await edited('{"new":0,"old":1}', { rename: { old: 'new' } }), '{"new":1}');
    assert.equal(await edited('{"new":0}', { rename: { old: 'new' } }), '{"new":0}');
    assert.equal(await edited('{"a":1,"b":2}', { rename: { a: 'b', b: 'a' } }), '{"b":1,"a":2}');
  });

  test('does remove, rename, set and hash in this order', async () => {
    const row = await edited('{"gone":1,"old":2}', {
      set: { new: 3 },
      rename: { old: 'new', gone: 'kept' },
      remove: ['gone'],
      hash: { field: 'h', algorithm: 'crc32' },
    });
    assert.match(row, /^\{"new":3,"h":"[0-9a-f]{8}"\}$/);
  });

  test('keeps the bytes of everything else: numbers, key order, escapes, whitespace, duplicates', async () => {
    const rest = '"z":1.50 , "a" :-0e+1,"e":"\\u0041\\/\\ud800","big":12345678901234567890.10,' +
      '"d":1,"d":2,"n":{ "x" : [ ] },"é😀":""';
    assert.equal(await edited(` {${rest}}\t\r\n`, { set: { s: 1 } }), ` {${rest},"s":1}`.trimEnd());
    assert.equal(await edited(`{"gone":0,${rest}}`, { remove: ['gone'] }), `{${rest}}`);
  });

  test('knows names of any kind', async () => {
    const set = { é: 4, ['__proto__']: 5 };
    assert.equal(await edited('{"":1,"é":2,"__proto__":3}', { remove: [''], set }), '{"é":4,"__proto__":5}');
    assert.equal(await edited('{"\\ud83d\\ude00":1,"😀":2}', { remove: ['😀'] }), '{}');
    assert.equal(await edited('{"\\ud83d":1}', { remove: ['\ufffd'] }), '{"\\ud83d":1}');
  });

  test('digests the row as it goes out, without the field', async () => {
    const out = '{"a":1.50,"b":2}';
    for (const [name, characters] of /** @type {const} */ ([['sha256', 64], ['sha512', 128], ['sha1', 40], ['md5', 32]])) {
      const { hash } = JSON.parse(await edited('{"a":1.50}', { set: { b: 2 }, hash: { field: 'hash', algorithm: name } }));
      assert.equal(hash.length, characters);
      assert.equal(hash, nodeCrypto.createHash(name).update(out).digest('hex'));
    }
    for (const name of /** @type {const} */ (['crc32', 'blake3', 'xxh3'])) {
      const tap = crypto.hash({ algorithms: [name] });
      await through(tap, out);
      const { hash } = JSON.parse(await edited('{"a":1.50}', { set: { b: 2 }, hash: { field: 'hash', algorithm: name } }));
      assert.equal(hash, tap.digests?.[name]);
    }
  });

  test('puts the digest where the field was, which does not count', async () => {
    const expected = nodeCrypto.createHash('sha256').update('{"a":1,"b":2}').digest('hex').slice(0, 8);
    const hash = /** @type {const} */ ({ field: 'h', length: 8 });
    assert.equal(await edited('{"a":1,"h":"old","b":2}', { hash }), `{"a":1,"h":"${expected}","b":2}`);
    assert.equal(await edited('{"h":"old","a":1,"b":2}', { hash }), `{"h":"${expected}","a":1,"b":2}`);
    assert.equal(await edited('{"a":1,"b":2}', { hash }), `{"a":1,"b":2,"h":"${expected}"}`);
    assert.equal(await edited('{"a":1,"b":2,"h":1,"h":2}', { hash }), `{"a":1,"b":2,"h":"${expected}"}`);
    const empty = nodeCrypto.createHash('sha256').update('{}').digest('hex').slice(0, 8);
    assert.equal(await edited('{}', { hash }), `{"h":"${empty}"}`);
  });

  test('refuses rows that are no object, with a code of their own', async () => {
    for (const row of ['[]', '1', '"x"', 'null', 'true']) {
      const { error } = await failing(jsonl.edit({ set: { a: 1 } }), `{}\n${row}\n`);
      assert.deepEqual([error.code, error.line, error.stage], ['ERR_MILLRACE_JSONL_NOT_OBJECT', 2, 'edit'], row);
    }
    const rejects = new Kept();
    assert.equal(await through(jsonl.edit({ rejects }), '[1]\n{}\n'), '{}\n');
    assert.deepEqual(rejects.letters, [{ line: 1, offset: 0, reason: 'not an object but an array', row: '[1]' }]);
  });

  test('refuses options that cannot be, as Node does', () => {
    const cycle = /** @type {any} */ ({});
    cycle.self = cycle;
    for (const [options, code] of /** @type {[any, string][]} */ ([
      [{ set: 1 }, 'ERR_INVALID_ARG_TYPE'],
      [{ set: [] }, 'ERR_INVALID_ARG_TYPE'],
      [{ set: { a: undefined } }, 'ERR_INVALID_ARG_VALUE'],
      [{ set: { a: () => {} } }, 'ERR_INVALID_ARG_VALUE'],
      [{ set: { a: 1n } }, 'ERR_INVALID_ARG_VALUE'],
      [{ set: { a: cycle } }, 'ERR_INVALID_ARG_VALUE'],
      [{ remove: 'a' }, 'ERR_INVALID_ARG_TYPE'],
      [{ remove: [1] }, 'ERR_INVALID_ARG_TYPE'],
      [{ rename: ['a'] }, 'ERR_INVALID_ARG_TYPE'],
      [{ rename: { a: 1 } }, 'ERR_INVALID_ARG_TYPE'],
      [{ hash: 'sha256' }, 'ERR_INVALID_ARG_TYPE'],
      [{ hash: {} }, 'ERR_INVALID_ARG_TYPE'],
      [{ hash: { field: 'h', algorithm: 'sha3' } }, 'ERR_INVALID_ARG_VALUE'],
      [{ hash: { field: 'h', length: 0 } }, 'ERR_OUT_OF_RANGE'],
      [{ hash: { field: 'h', algorithm: 'crc32', length: 9 } }, 'ERR_OUT_OF_RANGE'],
      [{ hash: { field: 'h', length: '8' } }, 'ERR_INVALID_ARG_TYPE'],
    ])) {
      assert.throws(() => jsonl.edit(options), { code });
    }
  });
});
