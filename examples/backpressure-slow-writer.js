'use strict';

// A slow consumer holds back the file that is read: what waits in between stays bounded, however large the file is.

const { Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const nodeFs = require('node:fs');
const { fs, text } = require('millrace');

const MB = 1e6;

async function main() {
  nodeFs.writeFileSync('large.txt', 'a line of text\n'.repeat(6 * MB));
  const source = fs.createReadStream('large.txt');
  const upper = text.upperCase();
  let consumed = 0;
  let ahead = 0;
  const slow = new Writable({
    write(chunk, _encoding, done) {
      consumed += chunk.length;
      if (consumed >= 4 * MB) {
        done();
        return;
      }
      setTimeout(() => {
        // Read from the disk, and not consumed yet: bytes in queues, and nothing else.
        ahead = Math.max(ahead, source.stats().bytesOut - consumed);
        done();
      }, 5);
    },
  });
  await pipeline(source, upper, slow);
  if (ahead > 16 * MB) throw new Error(`${ahead} bytes were read ahead`);
  console.log(`A file of ${consumed / MB} MB, and never more than 16 MB of it in memory: ${ahead > 0}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
