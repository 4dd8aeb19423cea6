#!/usr/bin/env node
'use strict';

// npm test: the Rust tests, the JS tests with Node's own runner, the type tests. After the set-up that they need.

const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { loadCrate } = require('./internal/load-crate.js');
const { runMain } = require('./internal/main.js');
const { run } = require('./internal/run.js');
const { runSteps } = require('./internal/steps.js');
const { setup } = require('./setup.js');

const ROOT = path.join(__dirname, '..');
const FOLDER = '__test__';
/** Longer than the whole suite takes on a slow machine: a test that hangs must end the run all the same. */
const TIMEOUT_MS = 20 * 60_000;
/** Longer than any one file takes: one that hangs fails by itself, and the others are still heard. */
const FILE_TIMEOUT_MS = 5 * 60_000;
const USAGE = `Usage: npm test -- [--only rust|js|types]... [name]...

  --only PART   run this part alone; may be given more than once
  name          run only the files of ${FOLDER}/ whose name contains it; implies --only js`;

/**
 * @param {string[]} names parts of file names; none means every file
 * @returns {string[]} the test files, as paths from the root
 */
function testFiles(names) {
  return fs
    .readdirSync(path.join(ROOT, FOLDER))
    .filter((file) => file.endsWith('.test.js'))
    .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
    .sort()
    .map((file) => `${FOLDER}/${file}`);
}

/**
 * @param {string[]} files
 * @param {Record<string, string>} [env] switches of the library
 * @returns {Promise<number>}
 */
async function runNodeTests(files, env = {}) {
  if (files.length === 0) {
    // Node's runner would look for files of its own choice, or call an empty run a success.
    console.error('No test file of that name.');
    return 1;
  }
  const args = ['--test', '--test-reporter=spec', `--test-timeout=${FILE_TIMEOUT_MS}`, ...files];
  const switches = { MILLRACE_FUSE: undefined, MILLRACE_REACTOR: undefined, ...env };
  return run(process.execPath, args, { cwd: ROOT, env: switches, timeoutMs: TIMEOUT_MS });
}

/**
 * @param {string[]} names
 * @returns {Record<string, import('./internal/steps.js').Step[]>}
 */
function parts(names) {
  const files = testFiles(names);
  // What concerns streams holds for fused and for unfused chains.
  const streams = files.filter((file) => /stream|chains|uploads/.test(path.basename(file)));
  const js = [{ name: 'JS tests', run: () => runNodeTests(files) }];
  if (streams.length > 0) js.push({ name: 'stream tests, not fused', run: () => runNodeTests(streams, { MILLRACE_FUSE: '0' }) });
  // Servers run over Node's own sockets where those cannot be driven natively. Not here: what is about driving them, and the
  // parser, which is Node's there.
  const overNode = new RegExp(
    '^(http(-chains|-close|-connections|-events|-fallback|-raw|-requests|-responses|-uploads|-workers)?' +
      '|sse(-event-source)?|hub|ws(-conformance|-faults|-life)?)[.]test',
  );
  const servers = files.filter((file) => overNode.test(path.basename(file)));
  if (servers.length > 0) {
    js.push({ name: "server tests, Node's sockets", run: () => runNodeTests(servers, { MILLRACE_REACTOR: '0' }) });
  }
  const tsc = [path.join('node_modules', 'typescript', 'bin', 'tsc'), '--project', `${FOLDER}/types`];
  return {
    rust: [
      { name: 'Rust tests', run: () => run('cargo', ['test'], { cwd: ROOT, timeoutMs: TIMEOUT_MS }) },
      { name: 'Rust tests, bench/load', run: () => run('cargo', ['test', ...loadCrate()], { cwd: ROOT, timeoutMs: TIMEOUT_MS }) },
    ],
    js,
    types: [{ name: 'type tests', run: () => run(process.execPath, tsc, { cwd: ROOT }) }],
  };
}

/** @returns {Promise<number>} exit code */
async function main() {
  let only;
  let names;
  try {
    const { values, positionals } = parseArgs({
      options: { only: { type: 'string', multiple: true }, help: { type: 'boolean' } },
      allowPositionals: true,
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    names = positionals;
    only = values.only ?? (names.length > 0 ? ['js'] : ['rust', 'js', 'types']);
    const unknown = only.find((part) => !['rust', 'js', 'types'].includes(part));
    if (unknown !== undefined) throw new RangeError(`no such part: ${unknown}`);
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
    return 2;
  }
  const code = await setup();
  if (code !== 0) return code;
  const all = parts(names);
  return runSteps('npm test', only.flatMap((part) => all[part]));
}

void runMain(main);
