'use strict';

// The four kinds of stream in one chain: a Readable gives, a Transform gives what it makes of what it takes, a Duplex takes and
// gives by its own lights (here a WebSocket, whose other end decides), and a Writable takes. Native ones are Node's to whoever
// looks at them.

const { once } = require('node:events');
const nodeFs = require('node:fs');
const stream = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { fs, text, ws } = require('millrace');

/** @param {stream.Stream} one @returns {string} */
function kind(one) {
  if (one instanceof stream.Transform) return 'Transform';
  if (one instanceof stream.Duplex) return 'Duplex';
  return one instanceof stream.Readable ? 'Readable' : 'Writable';
}

async function main() {
  nodeFs.writeFileSync('in.txt', 'there and back again\n'.repeat(10_000));
  // The other end: each message goes back as it came.
  const server = new ws.WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (peer) => peer.on('message', (data) => peer.send(data)));
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

  const readable = fs.createReadStream('in.txt');
  const transform = text.upperCase();
  const duplex = ws.createWebSocketStream(new ws.WebSocket(`ws://127.0.0.1:${port}`));
  const writable = fs.createWriteStream('out.txt');
  console.log([readable, transform, duplex, writable].map(kind).join(' -> '));

  // What one does not take, the one before does not give: the pace of the slowest is that of all.
  await pipeline(readable, transform, duplex, writable);
  console.log(`${readable.bytesRead} bytes read, ${writable.bytesWritten} written`);
  server.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
