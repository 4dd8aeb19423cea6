'use strict';

const assert = require('node:assert/strict');
const nodeCrypto = require('node:crypto');
const { PassThrough, Readable, Transform } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { describe, test } = require('node:test');
const { crypto, text } = require('..');
const { collect, cut, rows } = require('./harness/streams.js');

const ALGORITHMS = /** @type {const} */ (['sha256', 'sha512', 'sha1', 'md5', 'crc32', 'blake3', 'xxh3']);
const NODE = /** @type {const} */ (['sha256', 'sha512', 'sha1', 'md5']);

/** Published test vectors: RFC 1952's CRC-32, BLAKE3's and xxHash's own. */
const VECTORS = {
  '': {
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    sha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    md5: 'd41d8cd98f00b204e9800998ecf8427e',
    crc32: '00000000',
    blake3: 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
    xxh3: '2d06800538d394c2',
  },
  abc: {
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
    md5: '900150983cd24fb0d6963f7d28e17f72',
    crc32: '352441c2',
    blake3: '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85',
    xxh3: '78af5f94892f3950',
  },
  123456789: { crc32: 'cbf43926' },
};

/**
 * @param {Buffer | string} input
 * @param {crypto.HashOptions} [options]
 * @param {number} [size] bytes in a piece
 * @returns {Promise<any>} the digests
 */
async function digests(input, options, size = Infinity) {
  const hash = crypto.hash(options);
  const output = collect(hash);
  for (const piece of cut(Buffer.from(input), () => size)) hash.write(piece);
  hash.end();
  assert.ok((await output).equals(Buffer.from(input)), 'hands its input on');
  return hash.digests;
}

