'use strict';

const { ours } = require('../ours');

/**
 * Into a Writable in JavaScript that does nothing: every byte reaches JavaScript.
 *
 * @param {() => { fs: any, zlib: any }} modules  the pair of modules to use
 * @param {object} [options]  for the gunzip
 */
function loadIntoWritable(modules, options) {
  return () => {
    const { pipeline } = require('node:stream/promises');
    const { Nowhere } = require('../nowhere');
    const { fs, zlib } = modules();
    return {
      /** @param {import('.').Job} job */
      async run({ input, check }) {
        const nowhere = new Nowhere(check);
        await pipeline(fs.createReadStream(input), zlib.createGunzip(options), nowhere);
        return nowhere.facts();
      },
    };
  };
}

/**
 * Read by nobody but `resume()`: what an upload that is only checked, or a skipped entry, comes down to.
 *
 * @param {() => { fs: any, zlib: any }} modules  the pair of modules to use
 * @param {object} [options]  for the gunzip
 */
function loadResumed(modules, options) {
  return () => {
    const { once } = require('node:events');
    const { fs, zlib } = modules();
    return {
      /** @param {import('.').Job} job */
      async run({ input }) {
        const source = fs.createReadStream(input);
        const gunzip = source.pipe(zlib.createGunzip(options));
        source.once('error', (/** @type {Error} */ error) => gunzip.destroy(error));
        gunzip.resume();
        await once(gunzip, 'end');
        return { consumed: gunzip.bytesWritten };
      },
    };
  };
}

const node = () => ({ fs: require('node:fs'), zlib: require('node:zlib') });
const millrace = () => ({ fs: ours('fs'), zlib: ours('zlib') });

/**
 * @param {string} name
 * @param {string} title
 * @param {(modules: typeof node, options?: object) => import('.').Side['load']} load
 * @returns {import('.').Case}
 */
function gunzipCase(name, title, load) {
  return {
    name,
    title,
    reads: 'gzip',
    writes: null,
    agrees: 'sides',
    inputs: ['sample', 'zeek', 'windows'],
    unit: 'MB/s',
    sides: {
      ours: { label: 'millrace', load: load(millrace) },
      node: { label: '`node:zlib`, defaults', load: load(node), floor: 3.5 },
      'node-64k': { label: '`node:zlib`, 64 KiB `chunkSize`', load: load(node, { chunkSize: 1 << 16 }) },
    },
  };
}

/** @type {import('.').Case[]} */
module.exports = [
  gunzipCase('gunzip', 'gunzip, file to a null Writable', loadIntoWritable),
  gunzipCase('gunzip-resume', 'gunzip, file to `resume()`', loadResumed),
];
