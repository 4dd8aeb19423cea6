'use strict';

/**
 * Every stage × every input × every way to cut it, alone and between native neighbours (so fused, or with
 * `MILLRACE_FUSE=0` not), against what Node's own modules give.
 */

const assert = require('node:assert');
const nodeCrypto = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const { PassThrough } = require('node:stream');
const { test } = require('node:test');
const nodeZlib = require('node:zlib');
const { compose, crypto, fs: files, jsonl, text, zlib } = require('..');
const { CUTS, cut, folder } = require('./harness/streams.js');
const { CASES, drive, dripFeed, fused } = require('./harness/table.js');
const { good, rowsOf, split } = require('./harness/oracles.js');

/** @typedef {import('./harness/table.js').Outcome} Outcome */

/**
 * @typedef {object} Stage
 * @property {() => any} make
 * @property {(input: Buffer) => Buffer} [encode] what is written in place of the case's bytes
 * @property {(outcome: Outcome, input: Buffer, stage: any) => void} check throws where the outcome is wrong
 */

/** @param {Outcome} outcome @returns {Buffer} */
const bytes = ({ output }) => Buffer.concat(output);

/** @param {(input: Buffer) => Buffer} oracle @returns {Stage['check']} */
const gives = (oracle) => (outcome, input) => {
  assert.ifError(outcome.error);
  const expected = oracle(input);
  const actual = bytes(outcome);
  if (!actual.equals(expected)) assert.strictEqual(JSON.stringify(String(actual)), JSON.stringify(String(expected)));
};

/** @param {(output: Buffer) => Buffer} back what Node's module makes of the output: the input @returns {Stage['check']} */
const givesAfter = (back) => (outcome, input) => gives(() => input)({ ...outcome, output: [back(bytes(outcome))] }, input);

/** @param {(input: Buffer) => any[]} oracle @returns {Stage['check']} */
const givesValues = (oracle) => (outcome, input) => {
  assert.ifError(outcome.error);
  assert.deepStrictEqual(outcome.output, oracle(input));
};

/** @param {Buffer[]} lines @returns {Buffer} each with LF */
const withEnds = (lines) => Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));

/** @param {Buffer} line @param {number} most @returns {Buffer} without half a character */
function truncated(line, most) {
  if (line.length <= most) return line;
  let end = most;
  // Back to the start of the last sequence, which goes if it is not whole.
  let lead = end - 1;
  while (lead > end - 4 && lead > 0 && (line[lead] & 0xc0) === 0x80) lead -= 1;
  const first = line[lead];
  const needs = [0xc2, 0xe0, 0xf0].filter((least) => first >= least && first <= 0xf4).length + 1;
  if (needs > end - lead) end = lead;
  return line.subarray(0, end);
}

const MOST = 64;
/** Rows of more than this many bytes are refused where the limit is tried. */
const LIMIT = 40;

/**
 * @param {(input: Buffer) => { line: number, offset: number } | undefined} where the first fault is
 * @param {string} code
 * @param {string} stage
 * @param {(input: Buffer) => Buffer} before what may have been given out, at most
 * @returns {Stage['check']}
 */
const failsAt = (where, code, stage, before) => (outcome, input) => {
  const place = where(input);
  const expected = before(input);
  const actual = bytes(outcome);
  if (place === undefined) {
    assert.ifError(outcome.error);
    assert.ok(actual.equals(expected));
    return;
  }
  const { error } = outcome;
  assert.deepStrictEqual(
    { code: error?.code, stage: error?.stage, line: error?.line, offset: error?.offset },
    { code, stage, line: place.line, offset: place.offset },
  );
  assert.ok(actual.equals(expected.subarray(0, actual.length)), 'what came before the error is right');
};

/** @param {import('./harness/oracles.js').Row[]} rows @returns {Buffer} as they came in */
const verbatim = (rows) =>
  Buffer.concat(good(rows).flatMap((row) => [row.bytes, row.end.length > 0 ? row.end : Buffer.from('\n')]));

/** @param {import('./harness/oracles.js').Row[]} rows @returns {import('./harness/oracles.js').Row[]} up to the first bad one */
const upToFault = (rows) => {
  const bad = rows.findIndex((row) => row.problem);
  return bad < 0 ? rows : rows.slice(0, bad);
};

const EDIT = {
  remove: ['gone'],
  rename: { old: 'new' },
  set: { s: { deep: [1, 'é'] } },
  hash: { field: 'hash', algorithm: /** @type {const} */ ('sha1'), length: 10 },
};

