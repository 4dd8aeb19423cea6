/// <reference path="../split2.d.ts" />

'use strict';

const { ours } = require('../ours');

/** A constant, so that the outputs of both sides can be compared. */
const PROCESSED_AT = '2026-01-02T03:04:05.678Z';
const HASH_LENGTH = 8;

/** Ours: four native stages between two native ends. */
function loadOurs() {
  const { pipeline } = require('node:stream/promises');
  const { createReadStream, createWriteStream } = ours('fs');
  const jsonl = ours('jsonl');
  const zlib = ours('zlib');
  return {
    /** @param {import('.').Job} job */
    async run({ input, output }) {
      await pipeline(
        createReadStream(input),
        jsonl.validate({ onInvalid: 'skip', rejects: createWriteStream(`${output}.rejects`) }),
        jsonl.edit({
          set: { processedAt: PROCESSED_AT },
          hash: { field: 'hash', algorithm: 'sha256', length: HASH_LENGTH },
        }),
        zlib.createGzip({ level: 6 }),
        createWriteStream(output),
      );
      return {};
    },
  };
}

/**
 * How an expert writes it in JavaScript: 256 KiB at a time, one parse and one stringify a row, the hash spliced into the
 * text, one write a batch, so that gzip's thread works while this one parses the next batch.
 */
function loadExpert() {
  const crypto = require('node:crypto');
  const fs = require('node:fs');
  const { Transform } = require('node:stream');
  const { finished, pipeline } = require('node:stream/promises');
  const zlib = require('node:zlib');

  /** @type {(text: string) => string} The one-shot of Node 20.12 and 21.7 is the faster where there is one. */
  const sha256 = crypto.hash
    ? (text) => crypto.hash('sha256', text, 'hex')
    : (text) => crypto.createHash('sha256').update(text).digest('hex');

  class Rows extends Transform {
    /** @param {import('node:stream').Writable} rejects */
    constructor(rejects) {
      super({ readableHighWaterMark: 1 << 18, writableHighWaterMark: 1 << 18 });
      this.rejects = rejects;
      this.line = 0;
      this.offset = 0;
      /** @type {Buffer | null} the start of a row whose end has not come */
      this.rest = null;
    }

    /**
     * @param {Buffer} chunk
     * @param {BufferEncoding} _encoding
     * @param {(error: Error | null, out?: string) => void} callback
     */
    _transform(chunk, _encoding, callback) {
      const last = chunk.lastIndexOf(10);
      if (last === -1) {
        this.rest = this.rest ? Buffer.concat([this.rest, chunk]) : chunk;
        callback(null);
        return;
      }
      let whole = chunk.subarray(0, last + 1);
      if (this.rest) whole = Buffer.concat([this.rest, whole]);
      this.rest = last + 1 < chunk.length ? chunk.subarray(last + 1) : null;
      this.batch(whole, callback);
    }

    /** @param {(error: Error | null, out?: string) => void} callback */
    _flush(callback) {
      if (this.rest) this.batch(this.rest, callback);
      else callback(null);
    }

    /**
     * @param {Buffer} bytes  whole rows
     * @param {(error: Error | null, out?: string) => void} callback
     */
    batch(bytes, callback) {
      const text = bytes.toString();
      let out = '';
      let bad = '';
      let start = 0;
      while (start < text.length) {
        let end = text.indexOf('\n', start);
        if (end === -1) end = text.length;
        const line = text.slice(start, end);
        this.line += 1;
        let row = null;
        let reason = 'not an object';
        try {
          row = JSON.parse(line);
        } catch (error) {
          reason = String(error);
        }
        if (row !== null && typeof row === 'object' && !Array.isArray(row)) {
          if ('hash' in row) delete row.hash;
          row.processedAt = PROCESSED_AT;
          const json = JSON.stringify(row);
          out += `${json.slice(0, -1)},"hash":"${sha256(json).slice(0, HASH_LENGTH)}"}\n`;
        } else {
          const offset = this.offset + Buffer.byteLength(text.slice(0, start));
          bad += `${JSON.stringify({ line: this.line, offset, reason, row: line })}\n`;
        }
        start = end + 1;
      }
      this.offset += bytes.length;
      if (bad && !this.rejects.write(bad)) this.rejects.once('drain', () => callback(null, out));
      else callback(null, out);
    }
  }

  return {
    /** @param {import('.').Job} job */
    async run({ input, output }) {
      const rejects = fs.createWriteStream(`${output}.rejects`);
      await pipeline(
        fs.createReadStream(input, { highWaterMark: 1 << 18 }),
        new Rows(rejects),
        zlib.createGzip({ level: 6, chunkSize: 1 << 16 }),
        fs.createWriteStream(output),
      );
      rejects.end();
      await finished(rejects);
      return {};
    },
  };
}

/** The way of the tutorials: split into lines, then one Transform for each step, one row a chunk. */
function loadTextbook() {
  const crypto = require('node:crypto');
  const fs = require('node:fs');
  const { Transform } = require('node:stream');
  const { finished, pipeline } = require('node:stream/promises');
  const zlib = require('node:zlib');
  const split2 = require('split2');

  return {
    /** @param {import('.').Job} job */
    async run({ input, output }) {
      const rejects = fs.createWriteStream(`${output}.rejects`);
      let line = 0;
      const validate = new Transform({
        objectMode: true,
        transform(text, _encoding, callback) {
          line += 1;
          try {
            const row = JSON.parse(text);
            if (row === null || typeof row !== 'object' || Array.isArray(row)) throw new TypeError('not an object');
            callback(null, row);
          } catch (error) {
            rejects.write(`${JSON.stringify({ line, reason: String(error), row: text })}\n`);
            callback();
          }
        },
      });
      const stamp = new Transform({
        objectMode: true,
        transform(row, _encoding, callback) {
          row.processedAt = PROCESSED_AT;
          callback(null, row);
        },
      });
      const hash = new Transform({
        objectMode: true,
        transform(row, _encoding, callback) {
          delete row.hash;
          const digest = crypto.createHash('sha256').update(JSON.stringify(row)).digest('hex');
          row.hash = digest.slice(0, HASH_LENGTH);
          callback(null, row);
        },
      });
      const stringify = new Transform({
        writableObjectMode: true,
        transform(row, _encoding, callback) {
          callback(null, `${JSON.stringify(row)}\n`);
        },
      });
      await pipeline(
        fs.createReadStream(input),
        split2(),
        validate,
        stamp,
        hash,
        stringify,
        zlib.createGzip({ level: 6 }),
        fs.createWriteStream(output),
      );
      rejects.end();
      await finished(rejects);
      return {};
    },
  };
}

/** @type {import('.').Case} */
module.exports = {
  name: 'pipeline',
  title: 'validate, set time, hash, gzip 6, file to file',
  reads: 'plain',
  writes: 'gzip',
  agrees: 'sides',
  inputs: ['sample', 'zeek', 'windows'],
  respelled: ['zeek', 'windows'],
  unit: 'MB/s',
  sides: {
    ours: { label: 'millrace', load: loadOurs },
    expert: { label: 'Node, hand-batched', load: loadExpert, floor: 7 },
    textbook: { label: '`split2` and one Transform a step', load: loadTextbook, floor: 35, slice: true },
  },
};
