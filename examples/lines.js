'use strict';

// Lines one by one, as strings: what readline and split2 are used for, without a crossing for each line.

const path = require('node:path');
const { fs, text } = require('millrace');

async function main() {
  const lines = fs.createReadStream(path.join(__dirname, 'data', 'events.jsonl')).pipe(text.lines({ objectMode: true }));
  let count = 0;
  let longest = 0;
  for await (const line of lines) {
    count += 1;
    longest = Math.max(longest, line.length);
  }
  console.log(`${count} lines, the longest of ${longest} characters`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
