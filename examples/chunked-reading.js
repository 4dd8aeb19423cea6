'use strict';

// A file in chunks: as large as you say, as few at a time as you ask for, and only the part that you want. In each way the
// memory is that of a few chunks, whatever the size of the file.

const { once } = require('node:events');
const path = require('node:path');
const { fs } = require('millrace');

const file = path.join(__dirname, 'data', 'events.jsonl');

/** As they come: each is as large as was said, but for the last. */
async function chunks() {
  const source = fs.createReadStream(file, { highWaterMark: 16 * 1024 });
  /** @type {number[]} */
  const sizes = [];
  source.on('data', (chunk) => sizes.push(chunk.length));
  await once(source, 'end');
  console.log(`data: ${sizes.length} chunks, the first of ${sizes[0]} bytes, the last of ${sizes.at(-1)}`);
}

/** By turns: the next is read when the loop comes round, and may be several in one. */
async function loop() {
  let lines = 0;
  for await (const chunk of fs.createReadStream(file)) {
    for (const byte of chunk) if (byte === 10) lines += 1;
  }
  console.log(`for await: ${lines} ends of lines`);
}

/** By hand: exactly as many bytes as a record has, however the chunks fall. */
async function records() {
  const source = fs.createReadStream(file);
  const size = 1000;
  let whole = 0;
  let rest = 0;
  source.on('readable', () => {
    // Null: not that many are here yet. At the end comes what is left.
    for (let record = source.read(size); record !== null; record = source.read(size)) {
      if (record.length === size) whole += 1;
      else rest = record.length;
    }
  });
  await once(source, 'end');
  console.log(`read(${size}): ${whole} records, and ${rest} bytes`);
}

/** A part: the rest of the file is not read. */
async function part() {
  const source = fs.createReadStream(file, { start: 100, end: 149, encoding: 'latin1' });
  let text = '';
  for await (const chunk of source) text += chunk;
  console.log(`bytes 100 to 149: ${text.length} of them, ${source.bytesRead} read: ${JSON.stringify(text)}`);
}

/** Until it was found: leaving the loop closes the file. */
async function find() {
  const source = fs.createReadStream(file, { highWaterMark: 4096, encoding: 'latin1' });
  const wanted = '"level":"error"';
  let seen = '';
  for await (const chunk of source) {
    seen += chunk;
    if (seen.includes(wanted)) break;
  }
  console.log(`the first error is at byte ${seen.indexOf(wanted)}; closed: ${source.destroyed}`);
}

async function main() {
  await chunks();
  await loop();
  await records();
  await part();
  await find();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
