'use strict';

// Rows as objects, in batches that cross into JavaScript once; errors in a row name its line.

const path = require('node:path');
const { fs, jsonl } = require('millrace');

async function main() {
  const rows = fs
    .createReadStream(path.join(__dirname, 'data', 'events.jsonl'))
    .pipe(jsonl.validate({ onInvalid: 'skip' }))
    .pipe(jsonl.parse());
  /** @type {Map<string, number>} */
  const levels = new Map();
  for await (const row of rows) levels.set(row.level, (levels.get(row.level) ?? 0) + 1);
  for (const [level, count] of [...levels].sort()) console.log(level, count);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
