/// <reference path="../split2.d.ts" />

'use strict';

const { createHash } = require('node:crypto');
const { ours } = require('../ours');

/**
 * Looks at every row as a program would, cheaply: how many, and the sum of one field. In the untimed pass it digests whole
 * rows.
 */
class Tally {
  /** @param {boolean} check */
  constructor(check) {
    this.rows = 0;
    this.sum = 0;
    this.digest = check ? createHash('sha256') : null;
    /** @type {string} the field that is looked at: the first of the first row that has a number, or a string */
    this.field = '';
  }

  /** @param {Record<string, any>} row */
  add(row) {
    if (this.rows === 0) {
      const keys = Object.keys(row);
      this.field = keys.find((key) => typeof row[key] === 'number') ?? keys[0];
    }
    this.rows += 1;
    const value = row[this.field];
    this.sum += typeof value === 'number' ? value : 1;
    if (this.digest) this.digest.update(JSON.stringify(row));
  }

  facts() {
    return { rows: this.rows, sum: this.sum, sha256: this.digest ? this.digest.digest('hex') : null };
  }
}

function loadOurs() {
  const { once } = require('node:events');
  const { createReadStream } = ours('fs');
  const { parse } = ours('jsonl');
  return {
    /** @param {import('.').Job} job */
    async run({ input, check }) {
      const tally = new Tally(check);
      const source = createReadStream(input);
      const rows = source.pipe(parse());
      source.once('error', (/** @type {Error} */ error) => rows.destroy(error));
      rows.on('data', (/** @type {Record<string, any>} */ row) => tally.add(row));
      await once(rows, 'end');
      return tally.facts();
    },
  };
}

function loadOursBatched() {
  const { once } = require('node:events');
  const { createReadStream } = ours('fs');
  const { parse } = ours('jsonl');
  return {
    /** @param {import('.').Job} job */
    async run({ input, check }) {
      const tally = new Tally(check);
      const source = createReadStream(input);
      const batches = source.pipe(parse({ batch: true }));
      source.once('error', (/** @type {Error} */ error) => batches.destroy(error));
      batches.on('data', (/** @type {Record<string, any>[]} */ batch) => {
        for (const row of batch) tally.add(row);
      });
      await once(batches, 'end');
      return tally.facts();
    },
  };
}

function loadSplit2() {
  const { once } = require('node:events');
  const { createReadStream } = require('node:fs');
  const split2 = require('split2');
  return {
    /** @param {import('.').Job} job */
    async run({ input, check }) {
      const tally = new Tally(check);
      const source = createReadStream(input);
      const rows = source.pipe(split2(JSON.parse));
      source.once('error', (/** @type {Error} */ error) => rows.destroy(error));
      rows.on('data', (/** @type {Record<string, any>} */ row) => tally.add(row));
      await once(rows, 'end');
      return tally.facts();
    },
  };
}

function loadReadline() {
  const { once } = require('node:events');
  const { createReadStream } = require('node:fs');
  const readline = require('node:readline');
  return {
    /** @param {import('.').Job} job */
    async run({ input, check }) {
      const tally = new Tally(check);
      const lines = readline.createInterface({ input: createReadStream(input), crlfDelay: Infinity });
      lines.on('line', (line) => tally.add(JSON.parse(line)));
      await once(lines, 'close');
      return tally.facts();
    },
  };
}

/**
 * @param {string} name
 * @param {string} title
 * @param {Record<string, import('.').Side>} sides
 * @returns {import('.').Case}
 */
function linesCase(name, title, sides) {
  return {
    name,
    title,
    reads: 'plain',
    writes: null,
    agrees: 'sides',
    inputs: ['clean', 'zeek', 'windows'],
    unit: 'MB/s',
    sides,
  };
}

const split2 = { label: '`split2` and `JSON.parse`', load: loadSplit2, floor: 1.8 };
const readline = { label: '`readline` and `JSON.parse`', load: loadReadline };

/** @type {import('.').Case[]} */
module.exports = [
  linesCase('lines-to-objects', 'lines to objects in JavaScript, row by row', {
    ours: { label: 'millrace', load: loadOurs },
    split2,
    readline,
  }),
  linesCase('lines-to-objects-batched', 'lines to objects in JavaScript, in batches', {
    ours: { label: 'millrace', load: loadOursBatched },
    split2,
  }),
];
