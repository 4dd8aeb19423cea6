'use strict';

// A preload: whoever asks for zlib gets millrace/zlib, except millrace itself.

const Module = require('node:module');
const path = require('node:path');

const OURS = path.join(__dirname, '..', '..', 'lib');
/** @type {any} */
const hooked = Module;
const load = hooked._load;

hooked._load = (/** @type {string} */ request, /** @type {any} */ parent, /** @type {boolean} */ isMain) => {
  const asked = request === 'zlib' || request === 'node:zlib';
  if (asked && !parent?.filename?.startsWith(OURS + path.sep)) {
    return load(path.join(OURS, 'zlib.js'), parent, isMain);
  }
  return load(request, parent, isMain);
};
