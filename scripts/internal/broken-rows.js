'use strict';

/**
 * @typedef {object} BrokenKind
 * @property {string} name
 * @property {(row: string) => string} breakRow makes a broken row, without a newline, out of a good one; no JSON parser
 *   that goes by RFC 8259 accepts it
 */

/**
 * The ways in which log rows are broken in practice. All of them are UTF-8, since a program that reads text replaces
 * what is not before its parser sees it, and would then not agree with one that reads bytes.
 *
 * @type {BrokenKind[]}
 */
const brokenKinds = [
  { name: 'truncated', breakRow: (row) => row.slice(0, row.length >> 1) },
  { name: 'bare word', breakRow: () => 'undefined' },
  { name: 'trailing comma', breakRow: (row) => `${row.slice(0, -1)},}` },
  { name: 'NUL byte', breakRow: (row) => row.replace('"level":"', '"level":"\0') },
  { name: 'unclosed string', breakRow: (row) => row.replace('","level"', ',"level"') },
  { name: 'plain text', breakRow: () => 'Error: connect ECONNREFUSED 127.0.0.1:5432' },
  { name: 'single quotes', breakRow: (row) => row.replaceAll('"', "'") },
  { name: 'unquoted key', breakRow: (row) => row.replace('"level"', 'level') },
  { name: 'not a number', breakRow: (row) => row.replace(/"durationMs":[\d.]+/, '"durationMs":NaN') },
  { name: 'leading zero', breakRow: (row) => row.replace('"status":', '"status":0') },
  { name: 'unknown escape', breakRow: (row) => row.replace('"level":"', '"level":"\\x') },
  { name: 'two values', breakRow: (row) => `${row}{}` },
  { name: 'missing colon', breakRow: (row) => row.replace('"level":', '"level"') },
  { name: 'missing comma', breakRow: (row) => row.replace(',"level"', '"level"') },
  { name: 'extra bracket', breakRow: (row) => `${row}]` },
  { name: 'raw tab', breakRow: (row) => row.replace('"level":"', '"level":"\t') },
  { name: 'comment', breakRow: (row) => `${row} // retried` },
  { name: 'cut in an escape', breakRow: () => '{"message":"\\u00' },
];

module.exports = { brokenKinds };
