'use strict';

// Rows that are not valid go into a file of their own, with line, offset and reason; the others go on.

const path = require('node:path');
const nodeFs = require('node:fs');
const { pipeline } = require('node:stream/promises');
const { fs, jsonl } = require('millrace');

async function main() {
  const validate = jsonl.validate({ onInvalid: 'skip', rejects: fs.createWriteStream('rejects.jsonl') });
  const input = path.join(__dirname, 'data', 'events.jsonl');
  await pipeline(fs.createReadStream(input), validate, fs.createWriteStream('good.jsonl'));
  const { rowsIn, rowsOut, rejected } = validate.stats();
  console.log(`${rowsIn} rows: ${rowsOut} good, ${rejected} rejected`);
  for (const letter of nodeFs.readFileSync('rejects.jsonl', 'utf8').split('\n').slice(0, 3)) {
    const { line, offset, reason } = JSON.parse(letter);
    console.log(`line ${line}, byte ${offset}: ${reason}`);
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
