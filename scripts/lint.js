#!/usr/bin/env node
'use strict';

// npm run lint: formatting and lints of the Rust and the JS, and the types of the JS. Needs no addon.

const fs = require('node:fs');
const path = require('node:path');
const { loadCrate } = require('./internal/load-crate.js');
const { runMain } = require('./internal/main.js');
const { requireRust } = require('./internal/requirements.js');
const { run } = require('./internal/run.js');
const { runSteps } = require('./internal/steps.js');
const { install } = require('./setup.js');

const ROOT = path.join(__dirname, '..');

/**
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 * @returns {import('./internal/steps.js').Step}
 */
function step(name, command, args) {
  return { name, run: () => run(command, args, { cwd: ROOT }) };
}

/** @returns {Promise<number>} exit code */
async function main() {
  requireRust();
  const code = await install();
  if (code !== 0) return code;
  const modules = (/** @type {string[]} */ ...names) => path.join('node_modules', ...names);
  const steps = [
    step('rustfmt', 'cargo', ['fmt', '--check']),
    step('clippy', 'cargo', ['clippy', '--all-targets', '--', '--deny', 'warnings']),
    step('clippy, addon', 'cargo', ['clippy', '--lib', '--features', 'addon', '--', '--deny', 'warnings']),
    step('ESLint', process.execPath, [modules('eslint', 'bin', 'eslint.js'), '--max-warnings', '0', '.']),
    step('tsc', process.execPath, [modules('typescript', 'bin', 'tsc'), '--noEmit', '--project', '.']),
    step('tsc, page', process.execPath, [modules('typescript', 'bin', 'tsc'), '--noEmit', '--project', 'page']),
  ];
  // Crates of their own, which a published package does not have.
  for (const folder of ['fuzz', 'bench/load'].filter((name) => fs.existsSync(path.join(ROOT, name, 'Cargo.toml')))) {
    steps.splice(1, 0, step(`rustfmt, ${folder}`, 'cargo', ['fmt', '--check', '--manifest-path', `${folder}/Cargo.toml`]));
  }
  steps.push(step('clippy, bench/load', 'cargo', ['clippy', ...loadCrate(), '--all-targets', '--', '--deny', 'warnings']));
  return runSteps('npm run lint', steps);
}

void runMain(main);
