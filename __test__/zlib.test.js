'use strict';

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const { Transform } = require('node:stream');
const { test } = require('node:test');
const { promisify } = require('node:util');
/** @type {any} */
const zlib = require('../lib/zlib.js');
const { COMPRESSORS, DECOMPRESSORS, INPUTS, LARGE, MEMBERS, node, thrown } = require('./harness/zlib.js');

const run = promisify(execFile);

/** @param {any} value @returns {Record<string, unknown>} what of it a program may rely on */
function shape(value) {
  return { type: typeof value, length: typeof value === 'function' ? value.length : undefined };
}

test('every export of node:zlib is there, with its kind, its arity and its attributes', () => {
  for (const [name, theirs] of Object.entries(Object.getOwnPropertyDescriptors(node))) {
    const ours = Object.getOwnPropertyDescriptor(zlib, name);
    assert.ok(ours, `${name} is missing`);
    const { value, ...attributes } = theirs;
    const { value: mine, ...same } = ours;
    assert.deepStrictEqual(same, attributes, name);
    assert.deepStrictEqual(shape(mine), shape(value), name);
  }
  assert.deepStrictEqual(Object.keys(zlib).filter((name) => !(name in node)), ['promises']);
});

test('constants, codes, brotli and zstd are those of Node', () => {
  assert.strictEqual(zlib.constants, node.constants);
  assert.strictEqual(zlib.codes, node.codes);
  for (const name of Object.keys(node).filter((key) => /brotli|zstd/i.test(key))) {
    assert.strictEqual(zlib[name], node[name], name);
  }
  const packed = zlib.brotliCompressSync('hello');
  assert.strictEqual(String(zlib.brotliDecompressSync(packed)), 'hello');
});

test('import finds the names', async () => {
  const program = `import * as zlib from 'millrace/zlib';
    import plain, { createGzip, constants, brotliCompressSync, Gzip } from 'millrace/zlib';
    if (zlib.createGzip !== createGzip || plain.createGzip !== createGzip) throw new Error('not the same');
    console.log(typeof constants.Z_FINISH, typeof brotliCompressSync, new Gzip() instanceof zlib.Gzip);`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: `${__dirname}/..` });
  assert.strictEqual(stdout.trim(), 'number function true');
});

test('classes are Transforms with the members of Node', () => {
  const own = new Set(['_outBuffer', '_outOffset', '_writeState', '_flushBoundIdx', '_rejectGarbageAfterEnd', '_mode']);
  for (const { Class, create } of MEMBERS) {
    const stream = new zlib[Class]();
    assert.ok(stream instanceof Transform && stream instanceof zlib[Class]);
    assert.ok(zlib[create]() instanceof zlib[Class]);
    assert.ok(new zlib[create]() instanceof zlib[Class]);
    assert.strictEqual(zlib[Class].name, Class);
    assert.strictEqual(Object.getPrototypeOf(zlib[Class].prototype), Object.getPrototypeOf(zlib.Gzip.prototype));
    const theirs = new node[Class]();
    for (const name of Object.keys(theirs).filter((key) => !own.has(key))) assert.ok(name in stream, `${Class} ${name}`);
    for (const name of ['params', 'flush', 'reset', 'close', 'bytesWritten', '_processChunk']) assert.ok(name in stream, name);
    assert.strictEqual(stream.bytesWritten, 0);
    assert.strictEqual(stream._closed, false);
    stream.close();
    assert.strictEqual(stream._closed, true);
  }
});

test('classes may be called without new; where Node warns of that, so do we', async () => {
  for (const name of [require.resolve('../lib/zlib.js'), 'node:zlib']) {
    const program = `const z = require(${JSON.stringify(name)});
      process.on('warning', (w) => console.log(w.name, w.code, w.message));
      for (let i = 0; i < 2; i++) if (!(z.Gzip() instanceof z.Gzip)) throw new Error('no Gzip');`;
    const { stdout } = await run(process.execPath, ['--no-warnings', '-e', program]);
    const warns = Number(process.versions.node.split('.')[0]) >= 24;
    const text = "DeprecationWarning DEP0184 Instantiating Gzip without the 'new' keyword has been deprecated.\n";
    assert.strictEqual(stdout, warns ? text : '');
  }
});