/** @type {Stage['check']} */
function checkEdit(outcome, input) {
  assert.ifError(outcome.error);
  const isObject = (/** @type {any} */ value) => value !== null && typeof value === 'object' && !Array.isArray(value);
  const expected = good(rowsOf(input)).filter(({ value }) => isObject(value));
  const actual = String(bytes(outcome)).split('\n');
  assert.strictEqual(actual.pop(), '');
  assert.strictEqual(actual.length, expected.length);
  expected.forEach(({ value }, index) => {
    const row = actual[index];
    // Names may be `__proto__`: entries, not objects.
    const entries = Object.entries(value).filter(([name]) => name !== 'gone' && name !== 'hash')
      .filter(([name]) => !(name === 'new' && 'old' in value))
      .map(([name, own]) => [name === 'old' ? 'new' : name, name === 's' ? EDIT.set.s : own]);
    if (!Object.hasOwn(value, 's')) entries.push(['s', EDIT.set.s]);
    const after = JSON.parse(row);
    const { hash } = after;
    assert.match(hash, /^[0-9a-f]{10}$/);
    const sort = (/** @type {any[]} */ list) => list.sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepStrictEqual(sort(Object.entries(after).filter(([name]) => name !== 'hash')), sort(entries));
    const without = row.trim().replace(`,"hash":"${hash}"`, '').replace(`"hash":"${hash}",`, '').replace(`"hash":"${hash}"`, '');
    assert.strictEqual(nodeCrypto.createHash('sha1').update(without).digest('hex').slice(0, 10), hash, row);
  });
}

/** @type {Record<string, (input: Buffer) => Buffer>} */
const SYNC = {
  gzip: nodeZlib.gzipSync,
  deflate: nodeZlib.deflateSync,
  deflateRaw: nodeZlib.deflateRawSync,
  gunzip: nodeZlib.gunzipSync,
  inflate: nodeZlib.inflateSync,
  inflateRaw: nodeZlib.inflateRawSync,
};

/** @type {Record<string, Stage>} */
const STAGES = {
  createGzip: { make: () => zlib.createGzip(), check: givesAfter(SYNC.gunzip) },
  createDeflate: { make: () => zlib.createDeflate({ level: 1 }), check: givesAfter(SYNC.inflate) },
  createDeflateRaw: { make: () => zlib.createDeflateRaw(), check: givesAfter(SYNC.inflateRaw) },
  createGunzip: { make: () => zlib.createGunzip(), encode: SYNC.gzip, check: gives((input) => input) },
  'createGunzip, two members': {
    make: () => zlib.createGunzip(),
    encode: (input) => Buffer.concat([SYNC.gzip(input), SYNC.gzip(Buffer.from('second'))]),
    check: gives((input) => Buffer.concat([input, Buffer.from('second')])),
  },
  createInflate: { make: () => zlib.createInflate(), encode: SYNC.deflate, check: gives((input) => input) },
  createInflateRaw: { make: () => zlib.createInflateRaw(), encode: SYNC.deflateRaw, check: gives((input) => input) },
  createUnzip: { make: () => zlib.createUnzip(), encode: SYNC.deflate, check: gives((input) => input) },
  lines: { make: () => text.lines(), check: gives((input) => withEnds(split(input).map((line) => line.bytes))) },
  'lines, keepEnds': { make: () => text.lines({ keepEnds: true }), check: gives((input) => input) },
  'lines, objectMode': {
    make: () => text.lines({ objectMode: true }),
    check: givesValues((input) => split(input).map((line) => String(line.bytes))),
  },
  'lines, objectMode, keepEnds': {
    make: () => text.lines({ objectMode: true, keepEnds: true }),
    check: givesValues((input) => split(input).map((line) => String(line.bytes) + String(line.end))),
  },
  'lines, maxLength': {
    make: () => text.lines({ maxLength: MOST }),
    check: failsAt(
      (input) => split(input).find((line) => line.bytes.length > MOST),
      'ERR_MILLRACE_TEXT_LINE_TOO_LONG',
      'lines',
      (input) => {
        const all = split(input);
        const bad = all.findIndex((line) => line.bytes.length > MOST);
        return withEnds((bad < 0 ? all : all.slice(0, bad)).map((line) => line.bytes));
      },
    ),
  },
  'lines, too long ones skipped': {
    make: () => text.lines({ maxLength: MOST, onTooLong: 'skip' }),
    check: gives((input) => withEnds(split(input).map((line) => line.bytes).filter((line) => line.length <= MOST))),
  },
  'lines, too long ones truncated': {
    make: () => text.lines({ maxLength: MOST, onTooLong: 'truncate' }),
    check: gives((input) => withEnds(split(input).map((line) => truncated(line.bytes, MOST)))),
  },
  upperCase: { make: () => text.upperCase(), check: gives((input) => Buffer.from(String(input).toUpperCase())) },
  lowerCase: { make: () => text.lowerCase(), check: gives((input) => Buffer.from(String(input).toLowerCase())) },
  validate: {
    make: () => jsonl.validate(),
    check: failsAt(
      (input) => rowsOf(input).find((row) => row.problem),
      'ERR_MILLRACE_JSONL_INVALID',
      'validate',
      (input) => verbatim(upToFault(rowsOf(input))),
    ),
  },
  'validate, skip': { make: () => jsonl.validate({ onInvalid: 'skip' }), check: gives((input) => verbatim(rowsOf(input))) },
  'validate, skip, maxLineLength': {
    make: () => jsonl.validate({ onInvalid: 'skip', maxLineLength: LIMIT }),
    check: gives((input) => verbatim(rowsOf(input, { maxLineLength: LIMIT }))),
  },
  'validate, utf8 replaced': {
    make: () => jsonl.validate({ onInvalid: 'skip', utf8: 'replace' }),
    check: gives((input) => {
      const rows = good(rowsOf(input, { utf8: 'replace' }));
      return verbatim(rows.map((row) => ({ ...row, bytes: Buffer.from(String(row.bytes)) })));
    }),
  },
  edit: { make: () => jsonl.edit({ ...EDIT, onInvalid: 'skip' }), check: checkEdit },
  parse: {
    make: () => jsonl.parse({ onInvalid: 'skip' }),
    check: givesValues((input) => good(rowsOf(input)).map((row) => row.value).filter((value) => value !== null)),
  },
  'parse, batch': {
    make: () => jsonl.parse({ onInvalid: 'skip', batch: 3 }),
    check: (outcome, input) => {
      assert.ok(outcome.output.every((batch) => batch.length >= 1 && batch.length <= 3));
      assert.deepStrictEqual(outcome.output.flat(), good(rowsOf(input)).map((row) => row.value));
    },
  },
  hash: {
    make: () => crypto.hash({ algorithms: ['sha256', 'md5', 'sha1', 'sha512'] }),
    check: (outcome, input, stage) => {
      gives(() => input)(outcome, input);
      for (const [name, digest] of Object.entries(stage.digests)) {
        assert.strictEqual(digest, nodeCrypto.createHash(name).update(input).digest('hex'), name);
      }
    },
  },
  'compose of native stages': {
    make: () => compose(text.upperCase(), zlib.createGzip(), zlib.createGunzip(), text.lines()),
    check: gives((input) => withEnds(split(Buffer.from(String(input).toUpperCase())).map((line) => line.bytes))),
  },
  'compose with JavaScript in the middle': {
    make: () => compose(text.lines({ keepEnds: true }), new PassThrough(), text.lowerCase()),
    check: gives((input) => Buffer.from(String(input).toLowerCase())),
  },
};

