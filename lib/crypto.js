'use strict';

/** Digests of what flows by. */

const { NativeTransform } = require('./internal/native-stream.js');
const { kInput, kOutputEnded } = require('./internal/port-keys.js');
const { optionsObject, oneOf } = require('./internal/options.js');
const { invalidArgType, invalidArgValue } = require('./internal/errors.js');

/** The algorithms, as `codec::digest` knows them. */
const ALGORITHMS = Object.freeze(['sha256', 'sha512', 'sha1', 'md5', 'crc32', 'blake3', 'xxh3']);
const ENCODINGS = Object.freeze(['hex', 'base64', 'base64url']);

/**
 * @param {unknown} algorithms
 * @returns {string[]}
 */
function checkedAlgorithms(algorithms) {
  if (algorithms === undefined) return ['sha256'];
  if (!Array.isArray(algorithms)) throw invalidArgType('options.algorithms', 'Array', algorithms);
  if (algorithms.length === 0) throw invalidArgValue('options.algorithms', algorithms, 'must name one at least');
  algorithms.forEach((name, index) => {
    const place = `options.algorithms[${index}]`;
    if (typeof name !== 'string') throw invalidArgType(place, 'string', name);
    if (!ALGORITHMS.includes(name)) {
      throw invalidArgValue(place, name, `must be one of: ${ALGORITHMS.map((known) => `'${known}'`).join(', ')}`);
    }
  });
  return [...algorithms];
}

/** Hands its input on as it is, and digests it meanwhile. */
class Hash extends NativeTransform {
  /** @param {unknown} [options] */
  constructor(options) {
    const { algorithms, encoding, ...streamOptions } = optionsObject(options);
    const names = checkedAlgorithms(algorithms);
    const spec = {
      stage: 'hash',
      algorithms: names,
      encoding: oneOf({ encoding }, 'encoding', ENCODINGS, 'hex'),
    };
    super({ ...streamOptions, objectMode: false, decodeStrings: true }, { name: 'hash', spec });
    /** @type {Readonly<Record<string, string>> | undefined} */
    this.digests = undefined;
  }

  [kOutputEnded]() {
    const result = /** @type {any} */ (this)[kInput].operator.result();
    if (typeof result === 'string') {
      this.digests = Object.freeze(JSON.parse(result));
      this.emit('digests', this.digests);
    }
    super[kOutputEnded]();
  }
}

/**
 * @param {unknown} [options]
 * @returns {Hash}
 */
function hash(options) {
  return new Hash(options);
}

module.exports = { hash, Hash };
