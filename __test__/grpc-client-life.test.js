'use strict';

/** How our client's channels and calls live: waiting, reconnecting, being refused, several servers, credentials, interceptors. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const http2 = require('node:http2');
const net = require('node:net');
const path = require('node:path');
const { describe, test } = require('node:test');
const { answerOf, answersOf, connectOurs, grpc, serveGrpc } = require('./harness/grpc.js');

const { connectivityState, status } = grpc;
const echo = { one: async (/** @type {any} */ call) => call.request };

/** @param {any} client @returns {Promise<Error | undefined>} */
const ready = (client) => new Promise((resolve) => client.waitForReady(Date.now() + 10_000, resolve));

/** @param {any} client @param {any[]} rest @returns {Promise<any>} */
const one = (client, ...rest) => answerOf((callback) => client.one({ number: 1 }, ...rest, callback));

/**
 * A server of HTTP/2 that does as it likes with streams.
 *
 * @param {import('node:test').TestContext} t
 * @param {(stream: import('node:http2').ServerHttp2Stream, headers: any) => void} onStream
 * @param {import('node:http2').ServerOptions} [options]
 * @returns {Promise<{ server: import('node:http2').Http2Server, address: string, sockets: net.Socket[] }>}
 */
async function serveRaw(t, onStream, options = {}) {
  /** @type {import('node:http2').ServerHttp2Session[]} */
  const sessions = [];
  const server = http2.createServer(options);
  /** @type {net.Socket[]} */
  const sockets = [];
  server.on('session', (session) => sessions.push(session));
  server.on('connection', (socket) => sockets.push(socket));
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { server, address: `127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`, sockets };
}

/** @param {import('node:http2').ServerHttp2Stream} stream answers with an empty message */
function answer(stream) {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.alloc(5));
}

describe('a channel', () => {
  test('is idle until somebody wants it, ready when the server said so, and shut down for good', async (t) => {
    const { address } = await serveGrpc(t, echo);
    const client = connectOurs(t, address);
    const channel = client.getChannel();
    assert.equal(channel.getConnectivityState(false), connectivityState.IDLE);
    assert.equal(await ready(client), undefined);
    assert.equal(channel.getConnectivityState(false), connectivityState.READY);
    client.close();
    assert.equal(channel.getConnectivityState(false), connectivityState.SHUTDOWN);
    assert.throws(() => client.one({}, () => {}), /Channel has been shut down/);
    assert.match(String(await ready(client)), /The channel has been closed/);
  });

  test('says why there is no connection, and makes one when there is a server', async (t) => {
    const free = net.createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = /** @type {net.AddressInfo} */ (free.address());
    free.close();
    await once(free, 'close');
    const client = connectOurs(t, `127.0.0.1:${port}`, { 'grpc.initial_reconnect_backoff_ms': 50, 'grpc.max_reconnect_backoff_ms': 50 });
    const { error } = await one(client);
    assert.equal(error.code, status.UNAVAILABLE);
    const why = 'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:';
    assert.equal(error.details.slice(0, why.length), why);
    const patient = new grpc.Metadata({ waitForReady: true });
    const waiting = one(client, patient);
    await serveGrpc(t, echo, undefined, { address: `127.0.0.1:${port}` });
    assert.equal((await waiting).error, null);
  });

  test('connects again to a server that was started again', async (t) => {
    const first = await serveGrpc(t, echo);
    const quick = { 'grpc.initial_reconnect_backoff_ms': 50, 'grpc.max_reconnect_backoff_ms': 50 };
    const client = connectOurs(t, first.address, quick);
    assert.equal((await one(client)).error, null);
    first.server.forceShutdown();
    // A deadline holds the process, as nothing else does here.
    const deadline = Date.now() + 10_000;
    await new Promise((resolve) => client.getChannel().watchConnectivityState(connectivityState.READY, deadline, resolve));
    await serveGrpc(t, echo, undefined, { address: first.address });
    assert.equal((await one(client, new grpc.Metadata({ waitForReady: true }))).error, null);
  });

  test('closes with calls that wait, and lets those that are open end', async (t) => {
    /** @type {(value?: any) => void} */
    let release = () => {};
    const { address } = await serveGrpc(t, {
      one: async (/** @type {any} */ call) => {
        await new Promise((resolve) => {
          release = resolve;
          call.emit('held');
        });
        return call.request;
      },
      down(/** @type {any} */ call) {
        call.write({ number: 1 });
        release = () => call.end();
      },
    });
    const client = connectOurs(t, address);
    const stream = client.down({});
    const done = answersOf(stream);
    await once(stream, 'data');
    client.close();
    release();
    assert.equal((await done).status.code, status.OK);
    const nobody = connectOurs(t, 'unix:/nowhere/at/all', {});
    const waiting = one(nobody, new grpc.Metadata({ waitForReady: true }));
    nobody.close();
    const { error } = await waiting;
    assert.deepEqual([error.code, error.details], [status.UNAVAILABLE, 'Channel closed before call started']);
  });

  test('takes servers in turn where it is told to', async (t) => {
    /** @type {number[]} */
    const asked = [];
    const servers = await Promise.all([0, 1, 2].map((number) => serveGrpc(t, {
      one: async (/** @type {any} */ call) => {
        asked.push(number);
        return call.request;
      },
    })));
    const target = `ipv4:${servers.map(({ address }) => address).join(',')}`;
    const client = connectOurs(t, target, { 'grpc.service_config': '{"loadBalancingConfig":[{"round_robin":{}}]}' });
    // All are connected to in their time.
    while (new Set(asked).size < 3) assert.equal((await one(client)).error, null);
    asked.length = 0;
    for (let call = 0; call < 9; call++) await one(client);
    assert.deepEqual([0, 1, 2].map((number) => asked.filter((one) => one === number).length), [3, 3, 3]);
    servers[1].server.forceShutdown();
    for (let call = 0; call < 6; call++) await one(client, new grpc.Metadata({ waitForReady: true }));
    assert.ok(asked.length >= 9);
  });

  test('shares connections with others that ask for the same', async (t) => {
    const { server, address } = await serveGrpc(t, echo);
    const clients = [1, 2, 3].map(() => connectOurs(t, address, { 'grpc.use_local_subchannel_pool': 0 }));
    await Promise.all(clients.map((client) => one(client)));
    assert.equal(server.engine.native.connections, 1);
  });

  test('lets the process end', async (t) => {
    const { address } = await serveGrpc(t, echo);
    const { spawn } = require('node:child_process');
    const program = `
      const { Echo, grpc } = require(${JSON.stringify(path.join(__dirname, 'harness', 'grpc.js'))});
      const client = new Echo(${JSON.stringify(address)}, grpc.credentials.createInsecure());
      client.one({ number: 1 }, (error, value) => console.log(value.number));
    `;
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [[code], text] = await Promise.all([once(child, 'exit'), once(child.stdout, 'data').then(String)]);
    assert.deepEqual([code, text], [0, '1\n']);
  });
});

