#!/usr/bin/env node
'use strict';

// Runs every program in examples/, each in a folder of its own that is thrown away, and checks what it printed and what it left
// there: what a reader copies must work.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { checkExample } = require('./internal/example-outputs.js');
const { runMain } = require('./internal/main.js');
const { run } = require('./internal/run.js');
const { runSteps } = require('./internal/steps.js');
const { setup } = require('./setup.js');

const EXAMPLES = path.join(__dirname, '..', 'examples');
/** An example that takes longer hangs. */
const TIMEOUT_MS = 2 * 60_000;

/**
 * @param {string} file
 * @returns {Promise<number>} exit code
 */
async function runExample(file) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-example-'));
  try {
    let output = '';
    const onOutput = (/** @type {string} */ text) => (output += text);
    const code = await run(process.execPath, [path.join(EXAMPLES, file)], { cwd: folder, timeoutMs: TIMEOUT_MS, onOutput });
    if (code === 0) checkExample(file, output, folder);
    return code;
  } catch (error) {
    console.error(`${file}: ${/** @type {Error} */ (error).message}`);
    return 1;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** @returns {Promise<number>} exit code */
async function main() {
  const files = fs.readdirSync(EXAMPLES).filter((file) => /\.m?js$/.test(file)).sort();
  if (files.length === 0) {
    console.error('There are no examples.');
    return 1;
  }
  const code = await setup();
  if (code !== 0) return code;
  return runSteps('npm run examples', files.map((name) => ({ name, run: () => runExample(name) })));
}

void runMain(main);
