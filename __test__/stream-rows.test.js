'use strict';

const assert = require('node:assert');
const { test } = require('node:test');
const { jsonl, text } = require('..');

/** Rows of uneven lengths, one of them longer than a chunk. */
const ROWS = Array.from({ length: 20_000 }, (_, i) => `{"i":${i},"pad":"${'x'.repeat((i * 7919) % 173)}"}\n`);
ROWS[7777] = `{"i":7777,"pad":"${'y'.repeat(200_000)}"}\n`;
const INPUT = Buffer.from(ROWS.join(''));

/** @type {Record<string, () => import('node:stream').Transform>} */
const STAGES = {
  lines: () => text.lines(),
  'lines with their ends': () => text.lines({ keepEnds: true }),
  validate: () => jsonl.validate(),
  edit: () => jsonl.edit({ remove: ['none'] }),
};

for (const [name, make] of Object.entries(STAGES)) {
  test(`${name} gives JavaScript chunks of whole rows (they were cut at 64 KiB)`, async () => {
    const stage = make();
    const chunks = [];
    stage.end(INPUT);
    for await (const chunk of stage) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(INPUT));
    assert.ok(chunks.length > 10);
    for (const chunk of chunks) assert.strictEqual(chunk[chunk.length - 1], 0x0a);
    const longest = Math.max(...chunks.map((chunk) => chunk.length));
    assert.ok(longest < 64 * 1024 || longest === ROWS[7777].length, `a chunk of ${longest} bytes`);
  });
}