describe('hash', () => {
  test('agrees with published vectors', async () => {
    for (const [input, expected] of Object.entries(VECTORS)) {
      const actual = await digests(input, { algorithms: ALGORITHMS });
      assert.deepEqual(Object.keys(actual), ALGORITHMS);
      for (const [name, digest] of Object.entries(expected)) assert.equal(actual[name], digest, `${name} of '${input}'`);
    }
  });

  test('agrees with node:crypto in all lengths around a block, and in all pieces', async () => {
    const input = rows(3000);
    for (const length of [1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1024, 65535, 65537, input.length]) {
      const bytes = input.subarray(0, length);
      for (const size of [13, 64, 4096, Infinity]) {
        const actual = await digests(bytes, { algorithms: NODE }, size);
        for (const name of NODE) assert.equal(actual[name], nodeCrypto.createHash(name).update(bytes).digest('hex'));
      }
    }
  });

  test('gives the same digests for any pieces, of the algorithms that Node has not', async () => {
    const algorithms = /** @type {const} */ (['crc32', 'blake3', 'xxh3']);
    const input = rows(2000);
    const whole = await digests(input, { algorithms });
    for (const size of [1, 63, 240, 1024, 65536]) assert.deepEqual(await digests(input, { algorithms }, size), whole);
  });

  test('defaults to sha256 in hex', async () => {
    assert.deepEqual({ ...(await digests('abc')) }, { sha256: VECTORS.abc.sha256 });
    for (const options of [null, {}, { algorithms: undefined, encoding: undefined }]) {
      assert.deepEqual(Object.keys(await digests('abc', /** @type {any} */ (options))), ['sha256']);
    }
  });

  test('writes digests in each encoding', async () => {
    for (const encoding of /** @type {const} */ (['hex', 'base64', 'base64url'])) {
      for (const input of ['', 'a', 'abc', 'abcd']) {
        const actual = await digests(input, { algorithms: NODE, encoding });
        for (const name of NODE) assert.equal(actual[name], nodeCrypto.createHash(name).update(input).digest(encoding));
      }
    }
    // Three bytes and one more: base64 with and without padding.
    assert.equal((await digests('abc', { algorithms: ['crc32'], encoding: 'base64' })).crc32, 'NSRBwg==');
    assert.equal((await digests('abc', { algorithms: ['crc32'], encoding: 'base64url' })).crc32, 'NSRBwg');
  });

  test('has its digests when it ends, tells of them before, and freezes them', async () => {
    const hash = crypto.hash({ algorithms: ['md5', 'md5'] });
    assert.ok(hash instanceof Transform && hash instanceof crypto.Hash);
    assert.equal(hash.digests, undefined);
    /** @type {unknown[]} */
    const seen = [];
    hash.on('digests', (digests) => seen.push('digests', digests));
    hash.on('end', () => seen.push('end', hash.digests));
    hash.resume();
    hash.write('ab');
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(hash.digests, undefined);
    hash.end('c');
    await new Promise((resolve) => hash.once('close', resolve));
    const expected = { md5: VECTORS.abc.md5 };
    const plain = seen.map((value) => (typeof value === 'object' ? { ...value } : value));
    assert.deepEqual(plain, ['digests', expected, 'end', expected]);
    assert.ok(Object.isFrozen(hash.digests));
  });

  test('digests in a chain, fused with its neighbours, and between streams of JavaScript', async () => {
    const input = rows(5000);
    const upper = Buffer.from(String(input).toUpperCase());
    const [before, after] = [crypto.hash(), crypto.hash()];
    const output = new PassThrough();
    const [, bytes] = await Promise.all([
      pipeline(Readable.from([input]), new PassThrough(), before, text.upperCase(), after, output),
      collect(output),
    ]);
    assert.ok(bytes.equals(upper));
    assert.equal(before.digests?.sha256, nodeCrypto.createHash('sha256').update(input).digest('hex'));
    assert.equal(after.digests?.sha256, nodeCrypto.createHash('sha256').update(upper).digest('hex'));
  });

  test('has no digests where it was destroyed', async () => {
    const hash = crypto.hash();
    hash.write('abc');
    hash.destroy();
    await new Promise((resolve) => hash.once('close', resolve));
    assert.equal(hash.digests, undefined);
  });

  test('takes bytes and strings, and no objects', async () => {
    const hash = crypto.hash(/** @type {any} */ ({ objectMode: true, decodeStrings: false, algorithms: ['md5'] }));
    assert.equal(hash.writableObjectMode, false);
    const read = collect(hash);
    hash.write('616263', 'hex');
    hash.write(new Uint8Array([0x64]));
    hash.end('e', 'utf8');
    assert.equal(String(await read), 'abcde');
    assert.equal(hash.digests?.md5, nodeCrypto.createHash('md5').update('abcde').digest('hex'));
    assert.throws(() => crypto.hash().write(/** @type {any} */ ({})), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  test('refuses options that cannot be, as Node does', () => {
    for (const [options, code] of /** @type {[any, string][]} */ ([
      ['sha256', 'ERR_INVALID_ARG_TYPE'],
      [{ algorithms: 'sha256' }, 'ERR_INVALID_ARG_TYPE'],
      [{ algorithms: [] }, 'ERR_INVALID_ARG_VALUE'],
      [{ algorithms: [1] }, 'ERR_INVALID_ARG_TYPE'],
      [{ algorithms: ['SHA256'] }, 'ERR_INVALID_ARG_VALUE'],
      [{ encoding: 'binary' }, 'ERR_INVALID_ARG_VALUE'],
      [{ encoding: 1 }, 'ERR_INVALID_ARG_VALUE'],
      [{ highWaterMark: -1 }, 'ERR_INVALID_ARG_VALUE'],
    ])) {
      assert.throws(() => crypto.hash(options), { code }, JSON.stringify(options));
    }
    assert.throws(() => crypto.hash({ algorithms: /** @type {any} */ (['sha3']) }), {
      name: 'TypeError',
      message: /^The property 'options\.algorithms\[0\]' must be one of: 'sha256', .*Received 'sha3'$/,
    });
  });
});
