'use strict';

const { ours } = require('../ours');

function loadOurs() {
  const { pipeline } = require('node:stream/promises');
  const { createReadStream, createWriteStream } = ours('fs');
  const { upperCase } = ours('text');
  return {
    /** @param {import('.').Job} job */
    async run({ input, output }) {
      await pipeline(createReadStream(input), upperCase(), createWriteStream(output));
      return {};
    },
  };
}

/** The textbook's, but for the decoder: without one a character that a chunk's end cuts in two is destroyed. */
function loadTextbook() {
  const { createReadStream, createWriteStream } = require('node:fs');
  const { Transform } = require('node:stream');
  const { pipeline } = require('node:stream/promises');
  const { StringDecoder } = require('node:string_decoder');
  return {
    /** @param {import('.').Job} job */
    async run({ input, output }) {
      const decoder = new StringDecoder('utf8');
      const upperCase = new Transform({
        transform(chunk, _encoding, callback) {
          callback(null, decoder.write(chunk).toUpperCase());
        },
        flush(callback) {
          callback(null, decoder.end().toUpperCase());
        },
      });
      await pipeline(createReadStream(input), upperCase, createWriteStream(output));
      return {};
    },
  };
}

/** @type {import('.').Case} */
module.exports = {
  name: 'uppercase',
  title: 'upper case, file to file',
  reads: 'plain',
  writes: 'plain',
  agrees: 'sides',
  inputs: ['clean', 'windows'],
  unit: 'MB/s',
  sides: {
    ours: { label: 'millrace', load: loadOurs },
    textbook: { label: 'the textbook Transform', load: loadTextbook, floor: 3 },
  },
};
