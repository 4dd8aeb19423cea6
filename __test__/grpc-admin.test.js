'use strict';

/** Health, reflection and channelz by one option each, as clients see them that know nothing of the server. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const loader = require('@grpc/proto-loader');
const { createServer } = require('../lib/http.js');
const { Echo, answerOf, answersOf, connectGrpc, grpc, peer, serveGrpc } = require('./harness/grpc.js');

const { status } = grpc;
const options = { keepCase: true, enums: String, longs: String, oneofs: true };
const fixture = (/** @type {string} */ name) => path.join(__dirname, 'fixtures', `${name}.proto`);
/** @type {(name: string, options?: any) => any} */
const loaded = (name, own = options) => peer.loadPackageDefinition(loader.loadSync(fixture(name), own));

const handlers = { one: async (/** @type {any} */ call) => ({ text: `${call.request.text}!` }) };

/**
 * @param {import('node:test').TestContext} t
 * @param {string} address
 * @param {any} Client of grpc-js
 */
function client(t, address, Client) {
  const made = new Client(address, peer.credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  t.after(() => made.close());
  return made;
}

/** @param {any} call to be asked one after another @returns {(request: any) => Promise<any>} */
function asking(call) {
  // The end of the test is its end.
  call.on('error', () => {});
  return async (request) => {
    call.write(request);
    const [answer] = await once(call, 'data');
    assert.deepEqual(answer.original_request, { ...request, message_request: Object.keys(request)[0] });
    return answer;
  };
}

/** @param {Buffer[]} files @returns {any} what a client makes of descriptors */
function packageOf(files) {
  const set = files.flatMap((bytes) => {
    const head = [0x0a];
    for (let rest = bytes.length; ; rest >>>= 7) {
      head.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return [Buffer.from(head), bytes];
  });
  return peer.loadPackageDefinition(loader.loadFileDescriptorSetFromBuffer(Buffer.concat(set), options));
}

test('health is asked and watched', async (t) => {
  const { server, address } = await serveGrpc(t, handlers, { 'millrace.health': true });
  const health = client(t, address, loaded('health').grpc.health.v1.Health);
  const check = (/** @type {string} */ service) => answerOf((callback) => health.check({ service }, callback));
  assert.equal((await check('')).value.status, 'SERVING');
  assert.equal((await check('millrace.test.Echo')).value.status, 'SERVING');
  assert.equal((await check('no.such')).status.code, status.NOT_FOUND);

  const watch = health.watch({ service: 'millrace.test.Echo' });
  const late = health.watch({ service: 'later.Service' });
  const next = async (/** @type {any} */ call) => (await once(call, 'data'))[0].status;
  assert.deepEqual(await Promise.all([next(watch), next(late)]), ['SERVING', 'SERVICE_UNKNOWN']);
  server.health.setStatus('millrace.test.Echo', 'NOT_SERVING');
  server.health.setStatus('millrace.test.Echo', 'NOT_SERVING');
  assert.equal(await next(watch), 'NOT_SERVING');
  assert.equal((await check('millrace.test.Echo')).value.status, 'NOT_SERVING');
  server.health.setStatus('later.Service', 'SERVING');
  assert.equal(await next(late), 'SERVING');
  assert.throws(() => server.health.setStatus('', 'GONE'), TypeError);

  // Whoever watches does not keep the server.
  const ends = Promise.all([answersOf(watch), answersOf(late)]);
  await new Promise((resolve) => server.tryShutdown(resolve));
  const [first, second] = await ends;
  assert.deepEqual([first.status.code, first.values.length], [status.UNAVAILABLE, 0]);
  assert.deepEqual(second.values.map((value) => value.status), ['NOT_SERVING']);
});

test('a client that stops watching leaves nothing behind', async (t) => {
  const { server, address } = await serveGrpc(t, handlers, { 'millrace.health': true });
  const health = client(t, address, loaded('health').grpc.health.v1.Health);
  const watch = health.watch({ service: 'a' });
  watch.on('error', () => {});
  await once(watch, 'data');
  const [call] = server.health.watchers.get('a');
  const cancelled = once(call, 'cancelled');
  watch.cancel();
  await cancelled;
  assert.equal(server.health.watchers.size, 0);
});

for (const version of ['v1', 'v1alpha']) {
  test(`reflection ${version} lets a client call what it did not know`, async (t) => {
    const { server, address } = await serveGrpc(t, handlers, { 'millrace.reflection': true, 'millrace.health': true });
    const { Shop } = loaded('imports').millrace.shop;
    server.addService(Shop.service, { order: async (/** @type {any} */ call) => ({ lines: [{ item: call.request }] }) });
    const call = client(t, address, loaded(`reflection-${version}`).grpc.reflection[version].ServerReflection).serverReflectionInfo();
    const ask = asking(call);
    const { list_services_response: list } = await ask({ list_services: '' });
    assert.deepEqual(list.service.map((/** @type {any} */ one) => one.name), [
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'millrace.shop.Shop',
      'millrace.test.Echo',
    ]);
    const { file_descriptor_response: files } = await ask({ file_containing_symbol: 'millrace.test.Echo.One' });
    const Found = packageOf(files.file_descriptor_proto).millrace.test.Echo;
    const echo = client(t, address, Found);
    assert.equal((await answerOf((callback) => echo.one({ text: 'found' }, callback))).value.text, 'found!');

    // What is imported comes along.
    const { file_descriptor_response: shop } = await ask({ file_containing_symbol: 'millrace.shop.Receipt.Line' });
    assert.ok(shop.file_descriptor_proto.length >= 2);
    const shopClient = client(t, address, packageOf(shop.file_descriptor_proto).millrace.shop.Shop);
    const { value } = await answerOf((callback) => shopClient.order({ name: 'mill', size: 'LARGE' }, callback));
    assert.deepEqual(value.lines[0].item, { name: 'mill', size: 'LARGE' });

    const missing = await ask({ file_containing_symbol: 'no.Such' });
    assert.equal(missing.error_response.error_code, status.NOT_FOUND);
    assert.equal((await ask({ file_by_filename: 'no.proto' })).error_response.error_code, status.NOT_FOUND);
    const own = await ask({ file_by_filename: 'grpc/channelz/v1/channelz.proto' });
    const { Channelz } = packageOf(own.file_descriptor_response.file_descriptor_proto).grpc.channelz.v1;
    assert.equal(Channelz.service.GetServers.path, '/grpc.channelz.v1.Channelz/GetServers');
    assert.deepEqual(
      (await ask({ all_extension_numbers_of_type: 'millrace.shop.Item' })).all_extension_numbers_response,
      { base_type_name: 'millrace.shop.Item' },
    );
    const extension = { containing_type: 'millrace.shop.Item', extension_number: 5 };
    assert.equal((await ask({ file_containing_extension: extension })).error_response.error_code, status.NOT_FOUND);
    call.end();
    await once(call, 'end');

    server.removeService(Shop.service);
    const again = asking(client(t, address, loaded(`reflection-${version}`).grpc.reflection[version].ServerReflection)
      .serverReflectionInfo());
    const names = (await again({ list_services: '' })).list_services_response.service;
    assert.ok(!names.some((/** @type {any} */ one) => one.name === 'millrace.shop.Shop'));
  });
}

test('reflection answers a request that is no message with a status', async (t) => {
  const { address } = await serveGrpc(t, handlers, { 'millrace.reflection': true });
  const raw = (/** @type {Buffer} */ bytes) => bytes;
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const call = connectGrpc(t, address).makeBidiStreamRequest(path, raw, raw);
  const done = answersOf(call);
  call.write(Buffer.from([0x3a, 0xff, 0xff]));
  assert.equal((await done).status.code, status.INTERNAL);
});

test('channelz counts without grpc-js', async (t) => {
  const { server, address } = await serveGrpc(t, handlers, { 'millrace.channelz': true });
  const proto = path.join(path.dirname(require.resolve('@grpc/grpc-js/package.json')), 'proto', 'channelz.proto');
  const definition = /** @type {any} */ (peer.loadPackageDefinition(loader.loadSync(proto, {
    ...options, includeDirs: [path.join(path.dirname(proto), 'protoc-gen-validate')],
  })));
  const echo = connectGrpc(t, address);
  await answerOf((callback) => echo.one({ text: 'x' }, callback));
  const channelz = client(t, address, definition.grpc.channelz.v1.Channelz);
  const { id } = server.getChannelzRef();
  const { value } = await answerOf((callback) => channelz.getServer({ server_id: id }, callback));
  assert.equal(value.server.ref.server_id, String(id));
  assert.equal(value.server.data.calls_succeeded, '1');
  const { value: sockets } = await answerOf((callback) => channelz.getServerSockets({ server_id: id }, callback));
  assert.equal(sockets.socket_ref.length, 2);
  const [{ socket_id: socket }] = sockets.socket_ref;
  const { value: one } = await answerOf((callback) => channelz.getSocket({ socket_id: socket }, callback));
  assert.deepEqual(one.socket.local.tcpip_address.ip_address, Buffer.from([127, 0, 0, 1]));
  assert.equal((await answerOf((callback) => channelz.getServer({ server_id: 1 }, callback))).status.code, status.NOT_FOUND);
});

test('an HTTP server\'s gRPC has them, too', async (t) => {
  const server = createServer();
  const service = server.grpc(Echo.service, handlers, { 'millrace.health': true, 'millrace.reflection': true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const health = client(t, `127.0.0.1:${port}`, loaded('health').grpc.health.v1.Health);
  service.health.setStatus('', 'NOT_SERVING');
  assert.equal((await answerOf((callback) => health.check({}, callback))).value.status, 'NOT_SERVING');
});

test('a server without the options has none of it', async (t) => {
  const { server, address } = await serveGrpc(t, handlers);
  assert.equal(server.health, undefined);
  const health = client(t, address, loaded('health').grpc.health.v1.Health);
  assert.equal((await answerOf((callback) => health.check({}, callback))).status.code, status.UNIMPLEMENTED);
});
