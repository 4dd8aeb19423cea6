'use strict';

/** How servers, connections and threads end, and who may share a port. */

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');
const { Duplex } = require('node:stream');
const { describe, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { answerOf, answersOf, connectGrpc, framed, grpc, rawCall, rawSession, serveGrpc } = require('./harness/grpc.js');

const { status } = grpc;
const OPEN = { ':method': 'POST', ':path': '/millrace.test.Echo/Both', 'content-type': 'application/grpc', te: 'trailers' };

/** @type {any} */
const handlers = {
  one: (/** @type {any} */ call, /** @type {any} */ callback) => callback(null, call.request),
  down: (/** @type {any} */ call) => call.write(call.request),
  both(/** @type {any} */ call) {
    call.on('data', (/** @type {any} */ message) => call.write(message));
    call.on('end', () => call.end());
  },
};

const shutDown = (/** @type {any} */ server) => new Promise((resolve) => server.tryShutdown(resolve));

describe('the end of a server', () => {
  test('tryShutdown() lets calls end, and takes no more', async (t) => {
    const { server, address, port } = await serveGrpc(t, handlers);
    const call = connectGrpc(t, address).both();
    const done = answersOf(call);
    call.write({ number: 1 });
    await once(call, 'data');
    const down = shutDown(server);
    const refused = net.connect(port, '127.0.0.1');
    const [error] = await once(refused, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
    call.write({ number: 2 });
    call.end();
    const { values, status: end } = await done;
    assert.deepEqual(values.map(({ number }) => number), [1, 2]);
    assert.equal(end.code, status.OK);
    await down;
    assert.equal(server.engine.native.connections, 0);
    assert.throws(() => server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), () => {}), /after shutdown/);
  });

  test('forceShutdown() cancels calls', async (t) => {
    /** @type {any} */
    let call;
    const { server, address } = await serveGrpc(t, {
      down(/** @type {any} */ stream) {
        call = stream;
        stream.write({});
      },
    });
    const stream = connectGrpc(t, address).down({});
    const done = answersOf(stream);
    await once(stream, 'data');
    const cancelled = once(call, 'cancelled');
    server.forceShutdown();
    await cancelled;
    assert.notEqual((await done).status.code, status.OK);
    await shutDown(server);
  });

  test('drain() gives a port\'s calls a grace time', async (t) => {
    const { server, address } = await serveGrpc(t, handlers);
    const stream = connectGrpc(t, address).down({});
    const done = answersOf(stream);
    await once(stream, 'data');
    server.drain(address, 50);
    assert.equal((await done).status.code, status.CANCELLED);
    assert.throws(() => server.drain('127.0.0.1:0', 1), /Cannot drain port 0/);
  });

  test('a port that is unbound can be bound again', async (t) => {
    const { server, address, port } = await serveGrpc(t, handlers);
    server.unbind(address);
    const again = await new Promise((resolve, reject) => {
      server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, number) => {
        if (error) reject(error);
        else resolve(number);
      });
    });
    assert.equal(again, port);
    assert.equal((await answerOf((callback) => connectGrpc(t, address).one({ number: 3 }, callback))).value.number, 3);
  });

  test('a process exits while a call is open, and without a word where nothing listens', () => {
    const program = `
      const { Echo, grpc, EchoClient, peer } = require(${JSON.stringify(path.join(__dirname, 'harness', 'grpc.js'))});
      const server = new grpc.Server();
      server.addService(Echo.service, { down: (call) => call.write({}) });
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
        const client = new EchoClient('127.0.0.1:' + port, peer.credentials.createInsecure());
        client.down({}).on('error', () => {}).once('data', () => {
          if (process.argv[1] === 'exit') process.exit(3);
          client.close();
          server.forceShutdown();
        });
      });`;
    for (const [how, code] of /** @type {const} */ ([['exit', 3], ['shutdown', 0]])) {
      const { status: exitCode, stderr } = spawnSync(process.execPath, ['-e', program, how], { timeout: 20_000 });
      assert.deepEqual([exitCode, `${stderr}`], [code, '']);
    }
  });
});

