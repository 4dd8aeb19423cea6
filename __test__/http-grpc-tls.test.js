'use strict';

/** gRPC and gRPC-Web on the port of an HTTP server that speaks TLS, with the same handlers. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http2 = require('node:http2');
const https = require('node:https');
const { test } = require('node:test');
const { createServer } = require('../lib/http.js');
const { Echo, EchoClient, answerOf, answersOf, framed, peer, rawCall } = require('./harness/grpc.js');
const { SERVER, ca } = require('./harness/tls.js');

const { One: one } = Echo.service;
const handlers = {
  one: async (/** @type {any} */ call) => ({ text: `${call.request.text}!` }),
  both(/** @type {any} */ call) {
    call.on('data', (/** @type {any} */ message) => call.write(message));
    call.on('end', () => call.end());
  },
};

/** @param {import('node:test').TestContext} t */
async function start(t) {
  const server = createServer({ ...SERVER }, (request, response) => response.end(`page ${request.url}`));
  const service = server.grpc(Echo.service, handlers);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { service, port };
}

test('gRPC\'s own clients call over TLS, and get as much as without', async (t) => {
  const { service, port } = await start(t);
  const client = new EchoClient(`localhost:${port}`, peer.credentials.createSsl(ca), { 'grpc.use_local_subchannel_pool': 1 });
  t.after(() => client.close());
  assert.equal((await answerOf((callback) => client.one({ text: 'safe' }, callback))).value.text, 'safe!');
  const call = client.both();
  const done = answersOf(call);
  for (let number = 0; number < 100; number++) call.write({ number, data: Buffer.alloc(20_000) });
  call.end();
  const { values, status } = await done;
  assert.deepEqual([values.length, status.code], [100, 0]);
  assert.equal(service.engine.native.connections, 1);
});

test('a connection of TLS that began with a page takes calls, too', async (t) => {
  const { port } = await start(t);
  const session = http2.connect(`https://localhost:${port}`, { ca });
  t.after(() => session.destroy());
  const page = session.request({ ':path': '/first' });
  page.setEncoding('utf8');
  assert.equal((await page.toArray()).join(''), 'page /first');
  const { body, trailers } = await rawCall(session, {}, [framed(one.requestSerialize({ text: 'late' }))]);
  assert.deepEqual([one.responseDeserialize(body.subarray(5)).text, trailers['grpc-status']], ['late!', '0']);
});

test('gRPC-Web over HTTP/1.1 and TLS', async (t) => {
  const { port } = await start(t);
  const options = { ca, method: 'POST', headers: { 'content-type': 'application/grpc-web' }, agent: false };
  const request = https.request(`https://localhost:${port}${one.path}`, options);
  request.end(framed(one.requestSerialize({ text: 'web' })));
  const [response] = await once(request, 'response');
  const body = Buffer.concat(await response.toArray());
  assert.equal(one.responseDeserialize(body.subarray(5, 5 + body.readUInt32BE(1))).text, 'web!');
  assert.match(body.toString('latin1'), /grpc-status:0\r\n/);
});
