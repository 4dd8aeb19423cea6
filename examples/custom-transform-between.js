'use strict';

// A Transform of one's own between native stages: the chain is split there, and fused before and behind it.

const { Transform } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const nodeFs = require('node:fs');
const { fs, inspect, text } = require('millrace');

let last = '';
/** Drops lines that are the same as the line before. It gets whole lines, for `lines` gives out nothing else. */
const distinct = new Transform({
  transform(batch, _encoding, done) {
    const kept = [];
    for (const line of batch.toString().split('\n').slice(0, -1)) {
      if (line !== last) kept.push(`${line}\n`);
      last = line;
    }
    done(null, kept.join(''));
  },
});

async function main() {
  nodeFs.writeFileSync('in.txt', 'one\none\ntwo\ntwo\ntwo\nthree\n'.repeat(100_000));
  const upper = text.upperCase();
  const sink = fs.createWriteStream('out.txt');
  distinct.once('data', () => {
    const [{ stages }] = inspect();
    for (const { stage, native, fused } of stages) {
      console.log(stage, native ? 'native' : 'JavaScript', fused ? 'fused with the next' : '');
    }
  });
  await pipeline(fs.createReadStream('in.txt'), text.lines({ keepEnds: true }), distinct, upper, sink);
  console.log(`${nodeFs.readFileSync('out.txt', 'utf8').split('\n').length - 1} lines, ${sink.bytesWritten} bytes`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
