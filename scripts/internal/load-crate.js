'use strict';

const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..');

/**
 * The crate in `bench/load`, which depends on the project's own. It is built with the same versions of what both need, and
 * into the same folder, so that these are built once.
 *
 * @returns {string[]} arguments of cargo that name it
 */
function loadCrate() {
  const folder = path.join(ROOT, 'bench', 'load');
  // Cargo adds the crate itself, and drops what it does not need.
  fs.copyFileSync(path.join(ROOT, 'Cargo.lock'), path.join(folder, 'Cargo.lock'));
  return ['--manifest-path', path.join(folder, 'Cargo.toml'), '--target-dir', path.join(ROOT, 'target')];
}

module.exports = { loadCrate };
