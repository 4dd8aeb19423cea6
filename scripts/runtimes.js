#!/usr/bin/env node
'use strict';

// Runs the tests with other runtimes than the Node.js at hand, all with the same addon: the suite with each Node.js that the
// package says it runs on, the tests of streams with Bun and Deno. The runtimes are npm packages, installed into .build/.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { runMain } = require('./internal/main.js');
const { npmTools } = require('./internal/npm-tools.js');
const { placePackedAddon } = require('./internal/packed-addon.js');

const ROOT = path.join(__dirname, '..');
/** Longer than any one file takes on a slow machine. */
const FILE_TIMEOUT_MS = 5 * 60_000;
const USAGE = `Usage: node scripts/runtimes.js [options] [runtime]...

  runtime          20, 22, 24, 26, bun, deno; defaults to all of them
  --packed         with the addon of the tarball that npm run pack made, in the place of the one that is built
  --only <text>    the files of __test__/ whose name contains it
  --failures       print what the failing files say
  --help

Exit codes: 0 all passed, or failed as known; 1 some did not; 2 wrong use.`;

/**
 * Tests of what Bun and Deno are meant to run. Not here: tests of the command line and of exits, which start node.
 */
const TRANSFORMS = /^(zlib|text|jsonl|crypto|stream|compose)/;

/**
 * @typedef {object} Runtime
 * @property {string} name
 * @property {string[]} packages what npm installs
 * @property {string} program inside node_modules
 * @property {(file: string) => string[]} args that run a test file
 * @property {RegExp} files
 * @property {boolean} isPromised whether a file that fails is a failure; of the others docs/platforms.md lists what fails
 */

const SUFFIX = process.platform === 'win32' ? 'win' : process.platform;
const EXE = process.platform === 'win32' ? '.exe' : '';

/** @param {string} major @returns {Runtime} */
function node(major) {
  const name = `node-${SUFFIX}-${process.arch}`;
  return {
    name: `Node.js ${major}`,
    // The package `node` fetches one of these by a script; this is the program itself.
    packages: [`${name}@${major}`],
    program: path.join(name, 'bin', `node${EXE}`),
    args: (file) => ['--test', '--test-reporter=tap', `--test-timeout=${FILE_TIMEOUT_MS}`, file],
    files: /./,
    isPromised: true,
  };
}

/** @type {Record<string, () => Runtime>} */
const RUNTIMES = {
  20: () => node('20'),
  22: () => node('22'),
  24: () => node('24'),
  26: () => node('26'),
  bun: () => ({
    name: 'Bun',
    packages: ['bun@1.4.5'],
    program: path.join('.bin', 'bun'),
    args: (file) => ['test', `--timeout=${FILE_TIMEOUT_MS}`, `./${file}`],
    files: TRANSFORMS,
    isPromised: false,
  }),
  deno: () => ({
    name: 'Deno',
    packages: ['deno@2.9.6'],
    program: path.join('.bin', 'deno'),
    args: (file) => ['test', '--allow-all', '--no-check', file],
    files: TRANSFORMS,
    isPromised: false,
  }),
};

/** @typedef {{ file: string, passed: number, failed: number, ended: boolean, output: string, seconds: number }} Outcome */

/**
 * @param {string} program
 * @param {string[]} args
 * @param {string} file
 * @returns {Promise<Outcome>}
 */
function runFile(program, args, file) {
  const begun = performance.now();
  // Tests start `node` by its name here and there, and mean the one that runs them.
  const PATH = `${path.dirname(program)}${path.delimiter}${process.env.PATH}`;
  const env = { ...process.env, PATH, MILLRACE_NATIVE: undefined, NO_COLOR: '1' };
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), FILE_TIMEOUT_MS);
    child.once('error', (error) => (output += error.message));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (signal) output += `\nended by ${signal}`;
      resolve({ file, ...count(output), ended: code === 0, output, seconds: (performance.now() - begun) / 1000 });
    });
  });
}

/**
 * @param {string} output of Node's TAP, of Bun or of Deno
 * @returns {{ passed: number, failed: number }} tests
 */
function count(output) {
  const number = (/** @type {RegExp} */ pattern) => Number(pattern.exec(output)?.[1] ?? 0);
  // Deno counts what stands at the top, and in brackets what is within.
  const either = (/** @type {string} */ word) =>
    number(new RegExp(`\\b\\d+ ${word} \\((\\d+) steps?\\)`)) || number(new RegExp(`\\| (\\d+) ${word}`));
  const passed = number(/^# pass (\d+)$/m) || number(/^ *(\d+) pass$/m) || either('passed');
  const failed = number(/^# fail (\d+)$/m) || number(/^ *(\d+) fail$/m) || either('failed');
  return { passed, failed };
}

/**
 * @param {Runtime} runtime
 * @param {{ only: string, failures: boolean }} options
 * @returns {Promise<boolean>} whether all is as it should be
 */
async function runSuite(runtime, { only, failures }) {
  const modules = await npmTools(`runtime-${runtime.name.replace(/\W+/g, '-').toLowerCase()}`, runtime.packages);
  const program = path.join(modules, runtime.program);
  const files = fs
    .readdirSync(path.join(ROOT, '__test__'))
    .filter((file) => file.endsWith('.test.js') && runtime.files.test(file) && file.includes(only))
    .map((file) => `__test__/${file}`);
  const waiting = [...files];
  /** @type {Outcome[]} */
  const outcomes = [];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const outcome = await runFile(program, runtime.args(file), file);
      outcomes.push(outcome);
      const { passed, failed, ended, seconds } = outcome;
      const verdict = ended ? 'ok' : `FAILED ${failed}`;
      console.log(`${runtime.name}  ${file.padEnd(44)} ${String(passed).padStart(5)} passed  ${seconds.toFixed(1).padStart(6)} s  ${verdict}`);
      if (!ended && failures) console.log(outcome.output);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, os.availableParallelism()) }, work));
  const sum = (/** @type {'passed' | 'failed'} */ name) => outcomes.reduce((total, outcome) => total + outcome[name], 0);
  const broken = outcomes.filter(({ ended }) => !ended).map(({ file }) => path.basename(file));
  console.log(`${runtime.name}: ${sum('passed')} passed, ${sum('failed')} failed in ${outcomes.length} files` +
    `${broken.length > 0 ? `; not all of ${broken.join(', ')}` : ''}`);
  return outcomes.length > 0 && (broken.length === 0 || !runtime.isPromised);
}

/** @returns {Promise<number>} exit code */
async function main() {
  let values;
  let names;
  try {
    ({ values, positionals: names } = parseArgs({
      allowPositionals: true,
      options: {
        packed: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        failures: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
    if (names.length === 0) names = Object.keys(RUNTIMES);
    const unknown = names.find((name) => !Object.hasOwn(RUNTIMES, name));
    if (unknown !== undefined) throw new RangeError(`no such runtime: ${unknown}`);
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (values.packed) placePackedAddon();
  let good = true;
  for (const name of names) good = (await runSuite(RUNTIMES[name](), values)) && good;
  return good ? 0 : 1;
}

void runMain(main);
