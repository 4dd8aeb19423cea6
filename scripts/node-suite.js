#!/usr/bin/env node
'use strict';

// Runs Node's own tests of a module twice, on Node's and with millrace's in its place, and prints where they differ.
// The tests are not part of this package: give it a checkout of Node (or of its test folder).

const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { parseArgs } = require('node:util');
const { runMain } = require('./internal/main.js');

const USAGE = `Usage: node scripts/node-suite.js [options] [checkout]

Runs the tests of zlib or of fs's streams in test/parallel of a checkout of Node, each on Node's module and on millrace's.

  checkout           a folder with test/parallel in it; defaults to NODE_TEST_DIR
Options:
  --module <name>    zlib or fs, defaults to zlib
  --only <text>      the files with this in their name
  --failures         print what the failing files say
  --timeout <s>      seconds for each file, defaults to 120
  --help

Exit codes: 0 all that pass on Node's pass on ours; 1 some do not; 2 wrong use.`;

/** @type {Record<string, { files: RegExp, redirect: string }>} */
const MODULES = {
  zlib: { files: /^test-zlib.*\.js$/, redirect: path.join(__dirname, 'internal', 'redirect-zlib.js') },
  fs: {
    files:
      /^test-(?:fs-(?:read-?stream|write-?stream|stream-|ready-event|promises-file-handle-stream)|file-(?:read|write)).*\.m?js$/,
    redirect: path.join(__dirname, 'internal', 'redirect-fs.js'),
  },
};

/**
 * @typedef {object} Outcome
 * @property {boolean} passed
 * @property {boolean} skipped
 * @property {number} ms
 * @property {string} output
 */

/**
 * @param {string} file
 * @param {string[]} flags
 * @param {number} timeout milliseconds
 * @returns {Promise<Outcome>}
 */
function runFile(file, flags, timeout) {
  const began = Date.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...flags, file], { stdio: ['ignore', 'pipe', 'pipe'], timeout });
    let output = '';
    const gather = (/** @type {Buffer} */ chunk) => {
      output += chunk;
    };
    child.stdout.on('data', gather);
    child.stderr.on('data', gather);
    child.on('close', (code, signal) => {
      if (signal) output += `\nended by ${signal}`;
      const skipped = /^1\.\.0 # Skipped/m.test(output);
      resolve({ passed: code === 0 && !skipped, skipped, ms: Date.now() - began, output });
    });
  });
}

/** @param {Outcome} outcome @returns {string} */
function word({ passed, skipped }) {
  if (skipped) return 'skip';
  return passed ? 'pass' : 'FAIL';
}

/** @returns {Promise<number>} exit code */
async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      module: { type: 'string', default: 'zlib' },
      only: { type: 'string', default: '' },
      failures: { type: 'boolean', default: false },
      timeout: { type: 'string', default: '120' },
      help: { type: 'boolean', default: false },
    },
  });
  const checkout = positionals[0] ?? process.env.NODE_TEST_DIR;
  const suite = MODULES[values.module];
  if (values.help || !checkout || !suite) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  const folder = path.resolve(checkout, 'test', 'parallel');
  const files = fs.readdirSync(folder).filter((name) => suite.files.test(name) && name.includes(values.only));
  const count = { both: 0, lost: 0, won: 0, neither: 0 };
  for (const name of files.sort()) {
    const file = path.join(folder, name);
    const flags = /^\/\/ Flags: (.*)$/m.exec(fs.readFileSync(file, 'utf8'))?.[1].split(' ') ?? [];
    const timeout = Number(values.timeout) * 1000;
    const node = await runFile(file, flags, timeout);
    const ours = await runFile(file, [...flags, '--require', suite.redirect], timeout);
    if (node.passed) count[ours.passed ? 'both' : 'lost'] += 1;
    else count[ours.passed ? 'won' : 'neither'] += 1;
    console.log(`${word(node)}  ${word(ours)}  ${name}  ${node.ms} ms / ${ours.ms} ms`);
    if (values.failures && !ours.passed) console.log(ours.output.replace(/^/gm, '    '));
  }
  console.log(
    `node:${values.module} of ${process.version} passes ${count.both + count.lost} of ${files.length} files; ` +
      `millrace/${values.module} passes ${count.both} of those and fails ${count.lost}; ` +
      `it passes ${count.won} that node:${values.module} does not.`,
  );
  return count.lost === 0 ? 0 : 1;
}

void runMain(main);
