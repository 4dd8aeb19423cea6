'use strict';

/**
 * What a trial is told.
 *
 * @typedef {object} Job
 * @property {string} case    name of the case
 * @property {string} side    `ours` or one of the case's rivals
 * @property {string} input   path of the input file
 * @property {number} bytes   plain bytes of the input (also where the file itself is compressed)
 * @property {string} output  path that the side may write; `${output}.rejects` is its companion
 * @property {boolean} check  true in the untimed pass, in which a side digests all that it produced
 * @property {number} calls   how many calls a one-shot case makes
 */

/**
 * One way to do a case's work. `load` requires its modules, outside the clock; `run` is what the clock sees, and returns
 * the facts that must be the same on every side. `prepare` may read an input into memory beforehand.
 *
 * @typedef {object} Side
 * @property {string} label  how the table names it
 * @property {() => { prepare?: (job: Job) => any, run: (job: Job, prepared?: any) => Promise<object> }} load
 * @property {number} [floor]     at least this many times as fast as this rival
 * @property {number} [sizeFloor] our output at most this many times as large as this rival's
 * @property {boolean} [slice]    run this slow rival on an eighth of the input, and compare rates
 * @property {string} [command]   a program that must be installed, or the rival is left out with a note
 */

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} title
 * @property {'plain' | 'gzip' | 'memory'} reads
 * @property {'plain' | 'gzip' | null} writes
 * @property {'input' | 'sides'} agrees   the plain output must equal the input, or be the same on all sides
 * @property {string[]} inputs            which inputs it runs on, of `sample`, `clean`, `zeek` and `windows`
 * @property {string[]} [respelled]       inputs whose rows the rivals write in another spelling of the same JSON (`1` for `1.0`)
 * @property {'MB/s' | 'calls/s'} unit
 * @property {number} [calls]             how many calls a trial makes, where it counts calls
 * @property {Record<string, Side>} sides `ours` first
 */

/** @type {Case[]} */
const cases = [
  require('./pipeline'),
  require('./gzip6'),
  require('./gzip-small-writes'),
  ...require('./gunzip'),
  require('./sha256'),
  require('./copy'),
  ...require('./lines-to-objects'),
  require('./uppercase'),
  ...require('./oneshot'),
];

/**
 * @param {string} name
 * @returns {Case}
 */
function findCase(name) {
  const found = cases.find((one) => one.name === name);
  if (!found) throw new RangeError(`no case is named ${name}; there are ${cases.map((one) => one.name).join(', ')}`);
  return found;
}

module.exports = { cases, findCase };
