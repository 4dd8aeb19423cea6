'use strict';

/** Limits towards strangers by option, windows that grow, answers that are compressed elsewhere, and ports that are shared. */

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const http2 = require('node:http2');
const net = require('node:net');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const zlib = require('node:zlib');
const { createServer } = require('../lib/http.js');
const {
  Echo, answerOf, answersOf, connectGrpc, framed, grpc, rawCall, rawSession, serveGrpc,
} = require('./harness/grpc.js');

const { constants } = http2;
const { One: one, Down: down } = Echo.service;
const handlers = { one: async (/** @type {any} */ call) => call.request };
const encode = (/** @type {any} */ message) => framed(one.requestSerialize(message));

/** @param {import('node:test').TestContext} t @param {number} port */
async function connected(t, port) {
  const session = rawSession(t, port);
  await once(session, 'connect');
  return session;
}

/** @param {http2.ClientHttp2Session} session */
const ping = (session) =>
  new Promise((resolve) => {
    if (!session.ping((error) => resolve(error))) resolve(new Error('no more'));
  });

describe('a client that pings too often', () => {
  const options = { 'grpc.http2.min_ping_interval_without_data_ms': 60_000, 'grpc.http2.max_ping_strikes': 2 };

  test('is told so, as gRPC\'s clients look for it', async (t) => {
    const { port } = await serveGrpc(t, handlers, options);
    const session = await connected(t, port);
    const goaway = once(session, 'goaway');
    const pings = [ping(session), ping(session), ping(session), ping(session)];
    const [code, , why] = await goaway;
    assert.deepEqual([code, `${why}`], [constants.NGHTTP2_ENHANCE_YOUR_CALM, 'too_many_pings']);
    await Promise.all(pings);
  });

  test('may, while something is sent to it', async (t) => {
    const { port } = await serveGrpc(t, handlers, options);
    const session = await connected(t, port);
    for (let round = 0; round < 6; round++) {
      assert.equal(await ping(session), null);
      const { trailers } = await rawCall(session, {}, [encode({ text: 'x' })]);
      assert.equal(trailers['grpc-status'], '0');
    }
  });

  test('may as often as it likes without the option', async (t) => {
    const { port } = await serveGrpc(t, handlers);
    const session = await connected(t, port);
    for (let round = 0; round < 20; round++) assert.equal(await ping(session), null);
  });
});

test('frames that carry nothing are limited by an option', async (t) => {
  const { port } = await serveGrpc(t, handlers, { 'millrace.control_frame_burst': 10, 'millrace.control_frame_rate': 0 });
  const session = await connected(t, port);
  const goaway = once(session, 'goaway');
  const pings = Array.from({ length: 20 }, () => ping(session));
  assert.equal((await goaway)[0], constants.NGHTTP2_ENHANCE_YOUR_CALM);
  await Promise.all(pings);
});

test('resets are limited by an option', async (t) => {
  const { port } = await serveGrpc(t, { one() {} }, { 'millrace.reset_burst': 5, 'millrace.reset_rate': 0 });
  const session = rawSession(t, port);
  const goaway = once(session, 'goaway');
  for (let i = 0; i < 10; i++) {
    const stream = session.request({ ':method': 'POST', ':path': one.path, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.close(constants.NGHTTP2_CANCEL);
  }
  assert.equal((await goaway)[0], constants.NGHTTP2_ENHANCE_YOUR_CALM);
});

test('metadata is limited by an option', async (t) => {
  const { port } = await serveGrpc(t, handlers, { 'grpc.max_metadata_size': 1000 });
  const { headers } = await rawCall(rawSession(t, port), { long: 'x'.repeat(1000) }, [encode({})]);
  assert.equal(headers[':status'], 431);
});

test('a client that says nothing is closed, and one that speaks HTTP/2 is not', async (t) => {
  const { port, address } = await serveGrpc(t, handlers, { 'grpc.server_handshake_timeout_ms': 200 });
  const client = connectGrpc(t, address);
  await answerOf((callback) => client.one({}, callback));
  const silent = net.connect(port, '127.0.0.1');
  silent.on('error', () => {});
  silent.resume();
  await once(silent, 'close');
  const before = client.getChannel().getConnectivityState(false);
  const { value } = await answerOf((callback) => client.one({ text: 'still' }, callback));
  assert.deepEqual([before, value.text], [grpc.connectivityState.READY, 'still']);
});

/**
 * @param {import('node:test').TestContext} t
 * @param {number} port
 * @returns {Promise<number>} a port by which it takes 20 ms longer to that one and back
 */
async function farAway(t, port) {
  const proxy = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => setTimeout(() => to.write(bytes), 10));
      from.on('error', () => {});
      from.on('close', () => to.destroy());
    }
  });
  proxy.listen(0, '127.0.0.1');
  t.after(() => proxy.close());
  await once(proxy, 'listening');
  return /** @type {net.AddressInfo} */ (proxy.address()).port;
}

