'use strict';

// What all stages of rows do alike, and those between rows and objects.

const assert = require('node:assert/strict');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { describe, test } = require('node:test');
const { jsonl } = require('..');
const { failing } = require('./harness/rows.js');
const { through, until } = require('./harness/streams.js');

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
