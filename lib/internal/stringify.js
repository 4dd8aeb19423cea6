'use strict';

const { NativeTransform } = require('./native-stream.js');
const { withCode } = require('./errors.js');
const { kInput } = require('./port-keys.js');

/** @typedef {(error?: Error | null) => void} Callback */

/**
 * @param {any} value
 * @returns {string} its row
 * @throws {Error} `ERR_MILLRACE_JSONL_STRINGIFY`
 */
function row(value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    const reason = /** @type {Error} */ (cause).message.split('\n')[0];
    throw withCode(new TypeError(`The value has no JSON: ${reason}`, { cause }), 'ERR_MILLRACE_JSONL_STRINGIFY');
  }
  if (text === undefined) {
    throw withCode(new TypeError(`A ${typeof value} has no JSON`), 'ERR_MILLRACE_JSONL_STRINGIFY');
  }
  return `${text}\n`;
}

/** Values in, rows out. The work is V8's; the native end joins what follows. */
class Stringify extends NativeTransform {
  /** @param {Record<string, any>} options */
  constructor(options) {
    super(options, { name: 'stringify', spec: { stage: 'pass' } });
  }

  /**
   * @override
   * @param {any} value
   * @param {BufferEncoding} _encoding
   * @param {Callback} callback
   */
  _write(value, _encoding, callback) {
    this.writeRows([value], callback);
  }

  /**
   * Values that waited together go down together.
   *
   * @override
   * @param {{ chunk: any }[]} chunks
   * @param {Callback} callback
   */
  _writev(chunks, callback) {
    this.writeRows(chunks.map(({ chunk }) => chunk), callback);
  }

  /**
   * @param {any[]} values
   * @param {Callback} callback
   */
  writeRows(values, callback) {
    let text = '';
    try {
      for (const value of values) text += row(value);
    } catch (error) {
      callback(/** @type {Error} */ (error));
      return;
    }
    /** @type {any} */ (this)[kInput].write(Buffer.from(text), callback);
  }
}

module.exports = { Stringify };
