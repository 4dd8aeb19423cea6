'use strict';

/** What stages should give, said in plain JavaScript. */

const LF = 0x0a;
const CR = 0x0d;

/**
 * @typedef {object} Line
 * @property {Buffer} bytes without its end
 * @property {Buffer} end what it ends with: LF, CRLF or nothing
 * @property {number} offset of its first byte
 * @property {number} line from 1
 */

/**
 * @param {Buffer} input
 * @returns {Line[]}
 */
function split(input) {
  /** @type {Line[]} */
  const found = [];
  for (let offset = 0; offset < input.length; ) {
    const lf = input.indexOf(LF, offset);
    const stop = lf < 0 ? input.length : lf;
    const to = lf > offset && input[lf - 1] === CR ? lf - 1 : stop;
    const next = lf < 0 ? input.length : lf + 1;
    found.push({ bytes: input.subarray(offset, to), end: input.subarray(to, next), offset, line: found.length + 1 });
    offset = next;
  }
  return found;
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @typedef {Line & { text: string | undefined, value: any, blank: boolean, problem: boolean }} Row
 */

/**
 * @param {Buffer} input
 * @param {{ utf8?: 'error' | 'replace', maxLineLength?: number }} [options]
 * @returns {Row[]}
 */
function rowsOf(input, { utf8 = 'error', maxLineLength = Infinity } = {}) {
  const bom = input.subarray(0, 3).equals(Buffer.from('\ufeff')) ? 3 : 0;
  return split(input.subarray(bom)).map((line) => {
    /** @type {Row} */
    const row = { ...line, offset: line.offset + bom, text: undefined, value: undefined, blank: false, problem: true };
    // A CR at the very end of the input is whitespace of the row.
    if (line.bytes.length > maxLineLength) return row;
    try {
      row.text = utf8 === 'error' ? strict.decode(line.bytes) : line.bytes.toString();
    } catch {
      return row;
    }
    row.blank = /^[ \t\r]*$/.test(row.text);
    if (row.blank) return { ...row, problem: false };
    try {
      row.value = JSON.parse(row.text);
      return { ...row, problem: false };
    } catch {
      return row;
    }
  });
}

/** @param {Row[]} rows @returns {Row[]} those that go out */
const good = (rows) => rows.filter((row) => !row.blank && !row.problem);

module.exports = { split, rowsOf, good };
