'use strict';

const { ours } = require('../ours');

function loadOurs() {
  const { finished, pipeline } = require('node:stream/promises');
  const { createReadStream } = ours('fs');
  const { hash } = ours('crypto');
  return {
    /** @param {import('.').Job} job */
    async run({ input }) {
      // A pass-through, unlike Node's: somebody must take what comes out.
      const digests = hash({ algorithms: ['sha256'], encoding: 'hex' });
      const ended = finished(digests.resume());
      await pipeline(createReadStream(input), digests);
      await ended;
      return { sha256: digests.digests.sha256 };
    },
  };
}

function loadNode() {
  const { createHash } = require('node:crypto');
  const { createReadStream } = require('node:fs');
  const { pipeline } = require('node:stream/promises');
  return {
    /** @param {import('.').Job} job */
    async run({ input }) {
      const hash = createHash('sha256');
      await pipeline(createReadStream(input), hash);
      return { sha256: hash.digest('hex') };
    },
  };
}

/** @type {import('.').Case} */
module.exports = {
  name: 'sha256',
  title: 'sha256 of a file through `pipe`',
  reads: 'plain',
  writes: null,
  agrees: 'sides',
  inputs: ['sample'],
  unit: 'MB/s',
  sides: {
    ours: { label: 'millrace', load: loadOurs },
    node: { label: '`createReadStream` to `createHash`', load: loadNode, floor: 3 },
  },
};
