'use strict';

const { createHash } = require('node:crypto');
const { ours } = require('../ours');

/** Bytes of each plain input. */
const PLAIN = 1024;
/** How many different inputs take turns. */
const VARIETY = 64;

/**
 * @typedef {object} Codec
 * @property {(plain: Buffer) => Buffer} gzipSync
 * @property {(packed: Buffer) => Buffer} gunzipSync
 * @property {(plain: Buffer) => Promise<Buffer>} gzip
 * @property {(packed: Buffer) => Promise<Buffer>} gunzip
 */

/** @returns {Codec} */
function nodeCodec() {
  const { promisify } = require('node:util');
  const zlib = require('node:zlib');
  return {
    gzipSync: zlib.gzipSync,
    gunzipSync: zlib.gunzipSync,
    gzip: promisify(zlib.gzip),
    gunzip: promisify(zlib.gunzip),
  };
}

/** @returns {Codec} */
function oursCodec() {
  const zlib = ours('zlib');
  return {
    gzipSync: zlib.gzipSync,
    gunzipSync: zlib.gunzipSync,
    gzip: zlib.promises.gzip,
    gunzip: zlib.promises.gunzip,
  };
}

/**
 * @param {'gzip' | 'gunzip'} direction
 * @param {number} inFlight  0 for the synchronous call, else how many promises are under way at once
 * @param {() => Codec} codec
 */
function loadWith(direction, inFlight, codec) {
  return () => {
    const fs = require('node:fs');
    const zlib = require('node:zlib');
    const { gzipSync, gunzipSync, gzip, gunzip } = codec();
    const sync = direction === 'gzip' ? gzipSync : gunzipSync;
    const promised = direction === 'gzip' ? gzip : gunzip;

    /**
     * @param {Buffer[]} inputs
     * @param {number} calls
     * @returns {Promise<number>} bytes that came out
     */
    async function work(inputs, calls) {
      let bytes = 0;
      if (inFlight === 0) {
        for (let call = 0; call < calls; call++) bytes += sync(inputs[call % VARIETY]).length;
        return bytes;
      }
      let next = 0;
      const chain = async () => {
        while (next < calls) {
          // Not `bytes += (await …).length`: that adds to what `bytes` was before the wait, and chains lose each other's.
          const { length } = await promised(inputs[next++ % VARIETY]);
          bytes += length;
        }
      };
      await Promise.all(Array.from({ length: inFlight }, chain));
      return bytes;
    }

    return {
      /** @param {import('.').Job} job */
      async prepare({ input, calls }) {
        const text = fs.readFileSync(input).subarray(0, PLAIN * VARIETY);
        const plain = Array.from({ length: VARIETY }, (_, i) => text.subarray(i * PLAIN, (i + 1) * PLAIN));
        const inputs = direction === 'gzip' ? plain : plain.map((one) => zlib.gzipSync(one));
        // Warm, as a server is: a trial is about the thousandth call and not the first.
        await work(inputs, Math.ceil(calls / 10));
        return inputs;
      },
      /**
       * @param {import('.').Job} job
       * @param {Buffer[]} inputs
       */
      async run({ calls, check }, inputs) {
        const bytes = await work(inputs, calls);
        if (!check) return { bytes: direction === 'gunzip' ? bytes : null };
        const digest = createHash('sha256');
        for (const one of inputs) {
          const out = inFlight === 0 ? sync(one) : await promised(one);
          digest.update(direction === 'gzip' ? zlib.gunzipSync(out) : out);
        }
        return { bytes: direction === 'gunzip' ? bytes : null, sha256: digest.digest('hex') };
      },
    };
  };
}

/** @type {import('.').Case[]} */
module.exports = [];
for (const direction of /** @type {const} */ (['gzip', 'gunzip'])) {
  for (const [suffix, how, inFlight] of /** @type {const} */ ([
    ['', 'sync', 0],
    ['-promise', 'promise, one at a time', 1],
    ['-promise-16', 'promise, 16 under way', 16],
  ])) {
    module.exports.push({
      name: `oneshot-${direction}-1k${suffix}`,
      title: `one-shot ${direction} of 1 KiB, ${how}`,
      reads: 'memory',
      writes: null,
      agrees: 'sides',
      inputs: ['clean'],
      unit: 'calls/s',
      calls: inFlight === 0 ? 20000 : 10000,
      sides: {
        ours: { label: 'millrace', load: loadWith(direction, inFlight, oursCodec) },
        node: { label: '`node:zlib`', load: loadWith(direction, inFlight, nodeCodec), floor: 1 },
      },
    });
  }
}
