'use strict';

const { ours } = require('../ours');

/** Bytes of each write: about one log row, as a server writes them. */
const WRITE = 300;
/** The input is read this much at a time, a fresh buffer each, since a stream may keep what it was given. */
const READ = 1 << 20;

/**
 * @param {() => { fs: any, zlib: any }} modules  the pair of modules to use
 */
function loadWith(modules) {
  return () => {
    const files = require('node:fs');
    const { once } = require('node:events');
    const { pipeline } = require('node:stream/promises');
    const { fs, zlib } = modules();
    return {
      /** @param {import('.').Job} job */
      async run({ input, output }) {
        const gzip = zlib.createGzip({ level: 6 });
        const written = pipeline(gzip, fs.createWriteStream(output));
        const descriptor = files.openSync(input, 'r');
        for (;;) {
          const buffer = Buffer.allocUnsafeSlow(READ);
          const length = files.readSync(descriptor, buffer);
          if (length === 0) break;
          for (let at = 0; at < length; at += WRITE) {
            if (!gzip.write(buffer.subarray(at, Math.min(at + WRITE, length)))) await once(gzip, 'drain');
          }
        }
        files.closeSync(descriptor);
        gzip.end();
        await written;
        return {};
      },
    };
  };
}

/** @type {import('.').Case} */
module.exports = {
  name: 'gzip-small-writes',
  title: 'gzip 6 fed by 300-byte writes, to a file',
  reads: 'plain',
  writes: 'gzip',
  agrees: 'input',
  inputs: ['sample'],
  unit: 'MB/s',
  sides: {
    ours: { label: 'millrace', load: loadWith(() => ({ fs: ours('fs'), zlib: ours('zlib') })) },
    node: {
      label: '`node:zlib`',
      load: loadWith(() => ({ fs: require('node:fs'), zlib: require('node:zlib') })),
      floor: 12,
      slice: true,
    },
  },
};