for (const { name, sync, inverse } of COMPRESSORS) {
  test(`${name}: sync, callback and promise give what Node undoes, and the same bytes`, async () => {
    for (const [label, input] of Object.entries({ ...INPUTS, large: LARGE })) {
      const packed = zlib[sync](input);
      assert.ok(node[`${inverse}Sync`](packed).equals(input), label);
      assert.ok((await promisify(zlib[name])(input)).equals(packed), label);
      assert.ok((await zlib.promises[name](input)).equals(packed), label);
      const stream = new zlib[name[0].toUpperCase() + name.slice(1)]();
      stream.end(input);
      assert.ok(Buffer.concat(await stream.toArray()).equals(packed), label);
    }
  });

  test(`${name}: every level, strategy, window and memory is undone by Node, and within 2 % of its size by default`, () => {
    const input = INPUTS.rows;
    for (let level = -1; level <= 9; level++) {
      const packed = zlib[sync](input, { level });
      assert.ok(node[`${inverse}Sync`](packed).equals(input));
      if (level === -1 || level === 6) assert.ok(packed.length <= 1.02 * node[sync](input, { level }).length);
      for (let strategy = 0; strategy <= 4; strategy++) {
        assert.ok(node[`${inverse}Sync`](zlib[sync](input, { level, strategy })).equals(input));
      }
    }
    for (let windowBits = 9; windowBits <= 15; windowBits++) {
      const packed = zlib[sync](input, { windowBits });
      assert.ok(node[`${inverse}Sync`](packed, { windowBits }).equals(input), `windowBits ${windowBits}`);
    }
    for (let memLevel = 1; memLevel <= 9; memLevel++) {
      assert.ok(node[`${inverse}Sync`](zlib[sync](input, { memLevel })).equals(input));
    }
  });
}

for (const { name, sync, inverse } of DECOMPRESSORS) {
  test(`${name}: sync, callback and promise undo what Node did`, async () => {
    for (const [label, input] of Object.entries({ ...INPUTS, large: LARGE })) {
      for (const level of [0, 1, 6, 9]) {
        const packed = node[`${inverse}Sync`](input, { level });
        assert.ok(zlib[sync](packed).equals(input), label);
        assert.ok((await promisify(zlib[name])(packed)).equals(input), label);
        assert.ok((await zlib.promises[name](packed)).equals(input), label);
      }
    }
  });
}

test('input may be a string, any view, or an ArrayBuffer', async () => {
  const bytes = Buffer.from('0123456789abcdef');
  const slab = new Uint8Array(bytes).buffer;
  const views = [new Uint8Array(slab), new Uint16Array(slab), new Float64Array(slab), new DataView(slab)];
  const inputs = [bytes, String(bytes), ...views, slab];
  for (const input of inputs) {
    assert.ok(node.gunzipSync(zlib.gzipSync(input)).equals(bytes));
    assert.ok(node.gunzipSync(await promisify(zlib.gzip)(input)).equals(bytes));
    assert.ok(node.gunzipSync(await zlib.promises.gzip(input)).equals(bytes));
  }
  const shifted = new DataView(slab, 4, 8);
  assert.strictEqual(String(zlib.gunzipSync(zlib.gzipSync(shifted))), '456789ab');
});

/** Things that may be given for an option. */
const VALUES = [
  undefined, null, NaN, Infinity, -Infinity, -2, -1, 0, 1, 1.5, 4, 5, 6, 7, 8, 9, 10, 15, 16, 63, 64, 100,
  '1', 'a', {}, [], true, Symbol('x'), 1n, () => 1, new Uint8Array(3), new ArrayBuffer(2), new DataView(new ArrayBuffer(4)),
];

test('wrong options are refused as by Node, in its words', () => {
  const options = [
    'level', 'windowBits', 'memLevel', 'strategy', 'chunkSize', 'flush', 'finishFlush', 'maxOutputLength', 'dictionary',
    'info', 'highWaterMark', 'readableHighWaterMark', 'writableHighWaterMark', 'encoding', 'objectMode', 'signal',
  ];
  // Younger Nodes know it, and word it so.
  if (thrown(() => new node.Gzip({ rejectGarbageAfterEnd: 1 }))) options.push('rejectGarbageAfterEnd');
  for (const { Class } of MEMBERS) {
    for (const option of options) {
      for (const value of VALUES) {
        const theirs = thrown(() => new node[Class]({ [option]: value }));
        const ours = thrown(() => new zlib[Class]({ [option]: value }));
        assert.deepStrictEqual(ours, theirs, `${Class} ${option} ${typeof value} ${String(value)}`);
      }
    }
  }
});

test('wrong arguments are refused as by Node, in its words', () => {
  const nothing = () => {};
  for (const value of VALUES) {
    const label = `${typeof value} ${String(value)}`;
    for (const name of ['gzipSync', 'inflateRawSync', 'crc32']) {
      if (!node[name]) continue;
      assert.deepStrictEqual(thrown(() => zlib[name](value)), thrown(() => node[name](value)), `${name} ${label}`);
    }
    if (node.crc32) assert.deepStrictEqual(thrown(() => zlib.crc32('a', value)), thrown(() => node.crc32('a', value)), label);
    // Node takes a function for `end`'s callback.
    if (typeof value !== 'function') {
      assert.deepStrictEqual(thrown(() => zlib.gzip(value, nothing)), thrown(() => node.gzip(value, nothing)), label);
    }
    assert.deepStrictEqual(thrown(() => zlib.gzip('x', value)), thrown(() => node.gzip('x', value)), label);
    assert.deepStrictEqual(thrown(() => zlib.gzip('x', {}, value)), thrown(() => node.gzip('x', {}, value)), label);
    for (const args of [[value, 0, nothing], [1, value, nothing]]) {
      const params = (/** @type {any} */ module) => thrown(() => module.createGzip().on('error', nothing).params(...args));
      assert.deepStrictEqual(params(zlib), params(node), `params ${label}`);
    }
  }
});

