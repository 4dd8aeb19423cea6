'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const { once } = require('node:events');
const { PassThrough, Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { test } = require('node:test');
const { createReadStream, createWriteStream } = require('../lib/fs.js');
/** @type {any} */
const zlib = require('../lib/zlib.js');
const { CUTS, collect, cut, feed, folder, random, until } = require('./harness/streams.js');
const { COMPRESSORS, DECOMPRESSORS, INPUTS, LARGE, node, noise } = require('./harness/zlib.js');

const { constants } = zlib;

/** The smallest pieces only of what is small. @param {Buffer} input @param {number} [small] bytes */
function cutsFor(input, small = 400_000) {
  return Object.entries(CUTS).filter(([name]) => input.length <= small || !/byte by byte|by 7/.test(name));
}

/** The blocks of all cores, and the serial encoder in several ways. @type {object[]} */
const OPTIONS = [
  {},
  { level: 1 },
  { level: 9, memLevel: 9 },
  { windowBits: 12 },
  { strategy: constants.Z_RLE },
  { level: 0 },
];

/** @param {any} stream @param {Buffer[]} pieces */
async function through(stream, pieces) {
  const [output] = await Promise.all([collect(stream), feed(stream, pieces)]);
  return output;
}

for (const { name, create, sync, inverse } of COMPRESSORS) {
  test(`${name}: however the input is cut, the bytes are those of the one-shot`, async () => {
    for (const [label, input] of Object.entries({ ...INPUTS, large: LARGE })) {
      for (const options of OPTIONS) {
        if (input === LARGE && Object.keys(options).length > 0) continue;
        const expected = zlib[sync](input, options);
        assert.ok(node[`${inverse}Sync`](expected).equals(input), label);
        for (const [how, pieces] of cutsFor(input, Object.keys(options).length > 0 ? 1000 : undefined)) {
          const output = await through(zlib[create](options), pieces(input));
          assert.ok(output.equals(expected), `${label}, ${how}, ${JSON.stringify(options)}`);
        }
      }
    }
  });

  test(`${name}: any number of threads gives the same bytes`, async () => {
    const expected = zlib[sync](LARGE);
    for (const threads of [1, 2, 5]) {
      const output = await through(zlib[create]({ threads }), [LARGE]);
      assert.ok(output.equals(expected), `${threads}`);
    }
  });
}

for (const { name, create, inverse } of DECOMPRESSORS) {
  test(`${name}: however the input is cut, the plain bytes come out, and all of it is consumed`, async () => {
    for (const [label, input] of Object.entries({ ...INPUTS, large: LARGE })) {
      const packed = node[`${inverse}Sync`](input, { level: 4 });
      for (const [how, pieces] of cutsFor(packed)) {
        const stream = zlib[create]();
        const output = await through(stream, pieces(packed));
        assert.ok(output.equals(input), `${label}, ${how}`);
        assert.strictEqual(stream.bytesWritten, packed.length);
        assert.strictEqual(stream.remainder.length, 0);
      }
    }
  });
}

test('chunks are of 16 KiB at first, as in Node, and of chunkSize where that is given', async () => {
  const packed = node.gzipSync(Buffer.alloc(3_000_000));
  const sizes = async (/** @type {object} */ options) => {
    const stream = zlib.createGunzip(options);
    stream.end(packed);
    /** @type {number[]} */
    const lengths = [];
    stream.on('data', (/** @type {Buffer} */ chunk) => lengths.push(chunk.length));
    await once(stream, 'end');
    assert.strictEqual(lengths.reduce((sum, bytes) => sum + bytes, 0), 3_000_000);
    return lengths;
  };
  const grown = await sizes({});
  assert.strictEqual(grown[0], 16384);
  assert.strictEqual(Math.max(...grown), 65536);
  assert.ok(Math.max(...(await sizes({ chunkSize: 64 }))) === 64);
  assert.ok(Math.max(...(await sizes({ chunkSize: 1_000_000 }))) > 65536);
});

test('a header may be cut at any byte', async () => {
  // RFC 1952: FEXTRA, FNAME, FCOMMENT and FHCRC, in this order.
  const { gzipSync, deflateRawSync } = node;
  const plain = Buffer.from('hello hello hello');
  const bare = gzipSync(plain);
  const head = Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 4 | 8 | 16 | 2, 1, 2, 3, 4, 0, 3]),
    Buffer.from([5, 0]), Buffer.from('extra'),
    Buffer.from('name\0'), Buffer.from('comment\0'),
  ]);
  const check = Buffer.alloc(2);
  check.writeUInt16LE(zlib.crc32(head) & 0xffff);
  const whole = Buffer.concat([head, check, deflateRawSync(plain), bare.subarray(-8)]);
  assert.ok(zlib.gunzipSync(whole).equals(plain));
  for (const create of ['createGunzip', 'createUnzip']) {
    for (let at = 1; at < whole.length; at++) {
      const output = await through(zlib[create](), [whole.subarray(0, at), whole.subarray(at)]);
      assert.ok(output.equals(plain), `${create} at ${at}`);
    }
  }
  const wrong = Buffer.from(whole);
  wrong[head.length] ^= 1;
  assert.throws(() => zlib.gunzipSync(wrong), { code: 'Z_DATA_ERROR', message: 'header crc mismatch' });
});

