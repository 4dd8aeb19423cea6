'use strict';

// Limits against gzip bombs: a megabyte that says it is a gigabyte is refused early, by size or by ratio.

const { Readable, Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { zlib } = require('millrace');

/**
 * @param {Buffer} packed
 * @param {object} limits
 */
async function unpack(packed, limits) {
  let bytes = 0;
  const count = new Writable({
    write(chunk, _encoding, done) {
      bytes += chunk.length;
      done();
    },
  });
  try {
    await pipeline(Readable.from([packed]), zlib.createGunzip(limits), count);
    console.log(`all of ${bytes} bytes`);
  } catch (error) {
    console.log(`${error.code} in ${error.stage}, ${bytes <= 2 ** 21 ? 'after at most 2 MiB' : 'too late'}`);
  }
}

async function main() {
  const bomb = zlib.gzipSync(Buffer.alloc(100e6));
  await unpack(bomb, { maxOutputLength: 1e6 });
  await unpack(bomb, { maxRatio: 100 });
  await unpack(zlib.gzipSync('quite harmless '.repeat(10)), { maxOutputLength: 1e6, maxRatio: 100 });
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
