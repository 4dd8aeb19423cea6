'use strict';

/** gRPC on the port of an HTTP server. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http2 = require('node:http2');
const { test } = require('node:test');
const { createServer } = require('../lib/http.js');
const { Echo, answerOf, answersOf, connectGrpc, grpc } = require('./harness/grpc.js');

const handlers = {
  one: async (/** @type {any} */ call) => ({ text: `${call.request.text}!` }),
  both(/** @type {any} */ call) {
    call.on('data', (/** @type {any} */ message) => call.write(message));
    call.on('end', () => call.end());
  },
};

/** @param {import('node:test').TestContext} t */
async function start(t) {
  const server = createServer((request, response) => response.end(`HTTP/${request.httpVersion} ${request.url}`));
  const service = server.grpc(Echo.service, handlers);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { server, service, port, address: `127.0.0.1:${port}` };
}

test('gRPC, HTTP/1 and HTTP/2 share a port', async (t) => {
  const { service, port, address } = await start(t);
  const client = connectGrpc(t, address);
  assert.equal((await answerOf((callback) => client.one({ text: 'hi' }, callback))).value.text, 'hi!');
  const call = client.both();
  const done = answersOf(call);
  for (let number = 0; number < 100; number++) call.write({ number, data: Buffer.alloc(10_000) });
  call.end();
  assert.equal((await done).values.length, 100);

  assert.equal(await (await fetch(`http://${address}/one`)).text(), 'HTTP/1.1 /one');
  const session = http2.connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  const stream = session.request({ ':path': '/two' });
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of stream) text += chunk;
  assert.equal(text, 'HTTP/2.0 /two');
  assert.equal(service.engine.native.connections, 1);
});

test('a method that nobody has is UNIMPLEMENTED, and not the listener\'s', async (t) => {
  const { address } = await start(t);
  const client = connectGrpc(t, address);
  const { status } = await answersOf(client.makeServerStreamRequest('/no/such', () => Buffer.alloc(0), () => 0, {}));
  assert.equal(status.code, grpc.status.UNIMPLEMENTED);
});

test('the end of the server lets calls end', async (t) => {
  const { server, address } = await start(t);
  const call = connectGrpc(t, address).both();
  const done = answersOf(call);
  call.write({ number: 1 });
  await once(call, 'data');
  server.close();
  await once(server, 'close');
  call.write({ number: 2 });
  call.end();
  const { values, status } = await done;
  assert.deepEqual([values.length, status.code], [2, grpc.status.OK]);
});