test('unzip finds out by itself, and takes neither for raw', async () => {
  for (const [how, pieces] of Object.entries(CUTS)) {
    for (const pack of ['gzipSync', 'deflateSync']) {
      const packed = node[pack](INPUTS.rows);
      assert.ok((await through(zlib.createUnzip(), pieces(packed))).equals(INPUTS.rows), `${pack} ${how}`);
    }
    const two = Buffer.concat([node.gzipSync('one'), node.gzipSync('two')]);
    assert.strictEqual(String(await through(zlib.createUnzip(), pieces(two))), 'onetwo');
  }
  await assert.rejects(through(zlib.createUnzip(), [node.deflateRawSync('abc')]), { code: 'Z_DATA_ERROR' });
});

test('members follow each other, zero bytes end the data, and anything else is an error, wherever it is cut', async () => {
  const [one, two] = [node.gzipSync('one'), node.gzipSync('two')];
  const zeros = Buffer.alloc(10);
  for (const [how, pieces] of Object.entries(CUTS)) {
    const gunzip = async (/** @type {Buffer[]} */ ...parts) => {
      const stream = zlib.createGunzip();
      const output = await through(stream, pieces(Buffer.concat(parts)));
      return { text: String(output), consumed: stream.bytesWritten, rest: stream.remainder.length };
    };
    const both = one.length + two.length;
    assert.deepStrictEqual(await gunzip(one, two), { text: 'onetwo', consumed: both, rest: 0 }, how);
    assert.deepStrictEqual(await gunzip(one, zeros), { text: 'one', consumed: one.length, rest: 10 }, how);
    assert.deepStrictEqual(await gunzip(one, two, zeros, Buffer.from('more')), { text: 'onetwo', consumed: both, rest: 14 }, how);
    await assert.rejects(gunzip(one, Buffer.from('garbage')), { code: 'Z_DATA_ERROR', stage: 'gunzip' });
    await assert.rejects(gunzip(one, two.subarray(0, 9)), { code: 'Z_BUF_ERROR', stage: 'gunzip' });
  }
});

test('each kind of flush makes all input so far readable', async () => {
  const kinds = [constants.Z_PARTIAL_FLUSH, constants.Z_SYNC_FLUSH, constants.Z_FULL_FLUSH, undefined];
  for (const { create, inverse } of COMPRESSORS) {
    for (const kind of kinds) {
      const stream = zlib[create]();
      const reader = node[`create${inverse[0].toUpperCase()}${inverse.slice(1)}`]();
      let plain = '';
      reader.on('data', (/** @type {Buffer} */ chunk) => (plain += chunk));
      stream.pipe(reader);
      let expected = '';
      for (const word of ['one', 'two', 'three'.repeat(20_000)]) {
        expected += word;
        stream.write(word);
        await new Promise((resolve) => stream.flush(kind, resolve));
        while (plain.length < expected.length) await once(reader, 'data');
        assert.strictEqual(plain, expected);
      }
      stream.end('end');
      await once(reader, 'end');
      assert.strictEqual(plain, `${expected}end`);
    }
  }
});

test('flush: an option for every write', async () => {
  const stream = zlib.createGzip({ flush: constants.Z_SYNC_FLUSH });
  const reader = node.createGunzip();
  stream.pipe(reader);
  for (const word of ['a', 'b', 'c']) {
    stream.write(word);
    const [chunk] = await once(reader, 'data');
    assert.strictEqual(String(chunk), word);
  }
  stream.end();
  await once(reader.resume(), 'end');
});

