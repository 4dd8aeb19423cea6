'use strict';

const assert = require('node:assert/strict');
const nodeCrypto = require('node:crypto');
const { Readable, Transform, Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { describe, test } = require('node:test');
const { crypto, jsonl } = require('..');
const { collect, settled, until } = require('./harness/streams.js');

/**
 * @param {import('node:stream').Duplex} stage
 * @param {...any} pieces
 * @returns {Promise<string>} what comes out
 */
async function through(stage, ...pieces) {
  for (const piece of pieces) {
    stage.write(piece);
    await new Promise((resolve) => process.nextTick(resolve));
  }
  stage.end();
  return String(await collect(stage));
}

/**
 * @param {import('node:stream').Duplex} stage
 * @param {any} input
 * @returns {Promise<{ error: any, output: any[], errors: number }>} how it failed, and what came before
 */
async function failing(stage, input) {
  /** @type {any[]} */
  const output = [];
  /** @type {any[]} */
  const errors = [];
  stage.on('data', (chunk) => output.push(chunk));
  stage.on('error', (error) => errors.push(error));
  const closed = new Promise((resolve) => stage.once('close', resolve));
  stage.end(input);
  await closed;
  return { error: errors[0], output, errors: errors.length };
}

/** Keeps what is written to it. */
class Kept extends Writable {
  /** @param {import('node:stream').WritableOptions} [options] */
  constructor(options) {
    super(options);
    /** @type {any[]} */
    this.chunks = [];
  }

  /** @param {any} chunk @param {BufferEncoding} _encoding @param {() => void} callback */
  _write(chunk, _encoding, callback) {
    this.chunks.push(chunk);
    callback();
  }

  /** @returns {any[]} the letters */
  get letters() {
    return String(Buffer.concat(this.chunks)).trimEnd().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }
}

const BAD = '{"a":1}\n{"b":}\r\n\n[1,2\n  {"c":3}  \r\nnope\n"last"';

for (const [name, make] of /** @type {[string, (options?: any) => import('node:stream').Duplex][]} */ ([
  ['validate', jsonl.validate],
  ['edit', (options) => jsonl.edit({ ...options })],
  ['parse', jsonl.parse],
])) {
  describe(`rows of ${name}`, () => {
    test('are refused by the stage that meets them, once, with code, line and offset, behind the good ones', async () => {
      const { error, errors, output } = await failing(make(), '{"a":1}\n\n{"b":}\n{"c":2}\n');
      const { code, stage, line, offset } = error;
      assert.deepEqual(
        { code, stage, line, offset, errors },
        { code: 'ERR_MILLRACE_JSONL_INVALID', stage: name, line: 3, offset: 9, errors: 1 },
      );
      assert.equal(error.message, "invalid JSON in line 3 at byte 9: unexpected character '}' (column 6)");
      assert.deepEqual(name === 'parse' ? output : String(Buffer.concat(output)), name === 'parse' ? [{ a: 1 }] : '{"a":1}\n');
    });

    test('are left out and counted', async () => {
      const stage = make({ onInvalid: 'skip' });
      stage.resume();
      stage.end('{"a":1}\n{"b":}\n\n{"c":2}');
      await new Promise((resolve) => stage.once('end', resolve));
      const { rowsIn, rowsOut, rejected } = /** @type {any} */ (stage).stats();
      assert.deepEqual({ rowsIn, rowsOut, rejected }, { rowsIn: 4, rowsOut: 2, rejected: 1 });
    });

    test('are bad if they are too long; the limit counts neither LF nor CRLF', async () => {
      const row = '{"a":12345}';
      for (const fits of [`${row}\n`, `${row}\r\n`, row]) {
        assert.equal((await failing(make({ maxLineLength: row.length }), fits)).error, undefined, JSON.stringify(fits));
      }
      const { error } = await failing(make({ maxLineLength: row.length - 1 }), `{}\n${row}\n`);
      assert.deepEqual([error.code, error.line, error.offset], ['ERR_MILLRACE_JSONL_INVALID', 2, 3]);
      assert.match(error.message, /longer than 10 bytes/);
    });

    test('are bad if they are not UTF-8, or mended', async () => {
      const row = Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]);
      const { error } = await failing(make(), row);
      assert.match(error.message, /invalid UTF-8 \(column 7\)/);
      const { output } = await failing(make({ utf8: 'replace' }), row);
      assert.deepEqual(name === 'parse' ? output : [JSON.parse(String(Buffer.concat(output)))], [{ a: '\ufffd' }]);
    });

    test('may be nested deeply', async () => {
      const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
      const { error: none, output } = await failing(make(), deep);
      assert.equal(none, undefined);
      if (name === 'parse') assert.ok(Array.isArray(output[0].a));
      else assert.equal(String(Buffer.concat(output)), `${deep}\n`);
      const { error } = await failing(make(), '['.repeat(100_000));
      assert.equal(error.code, 'ERR_MILLRACE_JSONL_INVALID');
    });

    test('have options that are checked as Node does', () => {
      /** @type {[any, string][]} */
      const wrong = [
        ['x', 'ERR_INVALID_ARG_TYPE'],
        [{ onInvalid: 'drop' }, 'ERR_INVALID_ARG_VALUE'],
        [{ onInvalid: true }, 'ERR_INVALID_ARG_VALUE'],
        [{ maxLineLength: '10' }, 'ERR_INVALID_ARG_TYPE'],
        [{ maxLineLength: 0 }, 'ERR_OUT_OF_RANGE'],
        [{ maxLineLength: 2 ** 30 + 1 }, 'ERR_OUT_OF_RANGE'],
        [{ utf8: 'ignore' }, 'ERR_INVALID_ARG_VALUE'],
        [{ threads: 1.5 }, 'ERR_OUT_OF_RANGE'],
        [{ highWaterMark: 'much' }, 'ERR_INVALID_ARG_VALUE'],
        [{ rejects: {} }, name === 'parse' ? 'ERR_INVALID_ARG_VALUE' : 'ERR_INVALID_ARG_TYPE'],
      ];
      if (name !== 'edit') wrong.push([1, 'ERR_INVALID_ARG_TYPE']);
      for (const [options, code] of wrong) {
        if (name === 'edit' && typeof options !== 'object') continue;
        assert.throws(() => make(options), { code }, JSON.stringify(options));
      }
    });
  });
}

