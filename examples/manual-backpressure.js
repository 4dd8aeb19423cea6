'use strict';

// Backpressure by hand, where write() is called without a pipe: false says "wait for drain", and who does so never has more than
// a few blocks in memory. Who does not loses nothing, but all of it waits in memory at once.

const { once } = require('node:events');
const { Writable } = require('node:stream');
const { finished } = require('node:stream/promises');
const { zlib } = require('millrace');

const ROW = `${'0123456789abcdef'.repeat(1024)}\n`;
const ROWS = 600;

/** Takes a piece, and is busy with it for a moment, as a disk or a peer far away would be. */
class SlowWriter extends Writable {
  /** @param {Buffer} _chunk @param {string} _encoding @param {() => void} callback */
  _write(_chunk, _encoding, callback) {
    setTimeout(callback, 5);
  }
}

/**
 * @param {boolean} minding what write() says
 * @returns {Promise<{ waits: number, most: number }>} how often it waited, and how many bytes did at the most
 */
async function produce(minding) {
  // Level 0 stores: as much comes out as goes in, so that the writer behind it is what holds the rest back.
  const gzip = zlib.createGzip({ level: 0 });
  const slow = gzip.pipe(new SlowWriter());
  let waits = 0;
  let most = 0;
  for (let i = 0; i < ROWS; i++) {
    const goOn = gzip.write(ROW);
    most = Math.max(most, gzip.writableLength);
    if (goOn || !minding) continue;
    waits += 1;
    await once(gzip, 'drain');
  }
  gzip.end();
  await finished(slow);
  return { waits, most };
}

async function main() {
  const total = ROW.length * ROWS;
  const minded = await produce(true);
  console.log(`minding it: waited ${minded.waits > 10 ? 'again and again' : minded.waits}, less than 1 MB at a time: ${minded.most < 1e6}`);
  const careless = await produce(false);
  console.log(`not minding it: waited ${careless.waits} times, over half of ${(total / 1e6).toFixed(0)} MB at once: ${careless.most > total / 2}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