test('windows grow for a client that is held back by them', async (t) => {
  const { port } = await serveGrpc(t, {
    /** @param {any} call @param {any} callback */
    up(call, callback) {
      call.resume();
      call.on('end', () => callback(null, {}));
    },
  }, { 'millrace.max_flow_control_window': 4 << 20 });
  const session = await connected(t, await farAway(t, port));
  /** @type {number[]} */
  const windows = [];
  const widest = new Promise((resolve) => {
    session.on('remoteSettings', ({ initialWindowSize = 0 }) => {
      windows.push(initialWindowSize);
      if (initialWindowSize >= 4 << 20) resolve(initialWindowSize);
    });
  });
  const stream = session.request({ ':method': 'POST', ':path': Echo.service.Up.path, 'content-type': 'application/grpc' });
  const message = encode({ data: Buffer.alloc(1 << 20) });
  let enough = false;
  const sending = (async () => {
    while (!enough) if (!stream.write(message)) await once(stream, 'drain');
    stream.end();
  })();
  assert.equal(await widest, 4 << 20);
  enough = true;
  await sending;
  stream.resume();
  await once(stream, 'close');
  assert.deepEqual(windows.filter((window, i) => window !== windows[i - 1]).slice(-2), [2 << 20, 4 << 20]);
});

