'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');

test('THIRD-PARTY-LICENSES has the licence of every crate that Cargo.lock links into the addon', () => {
  const args = [path.join(__dirname, '..', 'scripts', 'licences.js'), '--check'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
