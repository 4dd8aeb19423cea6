'use strict';

/** Whole buffers in one native call on this thread. */

const { fromFailure } = require('./errors.js');
const { load } = require('./loader.js');
const { stageSpec } = require('./zlib-options.js');

/** @typedef {import('./zlib-options.js').Settings} Settings */

/** Results up to this size come by way of one buffer for all, so that none pins more memory than it has. */
const SCRATCH_BYTES = 64 * 1024;
/** Native codecs kept, by their options. */
const KEPT = 64;

/** @type {Buffer} */
let scratch;
/** @type {Map<Settings, any>} */
const byDefaults = new Map();
/** The oldest first. @type {Map<string, any>} */
const byOptions = new Map();

/**
 * @param {Settings} settings
 * @returns {any} a native codec; it has no state between calls
 */
function codecOf(settings) {
  let codec = byDefaults.get(settings);
  if (codec !== undefined) return codec;
  const spec = JSON.stringify(stageSpec(settings, false));
  if (Object.isFrozen(settings)) {
    codec = new (load().Codec)(spec);
    byDefaults.set(settings, codec);
    return codec;
  }
  // A dictionary may be large, and its bytes may change.
  if (settings.dictionary !== undefined) return new (load().Codec)(spec, settings.dictionary);
  const key = spec;
  codec = byOptions.get(key);
  if (codec === undefined) {
    codec = new (load().Codec)(spec);
    if (byOptions.size >= KEPT) byOptions.delete(/** @type {string} */ (byOptions.keys().next().value));
    byOptions.set(key, codec);
  }
  return codec;
}

/**
 * @typedef {object} Outcome
 * @property {Buffer} buffer
 * @property {number} consumed bytes of the input that belong to the compressed data
 */

/**
 * @param {Settings} settings
 * @param {Uint8Array} input
 * @param {number} kind zlib's flush at the end
 * @param {number} most bytes of output
 * @returns {Outcome}
 * @throws {Error} with the codes of `node:zlib`
 */
function run(settings, input, kind, most) {
  const codec = codecOf(settings);
  scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  const bytes = codec.run(input, scratch, kind, most);
  if (bytes < 0) throw fromFailure(codec.failure(), settings.mode.name);
  let buffer;
  if (bytes <= SCRATCH_BYTES) {
    buffer = Buffer.allocUnsafe(bytes);
    scratch.copy(buffer, 0, 0, bytes);
  } else {
    buffer = Buffer.allocUnsafeSlow(bytes);
    codec.take(buffer);
  }
  return { buffer, consumed: settings.mode.format === undefined ? codec.consumed() : input.length };
}

module.exports = { run };
