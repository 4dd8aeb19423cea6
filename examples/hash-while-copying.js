'use strict';

// Copies a file and digests it on the way, in one pass: the copy and its digests are of the same bytes.

const path = require('node:path');
const { createHash } = require('node:crypto');
const { pipeline } = require('node:stream/promises');
const nodeFs = require('node:fs');
const { crypto, fs } = require('millrace');

async function main() {
  const tap = crypto.hash({ algorithms: ['sha256', 'blake3'], encoding: 'hex' });
  const input = path.join(__dirname, 'data', 'events.jsonl');
  await pipeline(fs.createReadStream(input), tap, fs.createWriteStream('copy.jsonl', { atomic: true }));
  console.log('sha256', tap.digests.sha256);
  console.log('blake3', tap.digests.blake3);
  const expected = createHash('sha256').update(nodeFs.readFileSync('copy.jsonl')).digest('hex');
  console.log(tap.digests.sha256 === expected ? 'the copy has that digest' : 'the copy differs');
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