describe('validate', () => {
  test('lets rows pass byte for byte, each with its LF', async () => {
    const stage = jsonl.validate();
    assert.ok(stage instanceof Transform);
    const rows = '{"b":1.50,"a":[ ]}\r\n\t"\\u0041"\n{"x":1,"x":2}\n-0\n 1e400 ';
    assert.equal(await through(stage, rows), `${rows}\n`);
  });

  test('agrees with JSON.parse', async () => {
    const texts = [
      // What JSONTestSuite tries, in our own words: numbers, strings, literals, structure, whitespace.
      '0', '-0', '-', '+1', '01', '-01', '1.', '.1', '1.0', '1e', '1e+', '1E-2', '1e5.', '0x1', '1_000', 'NaN',
      'Infinity', '-Infinity',
      '1e99999', '123456789012345678901234567890', '0.1e1', '0e0', '00', '1 2', '--1', '1-1', '٣',
      '""', '"', '"\\', '"\\"', '"\\a"', '"\\u12"', '"\\u12G4"', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"',
      '"\\uD83D\\uDE00"',
      '"\t"', '"\u007f"', '"\u0080"', '"\u2028\u2029"', '"\\/\\b\\f\\n\\r\\t"', "'a'", '"a" "b"', '"\\x00"', '"é',
      '"\ufeff"', '"\\U0041"',
      'true', 'True', 'tru', 'truee', 'null', 'nul', 'nulll', 'false', 'fals', 'undefined', 'true false', 'TRUE',
      '[]', '[', ']', '[,]', '[1,]', '[,1]', '[1,,2]', '[1 2]', '[1;2]', '[[]', '[]]', '[1}', '[ 1 , [ ] , { } ]',
      '[\t\r]', '[\f]', '[\u00a0]',
      '{}', '{', '}', '{,}', '{"a"}', '{"a":}', '{"a":1,}', '{"a" 1}', '{a:1}', "{'a':1}", '{1:1}', '{"a":1 "b":2}',
      '{"a":1,"a":2}',
      '{"":0}', '{"a":{"b":{}}}', '{"a":1}}', '{"a":1]', '{"a"::1}', '{null:1}', '{"\\u0061":1}', '{"a":/**/1}', '//',
      '/**/1', '#',
      ' 1 ', '\t1\r', '\u000b1', '\f1', '\u00a01', '\u20281', '\ufeff1', '1\0', '\0', '"\0"', '*', '$', '\\u0031',
      '\x1b', '{}{}', '[][]',
    ];
    for (const text of texts) {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      // Behind a row, so that a BOM is not at the start of the stream.
      const output = await through(jsonl.validate({ onInvalid: 'skip' }), `0\n${text}\n`);
      assert.equal(output, valid ? `0\n${text}\n` : '0\n', JSON.stringify(text));
    }
  });

  test('passes over blank rows, drops a BOM at the start, and gives nothing for nothing', async () => {
    assert.equal(await through(jsonl.validate(), '\ufeff{"a":1}\n\n \t\r\n{"b":2}\n'), '{"a":1}\n{"b":2}\n');
    assert.equal(await through(jsonl.validate(), '\ufeff'), '');
    assert.equal(await through(jsonl.validate()), '');
    const { error } = await failing(jsonl.validate(), '1\n\ufeff2\n');
    assert.match(error.message, /line 2 at byte 2: unexpected character U\+FEFF \(column 1\)/);
  });

  test('holds a row together that comes in pieces', async () => {
    assert.equal(await through(jsonl.validate(), '{"a":"\ud83d', '\ude00"}\r', '\n[', '1]'), `{"a":"${'\ufffd'.repeat(2)}"}\r\n[1]\n`);
    const row = Buffer.from('{"a":"😀"}\r\n');
    assert.equal(await through(jsonl.validate(), row.subarray(0, 8), row.subarray(8, 11), row.subarray(11)), String(row));
  });

  describe('rejects', () => {
    test('gets a line for each bad row: line, offset, reason, row', async () => {
      const rejects = new Kept();
      const stage = jsonl.validate({ rejects });
      assert.equal(await through(stage, BAD), '{"a":1}\n  {"c":3}  \r\n"last"\n');
      assert.deepEqual(rejects.letters, [
        { line: 2, offset: 8, reason: "unexpected character '}' (column 6)", row: '{"b":}' },
        { line: 4, offset: 17, reason: 'unexpected end of row', row: '[1,2' },
        { line: 6, offset: 35, reason: "unexpected character 'o' (column 2)", row: 'nope' },
      ]);
      assert.ok(rejects.writableFinished, 'it ends with the stage');
    });

    test('makes skip the default, but not the only policy', async () => {
      const rejects = new Kept();
      const { error } = await failing(jsonl.validate({ rejects, onInvalid: 'error' }), BAD);
      assert.equal(error.line, 2);
      assert.deepEqual(rejects.chunks, []);
      assert.ok(rejects.destroyed, 'and goes with the stage');
    });

    test('is left open where it is told to, and may be shared', async () => {
      const rejects = new Kept();
      const options = { rejects, endRejects: false };
      await through(jsonl.validate(options), BAD);
      await through(jsonl.edit(options), '[1]\n');
      assert.equal(rejects.writableEnded, false);
      assert.deepEqual(rejects.letters.map(({ line }) => line), [2, 4, 6, 1]);
    });

    test('gets objects where it is in object mode', async () => {
      const rejects = new Kept({ objectMode: true });
      await through(jsonl.validate({ rejects }), BAD);
      assert.deepEqual(rejects.chunks.map(({ line, row }) => [line, row]), [[2, '{"b":}'], [4, '[1,2'], [6, 'nope']]);
    });

    test('gets the very bytes of a row that is not UTF-8', async () => {
      const rejects = new Kept();
      const row = Buffer.from([0x22, 0xff, 0xc3, 0x22]);
      await through(jsonl.validate({ rejects }), Buffer.concat([row, Buffer.from('\n')]));
      const [{ row: shown, rowBase64 }] = rejects.letters;
      assert.equal(shown, String(row));
      assert.ok(Buffer.from(rowBase64, 'base64').equals(row));
    });

    test('gets all of a row that is too long, in memory of the limit (it got the first bytes, and did not say so)', async () => {
      const rejects = new Kept();
      const long = `{"long":"${'é"\\'.repeat(1_000_000)}`;
      const stage = jsonl.validate({ rejects, maxLineLength: 1000 });
      const input = Buffer.from(`1\n${long}\r\n2\n`);
      stage.resume();
      for (let at = 0; at < input.length; at += 1237) {
        if (!stage.write(input.subarray(at, at + 1237))) await new Promise((resolve) => stage.once('drain', resolve));
      }
      stage.end();
      await until(() => stage.closed, 'close');
      const [letter] = rejects.letters;
      assert.equal(letter.row, long);
      const length = Buffer.byteLength(long);
      assert.deepEqual(letter, { line: 2, offset: 2, reason: 'longer than 1000 bytes', row: long, length });
      assert.ok(Math.max(...rejects.chunks.map(({ length }) => length)) < 3e6, 'it came in parts');
      const { rowsIn, rowsOut, rejected } = stage.stats();
      assert.deepEqual({ rowsIn, rowsOut, rejected }, { rowsIn: 3, rowsOut: 2, rejected: 1 });
    });

    test('says what of a long row is not there: bytes that are no UTF-8, and in object mode its rest', async () => {
      const rejects = new Kept();
      await through(jsonl.validate({ rejects, maxLineLength: 4 }), Buffer.from([0x31, 0x32, 0x33, 0x34, 0xff, 0x35]));
      assert.deepEqual(rejects.letters, [
        { line: 1, offset: 0, reason: 'longer than 4 bytes', row: '1234\ufffd5', length: 6, lossy: true },
      ]);
      const objects = new Kept({ objectMode: true });
      await through(jsonl.validate({ rejects: objects, maxLineLength: 4 }), '123456', '789\nx\n');
      assert.deepEqual(objects.chunks, [
        { line: 1, offset: 0, reason: 'longer than 4 bytes', row: '1234', length: 9, truncated: true },
        { line: 2, offset: 10, reason: "unexpected character 'x' (column 1)", row: 'x' },
      ]);
    });

    test('gets whole lines where several stages write long rows to it at once', async () => {
      const rejects = new Kept();
      const stages = [1, 2, 3].map(() => jsonl.validate({ rejects, endRejects: false, maxLineLength: 10 }));
      const done = stages.map((stage) => stage.resume() && new Promise((resolve) => stage.once('end', resolve)));
      for (let turn = 0; turn < 200; turn++) {
        stages.forEach((stage, index) => stage.write(turn % 7 === 6 ? '\nx\n' : String(index).repeat(100)));
        await new Promise((resolve) => setImmediate(resolve));
      }
      for (const stage of stages) stage.end();
      await Promise.all(done);
      const letters = rejects.letters.filter(({ row }) => row !== 'x');
      assert.equal(letters.length, 3 * Math.ceil(200 / 7));
      for (const { row, length } of letters) assert.match(row, new RegExp(`^${row[0]}{${length}}$`));
    });

    test('holds the stage back while it does not take more, and then gets everything', async () => {
      const count = 50_000;
      const bad = Buffer.from(`{"bad":"${'x'.repeat(80)}\n`.repeat(count));
      /** @type {(() => void) | null} */
      let release = null;
      let taken = 0;
      const rejects = new Writable({
        write(chunk, _encoding, callback) {
          taken += String(chunk).split('\n').length - 1;
          if (release === null) release = callback;
          else callback();
        },
      });
      const stage = jsonl.validate({ rejects });
      stage.resume();
      let at = 0;
      const feed = (async () => {
        for (; at < bad.length; at += 65536) {
          if (!stage.write(bad.subarray(at, at + 65536))) await new Promise((resolve) => stage.once('drain', resolve));
        }
        stage.end();
      })();
      const offered = await settled(() => at);
      assert.ok(offered < bad.length, `${offered} bytes were accepted`);
      assert.ok(release !== null);
      /** @type {() => void} */ (release)();
      await feed;
      await until(() => stage.closed, 'close');
      assert.equal(taken, count);
      assert.ok(rejects.writableFinished);
    });

    test('that fails makes the stage fail with its error', async () => {
      const rejects = new Writable({ write: (_chunk, _encoding, callback) => callback(new Error('disk full')) });
      const { error, errors } = await failing(jsonl.validate({ rejects }), BAD);
      assert.deepEqual([error.message, errors], ['disk full', 1]);
    });

    test('that is closed early makes the stage fail', async () => {
      const rejects = new Kept();
      const stage = jsonl.validate({ rejects });
      rejects.destroy();
      const { error } = await failing(stage, BAD);
      assert.equal(error.code, 'ERR_STREAM_PREMATURE_CLOSE');
    });

    test('must be writable', () => {
      const ended = new Kept();
      ended.end();
      assert.throws(() => jsonl.validate({ rejects: ended }), { code: 'ERR_INVALID_ARG_VALUE' });
      assert.throws(() => jsonl.validate({ rejects: /** @type {any} */ ('x') }), { code: 'ERR_INVALID_ARG_TYPE' });
      assert.throws(() => jsonl.validate({ endRejects: /** @type {any} */ (1) }), { code: 'ERR_INVALID_ARG_TYPE' });
    });
  });
});

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

