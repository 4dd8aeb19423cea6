#!/usr/bin/env node
'use strict';

// Builds the fuzz targets and runs each for a while, as many at a time as there are cores. It does what `cargo fuzz`
// does, with the compiler that is there: no nightly, and nothing to install but a C++ compiler.

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { runMain } = require('./internal/main.js');
const { MissingRequirement, requireRust } = require('./internal/requirements.js');
const { run } = require('./internal/run.js');

const FUZZ = path.join(__dirname, '..', 'fuzz');
const USAGE = `Usage: node scripts/fuzz.js [options] [target]...

Runs the named targets, or all of fuzz/fuzz_targets/, from the inputs in fuzz/seeds/ and what earlier runs found.

Options:
  --seconds <n>  how long each target runs (default: 30)
  --seed <n>     where the fuzzer's random numbers start (default: 1)
  --help

Exit codes: 0 no target failed; 1 one failed, or was not built; 2 wrong use; 3 Rust or a C++ compiler is missing.`;

/** Where rustc has an address sanitizer, which watches over the unsafe code of our dependencies. */
const SANITIZED = /^(x86_64|aarch64)-(unknown-linux-gnu|apple-darwin)$/;
/** What libFuzzer needs to see which branches an input takes; `cargo fuzz` passes the same. */
const COVERAGE = [
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
  '-Ccodegen-units=1',
  '--cfg=fuzzing',
];
/** An input that takes longer than this, or more memory, is a failure. */
const LIMITS = ['-timeout=20', '-rss_limit_mb=2048', '-max_len=4096'];
/** Lines of a failed run that say nothing about it: progress, and stack frames of the machinery. */
const NOISE = /^#\d+\s|^INFO: |^\s+#\d+ .*(\/rustc\/|libfuzzer-sys|libc_start|\+0x)/;

/** @returns {string[]} the names of all targets */
function allTargets() {
  const files = fs.readdirSync(path.join(FUZZ, 'fuzz_targets')).sort();
  return files.filter((file) => file.endsWith('.rs')).map((file) => path.basename(file, '.rs'));
}

/** @returns {string} the target triple of the compiler's own machine */
function hostTriple() {
  const { stdout } = spawnSync('rustc', ['--version', '--verbose'], { encoding: 'utf8' });
  return /** @type {RegExpExecArray} */ (/^host: (.+)$/m.exec(stdout))[1];
}

/**
 * @param {string} host
 * @param {string[]} targets
 * @returns {Promise<number>} exit code of cargo
 */
function build(host, targets) {
  const flags = SANITIZED.test(host) ? [...COVERAGE, '-Zsanitizer=address'] : COVERAGE;
  const bins = targets.flatMap((target) => ['--bin', target]);
  // With --target, build scripts and procedural macros are built without the flags.
  const args = ['build', '--release', '--target', host, '--target-dir', path.join('fuzz', 'target')];
  return run('cargo', [...args, '--manifest-path', path.join('fuzz', 'Cargo.toml'), ...bins], {
    cwd: path.dirname(FUZZ),
    // The sanitizer is for nightly compilers alone, unless a stable one is told to be bold.
    env: { RUSTFLAGS: flags.join(' '), CARGO_ENCODED_RUSTFLAGS: undefined, RUSTC_BOOTSTRAP: '1' },
  });
}

/**
 * Runs one target; what it prints is shown only where it fails.
 *
 * @param {string} host
 * @param {string} target
 * @param {string} seconds
 * @param {string} seed
 * @returns {Promise<boolean>} whether all went well
 */
function fuzz(host, target, seconds, seed) {
  const [corpus, artifacts, seeds] = ['corpus', 'artifacts', 'seeds'].map((name) => path.join(FUZZ, name, target));
  for (const folder of [corpus, artifacts, seeds]) fs.mkdirSync(folder, { recursive: true });
  const program = path.join(FUZZ, 'target', host, 'release', target);
  const args = [`-max_total_time=${seconds}`, `-seed=${seed}`, `-artifact_prefix=${artifacts}${path.sep}`, ...LIMITS];
  return new Promise((resolve) => {
    const child = spawn(program, [...args, corpus, seeds], { stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output = (output + text).slice(-100_000);
    });
    child.once('error', (error) => {
      console.error(`${target}: ${error.message}`);
      resolve(false);
    });
    child.once('close', (code, signal) => {
      const done = /^Done (\d+) runs/m.exec(output);
      if (code === 0 && done !== null) {
        const covered = [...output.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? '?';
        console.log(`${target.padEnd(10)} ok: ${done[1].padStart(9)} inputs, ${covered.padStart(5)} branches covered`);
        return resolve(true);
      }
      const failure = output.split('\n').filter((line) => !NOISE.test(line)).slice(-60);
      console.error(`${target} FAILED (${signal ?? `code ${code}`}):\n${failure.join('\n')}`);
      console.error(`To run an input again: ${path.relative(process.cwd(), program)} <file of ${artifacts}>\n`);
      return resolve(false);
    });
  });
}

/** @returns {Promise<number>} exit code */
async function main() {
  let values;
  let targets;
  try {
    const parsed = parseArgs({
      options: {
        seconds: { type: 'string', default: '30' },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
    values = parsed.values;
    const all = allTargets();
    targets = parsed.positionals.length > 0 ? parsed.positionals : all;
    for (const number of [values.seconds, values.seed]) {
      if (!/^[1-9]\d{0,8}$/.test(number)) throw new RangeError(`not a positive number: ${number}`);
    }
    const unknown = targets.find((target) => !all.includes(target));
    if (unknown !== undefined) throw new RangeError(`no target ${unknown}; there are ${all.join(', ')}`);
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (process.platform === 'win32') throw new MissingRequirement('The fuzz targets run on Linux and macOS only.');
  requireRust();
  if (spawnSync(process.env.CXX ?? 'c++', ['--version']).status !== 0) {
    throw new MissingRequirement('libFuzzer needs a C++ compiler: install g++ or clang, or set CXX.');
  }
  const host = hostTriple();
  const code = await build(host, targets);
  if (code !== 0) {
    console.error(`The fuzz targets were not built: cargo ended with code ${code}.`);
    return 1;
  }
  console.log(`Running ${targets.length} targets for ${values.seconds} s each.`);
  const waiting = [...targets];
  let failed = 0;
  const runner = async () => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      if (!(await fuzz(host, target, values.seconds, values.seed))) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, runner));
  console.log(failed === 0 ? `All ${targets.length} targets ok.` : `${failed} of ${targets.length} targets failed.`);
  return failed === 0 ? 0 : 1;
}

void runMain(main);