test('params change level and strategy from there on', async () => {
  const part = noise(50_000).toString('hex');
  for (const { create, inverse } of COMPRESSORS) {
    const stream = zlib[create]({ level: 9 });
    const output = stream.toArray();
    stream.write(part);
    await new Promise((resolve) => stream.params(0, constants.Z_DEFAULT_STRATEGY, resolve));
    stream.write(part);
    await new Promise((resolve) => stream.params(6, constants.Z_HUFFMAN_ONLY, resolve));
    stream.end(part);
    const packed = Buffer.concat(await output);
    assert.strictEqual(String(node[`${inverse}Sync`](packed)), part.repeat(3));
    // About half, all, and half of it.
    assert.ok(packed.length > 1.9 * part.length && packed.length < 2.3 * part.length, `${packed.length}`);
  }
});

test('reset begins a new stream', async () => {
  for (const { create, inverse } of COMPRESSORS) {
    const stream = zlib[create]();
    const chunks = stream.toArray();
    stream.write('dropped');
    await new Promise((resolve) => stream.flush(constants.Z_FINISH, resolve));
    stream.reset();
    stream.end('kept');
    const output = Buffer.concat(await chunks);
    const { buffer, engine } = node[`${inverse}Sync`](output, { info: true });
    const first = inverse === 'gunzip' ? 'droppedkept' : 'dropped';
    assert.strictEqual(String(buffer), first);
    if (inverse !== 'gunzip') assert.strictEqual(String(node[`${inverse}Sync`](output.subarray(engine.bytesWritten))), 'kept');
  }
  const gunzip = zlib.createGunzip();
  const chunks = gunzip.toArray();
  await new Promise((resolve) => gunzip.write(node.gzipSync('half').subarray(0, 12), resolve));
  gunzip.reset();
  gunzip.end(node.gzipSync('whole'));
  assert.match(String(Buffer.concat(await chunks)), /whole$/);
});

test('dictionaries: zlib asks for one, raw takes it, gzip has none', async () => {
  const dictionary = Buffer.from('the quick brown fox jumps over the lazy dog');
  const input = Buffer.from('the lazy dog jumps over the quick brown fox');
  for (const { name, create, sync, inverse } of COMPRESSORS) {
    for (const given of [dictionary, new Uint8Array(dictionary).buffer, new DataView(new Uint8Array(dictionary).buffer)]) {
      const packed = await through(zlib[create]({ dictionary: given }), cut(input, () => 7));
      assert.ok(packed.equals(zlib[sync](input, { dictionary: given })));
      assert.ok(node[`${inverse}Sync`](packed, { dictionary }).equals(input));
      const Class = `create${inverse[0].toUpperCase()}${inverse.slice(1)}`;
      assert.ok((await through(zlib[Class]({ dictionary: given }), cut(packed, () => 1))).equals(input));
      if (name !== 'gzip') assert.ok(packed.length < zlib[sync](input).length);
    }
  }
  const packed = node.deflateSync(input, { dictionary });
  const wants = { code: 'Z_NEED_DICT', errno: 2, stage: 'inflate' };
  await assert.rejects(through(zlib.createInflate(), [packed]), { ...wants, message: 'Missing dictionary' });
  const other = zlib.createInflate({ dictionary: Buffer.from('other') });
  await assert.rejects(through(other, [packed]), { ...wants, message: 'Bad dictionary' });
});

test('finishFlush takes what there is of truncated data', async () => {
  const packed = node.gzipSync(INPUTS.rows);
  const half = packed.subarray(0, packed.length >> 1);
  const expected = node.gunzipSync(half, { finishFlush: constants.Z_SYNC_FLUSH });
  assert.ok(expected.length > 0);
  for (const [how, pieces] of Object.entries(CUTS)) {
    const output = await through(zlib.createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }), pieces(half));
    assert.ok(output.equals(expected), how);
  }
  // A compressor leaves its data open.
  const open = await through(zlib.createDeflateRaw({ finishFlush: constants.Z_SYNC_FLUSH }), [Buffer.from('abc')]);
  assert.strictEqual(open.subarray(-4).toString('hex'), '0000ffff');
  assert.throws(() => node.inflateRawSync(open), { code: 'Z_BUF_ERROR' });
});