describe('a server that goes wrong', () => {
  test('refuses a stream: the call is made again, once', async (t) => {
    let refused = 0;
    const { address } = await serveRaw(t, (stream) => {
      if (refused++ < 1) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      else answer(stream);
    });
    const client = connectOurs(t, address);
    assert.equal((await one(client)).error, null);
    assert.equal(refused, 2);
    refused = -10;
    const { error } = await one(client);
    assert.deepEqual([error.code, error.details, refused], [status.UNAVAILABLE, 'Stream refused by server', -8]);
  });

  for (const [code, expected] of [
    [http2.constants.NGHTTP2_CANCEL, status.CANCELLED],
    [http2.constants.NGHTTP2_ENHANCE_YOUR_CALM, status.RESOURCE_EXHAUSTED],
    [http2.constants.NGHTTP2_INADEQUATE_SECURITY, status.PERMISSION_DENIED],
    [http2.constants.NGHTTP2_INTERNAL_ERROR, status.INTERNAL],
    [http2.constants.NGHTTP2_PROTOCOL_ERROR, status.INTERNAL],
  ]) {
    test(`resets with ${code}`, async (t) => {
      const { address } = await serveRaw(t, (stream) => stream.close(code));
      assert.equal((await one(connectOurs(t, address))).error.code, expected);
    });
  }

  for (const [http, expected] of [
    [401, status.UNAUTHENTICATED],
    [404, status.UNIMPLEMENTED],
    [503, status.UNAVAILABLE],
    [418, status.UNKNOWN],
  ]) {
    test(`answers with HTTP ${http} and a page`, async (t) => {
      const { address } = await serveRaw(t, (stream) => {
        stream.respond({ ':status': http, 'content-type': 'text/html' });
        stream.end('<html>'.repeat(100));
      });
      const { error } = await one(connectOurs(t, address));
      assert.deepEqual([error.code, error.details], [expected, `Received HTTP status code ${http}`]);
    });
  }

  test('has room for few streams: the others wait', async (t) => {
    let most = 0;
    let open = 0;
    const { address } = await serveRaw(t, (stream) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open--;
        answer(stream);
      });
    }, { settings: { maxConcurrentStreams: 3 } });
    const client = connectOurs(t, address);
    await ready(client);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => one(client)));
    assert.deepEqual(outcomes.filter(({ error }) => error !== null), []);
    assert.ok(most <= 3, `${most}`);
  });

  test('is lost in the midst of a call', async (t) => {
    const { address, sockets } = await serveRaw(t, (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      setImmediate(() => sockets[0].destroy());
    });
    const { error } = await one(connectOurs(t, address));
    assert.deepEqual([error.code, error.details], [status.UNAVAILABLE, 'Connection dropped']);
  });

  test('ends an answer without a status', async (t) => {
    const { address } = await serveRaw(t, (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.end();
    });
    const { error } = await one(connectOurs(t, address));
    assert.deepEqual([error.code, error.details], [
      status.INTERNAL,
      'Received RST_STREAM with code 0 (Call ended without gRPC status)',
    ]);
  });

  test('says nothing at all to pings', async (t) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      // SETTINGS without any, and nothing behind them.
      socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const address = `127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`;
    const client = connectOurs(t, address, { 'grpc.keepalive_time_ms': 30, 'grpc.keepalive_timeout_ms': 60 });
    const { error } = await one(client);
    assert.deepEqual([error.code, error.details], [status.UNAVAILABLE, 'Connection dropped']);
  });

  test('is none: a socket that speaks something else', async (t) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { error } = await one(connectOurs(t, `127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`));
    assert.equal(error.code, status.UNAVAILABLE);
    assert.match(error.details, /^No connection established/);
  });

  test('answers twice', async (t) => {
    const { address } = await serveRaw(t, (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(10));
    });
    const { error } = await one(connectOurs(t, address));
    assert.deepEqual([error.code, error.details], [status.UNIMPLEMENTED, 'Too many responses received']);
  });
});

