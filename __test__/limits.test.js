'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');

const ROOT = path.join(__dirname, '..');
/** Node's own, which its declarations have and ours inherit. */
const OF_NODE = ['highWaterMark', 'maxHeaderSize', ...Object.keys(http.createServer()), 'maxConnections'];

test('every limit of docs/limits.md is an option that a declaration has', () => {
  const declared = fs
    .readdirSync(path.join(ROOT, 'lib'))
    .filter((name) => name.endsWith('.d.ts'))
    .map((name) => fs.readFileSync(path.join(ROOT, 'lib', name), 'utf8'))
    .join('\n');
  const rows = fs.readFileSync(path.join(ROOT, 'docs', 'limits.md'), 'utf8').split('\n').filter((line) => line.startsWith('| '));
  const names = rows.flatMap((row) => [...row.split('|')[2].matchAll(/`(.+?)`/g)].map(([, name]) => name));
  assert.ok(names.length > 40);
  for (const name of names) {
    if (name === 'MILLRACE_THREADS') continue;
    const quoted = `'${name}'`;
    const last = String(name.split('.').at(-1));
    const found = name.includes('_') ? declared.includes(quoted) : new RegExp(`\\b${last}\\??:`).test(declared);
    assert.ok(found || OF_NODE.includes(last), name);
  }
});
