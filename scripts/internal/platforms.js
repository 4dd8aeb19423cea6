'use strict';

/**
 * The platforms that packages with a built addon are made for. The names are those that lib/internal/platform.js tries.
 *
 * @typedef {object} Platform
 * @property {string} name of the package, behind `@millrace/`
 * @property {string} rust the target, as rustc calls it
 * @property {string} os as `process.platform`
 * @property {string} cpu as `process.arch`
 * @property {'glibc' | 'musl'} [libc] of Linux
 */

/** The oldest glibc that the addon runs with: that of Node.js 20's own binaries. */
const GLIBC = '2.28';

/** @type {Platform[]} */
const PLATFORMS = [
  { name: 'linux-x64', rust: 'x86_64-unknown-linux-gnu', os: 'linux', cpu: 'x64', libc: 'glibc' },
  { name: 'linux-arm64', rust: 'aarch64-unknown-linux-gnu', os: 'linux', cpu: 'arm64', libc: 'glibc' },
  { name: 'linux-x64-musl', rust: 'x86_64-unknown-linux-musl', os: 'linux', cpu: 'x64', libc: 'musl' },
  { name: 'linux-arm64-musl', rust: 'aarch64-unknown-linux-musl', os: 'linux', cpu: 'arm64', libc: 'musl' },
  { name: 'darwin-x64', rust: 'x86_64-apple-darwin', os: 'darwin', cpu: 'x64' },
  { name: 'darwin-arm64', rust: 'aarch64-apple-darwin', os: 'darwin', cpu: 'arm64' },
  { name: 'win32-x64', rust: 'x86_64-pc-windows-msvc', os: 'win32', cpu: 'x64' },
  { name: 'win32-arm64', rust: 'aarch64-pc-windows-msvc', os: 'win32', cpu: 'arm64' },
];

/**
 * @param {string} name
 * @returns {Platform}
 * @throws {RangeError} where there is no such platform
 */
function platform(name) {
  const found = PLATFORMS.find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`no package is made for ${name}: ${PLATFORMS.map((one) => one.name).join(', ')}`);
  return found;
}

/** @param {Platform} one @returns {string} the name of its package */
function packageName(one) {
  return `@millrace/${one.name}`;
}

/** @param {Platform} one @returns {string} the file in its package */
function addonName(one) {
  return `millrace.${one.name}.node`;
}

module.exports = { GLIBC, PLATFORMS, addonName, packageName, platform };
