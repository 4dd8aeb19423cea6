'use strict';

// Memory while a large file streams through native stages: what it costs does not depend on the size of the file.

const { pipeline } = require('node:stream/promises');
const { once } = require('node:events');
const { fs, text, zlib } = require('millrace');

/** Small, so that it runs everywhere; try `node memory.js 2000`. */
const MEGABYTES = Number(process.argv[2] ?? 100);

async function make() {
  const block = Buffer.from('the quick brown fox jumps over the lazy dog, again and again\n'.repeat(16_393)).subarray(0, 1e6);
  const file = fs.createWriteStream('large.txt');
  for (let i = 0; i < MEGABYTES; i++) if (!file.write(block)) await once(file, 'drain');
  file.end();
  await once(file, 'close');
}

async function main() {
  await make();
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 10);
  const source = fs.createReadStream('large.txt');
  await pipeline(source, text.upperCase(), zlib.createGzip(), fs.createWriteStream('large.txt.gz'));
  clearInterval(timer);
  most = Math.max(most, process.memoryUsage.rss());
  console.log(`${source.bytesRead / 1e6} MB went through; memory grew by ${Math.round((most - before) / 1e6)} MB at most`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
