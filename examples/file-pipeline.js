'use strict';

// The main job: check every row of a log, stamp it, digest it, compress it. The broken rows go to a file of their own.
// All of it runs in native threads; no chunk enters JavaScript.

const path = require('node:path');
const { pipeline } = require('node:stream/promises');
const { fs, jsonl, zlib } = require('millrace');

const input = process.argv[2] ?? path.join(__dirname, 'data', 'events.jsonl');

async function main() {
  const source = fs.createReadStream(input);
  const sink = fs.createWriteStream('events.clean.jsonl.gz', { atomic: true });
  await pipeline(
    source,
    jsonl.validate({ rejects: fs.createWriteStream('events.rejects.jsonl') }),
    jsonl.edit({
      set: { processedAt: jsonl.now() },
      hash: { field: 'hash', algorithm: 'sha256', length: 8 },
    }),
    zlib.createGzip(),
    sink,
  );
  console.log(`${source.bytesRead} bytes of rows became ${sink.bytesWritten} bytes of gzip.`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