describe('parse', () => {
  /** @param {string} input @param {jsonl.ParseOptions} [options] @returns {Promise<any[]>} */
  const parsed = (input, options) => Readable.from([Buffer.from(input)]).pipe(jsonl.parse(options)).toArray();

  test('gives values one by one', async () => {
    assert.deepEqual(await parsed('{"a":1}\n\n[2]\r\n"é"\n3\nfalse\n0\n""'), [{ a: 1 }, [2], 'é', 3, false, 0, '']);
    assert.deepEqual(await parsed(''), []);
  });

  test('gives arrays of up to `batch` rows, the last of what is left', async () => {
    const input = Array.from({ length: 10_001 }, (_, i) => `${i}\n`).join('');
    const batches = await parsed(input, { batch: 1000 });
    assert.deepEqual(batches.flat(), Array.from({ length: 10_001 }, (_, i) => i));
    assert.ok(batches.every(({ length }) => length <= 1000));
    assert.equal(batches.filter(({ length }) => length === 1000).length, 10);
    const large = await parsed(input, { batch: true });
    assert.equal(large.flat().length, 10_001);
    assert.ok(large.length < 20);
    assert.deepEqual(await parsed('1\n2\n3', { batch: 1 }), [[1], [2], [3]]);
  });

  test('refuses `null`, which would end an object stream, unless it comes in arrays (it ended the stream)', async () => {
    assert.deepEqual((await parsed('1\nnull\n2', { batch: 10 })).flat(), [1, null, 2]);
    assert.deepEqual(await parsed('1\n null\n2', { onInvalid: 'skip' }), [1, 2]);
    const { error, output } = await failing(jsonl.parse(), '1\nnull\n2');
    const { code, line, offset, message } = error;
    assert.deepEqual(
      { code, line, offset, message, output },
      {
        code: 'ERR_MILLRACE_JSONL_NULL',
        line: 2,
        offset: 2,
        message: 'null in line 2 at byte 2: null cannot be a value of an object stream',
        output: [1],
      },
    );
  });

  test('gives what JSON.parse gives: escapes, `__proto__`, the last of duplicates, large numbers', async () => {
    for (const text of ['{"__proto__":{"a":1}}', '{"a":1,"a":2}', '"\\ud800\\u0000"', '1e400', '-0', '[12345678901234567890]']) {
      assert.deepEqual(await parsed(text), [JSON.parse(text)]);
    }
  });

  test('has options that are checked', () => {
    for (const [options, code] of /** @type {[any, string][]} */ ([
      [{ batch: 0 }, 'ERR_OUT_OF_RANGE'],
      [{ batch: 'x' }, 'ERR_INVALID_ARG_TYPE'],
      [{ batch: false }, 'ERR_INVALID_ARG_TYPE'],
      [{ batch: 2 ** 21 }, 'ERR_OUT_OF_RANGE'],
    ])) {
      assert.throws(() => jsonl.parse(options), { code }, JSON.stringify(options));
    }
  });

  test('counts values in its readable highWaterMark', () => {
    const stage = jsonl.parse({ highWaterMark: 3 });
    assert.deepEqual([stage.readableHighWaterMark, stage.readableObjectMode, stage.writableObjectMode], [3, true, false]);
    stage.destroy();
  });
});

