'use strict';

// A file server: the files go out without entering JavaScript, conditional and partial requests included; what is no file is a
// page of this program's, and so is a report that is compressed while it is sent.
//
//   node examples/http-file-server.js [directory]

const { once } = require('node:events');
const nodeFs = require('node:fs');
const path = require('node:path');
const { pipeline } = require('node:stream');
const { fs, http, zlib } = require('millrace');

const [, , directory] = process.argv;
const folder = directory ?? path.join(__dirname, 'data');

const server = http.createServer((request, response) => {
  if (request.url === '/') {
    const names = nodeFs.readdirSync(folder).map((name) => encodeURIComponent(name));
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(names.map((name) => `<a href="/files/${name}">${name}</a><br>`).join('\n'));
  } else if (request.url === '/events.jsonl.gz') {
    response.setHeader('Content-Type', 'application/gzip');
    // A client that goes away ends the reading, and a file that is not there the connection.
    pipeline(fs.createReadStream(path.join(folder, 'events.jsonl')), zlib.createGzip(), response, () => {});
  } else {
    response.writeHead(404).end('There is no such page.\n');
  }
});
server.files('/files/', folder, { maxAge: '1h', index: false });

async function main() {
  server.listen(directory === undefined ? 0 : 8080, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const base = `http://127.0.0.1:${port}`;
  console.log(`${folder} on ${base}/`);
  // Without a directory of yours it shows itself.
  if (directory !== undefined) return;

  const whole = await fetch(`${base}/files/events.jsonl`);
  const bytes = Buffer.from(await whole.arrayBuffer());
  console.log(`whole: ${whole.status}, ${bytes.length} bytes of ${whole.headers.get('content-type')}`);

  const etag = String(whole.headers.get('etag'));
  const part = await fetch(`${base}/files/events.jsonl`, { headers: { range: 'bytes=-100', 'if-range': etag } });
  const end = Buffer.from(await part.arrayBuffer());
  console.log(`part: ${part.status}, ${part.headers.get('content-range')}, ${end.equals(bytes.subarray(-100)) ? 'right' : 'wrong'}`);

  const again = await fetch(`${base}/files/events.jsonl`, { headers: { 'if-none-match': etag }, cache: 'no-store' });
  console.log(`again: ${again.status}`);

  const packed = await fetch(`${base}/events.jsonl.gz`);
  const unpacked = await zlib.promises.gunzip(Buffer.from(await packed.arrayBuffer()));
  console.log(`packed: ${packed.status}, ${unpacked.equals(bytes) ? 'the same' : 'different'}`);

  console.log(`outside: ${(await fetch(`${base}/files/..%2fREADME.md`)).status}`);
  server.close();
}

void main();
