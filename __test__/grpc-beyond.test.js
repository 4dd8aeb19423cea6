'use strict';

/** What grpc-js has not: promises, iterators, compression, room in bytes. And what it has that other tests do not touch. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const zlib = require('node:zlib');
const { Echo, answerOf, answersOf, connectGrpc, framed, grpc, rawCall, rawSession, serveGrpc } = require('./harness/grpc.js');

const { status } = grpc;

describe('handlers that return', () => {
  test('a promise of one answer', async (t) => {
    const { address } = await serveGrpc(t, {
      one: async (/** @type {any} */ call) => ({ number: call.request.number + 1 }),
      async up(/** @type {any} */ call) {
        let number = 0;
        for await (const message of call) number += message.number;
        return { number };
      },
    });
    const client = connectGrpc(t, address);
    assert.equal((await answerOf((callback) => client.one({ number: 1 }, callback))).value.number, 2);
    const { value } = await answerOf((callback) => {
      const call = client.up(callback);
      for (let number = 0; number < 100; number++) call.write({ number });
      call.end();
      return call;
    });
    assert.equal(value.number, 4950);
  });

  test('a promise of nothing, and answer by the callback', async (t) => {
    const { address } = await serveGrpc(t, {
      async one(/** @type {any} */ _call, /** @type {any} */ callback) {
        callback(null, { number: 1 });
      },
    });
    assert.equal((await answerOf((callback) => connectGrpc(t, address).one({}, callback))).value.number, 1);
  });

  test('an iterable of many answers, which is read as the client reads', async (t) => {
    let [made, ended] = [0, false];
    const { address } = await serveGrpc(t, {
      async *down() {
        try {
          for (;;) {
            made++;
            yield { data: Buffer.alloc(10_000) };
          }
        } finally {
          ended = true;
        }
      },
      async *both(/** @type {any} */ call) {
        for await (const message of call) yield { number: message.number * 2 };
      },
    });
    const client = connectGrpc(t, address);
    const call = client.both();
    const done = answersOf(call);
    for (let number = 0; number < 100; number++) call.write({ number });
    call.end();
    const { values, status: end } = await done;
    assert.deepEqual(values.map(({ number }) => number), Array.from({ length: 100 }, (_, number) => number * 2));
    assert.equal(end.code, status.OK);

    const endless = client.down({});
    endless.on('error', () => {});
    await once(endless, 'data');
    endless.pause();
    endless.cancel();
    await once(endless, 'end').catch(() => {});
    while (!ended) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(made < 100, `${made} were made for a client that took few`);
  });

  test('an iterable that throws', async (t) => {
    const { address } = await serveGrpc(t, {
      async *down() {
        yield { number: 1 };
        throw Object.assign(new Error('x'), { code: 5, details: 'no more' });
      },
    });
    const { values, status: end } = await answersOf(connectGrpc(t, address).down({}));
    assert.deepEqual([values.length, end.code, end.details], [1, 5, 'no more']);
  });
});

describe('compressed answers', () => {
  const text = 'all work and no play '.repeat(500);
  const handlers = {
    one: (/** @type {any} */ call, /** @type {any} */ callback) => callback(null, { text }, undefined, call.request.number),
    down(/** @type {any} */ call) {
      call.write({ text });
      call.write({ text: 'short' });
      call.end();
    },
  };
  const request = framed(Buffer.alloc(0));

  for (const [coding, decompress] of /** @type {const} */ ([['gzip', zlib.gunzipSync], ['deflate', zlib.inflateSync]])) {
    test(`${coding}, for a client that takes it`, async (t) => {
      const { port } = await serveGrpc(t, handlers, { 'millrace.compression': ['zstd', coding] });
      const session = rawSession(t, port);
      const { headers, body } = await rawCall(session, { 'grpc-accept-encoding': `identity,${coding}` }, [request]);
      assert.equal(headers['grpc-encoding'], coding);
      assert.equal(body[0], 1);
      assert.equal(body.readUInt32BE(1), body.length - 5);
      assert.ok(body.length < text.length / 20);
      assert.equal(Echo.service.One.responseDeserialize(decompress(body.subarray(5))).text, text);

      const plain = await rawCall(session, { 'grpc-accept-encoding': 'identity' }, [request]);
      assert.equal(plain.headers['grpc-encoding'], 'identity');
      assert.equal(plain.body[0], 0);
    });
  }

  test('grpc-js reads them; short ones, and those with the flag, go as they are', async (t) => {
    const { address, port } = await serveGrpc(t, handlers, { 'grpc.default_compression_algorithm': 2 });
    const client = connectGrpc(t, address);
    assert.equal((await answerOf((callback) => client.one({}, callback))).value.text, text);
    const { values } = await answersOf(client.down({}));
    assert.deepEqual(values.map((value) => value.text), [text, 'short']);
    const flagged = framed(Echo.service.One.requestSerialize({ number: 2 }));
    const { body } = await rawCall(rawSession(t, port), { 'grpc-accept-encoding': 'gzip' }, [flagged]);
    assert.equal(body[0], 0);
  });

  test('requests compressed with zstd are understood', { skip: zlib.zstdCompressSync === undefined }, async (t) => {
    const { port } = await serveGrpc(t, {
      one: (/** @type {any} */ call, /** @type {any} */ callback) => callback(null, { number: call.request.text.length }),
    });
    const message = zlib.zstdCompressSync(Echo.service.One.requestSerialize({ text }));
    const { body } = await rawCall(rawSession(t, port), { 'grpc-encoding': 'zstd' }, [framed(message, { flag: 1 })]);
    assert.equal(Echo.service.One.responseDeserialize(body.subarray(5)).number, text.length);
  });
});

