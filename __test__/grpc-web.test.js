'use strict';

/** gRPC-Web, by requests as browsers and proxies make them: over HTTP/1.1 and HTTP/2, as bytes and as text. */

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const http = require('node:http');
const http2 = require('node:http2');
const { test } = require('node:test');
const { setImmediate: nextTurn } = require('node:timers/promises');
const { createServer } = require('../lib/http.js');
const { Echo, answerOf, answersOf, connectGrpc, framed, grpc, rawCall, serveGrpc } = require('./harness/grpc.js');

const { One: one, Down: many } = Echo.service;

const handlers = {
  /** @param {any} call @param {any} callback */
  one(call, callback) {
    const { text } = call.request;
    if (text === 'fail') {
      const metadata = new grpc.Metadata();
      metadata.set('why', 'because');
      callback({ code: grpc.status.NOT_FOUND, details: 'nö', metadata });
      return;
    }
    const head = new grpc.Metadata();
    head.set('asked', String(call.metadata.get('asked')[0] ?? ''));
    call.sendMetadata(head);
    callback(null, { text: `${text}!` });
  },
  async *down(/** @type {any} */ call) {
    for (let number = 0; number < call.request.number; number++) yield { number, data: call.request.data };
  },
  both(/** @type {any} */ call) {
    call.on('data', (/** @type {any} */ message) => call.write(message));
    call.on('end', () => call.end());
  },
};

/**
 * @param {import('node:test').TestContext} t
 * @param {any} [options]
 * @param {any} [own] handlers
 */
async function serveWeb(t, options, own) {
  const server = createServer((request, response) => response.end(`page ${request.url}`));
  const service = server.grpc(Echo.service, { ...handlers, ...own }, options);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { server, service, port, url: `http://127.0.0.1:${port}` };
}

/**
 * @param {Buffer} body
 * @param {any} method
 * @returns {{ messages: any[], trailers: Record<string, string> | undefined, rest: number }}
 */
function framesOf(body, method) {
  const messages = [];
  let trailers;
  let at = 0;
  while (at + 5 <= body.length) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    const frame = body.subarray(at + 5, end);
    if (body[at] === 0x80) {
      assert.equal(end, body.length, 'nothing follows the trailers');
      const lines = frame.toString('latin1').split('\r\n').slice(0, -1);
      trailers = Object.fromEntries(lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1)];
      }));
    } else {
      assert.equal(body[at], 0);
      messages.push(method.responseDeserialize(frame));
    }
    at = end;
  }
  return { messages, trailers, rest: body.length - at };
}

/** @param {string} text pieces of base64, each padded @returns {Buffer} */
function bytesOf(text) {
  return Buffer.concat((text.match(/[^=]{4}|[^=]+={0,2}/g) ?? []).map((piece) => Buffer.from(piece, 'base64')));
}

/**
 * @param {string} url
 * @param {any} method
 * @param {any} message
 * @param {Record<string, string>} [headers]
 */
async function callWeb(url, method, message, headers) {
  const type = headers?.['content-type'] ?? 'application/grpc-web+proto';
  const bytes = framed(method.requestSerialize(message));
  const body = type.includes('-text') ? bytes.toString('base64') : bytes;
  const response = await fetch(url + method.path, { method: 'POST', body, headers: { 'content-type': type, ...headers } });
  const got = Buffer.from(await response.arrayBuffer());
  const isText = response.headers.get('content-type')?.includes('-text');
  return { response, ...framesOf(isText ? bytesOf(got.toString('latin1')) : got, method) };
}

/**
 * The same over HTTP/2.
 *
 * @param {import('node:test').TestContext} t
 * @param {string} url
 * @param {any} method
 * @param {any} message
 */
