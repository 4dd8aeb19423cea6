'use strict';

const { ours } = require('../ours');

/**
 * @param {() => any} module  the file streams to use
 */
function loadWith(module) {
  return () => {
    const { pipeline } = require('node:stream/promises');
    const fs = module();
    return {
      /** @param {import('.').Job} job */
      async run({ input, output }) {
        await pipeline(fs.createReadStream(input), fs.createWriteStream(output));
        return {};
      },
    };
  };
}

/** @type {import('.').Case} */
module.exports = {
  name: 'copy',
  title: 'copy a file through `pipe`',
  reads: 'plain',
  writes: 'plain',
  agrees: 'input',
  inputs: ['sample'],
  unit: 'MB/s',
  sides: {
    ours: { label: 'millrace', load: loadWith(() => ours('fs')) },
    node: { label: '`fs` streams', load: loadWith(() => require('node:fs')), floor: 2.5 },
  },
};
