'use strict';

/** The tarballs that `npm run pack` made for this machine, which the tests of this folder are about. */

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { triple } = require('../../lib/internal/platform.js');
const { version } = require('../../package.json');
const { addonName, packageName, platform } = require('../../scripts/internal/platforms.js');

const FOLDER = path.join(__dirname, '..', '..', 'out', 'packages');
const PLATFORM = platform(triple());
const MAIN_TARBALL = path.join(FOLDER, `millrace-${version}.tgz`);
const PLATFORM_TARBALL = path.join(FOLDER, `millrace-${PLATFORM.name}-${version}.tgz`);

for (const file of [MAIN_TARBALL, PLATFORM_TARBALL]) {
  assert.ok(fs.existsSync(file), `${file} is missing: run npm run pack first`);
}

/** @returns {NodeJS.ProcessEnv} one in which neither Rust nor an addon built elsewhere is found */
function bareEnvironment() {
  const hasRust = (/** @type {string} */ folder) => ['cargo', 'cargo.exe'].some((tool) => fs.existsSync(path.join(folder, tool)));
  const clean = (process.env.PATH ?? '').split(path.delimiter).filter((folder) => !hasRust(folder));
  // The Node that runs the test is the one that is tested.
  return { ...process.env, PATH: [path.dirname(process.execPath), ...clean].join(path.delimiter), MILLRACE_NATIVE: undefined };
}

/**
 * Installs both tarballs into an empty folder, without running scripts, as npm does unasked.
 *
 * @returns {string} the folder
 */
function install() {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-installed-')));
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', MAIN_TARBALL, PLATFORM_TARBALL];
  const shell = process.platform === 'win32';
  const { status, stderr } = spawnSync('npm', args, { cwd: folder, env: bareEnvironment(), encoding: 'utf8', shell });
  assert.equal(status, 0, stderr);
  return folder;
}

/** @param {string} folder where both are installed @returns {string} */
function installedAddon(folder) {
  return path.join(folder, 'node_modules', ...packageName(PLATFORM).split('/'), addonName(PLATFORM));
}

module.exports = { MAIN_TARBALL, PLATFORM, PLATFORM_TARBALL, bareEnvironment, install, installedAddon };
