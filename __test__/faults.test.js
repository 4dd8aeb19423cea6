'use strict';

/** Bad input and bad neighbours: each a single error on the right stream, in bounded memory, and the process lives on. */

const assert = require('node:assert/strict');
const { PassThrough, Readable, Transform, Writable, pipeline } = require('node:stream');
const { describe, test } = require('node:test');
const { compose, crypto, jsonl, text, zlib } = require('..');
const { offer, settled, until } = require('./harness/streams.js');

const GIGABYTE = 1e9;
/** What a stage may hold: its inbox and outbox, Node's own buffers, blocks under way, a line in the making. */
const HELD = 12 * 1024 * 1024;
const FLAT = 100e6;

/** Stages that take bytes. @type {Record<string, (options?: any) => any>} */
const BYTE_STAGES = {
  upperCase: text.upperCase,
  lowerCase: text.lowerCase,
  lines: text.lines,
  'lines in object mode': (options) => text.lines({ ...options, objectMode: true }),
  validate: jsonl.validate,
  edit: (options) => jsonl.edit({ ...options, set: { b: 1 }, hash: { field: 'h' } }),
  parse: jsonl.parse,
  'parse in batches': (options) => jsonl.parse({ ...options, batch: true }),
  hash: crypto.hash,
  createDeflateRaw: (options) => zlib.createDeflateRaw({ ...options, level: 0 }),
  compose: (options) => compose(text.upperCase(options), text.lowerCase(options)),
  'compose with JavaScript between': (options) => compose(text.upperCase(options), new PassThrough(), text.lowerCase(options)),
};

/** @param {any} stage @returns {any[]} the errors that it tells */
function errorsOf(stage) {
  /** @type {any[]} */
  const errors = [];
  stage.on('error', (/** @type {any} */ error) => errors.push(error));
  return errors;
}

/** @param {number} total @param {number} [size] @returns {Readable & { offered: number }} rows of 16 bytes */
const rowsOf = (total, size = 65536) => offer(total, size, '{"a":"bcdefgh"}\n');

describe('a consumer that never reads', () => {
  for (const [name, make] of Object.entries(BYTE_STAGES)) {
    test(`makes ${name} accept a bounded part of a gigabyte, and RSS stays flat`, async () => {
      const before = process.memoryUsage.rss();
      const source = rowsOf(GIGABYTE);
      const stage = make();
      source.pipe(stage);
      const taken = await settled(() => source.offered);
      assert.ok(taken < HELD, `took ${taken} bytes`);
      assert.ok(process.memoryUsage.rss() - before < FLAT, 'RSS grew');
      source.destroy();
      stage.destroy();
      await until(() => stage.closed, 'close');
    });
  }

  test('makes stringify accept a bounded number of values', async () => {
    let offered = 0;
    const source = new Readable({
      objectMode: true,
      read() {
        offered += 1;
        this.push({ a: 'x'.repeat(1000) });
      },
    });
    const stage = jsonl.stringify();
    source.pipe(stage);
    assert.ok((await settled(() => offered)) * 1000 < HELD);
    source.destroy();
    stage.destroy();
  });

  test('of rejects makes validate accept a bounded part', async () => {
    const before = process.memoryUsage.rss();
    const stage = jsonl.validate({ rejects: new Writable({ write() {} }) });
    const source = offer(GIGABYTE);
    source.pipe(stage).resume();
    const taken = await settled(() => source.offered);
    assert.ok(taken < HELD, `took ${taken} bytes`);
    assert.ok(process.memoryUsage.rss() - before < FLAT, 'RSS grew');
    source.destroy();
    stage.destroy();
  });
});