describe('stringify', () => {
  test('writes a row for each value, as JSON.stringify does', async () => {
    const values = [{ a: 1, u: undefined, d: new Date(0) }, [undefined], 'é\u2028\ud800', 0, false, { toJSON: () => 'own' }];
    assert.equal(await through(jsonl.stringify(), ...values), values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  });

  test('refuses what has no JSON, once, on itself', async () => {
    const cycle = /** @type {any} */ ({});
    cycle.self = cycle;
    for (const value of [() => {}, Symbol('x'), 1n, cycle, undefined]) {
      const stage = jsonl.stringify();
      /** @type {any[]} */
      const errors = [];
      stage.on('error', (error) => errors.push(error));
      stage.resume();
      stage.write({ fine: true });
      stage.write(value);
      await until(() => stage.closed, 'close');
      assert.deepEqual(errors.map(({ code, name }) => [code, name]), [['ERR_MILLRACE_JSONL_STRINGIFY', 'TypeError']]);
    }
  });

  test('goes round with parse', async () => {
    const values = Array.from({ length: 5000 }, (_, i) => ({ i, text: 'ü'.repeat(i % 50) }));
    /** @type {any[]} */
    const back = [];
    await pipeline(Readable.from(values), jsonl.stringify(), jsonl.validate(), jsonl.parse(), async (source) => {
      for await (const value of source) back.push(value);
    });
    assert.deepEqual(back, values);
  });
});
