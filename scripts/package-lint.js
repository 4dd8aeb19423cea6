#!/usr/bin/env node
'use strict';

// node scripts/package-lint.js: looks at the tarballs that npm run pack made as those who install them will find them.

const fs = require('node:fs');
const path = require('node:path');
const { triple } = require('../lib/internal/platform.js');
const { version } = require('../package.json');
const { runMain } = require('./internal/main.js');
const { npmTools } = require('./internal/npm-tools.js');
const { MissingRequirement } = require('./internal/requirements.js');
const { run } = require('./internal/run.js');
const { runSteps } = require('./internal/steps.js');

const ROOT = path.join(__dirname, '..');
const TOOLS = ['publint@0.3.25', '@arethetypeswrong/cli@0.18.5'];

/**
 * `node10` knows no `exports`, and no Node.js that the package runs on resolves so. One name is kept from ES modules on
 * purpose; __test__/loader.test.js says which, and sees to the others.
 */
const WHAT_IS_RIGHT = ['--profile', 'node16', '--ignore-rules', 'named-exports', '--'];

/** @returns {Promise<number>} exit code */
async function main() {
  const tarballs = ['millrace', `millrace-${triple()}`].map((name) => path.join(ROOT, 'out', 'packages', `${name}-${version}.tgz`));
  const missing = tarballs.find((file) => !fs.existsSync(file));
  if (missing !== undefined) throw new MissingRequirement(`${missing} is missing: run npm run pack first.`);
  const modules = await npmTools('package-lint', TOOLS);
  const tool = (/** @type {string} */ file, /** @type {string[]} */ ...args) =>
    run(process.execPath, [path.join(modules, file), ...args], { cwd: ROOT });
  return runSteps('package lint', [
    ...tarballs.map((file) => ({ name: `publint, ${path.basename(file)}`, run: () => tool('publint/src/cli.js', '--strict', file) })),
    { name: 'are the types wrong', run: () => tool('@arethetypeswrong/cli/dist/index.js', ...WHAT_IS_RIGHT, tarballs[0]) },
  ]);
}

void runMain(main);