describe('credentials of calls', () => {
  const pem = (/** @type {string} */ name) => fs.readFileSync(path.join(__dirname, 'fixtures', 'tls', name));

  test('are asked for each call, together, and may fail', async (t) => {
    const pair = { private_key: pem('server-key.pem'), cert_chain: pem('server.pem') };
    /** @type {any[]} */
    const seen = [];
    const { port } = await serveGrpc(t, {
      one: async (/** @type {any} */ call) => {
        seen.push([call.metadata.get('token'), call.metadata.get('of-channel')]);
        return call.request;
      },
    }, undefined, { credentials: grpc.ServerCredentials.createSsl(null, [pair]), address: 'localhost:0' });
    /** @type {any[]} */
    const asked = [];
    const from = (/** @type {string} */ key, /** @type {string} */ value) =>
      grpc.credentials.createFromMetadataGenerator((/** @type {any} */ about, /** @type {any} */ callback) => {
        asked.push(about);
        const metadata = new grpc.Metadata();
        metadata.set(key, value);
        setImmediate(callback, null, metadata);
      });
    const secure = grpc.credentials.createSsl(pem('ca.pem'));
    const channel = grpc.credentials.combineChannelCredentials(secure, from('of-channel', 'yes'));
    const client = connectOurs(t, `localhost:${port}`, {}, channel);
    assert.equal((await one(client, { credentials: from('token', 'x') })).error, null);
    assert.deepEqual(seen, [[['x'], ['yes']]]);
    assert.deepEqual(asked[0], { method_name: '/millrace.test.Echo/One', service_url: 'https://localhost/millrace.test.Echo' });
    const failing = grpc.credentials.createFromMetadataGenerator((/** @type {any} */ _about, /** @type {any} */ callback) => {
      callback(Object.assign(new Error('no token'), { code: status.UNAUTHENTICATED }));
    });
    const { error } = await one(client, { credentials: failing });
    const said = 'Getting metadata from plugin failed with error: no token';
    assert.deepEqual([error.code, error.details], [status.UNAUTHENTICATED, said]);
    assert.throws(() => grpc.credentials.createInsecure().compose(failing), /Cannot compose insecure credentials/);
  });
});

test('a writer is held back by bytes', async (t) => {
  const { address } = await serveGrpc(t, {
    up(/** @type {any} */ call, /** @type {any} */ callback) {
      call.once('data', () => call.pause());
      call.on('end', () => callback(null, {}));
      call.on('cancelled', () => {});
    },
  });
  const client = connectOurs(t, address, { 'millrace.high_water_mark': 10_000 });
  const call = client.up(() => {});
  assert.equal(call.write({ data: Buffer.alloc(1000) }), true);
  assert.equal(call.write({ data: Buffer.alloc(20_000) }), false);
  await once(call, 'drain');
  call.cancel();
  await once(call, 'status');
});

test('a call of a client that takes no messages holds the server back', async (t) => {
  let written = 0;
  /** @type {(value?: any) => void} */
  let blocked = () => {};
  const isBlocked = new Promise((resolve) => {
    blocked = resolve;
  });
  const { address } = await serveGrpc(t, {
    down(/** @type {any} */ call) {
      const data = Buffer.alloc(100_000);
      const go = () => {
        while (written < 1000) {
          written++;
          if (!call.write({ data })) {
            call.once('drain', go);
            return void setTimeout(blocked, 200, null).unref();
          }
        }
      };
      go();
    },
  });
  const call = connectOurs(t, address).down({});
  call.on('error', () => {});
  await isBlocked;
  assert.ok(written < 200, `${written} messages of 100 kB were taken`);
  call.cancel();
});
