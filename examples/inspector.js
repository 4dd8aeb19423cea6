'use strict';

// A page that shows the pipelines of a program while they run, added to a server that it has anyway.
//
//   node examples/inspector.js 8080     and look at http://127.0.0.1:8080/inspect/

const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { Writable } = require('node:stream');
const { http, inspector, sse, text, zlib } = require('millrace');

const [, , port] = process.argv;
const server = http.createServer((_request, response) => response.end('the program itself\n'));
// Whoever asks from this machine may look; `authorize` says otherwise.
inspector(server, '/inspect');

/** Takes a piece when the last one is dealt with, 50 ms later. */
class SlowWriter extends Writable {
  /** @param {Buffer} _chunk @param {string} _encoding @param {() => void} callback */
  _write(_chunk, _encoding, callback) {
    setTimeout(callback, 50);
  }
}

async function main() {
  server.listen(Number(port ?? 0), '127.0.0.1');
  await once(server, 'listening');
  const upper = text.upperCase();
  const slow = new SlowWriter();
  upper.pipe(zlib.createGzip({ level: 1 })).pipe(slow);
  // Hardly to be compressed, so that the writer holds the rest back.
  const timer = setInterval(() => {
    while (upper.writableLength < 1e6 && upper.write(`${randomBytes(12_000).toString('base64')}\n`));
  }, 10);
  // With a port it stays, to be looked at.
  if (port !== undefined) return;

  const { port: listening } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const source = new sse.EventSource(`http://127.0.0.1:${listening}/inspect/events`);
  const held = await new Promise((resolve) => {
    source.addEventListener('pipelines', (/** @type {any} */ { data }) => {
      /** @type {import('millrace').PipelineSnapshot} */
      const { pipelines } = JSON.parse(data);
      const found = pipelines.find(({ stages, bottleneck }) => stages[bottleneck]?.stage === 'SlowWriter');
      if (found !== undefined) resolve(found);
    });
  });
  console.log(held.stages.map((/** @type {any} */ { stage }) => stage).join(' -> '), '| bottleneck: SlowWriter');
  console.log(`elsewhere: ${(await (await fetch(`http://127.0.0.1:${listening}/`)).text()).trim()}`);
  source.close();
  clearInterval(timer);
  upper.destroy();
  slow.destroy();
  server.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
