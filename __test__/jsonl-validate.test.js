'use strict';

const assert = require('node:assert/strict');
const { Transform, Writable } = require('node:stream');
const { describe, test } = require('node:test');
const { jsonl } = require('..');
const { BAD, Kept, failing } = require('./harness/rows.js');
const { settled, through, until } = require('./harness/streams.js');

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
