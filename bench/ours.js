'use strict';

const path = require('node:path');

const LIB = path.join(__dirname, '..', 'lib');

/**
 * Loads one subpath of the millrace that this folder is part of, and the addon. A plain path and not the package's name:
 * a link in this folder's `node_modules` could point at another checkout, and one would measure that without noticing.
 *
 * @param {string} subpath  such as `zlib`
 * @returns {any}
 */
function ours(subpath) {
  // The package loads the addon at its first use, which would be within the clock.
  require(path.join(LIB, 'internal', 'loader')).load();
  return require(path.join(LIB, subpath));
}

module.exports = { ours };
