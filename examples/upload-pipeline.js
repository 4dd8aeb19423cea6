'use strict';

// An upload of JSON Lines, checked, stamped, digested, compressed and stored while it comes: from the socket to the file it is
// one native chain, so that its bytes do not enter JavaScript, and a disk that is slow holds the client back.
//
//   node examples/upload-pipeline.js [port]
//   curl --data-binary @app.jsonl http://127.0.0.1:8080/

const { once } = require('node:events');
const nodeFs = require('node:fs');
const path = require('node:path');
const { pipeline } = require('node:stream/promises');
const { fs, http, inspect, jsonl, zlib } = require('millrace');

const [, , port] = process.argv;
const sample = path.join(__dirname, 'data', 'events.jsonl');
const broken = Buffer.from('{"row":1}\n{"row":\n{"row":3}\n');

const server = http.createServer(async (request, response) => {
  const sink = fs.createWriteStream('uploaded.jsonl.gz', { atomic: true });
  const validate = jsonl.validate({ rejects: fs.createWriteStream('uploaded.rejects.jsonl') });
  try {
    await pipeline(
      request,
      validate,
      jsonl.edit({ set: { receivedAt: jsonl.now() }, hash: { field: 'hash', algorithm: 'sha256', length: 8 } }),
      zlib.createGzip(),
      sink,
    );
    const { rowsIn, rowsOut } = validate.stats();
    response.writeHead(201, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ rows: rowsIn, stored: rowsOut, rejected: rowsIn - rowsOut, bytes: sink.bytesWritten }));
  } catch (error) {
    // A client that went away is a request that was destroyed: nothing was stored, and nobody is there to be told.
    if (!response.destroyed) response.writeHead(500).end(`${error}\n`);
  }
});

/**
 * @param {Buffer} body
 * @returns {Promise<void>} after the answer was printed
 */
async function upload(body) {
  const { port: listening } = /** @type {import('node:net').AddressInfo} */ (server.address());
  // An upload in pieces, whose length nobody knows.
  const pieces = new ReadableStream({
    start(controller) {
      for (let at = 0; at < body.length; at += 16_384) controller.enqueue(body.subarray(at, at + 16_384));
      controller.close();
    },
  });
  const answer = await fetch(`http://127.0.0.1:${listening}/`, /** @type {any} */ ({ method: 'POST', body: pieces, duplex: 'half' }));
  console.log(`${answer.status} ${await answer.text()}`);
}

async function main() {
  server.listen(Number(port ?? 0), '127.0.0.1');
  await once(server, 'listening');
  // With a port it stays, for uploads of yours.
  if (port !== undefined) return;

  server.once('request', () => {
    setImmediate(() => {
      const chain = inspect().find(({ stages }) => stages.length > 1);
      console.log(chain?.stages.map(({ stage }) => stage).join(' -> '));
    });
  });
  await upload(nodeFs.readFileSync(sample));
  await upload(broken);
  server.close();
}

void main();