test('bytesWritten tells what was consumed so far', async () => {
  const gzip = zlib.createGzip();
  gzip.resume();
  await new Promise((resolve) => gzip.write('abc', resolve));
  await new Promise((resolve) => gzip.flush(resolve));
  assert.strictEqual(gzip.bytesWritten, 3);
  gzip.end('def');
  await once(gzip, 'close');
  assert.strictEqual(gzip.bytesWritten, 6);
});

test('native neighbours and neighbours of JavaScript give the same', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('plain'), LARGE);
  await pipeline(createReadStream(at('plain')), zlib.createGzip(), createWriteStream(at('packed')));
  assert.ok(fs.readFileSync(at('packed')).equals(zlib.gzipSync(LARGE)));
  const native = [zlib.createGunzip(), zlib.createDeflate(), zlib.createInflate()];
  await pipeline([createReadStream(at('packed')), ...native, createWriteStream(at('again'))]);
  assert.ok(fs.readFileSync(at('again')).equals(LARGE));
  const mixed = [new PassThrough(), zlib.createUnzip(), new PassThrough()];
  await pipeline([createReadStream(at('packed')), ...mixed, createWriteStream(at('third'))]);
  assert.ok(fs.readFileSync(at('third')).equals(LARGE));
});

test('random pipes of both modules undo each other', async () => {
  const next = random(99);
  for (let round = 0; round < 12; round++) {
    const { create, inverse } = COMPRESSORS[Math.floor(next() * 3)];
    const Class = `create${inverse[0].toUpperCase()}${inverse.slice(1)}`;
    const options = { level: Math.floor(next() * 10), chunkSize: 64 + Math.floor(next() * 5000) };
    const [a, b] = next() < 0.5 ? [zlib, node] : [node, zlib];
    const input = noise(Math.floor(next() * 200_000), round + 1);
    const source = Readable.from(cut(input, () => 1 + Math.floor(next() * 9000)));
    const chunks = await source.pipe(a[create](options)).pipe(b[Class](options)).toArray();
    assert.ok(Buffer.concat(chunks).equals(input), `${round}`);
  }
});

/**
 * What happens to a stream, as a listener sees it. `data` and `prefinish` are left out: they depend on how many pieces the
 * output comes in.
 *
 * @param {any} module
 * @param {(module: any, watch: (stream: any) => any, told: (name: string) => (error?: any) => void) => unknown} scenario
 * @returns {Promise<string[]>}
 */
async function story(module, scenario) {
  /** @type {string[]} */
  const log = [];
  /** @type {Promise<unknown>[]} */
  const closed = [];
  const watch = (/** @type {any} */ stream) => {
    for (const name of ['finish', 'end', 'close']) stream.on(name, () => log.push(name));
    stream.on('error', (/** @type {any} */ { code, message }) => log.push(`error ${code} ${message}`));
    closed.push(new Promise((resolve) => stream.once('close', resolve)));
    return stream.resume();
  };
  let waiting = 0;
  const told = (/** @type {string} */ name) => {
    waiting++;
    return (/** @type {any} */ error) => {
      waiting--;
      log.push(`${name} ${error ? (error.code ?? error.message) : 'ok'}`);
    };
  };
  await scenario(module, watch, told);
  await Promise.all(closed);
  await until(() => waiting === 0, 'callbacks');
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  return log;
}

const PACKED = node.gzipSync(INPUTS.rows);

