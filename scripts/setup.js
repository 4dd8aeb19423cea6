#!/usr/bin/env node
'use strict';

// Makes a fresh clone ready to run: checks Node and Rust, installs the npm dependencies where they are missing or
// older than package-lock.json, and builds the addon. Uses nothing that it would have to install first.

const path = require('node:path');
const { build } = require('./build.js');
const { staleness } = require('./internal/freshness.js');
const { withLock } = require('./internal/lock.js');
const { runMain } = require('./internal/main.js');
const { MissingRequirement, requireNode } = require('./internal/requirements.js');
const { run } = require('./internal/run.js');

const ROOT = path.join(__dirname, '..');

/** @returns {string | undefined} why the dependencies must be installed, or undefined where they need not */
function reasonToInstall() {
  // npm writes this file last, and only when the install succeeded.
  const done = path.join(ROOT, 'node_modules', '.package-lock.json');
  return staleness(done, [path.join(ROOT, 'package-lock.json')])?.replace('its sources', 'package-lock.json');
}

/** @returns {Promise<number>} exit code */
async function install() {
  if (reasonToInstall() === undefined) return 0;
  const lock = path.join(ROOT, 'native', 'install.lock');
  const onWait = (/** @type {number} */ holder) => console.log(`Waiting for another install (process ${holder}).`);
  return withLock(lock, onWait, async () => {
    const reason = reasonToInstall();
    if (reason === undefined) return 0;
    console.log(`The npm dependencies are ${reason}: installing them.`);
    const code = await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: ROOT });
    if (code === 127) throw new MissingRequirement('npm was not found. It comes with Node.js: https://nodejs.org/ .');
    return code;
  });
}

/**
 * @returns {Promise<number>} exit code
 * @throws {MissingRequirement} where Node, npm or Rust is missing or too old; its message says what to do
 */
async function setup() {
  requireNode();
  return (await install()) || build();
}

if (require.main === module) void runMain(setup);

module.exports = { install, setup };
