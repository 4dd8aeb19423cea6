'use strict';

/** Figures and tables in Markdown. */

const { median, medianOrNull } = require('./statistics');

/**
 * @param {number} value
 * @returns {string} with as many digits as mean something
 */
function figure(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en-GB');
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** @param {number[]} values */
function spread(values) {
  return `${figure(median(values))} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
}

/**
 * @param {(number | null)[]} values
 * @param {(value: number) => string} format
 */
function middle(values, format) {
  const value = medianOrNull(values);
  return value === null ? '–' : format(value);
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
function table(head, rows) {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  /** @param {string[]} cells */
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}

module.exports = { figure, middle, spread, table };
