'use strict';

/** What the tests of rows share. */

const { Writable } = require('node:stream');

/**
 * @param {import('node:stream').Duplex} stage
 * @param {any} input
 * @returns {Promise<{ error: any, output: any[], errors: number }>} how it failed, and what came before
 */
async function failing(stage, input) {
  /** @type {any[]} */
  const output = [];
  /** @type {any[]} */
  const errors = [];
  stage.on('data', (chunk) => output.push(chunk));
  stage.on('error', (error) => errors.push(error));
  const closed = new Promise((resolve) => stage.once('close', resolve));
  stage.end(input);
  await closed;
  return { error: errors[0], output, errors: errors.length };
}

/** Keeps what is written to it. */
class Kept extends Writable {
  /** @param {import('node:stream').WritableOptions} [options] */
  constructor(options) {
    super(options);
    /** @type {any[]} */
    this.chunks = [];
  }

  /** @param {any} chunk @param {BufferEncoding} _encoding @param {() => void} callback */
  _write(chunk, _encoding, callback) {
    this.chunks.push(chunk);
    callback();
  }

  /** @returns {any[]} the letters */
  get letters() {
    return String(Buffer.concat(this.chunks)).trimEnd().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }
}

const BAD = '{"a":1}\n{"b":}\r\n\n[1,2\n  {"c":3}  \r\nnope\n"last"';

module.exports = { BAD, failing, Kept };