describe('room is counted in bytes', () => {
  test('many small messages are written without a pause, few large ones are not', async (t) => {
    const { address } = await serveGrpc(t, {
      async down(/** @type {any} */ call) {
        const size = call.request.number;
        let count = 0;
        while (call.write({ data: Buffer.alloc(size) })) count++;
        call.emit('error', { code: 9, details: `${count}` });
      },
    }, { 'millrace.high_water_mark': 100_000 });
    const client = connectGrpc(t, address);
    const count = async (/** @type {number} */ size) => Number((await answersOf(client.down({ number: size }))).status.details);
    const small = await count(10);
    assert.ok(small > 5000 && small <= 10_000, `${small} of 10 bytes`);
    assert.equal(await count(60_000), 1);
  });
});

describe('agents and interceptors', () => {
  test('a handler that is wrapped in `handlers` after it was registered is the one that runs', async (t) => {
    const { server, address } = await serveGrpc(t, {
      one: (/** @type {any} */ _call, /** @type {any} */ callback) => callback(null, { number: 1 }),
    });
    const entry = server.handlers.get('/millrace.test.Echo/One');
    assert.deepEqual(Object.keys(entry).sort(), ['deserialize', 'func', 'path', 'serialize', 'type']);
    const { func } = entry;
    entry.func = (/** @type {any} */ call, /** @type {any} */ callback) =>
      func(call, (/** @type {any} */ error, /** @type {any} */ value) => callback(error, { number: value.number + 1 }));
    assert.equal((await answerOf((callback) => connectGrpc(t, address).one({}, callback))).value.number, 2);
  });

  test('`addService` registers by `this.register`', () => {
    /** @type {string[]} */
    const registered = [];
    class Watched extends grpc.Server {
      /** @param {any[]} args */
      register(...args) {
        registered.push(`${args[4]} ${args[0]}`);
        return super.register(.../** @type {[any, any, any, any, any]} */ (args));
      }
    }
    new Watched().addService(Echo.service, {});
    assert.deepEqual(registered, [
      'unary /millrace.test.Echo/One',
      'clientStream /millrace.test.Echo/Up',
      'serverStream /millrace.test.Echo/Down',
      'bidi /millrace.test.Echo/Both',
    ]);
  });

  test('exports can be replaced', (t) => {
    const { loadPackageDefinition } = grpc;
    t.after(() => Object.assign(grpc, { loadPackageDefinition }));
    const replaced = () => ({});
    Object.assign(grpc, { loadPackageDefinition: replaced });
    assert.equal(grpc.loadPackageDefinition, replaced);
  });

  test('an interceptor changes what passes in both directions, the first nearest to the wire', async (t) => {
    /** @type {string[]} */
    const order = [];
    const interceptor = (/** @type {string} */ name) => (/** @type {any} */ method, /** @type {any} */ call) =>
      new grpc.ServerInterceptingCall(call, {
        start(/** @type {any} */ next) {
          next({
            onReceiveMessage(/** @type {any} */ message, /** @type {any} */ pass) {
              order.push(`${name} in`);
              pass({ ...message, text: `${message.text}${name}` });
            },
          });
        },
        sendMessage(/** @type {any} */ message, /** @type {any} */ next) {
          order.push(`${name} out`);
          setImmediate(next, { text: `${message.text}${name}` });
        },
        sendStatus(/** @type {any} */ end, /** @type {any} */ next) {
          next({ ...end, details: `${method.path} ${end.details}` });
        },
      });
    const { address } = await serveGrpc(
      t,
      { one: (/** @type {any} */ call, /** @type {any} */ callback) => callback(null, { text: `${call.request.text}|` }) },
      { interceptors: [interceptor('a'), interceptor('b')] },
    );
    const { value, status: end } = await answerOf((callback) => connectGrpc(t, address).one({ text: '' }, callback));
    assert.equal(value.text, 'ab|ba');
    assert.deepEqual(order, ['a in', 'b in', 'b out', 'a out']);
    assert.equal(end.details, '/millrace.test.Echo/One /millrace.test.Echo/One OK');
  });

  test('costs of a call come in its trailers', async (t) => {
    const { address } = await serveGrpc(t, {
      one(/** @type {any} */ call, /** @type {any} */ callback) {
        call.getMetricsRecorder().recordCPUUtilizationMetric(0.5);
        call.getMetricsRecorder().recordRequestCostMetric('rows', 3);
        callback(null, {});
      },
    }, { 'grpc.server_call_metric_recording': 1 });
    const { status: end } = await answerOf((callback) => connectGrpc(t, address).one({}, callback));
    const half = Buffer.alloc(8);
    half.writeDoubleLE(0.5);
    const three = Buffer.alloc(8);
    three.writeDoubleLE(3);
    const cost = Buffer.concat([Buffer.from([0x22, 15, 0x0a, 4]), Buffer.from('rows'), Buffer.from([0x11]), three]);
    assert.deepEqual(end.metadata.get('endpoint-load-metrics-bin'), [Buffer.concat([Buffer.from([0x09]), half, cost])]);
  });
});
