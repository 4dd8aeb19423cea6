'use strict';

const { ours } = require('../ours');

/**
 * @param {() => { fs: any, zlib: any }} modules  the pair of modules to use
 */
function loadWith(modules) {
  return () => {
    const { pipeline } = require('node:stream/promises');
    const { fs, zlib } = modules();
    return {
      /** @param {import('.').Job} job */
      async run({ input, output }) {
        await pipeline(fs.createReadStream(input), zlib.createGzip({ level: 6 }), fs.createWriteStream(output));
        return {};
      },
    };
  };
}

/** pigz on two threads, its start included, writing through the shell-free redirection of a descriptor. */
function loadPigz() {
  const { spawn } = require('node:child_process');
  const { once } = require('node:events');
  const fs = require('node:fs');
  return {
    /** @param {import('.').Job} job */
    async run({ input, output }) {
      const descriptor = fs.openSync(output, 'w');
      const child = spawn('pigz', ['-6', '-p', '2', '-c', input], { stdio: ['ignore', descriptor, 'inherit'] });
      const [code] = await once(child, 'close');
      fs.closeSync(descriptor);
      if (code !== 0) throw new Error(`pigz ended with ${code}`);
      return {};
    },
  };
}

/** @type {import('.').Case} */
module.exports = {
  name: 'gzip6',
  title: 'gzip 6, file to file',
  reads: 'plain',
  writes: 'gzip',
  agrees: 'input',
  inputs: ['sample', 'zeek', 'windows'],
  unit: 'MB/s',
  sides: {
    ours: { label: 'millrace', load: loadWith(() => ({ fs: ours('fs'), zlib: ours('zlib') })) },
    node: {
      label: '`node:zlib`',
      load: loadWith(() => ({ fs: require('node:fs'), zlib: require('node:zlib') })),
      floor: 2.8,
      sizeFloor: 1.01,
    },
    pigz: { label: '`pigz -p 2`', load: loadPigz, floor: 1.4, command: 'pigz' },
  },
};