describe('answers that are compressed on other threads', () => {
  const options = { 'millrace.compression': ['gzip'] };

  test('come in order with those that are not, and before the status', async (t) => {
    const sizes = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? 300_000 : i % 3 === 1 ? 10 : 20_000));
    const { port } = await serveGrpc(t, {
      async *down() {
        for (const [number, size] of sizes.entries()) yield { number, data: Buffer.alloc(size, number) };
      },
    }, options);
    const { body, trailers } = await rawCall(
      rawSession(t, port), { ':path': down.path, 'grpc-accept-encoding': 'gzip' }, [encode({})],
    );
    const found = [];
    for (let at = 0; at < body.length;) {
      const end = at + 5 + body.readUInt32BE(at + 1);
      const bytes = body.subarray(at + 5, end);
      const { number, data } = down.responseDeserialize(body[at] === 1 ? zlib.gunzipSync(bytes) : bytes);
      found.push([number, data.length, data.every((/** @type {number} */ byte) => byte === number)]);
      at = end;
    }
    assert.deepEqual(found, sizes.map((size, number) => [number, size, true]));
    assert.equal(trailers['grpc-status'], '0');
  });

  test('do not hold up the thread', async (t) => {
    const data = require('node:crypto').randomBytes(8 << 20).toString('base64').slice(0, 8 << 20);
    const { port } = await serveGrpc(t, { one: async () => ({ text: data }) }, options);
    const session = await connected(t, port);
    session.setLocalWindowSize(64 << 20);
    let turns = 0;
    const call = rawCall(session, { 'grpc-accept-encoding': 'gzip' }, [encode({})]);
    let done = false;
    const counting = (async () => {
      while (!done) {
        await new Promise(setImmediate);
        turns++;
      }
    })();
    const { body } = await call;
    done = true;
    await counting;
    assert.ok(turns > 100, `${turns} turns of the loop while 8 MiB were compressed`);
    const { text } = one.responseDeserialize(zlib.gunzipSync(body.subarray(5)));
    assert.equal(text.length, data.length);
  });

  test('of a call that is cancelled are dropped, and its number is another\'s', async (t) => {
    /** @type {any} */
    let call;
    const { server, address } = await serveGrpc(t, {
      /** @param {any} given */
      down(given) {
        call = given;
        given.write({ data: Buffer.alloc(5 << 20) });
      },
      one: async (/** @type {any} */ given) => given.request,
    }, options);
    const client = connectGrpc(t, address);
    for (let round = 0; round < 5; round++) {
      const stream = client.down({});
      const ended = answersOf(stream);
      while (call === undefined) await new Promise(setImmediate);
      const cancelled = once(call, 'cancelled');
      stream.cancel();
      await Promise.all([ended, cancelled]);
      call = undefined;
      const { value } = await answerOf((callback) => client.one({ text: 'x'.repeat(20_000) }, callback));
      assert.equal(value.text.length, 20_000);
    }
    assert.equal(server.engine.native.calls, 0);
  });

  test('by gRPC-Web, too', async (t) => {
    const server = createServer();
    server.grpc(Echo.service, { one: async () => ({ text: 'z'.repeat(100_000) }) }, options);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = /** @type {net.AddressInfo} */ (server.address());
    const response = await fetch(`http://127.0.0.1:${port}${one.path}`, {
      method: 'POST',
      body: encode({}),
      headers: { 'content-type': 'application/grpc-web', 'grpc-accept-encoding': 'gzip' },
    });
    const body = Buffer.from(await response.arrayBuffer());
    const message = one.responseDeserialize(zlib.gunzipSync(body.subarray(5, 5 + body.readUInt32BE(1))));
    assert.equal(message.text.length, 100_000);
    assert.match(body.toString('latin1'), /grpc-status:0\r\n/);
  });
});

test('a request for the HTTP server on a connection of gRPC\'s is refused, and served on the next', async (t) => {
  const server = createServer((request, response) => response.end(`page ${request.url}`));
  server.grpc(Echo.service, handlers);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  const session = rawSession(t, port);
  assert.equal((await rawCall(session, {}, [encode({ text: 'x' })])).trailers['grpc-status'], '0');
  const page = session.request({ ':path': '/page' });
  const goaway = once(session, 'goaway');
  await assert.rejects(once(page, 'response'), { message: /NGHTTP2_REFUSED_STREAM/ });
  assert.equal((await goaway)[0], constants.NGHTTP2_NO_ERROR);
  const again = rawSession(t, port).request({ ':path': '/page' });
  again.setEncoding('utf8');
  assert.equal((await again.toArray()).join(''), 'page /page');
});

describe('a port that is shared', () => {
  const program = path.join(__dirname, 'fixtures', 'shared-port.js');

  /** @param {import('node:test').TestContext} t @param {number} port @returns {Promise<Set<string>>} who answered */
  async function whoAnswers(t, port) {
    const names = new Set();
    // The system gives each connection to one of them.
    for (let tries = 0; names.size < 2 && tries < 200; tries++) {
      const client = connectGrpc(t, `127.0.0.1:${port}`);
      names.add((await answerOf((callback) => client.one({}, callback))).value.text);
      client.close();
    }
    return names;
  }

  test('by worker threads', async (t) => {
    /** @param {number} port @returns {Promise<number>} */
    const begin = async (port) => {
      const worker = new Worker(program, { workerData: { port } });
      t.after(() => worker.terminate());
      return (await once(worker, 'message'))[0];
    };
    const port = await begin(0);
    assert.equal(await begin(port), port);
    assert.equal((await whoAnswers(t, port)).size, 2);
  });

  test('by workers of a cluster', async (t) => {
    const primary = fork(program, { execArgv: [] });
    t.after(() => primary.kill());
    const [port] = await once(primary, 'message');
    assert.equal((await whoAnswers(t, port)).size, 2);
  });
});
