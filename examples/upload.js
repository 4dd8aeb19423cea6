'use strict';

// A server that takes gzipped JSON Lines from strangers: limits against bombs, and an answer that says what was wrong.

const { once } = require('node:events');
const http = require('node:http');
const { pipeline } = require('node:stream/promises');
const { fs, jsonl, zlib } = require('millrace');

const server = http.createServer((request, response) => {
  // The file appears when the last byte is in it; a failed upload leaves none.
  pipeline(
    request,
    zlib.createGunzip({ maxOutputLength: 64 * 1024 * 1024, maxRatio: 200 }),
    jsonl.validate(),
    fs.createWriteStream('upload.jsonl', { atomic: true }),
  ).then(
    () => response.writeHead(201).end('stored\n'),
    (error) => response.writeHead(400, { connection: 'close' }).end(`${error.code}: ${error.message}\n`),
  );
});

/**
 * @param {string} text
 * @returns {Promise<void>} after the answer has been printed
 */
async function upload(text) {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const body = await zlib.promises.gzip(text);
  const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: new Uint8Array(body) });
  console.log(response.status, (await response.text()).trim());
}

async function main() {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await upload('{"good":1}\n{"good":2}\n');
  await upload('{"good":1}\n{"broken":\n');
  // A bomb: 16 MB out of 16 kB. The ratio is judged once 1 MiB has come out.
  await upload(' '.repeat(16_000_000));
  server.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