async function callWeb2(t, url, method, message) {
  const session = http2.connect(url);
  t.after(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': method.path, 'content-type': 'application/grpc-web' });
  stream.end(framed(method.requestSerialize(message)));
  const [headers] = await once(stream, 'response');
  return { headers, ...framesOf(Buffer.concat(await stream.toArray()), method) };
}

test('a unary call over HTTP/1.1 has its trailers in the body', async (t) => {
  const { url } = await serveWeb(t);
  const { response, messages, trailers } = await callWeb(url, one, { text: 'hi' }, { asked: 'for' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/grpc-web+proto');
  assert.equal(response.headers.get('asked'), 'for');
  assert.deepEqual(messages.map(({ text }) => text), ['hi!']);
  assert.deepEqual(trailers, { 'grpc-status': '0', 'grpc-message': 'OK' });
});

test('a call as text is answered as text', async (t) => {
  const { url } = await serveWeb(t);
  const headers = { 'content-type': 'application/grpc-web-text' };
  const { response, messages, trailers } = await callWeb(url, many, { number: 5 }, headers);
  assert.equal(response.headers.get('content-type'), 'application/grpc-web-text+proto');
  assert.deepEqual(messages.map(({ number }) => number), [0, 1, 2, 3, 4]);
  assert.equal(trailers?.['grpc-status'], '0');
});

test('a client may ask with bytes and want text', async (t) => {
  const { url } = await serveWeb(t);
  const { response, messages } = await callWeb(url, one, { text: 'a' }, { accept: 'application/grpc-web-text' });
  assert.equal(response.headers.get('content-type'), 'application/grpc-web-text+proto');
  assert.equal(messages[0].text, 'a!');
});

test('calls over HTTP/2, and what else the connection asks for', async (t) => {
  const { url } = await serveWeb(t);
  const single = await callWeb2(t, url, one, { text: 'two' });
  assert.equal(single.headers[':status'], 200);
  assert.equal(single.headers['content-type'], 'application/grpc-web+proto');
  assert.deepEqual([single.messages[0].text, single.trailers?.['grpc-status']], ['two!', '0']);
  const stream = await callWeb2(t, url, many, { number: 100, data: Buffer.alloc(10_000) });
  assert.equal(stream.messages.length, 100);
});

test('a failed call has its status and metadata in the trailers frame', async (t) => {
  const { url } = await serveWeb(t);
  const { response, messages, trailers } = await callWeb(url, one, { text: 'fail' });
  assert.equal(response.status, 200);
  assert.equal(messages.length, 0);
  assert.deepEqual(trailers, { 'grpc-status': '5', 'grpc-message': 'n%C3%B6', why: 'because' });
});

test('unknown methods, broken text and messages that are too long have a status', async (t) => {
  const { url } = await serveWeb(t, { 'grpc.max_receive_message_length': 10 });
  const unknown = await callWeb(url, { ...one, path: '/no/such' }, { text: 'x' });
  assert.equal(unknown.trailers?.['grpc-status'], String(grpc.status.UNIMPLEMENTED));
  const long = await callWeb(url, one, { text: 'x'.repeat(11) });
  assert.equal(long.trailers?.['grpc-status'], String(grpc.status.RESOURCE_EXHAUSTED));
  const headers = { 'content-type': 'application/grpc-web-text' };
  for (const body of ['%%%%', 'AAA']) {
    const response = await fetch(url + one.path, { method: 'POST', body, headers });
    const { trailers } = framesOf(bytesOf(await response.text()), one);
    assert.deepEqual(trailers, { 'grpc-status': String(grpc.status.INTERNAL), 'grpc-message': 'The request is no base64' });
  }
});

test('a deadline passes', async (t) => {
  const { url } = await serveWeb(t, {}, { one() {} });
  const { trailers } = await callWeb(url, one, {}, { 'grpc-timeout': '20m' });
  assert.equal(trailers?.['grpc-status'], String(grpc.status.DEADLINE_EXCEEDED));
});

test('answers are compressed for clients that take it, and requests decompressed', async (t) => {
  const { url } = await serveWeb(t, { 'millrace.compression': 'gzip' });
  const zlib = require('node:zlib');
  const body = framed(zlib.gzipSync(one.requestSerialize({ text: 'z'.repeat(5000) })), { flag: 1 });
  const response = await fetch(url + one.path, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/grpc-web', 'grpc-encoding': 'gzip', 'grpc-accept-encoding': 'gzip' },
  });
  assert.equal(response.headers.get('grpc-encoding'), 'gzip');
  const got = Buffer.from(await response.arrayBuffer());
  assert.equal(got[0], 1);
  const { text } = one.responseDeserialize(zlib.gunzipSync(got.subarray(5, 5 + got.readUInt32BE(1))));
  assert.equal(text, `${'z'.repeat(5000)}!`);
});

test('a stream of answers comes as it is made', async (t) => {
  const calls = new EventEmitter();
  const { url } = await serveWeb(t, {}, { down: (/** @type {any} */ call) => calls.emit('call', call) });
  const request = http.request(url + many.path, { method: 'POST', headers: { 'content-type': 'application/grpc-web' } });
  request.end(framed(many.requestSerialize({})));
  const [call] = await once(calls, 'call');
  call.write({ number: 0 });
  const [head] = await once(request, 'response');
  for (let number = 0; number < 3; number++) {
    const [bytes] = await once(head, 'data');
    assert.equal(framesOf(bytes, many).messages[0].number, number);
    call.write({ number: number + 1 });
  }
  call.end();
  head.resume();
  await once(head, 'end');
});

test('a client that does not read holds its call back, and no memory grows', async (t) => {
  let written = 0;
  /** @type {(value?: any) => void} */
  let blocked = () => {};
  const stuck = new Promise((resolve) => (blocked = resolve));
  const { url } = await serveWeb(t, {}, {
    /** @param {any} call */
    down(call) {
      while (call.write({ data: Buffer.alloc(10_000) })) written++;
      // Whatever the system's buffers take goes; then there is no room any more.
      call.on('drain', async () => {
        while (call.write({ data: Buffer.alloc(10_000) })) written++;
        const seen = written;
        for (let turns = 0; turns < 50 && written === seen; turns++) await nextTurn();
        if (written === seen) blocked();
      });
    },
  });
  const request = http.request(url + many.path, { method: 'POST', headers: { 'content-type': 'application/grpc-web' } });
  request.end(framed(many.requestSerialize({})));
  const [response] = await once(request, 'response');
  response.pause();
  await stuck;
  assert.ok(written < 2000, `${written} messages of 10 kB were taken for a client that reads nothing`);
  request.destroy();
});

test('a client that goes away cancels its call', async (t) => {
  /** @type {(call: any) => void} */
  let started = () => {};
  const running = new Promise((resolve) => (started = resolve));
  const { service, url } = await serveWeb(t, {}, {
    down: (/** @type {any} */ call) => started(call),
  });
  const request = http.request(url + many.path, { method: 'POST', headers: { 'content-type': 'application/grpc-web' } });
  request.on('error', () => {});
  request.end(framed(many.requestSerialize({})));
  const call = await running;
  const cancelled = once(call, 'cancelled');
  request.destroy();
  await cancelled;
  await nextTurn();
  assert.equal(service.engine.native.calls, 0);
  assert.equal(service.exchanges.size, 0);
});

test('a large request is read as its handler takes it', async (t) => {
  let sum = 0;
  const { url } = await serveWeb(t, { 'grpc.max_receive_message_length': -1 }, {
    /** @param {any} call @param {any} callback */
    one(call, callback) {
      sum = call.request.data.length;
      callback(null, {});
    },
  });
  const { trailers } = await callWeb(url, one, { data: Buffer.alloc(5_000_000) });
  assert.deepEqual([sum, trailers?.['grpc-status']], [5_000_000, '0']);
});

test('pages of other origins may not call unless they are named', async (t) => {
  const origin = 'https://app.example';
  const ask = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-grpc-web' };
  const closed = await serveWeb(t);
  const refused = await fetch(closed.url + one.path, { method: 'OPTIONS', headers: ask });
  assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [204, null]);
  const same = await callWeb(closed.url, one, { text: 'x' }, { origin });
  assert.equal(same.response.headers.get('access-control-allow-origin'), null);

  const open = await serveWeb(t, { 'millrace.web_origins': [origin], 'millrace.web_credentials': true });
  const allowed = await fetch(open.url + one.path, { method: 'OPTIONS', headers: ask });
  const fields = (/** @type {Response} */ { headers }) =>
    Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control') || name === 'vary'));
  assert.deepEqual(fields(allowed), {
    'access-control-allow-credentials': 'true',
    'access-control-allow-headers': 'content-type,x-grpc-web',
    'access-control-allow-methods': 'POST',
    'access-control-allow-origin': origin,
    'access-control-max-age': '7200',
    vary: 'origin',
  });
  const { response } = await callWeb(open.url, one, { text: 'x' }, { origin, asked: '1' });
  assert.equal(response.headers.get('access-control-allow-origin'), origin);
  assert.match(response.headers.get('access-control-expose-headers') ?? '', /asked/);
  const other = await callWeb(open.url, one, { text: 'x' }, { origin: 'https://other.example' });
  assert.deepEqual(fields(other.response), { vary: 'origin' });

  const all = { 'millrace.web_origins': '*', 'millrace.web_credentials': true };
  assert.throws(() => createServer().grpc(Echo.service, handlers, all), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('pages and preflights of others stay the listener\'s', async (t) => {
  const { url } = await serveWeb(t);
  assert.equal(await (await fetch(`${url}/x`)).text(), 'page /x');
  const headers = { origin: 'https://a', 'access-control-request-method': 'GET' };
  const preflight = await fetch(`${url}/x`, { method: 'OPTIONS', headers });
  assert.equal(await preflight.text(), 'page /x');
  const get = await fetch(url + one.path, { headers: { 'content-type': 'application/grpc-web' } });
  assert.equal(await get.text(), `page ${one.path}`);
});

test('without a listener what is no call is not found', async (t) => {
  const server = createServer();
  server.grpc(Echo.service, handlers);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  assert.equal((await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).status, 404);
});

test('a gRPC call on a connection that began with a page is served', async (t) => {
  const { url, service } = await serveWeb(t);
  const session = http2.connect(url);
  t.after(() => session.destroy());
  const page = session.request({ ':path': '/first' });
  page.setEncoding('utf8');
  assert.equal((await page.toArray()).join(''), 'page /first');
  const { headers, trailers, body } = await rawCall(session, {}, [framed(one.requestSerialize({ text: 'late' }))]);
  assert.equal(headers['content-type'], 'application/grpc+proto');
  assert.equal(one.responseDeserialize(body.subarray(5)).text, 'late!');
  assert.equal(trailers['grpc-status'], '0');
  const failed = await rawCall(session, {}, [framed(one.requestSerialize({ text: 'fail' }))]);
  assert.deepEqual([failed.trailers['grpc-status'], failed.trailers.why], ['5', 'because']);
  assert.equal(service.engine.native.connections, 0);
});

test('a gRPC server takes browsers by an option, beside its own clients', async (t) => {
  const { server, address } = await serveGrpc(t, handlers, { 'millrace.web': true });
  const web = await callWeb(`http://${address}`, one, { text: 'web' });
  assert.equal(web.messages[0].text, 'web!');
  const client = connectGrpc(t, address);
  assert.equal((await answerOf((callback) => client.one({ text: 'own' }, callback))).value.text, 'own!');
  assert.equal((await answersOf(client.down({ number: 3 }))).values.length, 3);
  await new Promise((resolve) => server.tryShutdown(resolve));
  await assert.rejects(fetch(`http://${address}${one.path}`));
});

test('without the option a gRPC server speaks HTTP/2 alone', async (t) => {
  const { address } = await serveGrpc(t, handlers);
  await assert.rejects(callWeb(`http://${address}`, one, { text: 'web' }));
});
