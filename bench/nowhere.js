'use strict';

const { createHash } = require('node:crypto');
const { Writable } = require('node:stream');

/** Takes what it is given and keeps only the count of bytes, or also their digest in the untimed pass. */
class Nowhere extends Writable {
  /** @param {boolean} check  whether to digest as well */
  constructor(check) {
    super();
    this.bytes = 0;
    this.digest = check ? createHash('sha256') : null;
  }

  /**
   * @param {Buffer} chunk
   * @param {BufferEncoding} _encoding
   * @param {() => void} callback
   */
  _write(chunk, _encoding, callback) {
    this.bytes += chunk.length;
    if (this.digest) this.digest.update(chunk);
    callback();
  }

  facts() {
    return { bytes: this.bytes, sha256: this.digest ? this.digest.digest('hex') : null };
  }
}

module.exports = { Nowhere };
