#!/usr/bin/env node
'use strict';

// node scripts/types.js: the type tests with the oldest and the newest TypeScript that the package names.

const path = require('node:path');
const { runMain } = require('./internal/main.js');
const { npmTools } = require('./internal/npm-tools.js');
const { run } = require('./internal/run.js');
const { runSteps } = require('./internal/steps.js');

const ROOT = path.join(__dirname, '..');
/** docs/platforms.md names them. */
const VERSIONS = { oldest: '5.0.4', newest: '7.0.2' };

/** @returns {Promise<number>} exit code */
async function main() {
  const modules = await npmTools('types', Object.entries(VERSIONS).map(([name, version]) => `${name}@npm:typescript@${version}`));
  const project = path.join(ROOT, '__test__', 'types');
  const steps = Object.entries(VERSIONS).map(([name, version]) => ({
    name: `TypeScript ${version}`,
    run: () => run(process.execPath, [path.join(modules, name, 'bin', 'tsc'), '--project', project], { cwd: ROOT }),
  }));
  return runSteps('type tests', steps);
}

void runMain(main);