test('what Node does not know is checked the same way', () => {
  const code = (/** @type {object} */ options) => thrown(() => zlib.createGunzip(options))?.code;
  for (const options of [{ maxRatio: '2' }, { threads: '2' }, { rejectGarbageAfterEnd: 1 }]) {
    assert.strictEqual(code(options), 'ERR_INVALID_ARG_TYPE', JSON.stringify(options));
  }
  for (const options of [{ maxRatio: 0.5 }, { maxRatio: NaN }, { threads: 0 }, { threads: 1.5 }, { threads: 257 }]) {
    assert.strictEqual(code(options), 'ERR_OUT_OF_RANGE', JSON.stringify(options));
  }
  assert.strictEqual(code({ members: 'some' }), 'ERR_INVALID_ARG_VALUE');
  assert.strictEqual(code({ maxRatio: Infinity, threads: 2, members: 'first', rejectGarbageAfterEnd: true }), undefined);
  for (const kind of [-1, 6, 'a', {}, null]) {
    const refused = thrown(() => zlib.createGzip().flush(kind))?.code;
    assert.strictEqual(refused, typeof kind === 'number' ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE');
  }
});

test('errors of data are those of Node in every form, with the stage and the offset', async () => {
  const packed = node.gzipSync(INPUTS.rows);
  const broken = Buffer.from(packed);
  broken[packed.length >> 1] ^= 0xff;
  const cases = {
    truncated: packed.subarray(0, 500),
    corrupt: broken,
    'another format': Buffer.from('no gzip'),
    'no bytes': Buffer.alloc(0),
  };
  for (const [label, input] of Object.entries(cases)) {
    const theirs = thrown(() => node.gunzipSync(input));
    assert.ok(theirs, label);
    assert.deepStrictEqual(thrown(() => zlib.gunzipSync(input)), theirs, label);
    const callback = await promisify(zlib.gunzip)(input).catch((/** @type {any} */ error) => error);
    const promise = await zlib.promises.gunzip(input).catch((/** @type {any} */ error) => error);
    for (const { code, message, errno, stage, offset } of [callback, promise]) {
      assert.deepStrictEqual([code, message, errno], [theirs.code, theirs.message, theirs.errno], label);
      assert.strictEqual(stage, 'gunzip');
      assert.ok(offset >= 0 && offset <= input.length);
    }
  }
});

test('info gives the stream with the bytes that it consumed', async () => {
  const packed = node.gzipSync(INPUTS.rows);
  const withTail = Buffer.concat([packed, Buffer.from([0]), Buffer.from('tail')]);
  const all = [
    zlib.gunzipSync(withTail, { info: true }),
    await promisify(zlib.gunzip)(withTail, { info: true }),
    await zlib.promises.gunzip(withTail, { info: true }),
  ];
  for (const { buffer, engine } of all) {
    assert.ok(buffer.equals(INPUTS.rows));
    assert.ok(engine instanceof zlib.Gunzip);
    assert.strictEqual(engine.bytesWritten, packed.length);
    assert.strictEqual(String(engine.remainder), '\0tail');
  }
  const { engine } = zlib.gzipSync(INPUTS.rows, { info: true });
  assert.strictEqual(engine.bytesWritten, node.gzipSync(INPUTS.rows, { info: true }).engine.bytesWritten);
});

test('_processChunk works off a chunk, as old programs do it', async () => {
  const gzip = zlib.createGzip();
  const packed = gzip._processChunk(Buffer.from('abc'), zlib.constants.Z_FINISH);
  assert.strictEqual(String(node.gunzipSync(packed)), 'abc');
  assert.strictEqual(gzip._closed, true);
  const gunzip = zlib.createGunzip();
  const chunks = gunzip.toArray();
  await new Promise((resolve) => gunzip._processChunk(packed, zlib.constants.Z_NO_FLUSH, resolve));
  gunzip.end();
  assert.strictEqual(String(Buffer.concat(await chunks)), 'abc');
});

test('a subclass may override _transform and call ours', async () => {
  class Upper extends zlib.Gzip {
    _transform(/** @type {Buffer} */ chunk, /** @type {any} */ encoding, /** @type {any} */ callback) {
      super._transform(Buffer.from(String(chunk).toUpperCase()), encoding, callback);
    }
  }
  const stream = new Upper();
  stream.write('abc');
  stream.end('def');
  const [chunk] = await once(stream, 'data');
  assert.strictEqual(String(node.gunzipSync(chunk)), 'ABCDEF');
});

test('crc32 is that of Node, and goes on from a value', () => {
  assert.strictEqual(zlib.crc32('hello world'), 0x0d4a1185);
  const { noise } = INPUTS;
  let crc = 0;
  for (let at = 0; at < noise.length; at += 777) crc = zlib.crc32(noise.subarray(at, at + 777), crc);
  assert.strictEqual(crc, zlib.crc32(noise));
  // A gzip trailer holds it.
  assert.strictEqual(crc, node.gzipSync(noise).readUInt32LE(node.gzipSync(noise).length - 8));
  if (node.crc32) assert.strictEqual(crc, node.crc32(noise));
});