for (const between of fused ? [false, true] : [true]) {
  const manner = !between ? 'alone' : fused ? 'fused with its neighbours' : 'not fused with its neighbours';
  for (const [name, { make, encode, check }] of Object.entries(STAGES)) {
    test(`${name}, ${manner}: every input, cut in every way`, async () => {
      for (const [what, input] of Object.entries(CASES)) {
        for (const [how, pieces] of Object.entries(CUTS)) {
          const stage = make();
          const outcome = await drive(stage, between, pieces(encode ? encode(input) : input));
          try {
            check(outcome, input, stage);
          } catch (error) {
            assert.fail(`${name}, ${what}, ${how}: ${/** @type {Error} */ (error).message}`);
          }
        }
      }
    });
  }

  test(`stringify, ${manner}: values of every input, one by one and together`, async () => {
    for (const [what, input] of Object.entries(CASES)) {
      const values = good(rowsOf(input)).map((row) => row.value).filter((value) => value !== null);
      const expected = values.map((value) => `${JSON.stringify(value)}\n`).join('');
      const outcome = await drive(jsonl.stringify(), between, values);
      assert.ifError(outcome.error);
      assert.strictEqual(String(bytes(outcome)), expected, what);
      const together = jsonl.stringify();
      const read = together.toArray();
      for (const value of values) together.write(value);
      together.end();
      assert.strictEqual(String(Buffer.concat(await read)), expected, what);
    }
  });
}

test('file ends: every input, written in every way, and read in chunks of as many bytes', async (t) => {
  const at = folder(t);
  for (const [what, input] of Object.entries(CASES)) {
    for (const [how, pieces] of Object.entries(CUTS)) {
      const chunks = pieces(input);
      const sink = files.createWriteStream(at('out'), { atomic: how === 'whole' });
      const closed = once(sink, 'close');
      await dripFeed(sink, chunks);
      await closed;
      assert.ok(fs.readFileSync(at('out')).equals(input), `${what}, ${how}: written`);
      // Every read is a system call: of bytes, only a few are read one by one.
      const highWaterMark = Math.max(chunks[0]?.length ?? 1, Math.ceil(input.length / 5000), 1);
      /** @type {Buffer[]} */
      const read = [];
      const source = files.createReadStream(at('out'), { highWaterMark });
      source.on('data', (/** @type {any} */ chunk) => read.push(chunk));
      await once(source, 'close');
      const lengths = (/** @type {Buffer[]} */ all) => all.map(({ length }) => length);
      assert.deepStrictEqual(lengths(read), lengths(cut(input, () => highWaterMark)), what);
      assert.ok(Buffer.concat(read).equals(input), `${what}, ${how}: read`);
    }
  }
});
