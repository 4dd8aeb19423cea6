'use strict';

// Several stages as one Duplex, to be handed about and piped like any other; native neighbours are fused all the same.

const { pipeline } = require('node:stream/promises');
const nodeFs = require('node:fs');
const { compose, fs, text, zlib } = require('millrace');

/** @returns {import('node:stream').Duplex} text to gzip of the text in upper case */
const shout = () => compose(text.upperCase(), zlib.createGzip());

async function main() {
  nodeFs.writeFileSync('in.txt', 'grüße, straße\n'.repeat(100_000));
  await pipeline(fs.createReadStream('in.txt'), shout(), fs.createWriteStream('out.txt.gz'));
  const shouted = zlib.gunzipSync(nodeFs.readFileSync('out.txt.gz')).toString();
  console.log(shouted.split('\n', 1)[0], shouted.length);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
