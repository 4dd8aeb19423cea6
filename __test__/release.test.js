'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { PLATFORMS } = require('../scripts/internal/platforms.js');

describe('the workflow of a release', () => {
  const text = fs.readFileSync(path.join(__dirname, '..', '.github', 'workflows', 'release.yml'), 'utf8');

  test('builds and installs every platform that the package names', () => {
    const built = [...text.matchAll(/platform: ([\w-]+), runner: [\w.-]+, rust: ([\w-]+)/g)].map(([, name, rust]) => ({ name, rust }));
    assert.deepEqual(built, PLATFORMS.map(({ name, rust }) => ({ name, rust })));
    const installed = text.slice(text.indexOf('\n  install:'), text.indexOf('\n  suite:'));
    assert.deepEqual([...installed.matchAll(/platform: ([\w-]+), runner/g)].map(([, name]) => name), PLATFORMS.map(({ name }) => name));
  });

  test('takes no action by a name that may come to mean another one', () => {
    const uses = [...text.matchAll(/uses: (\S+)/g)].map(([, action]) => action);
    assert.ok(uses.length > 0);
    for (const action of uses) assert.match(action, /^[\w/-]+@[0-9a-f]{40}$/);
  });
});