describe('a row of a gigabyte without a line end', () => {
  /** @param {any} stage @param {any} [into] @returns {Promise<{ peak: number, errors: any[], bytes: number }>} */
  async function swallow(stage, into) {
    const before = process.memoryUsage.rss();
    let peak = 0;
    let bytes = 0;
    const watch = () => (peak = Math.max(peak, process.memoryUsage.rss() - before));
    const source = offer(GIGABYTE, 65536, '0123456789abcdef');
    const errors = errorsOf(stage);
    stage.on('data', (/** @type {any} */ chunk) => (bytes += chunk.length));
    source.on('data', () => source.offered % (64 * 65536) === 0 && watch());
    const ended = pipeline(source, stage, () => {});
    if (into) errorsOf(into);
    await until(() => ended.closed, 'the end');
    watch();
    return { peak, errors, bytes };
  }

  test('is refused by lines as soon as it is too long', async () => {
    const { peak, errors, bytes } = await swallow(text.lines());
    assert.deepEqual(errors.map(({ code, line, offset }) => [code, line, offset]), [['ERR_MILLRACE_TEXT_LINE_TOO_LONG', 1, 0]]);
    assert.ok(peak < FLAT, `${peak} bytes of memory`);
    assert.equal(bytes, 0);
  });

  test('is passed over by lines, or cut', async () => {
    const skipped = await swallow(text.lines({ onTooLong: 'skip', maxLength: 1e6 }));
    assert.deepEqual([skipped.errors, skipped.bytes], [[], 0]);
    assert.ok(skipped.peak < FLAT, `${skipped.peak} bytes of memory`);
    const cut = await swallow(text.lines({ onTooLong: 'truncate', maxLength: 1e6 }));
    assert.deepEqual([cut.errors, cut.bytes], [[], 1e6 + 1]);
    assert.ok(cut.peak < FLAT, `${cut.peak} bytes of memory`);
  });

  test('is refused by each row stage as soon as it is too long', async () => {
    for (const make of [jsonl.validate, () => jsonl.edit({}), jsonl.parse]) {
      const { peak, errors, bytes } = await swallow(make());
      assert.deepEqual(errors.map(({ code, line, offset }) => [code, line, offset]), [['ERR_MILLRACE_JSONL_INVALID', 1, 0]]);
      assert.ok(peak < FLAT, `${peak} bytes of memory`);
      assert.equal(bytes, 0);
    }
  });

  test('goes whole to the dead letters', async () => {
    let length = 0;
    let tail = '';
    const rejects = new Writable({
      write(chunk, _encoding, callback) {
        length += chunk.length;
        tail = (tail + chunk.subarray(-100)).slice(-100);
        setImmediate(callback);
      },
    });
    const { peak, errors, bytes } = await swallow(jsonl.validate({ rejects }), rejects);
    assert.deepEqual([errors, bytes], [[], 0]);
    assert.ok(peak < FLAT, `${peak} bytes of memory`);
    const total = Math.ceil(GIGABYTE / 65536) * 65536;
    assert.ok(tail.endsWith(`0123456789abcdef","length":${total}}\n`), tail);
    assert.ok(length > total && length < total + 200);
  });
});

describe('a stage in the middle of a chain', () => {
  for (const [name, make] of Object.entries(BYTE_STAGES)) {
    test(`${name} is destroyed in the middle, with one error or none, and closes once`, async () => {
      for (const reason of [undefined, new Error('enough')]) {
        // More than there is time for: nothing may have come to its end.
        const source = rowsOf(GIGABYTE);
        const stage = make();
        const errors = errorsOf(stage);
        let closes = 0;
        stage.on('close', () => (closes += 1));
        source.pipe(stage).resume();
        await until(() => source.offered > 1e6, 'some work');
        stage.destroy(reason);
        stage.destroy(new Error('again'));
        await until(() => stage.closed, 'close');
        source.destroy();
        await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual([errors, closes], [reason === undefined ? [] : [reason], 1]);
      }
    });

    test(`${name} is told of a JavaScript stage that throws, which has the error`, async () => {
      const stage = make();
      const before = rowsOf(4e6);
      const bad = new Transform({
        objectMode: true,
        transform(_chunk, _encoding, callback) {
          callback(new Error('my mistake'));
        },
      });
      const told = await new Promise((resolve) => pipeline(before, stage, bad, resolve));
      assert.equal(/** @type {any} */ (told)?.message, 'my mistake');
      await until(() => stage.closed, 'close');
      assert.ok(before.destroyed && stage.destroyed && bad.destroyed);
    });
  }
});

test('a listener of an error may make and use streams again', async () => {
  const seen = await new Promise((resolve) => {
    const stage = jsonl.validate();
    stage.on('error', () => {
      stage.destroy();
      stage.write('1\n', () => {});
      const again = jsonl.validate();
      again.on('data', resolve);
      again.end('2\n');
    });
    stage.end('nope\n');
  });
  assert.equal(String(seen), '2\n');
});
