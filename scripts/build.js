#!/usr/bin/env node
'use strict';

// Builds the native addon where it is missing or older than its sources, and puts it where lib/internal/loader.js
// looks for it. Needs Node and Rust only, none of the npm dependencies.

const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { triple } = require('../lib/internal/platform.js');
const { newest, staleness } = require('./internal/freshness.js');
const { withLock } = require('./internal/lock.js');
const { runMain } = require('./internal/main.js');
const { requireNode, requireRust } = require('./internal/requirements.js');
const { run } = require('./internal/run.js');

const ROOT = path.join(__dirname, '..');
const SOURCES = ['src', 'build.rs', 'Cargo.toml', 'Cargo.lock', '.cargo', 'rust-toolchain.toml'];
const USAGE = `Usage: node scripts/build.js [options]

Builds native/millrace.<platform>-<arch>.node where it is missing or older than its sources.

Options:
  --force           build, whatever is there
  --check           build nothing; exit 1 where a build is due
  --profile <name>  Cargo profile: release (the default), or dev, which builds sooner and runs slower
  --help

Environment:
  MILLRACE_NATIVE         an addon built elsewhere; nothing is built where it is set
  MILLRACE_BUILD_PROFILE  stands in for --profile

Exit codes: 0 the addon is there; 1 the build failed, or --check found one due; 2 wrong use;
3 Rust or Node is missing or too old.`;

/**
 * @param {string} platform as `process.platform`
 * @returns {string} what Cargo calls the library that it makes for it
 */
function libraryName(platform) {
  if (platform === 'win32') return 'millrace.dll';
  return platform === 'darwin' ? 'libmillrace.dylib' : 'libmillrace.so';
}

/**
 * @typedef {object} BuildOptions
 * @property {boolean} [force]
 * @property {string} [profile] defaults to `MILLRACE_BUILD_PROFILE`, or `release`
 */

/** @returns {string} the file that a build on this machine makes */
function addonFile() {
  return path.join(ROOT, 'native', `millrace.${triple()}.node`);
}

/**
 * @param {string} profile
 * @returns {string | undefined} why a build is due, or undefined where it is not
 */
function reasonToBuild(profile) {
  const file = addonFile();
  const stale = staleness(file, SOURCES.map((name) => path.join(ROOT, name)));
  if (stale !== undefined) return stale;
  const built = fs.existsSync(profileFile()) ? fs.readFileSync(profileFile(), 'utf8').trim() : '(unknown)';
  return built === profile ? undefined : `of profile ${built}`;
}

/** @returns {string} where the profile of the addon in `native/` is written down */
function profileFile() {
  return path.join(ROOT, 'native', 'profile');
}

/** @param {string} profile of the addon that is put into `native/` */
function noteProfile(profile) {
  fs.writeFileSync(profileFile(), `${profile}\n`);
}

/**
 * Builds the addon where that is due. A second build at the same time waits for the first, then finds nothing to do.
 *
 * @param {BuildOptions} [options]
 * @returns {Promise<number>} exit code
 * @throws {import('./internal/requirements.js').MissingRequirement}
 */
async function build({ force = false, profile = process.env.MILLRACE_BUILD_PROFILE || 'release' } = {}) {
  requireNode();
  if (process.env.MILLRACE_NATIVE) {
    console.log(`The addon is ${process.env.MILLRACE_NATIVE}, as MILLRACE_NATIVE says; nothing to build.`);
    return 0;
  }
  if (!force && reasonToBuild(profile) === undefined) return 0;
  const rust = requireRust();
  const lock = path.join(ROOT, 'native', 'build.lock');
  const onWait = (/** @type {number} */ holder) => console.log(`Waiting for another build (process ${holder}).`);
  return withLock(lock, onWait, () => {
    const reason = force ? 'to be built anew' : reasonToBuild(profile);
    return reason === undefined ? 0 : compile(profile, reason, rust);
  });
}

/**
 * @param {string} profile
 * @param {string} reason
 * @param {string} rust
 * @returns {Promise<number>}
 */
async function compile(profile, reason, rust) {
  console.log(`The addon is ${reason}: building it with Rust ${rust}, profile ${profile}. This takes a minute or two.`);
  const begun = performance.now();
  const sourcesTime = new Date(newest(SOURCES.map((name) => path.join(ROOT, name))));
  const code = await run('cargo', ['build', '--lib', '--features', 'addon', '--profile', profile], { cwd: ROOT });
  if (code !== 0) {
    console.error(`The addon was not built: cargo ended with code ${code}.`);
    return 1;
  }
  // Cargo builds where CARGO_TARGET_DIR says, and puts the profile `dev` into `debug`.
  const target = path.resolve(ROOT, process.env.CARGO_TARGET_DIR || 'target');
  install(path.join(target, profile === 'dev' ? 'debug' : profile, libraryName(process.platform)), profile, sourcesTime);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`Built ${path.relative(process.cwd(), addonFile())} in ${seconds} s.`);
  return 0;
}

/**
 * Puts the library in its place in one step: whoever runs the old one keeps it, and nobody ever sees half a file.
 *
 * @param {string} library
 * @param {string} profile
 * @param {Date} sourcesTime becomes the addon's time, so that a source changed during the build is seen as newer
 */
function install(library, profile, sourcesTime) {
  const file = addonFile();
  const aside = `${file}.${process.pid}`;
  try {
    fs.copyFileSync(library, aside);
    fs.utimesSync(aside, sourcesTime, new Date(Math.ceil(sourcesTime.getTime()) + 1));
    noteProfile(profile);
    fs.renameSync(aside, file);
  } finally {
    fs.rmSync(aside, { force: true });
  }
}

/** @returns {Promise<number>} */
async function main() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        force: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        profile: { type: 'string', default: process.env.MILLRACE_BUILD_PROFILE || 'release' },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (values.check) {
    const reason = reasonToBuild(values.profile);
    console.log(reason === undefined ? 'The addon is up to date.' : `The addon is ${reason}.`);
    return reason === undefined ? 0 : 1;
  }
  const code = await build(values);
  if (code === 0 && !process.env.MILLRACE_NATIVE) console.log(`The addon: ${path.relative(process.cwd(), addonFile())}`);
  return code;
}

if (require.main === module) void runMain(main);

module.exports = { addonFile, build, libraryName, noteProfile };
