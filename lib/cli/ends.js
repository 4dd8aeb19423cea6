'use strict';

/** Where bytes come from and go to: files and the standard streams, and the rules that protect files. */

const nodeFs = require('node:fs');
const path = require('node:path');
const { createReadStream, createWriteStream } = require('../fs.js');
const { UsageError } = require('./usage.js');

/**
 * @param {string} name a file, or `-`
 * @returns {{ stream: any, bytes: number | null, name: string }} `bytes` is the size where it is known
 */
function openInput(name) {
  if (name === '-') return { stream: process.stdin, bytes: null, name: 'standard input' };
  let bytes = null;
  try {
    const stat = nodeFs.statSync(name);
    if (stat.isFile()) bytes = stat.size;
  } catch {
    // The stream says what is wrong, as an error of the work.
  }
  return { stream: createReadStream(name), bytes, name };
}

/**
 * Refuses an output that is the input, or that exists and is not to be overwritten. To be asked before anything is opened.
 *
 * @param {string} name a file, or `-`
 * @param {string} input
 * @param {boolean} force
 * @throws {UsageError}
 */
function checkOutput(name, input, force) {
  const target = name === '-' ? null : stat(name);
  if (target === null) return;
  const source = input === '-' ? null : stat(input);
  if (source !== null && source.dev === target.dev && source.ino === target.ino) {
    throw new UsageError(`'${name}' is the input; name another output`);
  }
  if (target.isDirectory()) throw new UsageError(`'${name}' is a directory; name a file in it`);
  if (!force && target.isFile()) throw new UsageError(`'${name}' exists; --force overwrites it`);
}

/**
 * Opens an output that shows itself under its name only when all is well.
 *
 * @param {string} name a file, or `-`
 * @returns {any}
 */
function openOutput(name) {
  if (name === '-') return process.stdout;
  const target = stat(name);
  // A device or a FIFO has no name to be renamed to.
  return createWriteStream(name, { atomic: target === null || target.isFile() });
}

/** @param {string} name @returns {nodeFs.Stats | null} */
function stat(name) {
  try {
    return nodeFs.statSync(name);
  } catch {
    return null;
  }
}

/** @param {string} name @returns {boolean} whether its name says that it is compressed */
const namedGzip = (name) => path.extname(name).toLowerCase() === '.gz';

module.exports = { openInput, checkOutput, openOutput, namedGzip };