describe('connections', () => {
  test('idle ones are closed, and not those with a call', async (t) => {
    const { port } = await serveGrpc(t, handlers, { 'grpc.max_connection_idle_ms': 50 });
    const idle = rawSession(t, port);
    const busy = rawSession(t, port);
    const stream = busy.request(OPEN);
    stream.write(framed(Buffer.alloc(0)));
    await once(stream, 'data');
    await new Promise((resolve) => idle.on('close', resolve));
    assert.equal(busy.closed, false);
    const closed = new Promise((resolve) => busy.on('close', resolve));
    stream.end();
    await closed;
  });

  test('old ones are closed, calls in a grace time', async (t) => {
    const { port } = await serveGrpc(t, handlers, { 'grpc.max_connection_age_ms': 50, 'grpc.max_connection_age_grace_ms': 50 });
    const session = rawSession(t, port);
    const stream = session.request(OPEN);
    stream.on('error', () => {});
    const goaway = once(session, 'goaway');
    const closed = new Promise((resolve) => stream.on('close', resolve));
    await goaway;
    await closed;
  });

  test('those that do not answer a ping are closed', async (t) => {
    const { server, port } = await serveGrpc(t, handlers, { 'grpc.keepalive_time_ms': 50, 'grpc.keepalive_timeout_ms': 50 });
    const answering = rawSession(t, port);
    let pings = 0;
    answering.on('ping', () => pings++);
    // Says its preface and settings, and nothing more.
    const silent = net.connect(port, '127.0.0.1');
    silent.on('error', () => {});
    silent.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]));
    silent.resume();
    await new Promise((resolve) => silent.on('close', resolve));
    while (pings < 3) await once(answering, 'ping');
    assert.equal(answering.closed, false);
    assert.equal(server.engine.native.connections, 1);
  });

  test('somebody else\'s, of any kind of Duplex', async (t) => {
    const server = new grpc.Server();
    t.after(() => server.forceShutdown());
    const { Echo } = require('./harness/grpc.js');
    server.addService(Echo.service, handlers);
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    const listener = net.createServer((socket) => {
      // Not a socket as far as anybody knows.
      const duplex = Duplex.from({ readable: socket, writable: socket });
      injector.injectConnection(duplex);
    });
    t.after(() => listener.close());
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = /** @type {net.AddressInfo} */ (listener.address());
    const session = rawSession(t, port);
    const message = framed(Echo.service.One.requestSerialize({ data: Buffer.alloc(200_000, 1) }));
    const { body, trailers } = await rawCall(session, {}, [message]);
    assert.equal(trailers['grpc-status'], '0');
    assert.equal(Echo.service.One.responseDeserialize(body.subarray(5)).data.length, 200_000);
    const closed = new Promise((resolve) => session.on('close', resolve));
    injector.destroy();
    await closed;
    await shutDown(server);
  });
});

describe('threads', () => {
  test('two share a port, and one that ends leaves it to the other', async (t) => {
    const start = async (/** @type {number} */ port) => {
      const worker = new Worker(path.join(__dirname, 'fixtures', 'grpc-worker.js'), { workerData: { port } });
      t.after(() => worker.terminate());
      const [{ error, port: bound }] = await once(worker, 'message');
      assert.equal(error, null);
      return { worker, port: bound };
    };
    const first = await start(0);
    const second = await start(first.port);
    assert.equal(second.port, first.port);
    const seen = new Set();
    for (let i = 0; i < 200 && seen.size < 2; i++) {
      const client = connectGrpc(t, `127.0.0.1:${first.port}`);
      seen.add((await answerOf((callback) => client.one({}, callback))).value.number);
      client.close();
    }
    assert.equal(seen.size, 2, 'the system spreads connections over both');
    // With a call open.
    const stream = connectGrpc(t, `127.0.0.1:${first.port}`).down({});
    stream.on('error', () => {});
    const [{ number }] = await once(stream, 'data');
    const [gone, left] = number === first.worker.threadId ? [first, second] : [second, first];
    const id = left.worker.threadId;
    await gone.worker.terminate();
    const client = connectGrpc(t, `127.0.0.1:${first.port}`);
    assert.equal((await answerOf((callback) => client.one({}, callback))).value.number, id);
  });
});
