'use strict';

const { spawnSync } = require('node:child_process');

/** The oldest versions that the package works with; `package.json` and `Cargo.toml` say the same. */
const NODE = '20.0.0';
const RUST = '1.88.0';

/** A requirement that the machine does not meet. The message says what to install and where to get it. */
class MissingRequirement extends Error {
  /** @override */
  name = 'MissingRequirement';
}

/**
 * @param {string} found
 * @param {string} wanted
 * @returns {boolean} whether version `found` is `wanted` or newer; what follows a hyphen is not looked at
 */
function atLeast(found, wanted) {
  const [a, b] = [found, wanted].map((version) => version.split('-')[0].split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  }
  return true;
}

/**
 * @param {string} [found] the running Node's version
 * @throws {MissingRequirement}
 */
function requireNode(found = process.versions.node) {
  if (atLeast(found, NODE)) return;
  throw new MissingRequirement(
    `Node.js ${found} is too old: millrace needs ${NODE} or newer.\nInstall a current one from https://nodejs.org/ .`,
  );
}

/**
 * Checks that `cargo` and `rustc` are there and new enough.
 *
 * @param {NodeJS.ProcessEnv} [env] where to look for them
 * @returns {string} the compiler's version
 * @throws {MissingRequirement}
 */
function requireRust(env = process.env) {
  const hint =
    'Install Rust from https://rustup.rs/ (then open a new terminal, so that PATH has ~/.cargo/bin),\n' +
    'or, where rustup is there already, run: rustup update stable';
  const versions = ['rustc', 'cargo'].map((tool) => {
    const { error, status, stdout, stderr } = spawnSync(tool, ['--version'], { encoding: 'utf8', env });
    if (error !== undefined) {
      throw new MissingRequirement(
        `${tool} was not found (${/** @type {NodeJS.ErrnoException} */ (error).code}): ` +
          `millrace is built with Rust ${RUST} or newer.\n${hint}`,
      );
    }
    const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0];
    if (status !== 0 || version === undefined) {
      throw new MissingRequirement(`${tool} --version failed: ${stderr.trim() || stdout.trim()}\n${hint}`);
    }
    return version;
  });
  if (!atLeast(versions[0], RUST)) {
    throw new MissingRequirement(`Rust ${versions[0]} is too old: millrace needs ${RUST} or newer.\n${hint}`);
  }
  return versions[0];
}

module.exports = { NODE, RUST, MissingRequirement, atLeast, requireNode, requireRust };
