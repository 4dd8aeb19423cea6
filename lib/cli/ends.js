'use strict';

/** Where bytes come from and go to: files and the standard streams, and the rules that protect files. */

const nodeFs = require('node:fs');
const path = require('node:path');
const { createReadStream, createWriteStream } = require('../fs.js');
const { UsageError } = require('./usage.js');

/** Node's own streams where descriptors cannot be read and written natively. */
const NATIVE_STANDARD = process.platform !== 'win32';

/**
 * @param {string} name a file, or `-`
 * @returns {{ stream: any, bytes: number | null, name: string }} `bytes` is the size where it is known
 */
function openInput(name) {
  const found = stat(name, 0);
  const bytes = found?.isFile() ? found.size : null;
  if (name !== '-') return { stream: createReadStream(name), bytes, name };
  // Not `process.stdin`: its bytes would go through JavaScript.
  const stream = NATIVE_STANDARD ? createReadStream('', { fd: 0, autoClose: false }) : process.stdin;
  return { stream, bytes, name: 'standard input' };
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
  const target = stat(name, 1);
  if (target === null) return;
  const source = stat(input, 0);
  if (source?.isFile() && source.dev === target.dev && source.ino === target.ino) {
    throw new UsageError(`'${name}' is the input; name another output`);
  }
  if (name === '-') return;
  if (target.isDirectory()) throw new UsageError(`'${name}' is a directory; name a file in it`);
  if (!force && target.isFile()) throw new UsageError(`'${name}' exists; --force overwrites it`);
}

/**
 * @param {string} one a file, or `-`
 * @param {string} other
 * @returns {boolean} whether both are, or would be, the same file
 */
function sameFile(one, other) {
  if (one === '-' || other === '-') return one === other;
  if (path.resolve(one) === path.resolve(other)) return true;
  const [a, b] = [stat(one, 1), stat(other, 1)];
  return a !== null && b !== null && a.isFile() && a.dev === b.dev && a.ino === b.ino;
}

/**
 * Opens an output that shows itself under its name only when all is well.
 *
 * @param {string} name a file, or `-`
 * @param {boolean} force whether a file that exists may be overwritten
 * @returns {any}
 */
function openOutput(name, force) {
  if (name === '-') return NATIVE_STANDARD ? createWriteStream('', { fd: 1, autoClose: false }) : process.stdout;
  // Exclusive: a file that comes into being meanwhile is not overwritten, either. A device or a FIFO is there already.
  return createWriteStream(name, { atomic: true, flags: force || stat(name, 1) !== null ? 'w' : 'wx' });
}

/**
 * @param {string} name a file, or `-`
 * @param {number} standard the descriptor that `-` stands for
 * @returns {nodeFs.Stats | null} null where there is none; the stream will say what is wrong
 */
function stat(name, standard) {
  try {
    return name === '-' ? nodeFs.fstatSync(standard) : nodeFs.statSync(name);
  } catch {
    return null;
  }
}

/** @param {string} name @returns {boolean} whether its name says that it is compressed */
const namedGzip = (name) => path.extname(name).toLowerCase() === '.gz';

module.exports = { openInput, checkOutput, openOutput, sameFile, namedGzip };