/** @type {Record<string, Parameters<typeof story>[1]>} */
const STORIES = {
  'an end with a chunk': (m, watch, told) => watch(m.createGzip()).end('hello', told('end')),
  'a write and an end': (m, watch, told) => {
    const stream = watch(m.createGzip());
    stream.write('a', told('first'));
    stream.end('b', told('end'));
  },
  'writes, flushes and an end': (m, watch, told) => {
    const stream = watch(m.createGzip());
    for (const word of ['a', 'b', 'c']) {
      stream.write(word, told(`write ${word}`));
      stream.flush(m.constants.Z_SYNC_FLUSH, told(`flush ${word}`));
    }
    stream.end(told('end'));
  },
  'a flush behind the end': (m, watch, told) => {
    const stream = watch(m.createGzip());
    stream.end('a');
    stream.flush(told('flush'));
  },
  'a flush once all is done': async (m, watch, told) => {
    const stream = watch(m.createGzip());
    stream.end('a');
    await once(stream, 'close');
    stream.flush(told('flush'));
  },
  'params between writes': (m, watch, told) => {
    const stream = watch(m.createGzip());
    stream.write('a', told('first'));
    stream.params(9, 0, () => {
      told('params')();
      stream.write('b', told('second'));
      stream.end(told('end'));
    });
  },
  'a write behind the end': (m, watch, told) => {
    const stream = watch(m.createGzip());
    stream.end('a');
    stream.write('b', told('write'));
  },
  'a write behind close': (m, watch, told) => {
    const stream = watch(m.createGzip());
    stream.close();
    stream.write('b', told('write'));
  },
  'destroy during writes': (m, watch, told) => {
    const stream = watch(m.createGzip());
    stream.write(LARGE, told('first'));
    stream.write(LARGE, told('second'));
    stream.destroy();
  },
  'destroy with an error during writes': (m, watch, told) => {
    const stream = watch(m.createGzip());
    stream.write(LARGE, told('first'));
    stream.write(LARGE, told('second'));
    stream.destroy(new Error('enough'));
  },
  'close during a write': (m, watch, told) => {
    const stream = watch(m.createGzip());
    stream.write(LARGE, told('write'));
    stream.close(told('close'));
  },
  'a reset between writes': async (m, watch, told) => {
    const stream = watch(m.createGzip());
    await new Promise((resolve) => stream.write('abc', resolve));
    stream.reset();
    stream.end('def', told('end'));
  },
  'input behind Z_FINISH': (m, watch, told) => {
    const stream = watch(m.createGzip());
    stream.write('abc');
    stream.flush(m.constants.Z_FINISH, told('flush'));
    stream.write('def');
  },
  'a pipe of truncated data': (m, watch) => {
    const pieces = [PACKED.subarray(0, 500), PACKED.subarray(500, 1000)];
    return watch(Readable.from(pieces).pipe(m.createGunzip()));
  },
  'a pipe of another format': (m, watch) => watch(Readable.from([Buffer.from('no gzip at all')]).pipe(m.createGunzip())),
  'truncated data that is welcome': (m, watch, told) => {
    watch(m.createGunzip({ finishFlush: m.constants.Z_SYNC_FLUSH })).end(PACKED.subarray(0, 500), told('end'));
  },
};

for (const [name, scenario] of Object.entries(STORIES)) {
  test(`events and callbacks come as in Node: ${name}`, async () => {
    assert.deepStrictEqual(await story(zlib, scenario), await story(node, scenario));
  });
}

test('truncated input never finishes: where Node tells finish first, only the error is told', async () => {
  /** @type {Parameters<typeof story>[1]} */
  const scenario = async (m, watch) => {
    const stream = watch(m.createGunzip());
    await new Promise((resolve) => stream.write(PACKED.subarray(0, 500), resolve));
    stream.end();
  };
  const error = 'error Z_BUF_ERROR unexpected end of file';
  assert.deepStrictEqual(await story(zlib, scenario), [error, 'close']);
  assert.deepStrictEqual(await story(node, scenario), ['finish', error, 'close']);
});

test("read() in a write's callback finds the output, also where the thread was slow", async () => {
  const stream = zlib.createGunzip();
  const { push } = stream;
  stream.push = (/** @type {Buffer} */ chunk) => {
    // Longer than a turn of pulling may last.
    const end = Date.now() + 10;
    while (Date.now() < end);
    return push.call(stream, chunk);
  };
  const pieces = ['abc', 'def', 'ghi'].map((word) => node.gzipSync(word));
  /** @type {string[]} */
  const found = [];
  for (const piece of pieces) {
    await new Promise((resolve) => stream.write(piece, () => resolve(found.push(String(stream.read())))));
  }
  stream.destroy();
  assert.deepStrictEqual(found, ['abc', 'def', 'ghi']);
});

test('finish comes without a reader while the output fits, and waits for one where it does not', async () => {
  const small = zlib.createGunzip();
  small.end(node.gzipSync('small'));
  await once(small, 'finish');
  assert.strictEqual(String(small.read()), 'small');
  const large = zlib.createGunzip();
  let finished = false;
  large.on('finish', () => (finished = true));
  large.end(node.gzipSync(Buffer.alloc(5_000_000)));
  await once(large, 'readable');
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.strictEqual(finished, false);
  assert.strictEqual((await collect(large)).length, 5_000_000);
  assert.strictEqual(finished, true);
});
