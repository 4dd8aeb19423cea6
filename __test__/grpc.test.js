'use strict';

/** The four kinds of call, with grpc-js's client. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Echo, answerOf, answersOf, connectGrpc, grpc, peer, serveGrpc } = require('./harness/grpc.js');

const { status } = grpc;

/** @type {any} */
const handlers = {
  one(/** @type {any} */ call, /** @type {any} */ callback) {
    callback(null, call.request);
  },
  up(/** @type {any} */ call, /** @type {any} */ callback) {
    let number = 0;
    call.on('data', (/** @type {any} */ message) => {
      number += message.number;
    });
    call.on('end', () => callback(null, { number }));
  },
  down(/** @type {any} */ call) {
    for (let number = 0; number < call.request.number; number++) call.write({ number });
    call.end();
  },
  both(/** @type {any} */ call) {
    call.on('data', (/** @type {any} */ message) => call.write(message));
    call.on('end', () => call.end());
  },
};

/**
 * What was asked of the native half before a call is done when that call is answered.
 *
 * @param {any} server
 * @param {any} client
 */
async function assertNoCalls(server, client) {
  await answersOf(client.makeServerStreamRequest('/no/such', () => Buffer.alloc(0), () => 0, {}));
  assert.equal(server.engine.native.calls, 0);
}

describe('calls', () => {
  test('unary', async (t) => {
    const { address } = await serveGrpc(t, handlers);
    const client = connectGrpc(t, address);
    const request = { text: 'ä'.repeat(100), number: -5, data: Buffer.from([0, 1, 255]) };
    const { error, value, status: end } = await answerOf((callback) => client.one(request, callback));
    assert.equal(error, null);
    assert.deepEqual(value, request);
    assert.deepEqual([end.code, end.details], [status.OK, 'OK']);
  });

  test('client streaming', async (t) => {
    const { address } = await serveGrpc(t, handlers);
    const { value } = await answerOf((callback) => {
      const call = connectGrpc(t, address).up(callback);
      for (let number = 1; number <= 1000; number++) call.write({ number });
      call.end();
      return call;
    });
    assert.equal(value.number, 500_500);
  });

  test('server streaming', async (t) => {
    const { address } = await serveGrpc(t, handlers);
    const { values, status: end } = await answersOf(connectGrpc(t, address).down({ number: 5000 }));
    assert.deepEqual(values.map(({ number }) => number), Array.from({ length: 5000 }, (_, number) => number));
    assert.equal(end.code, status.OK);
  });

  test('both directions, with messages larger than windows and credit', async (t) => {
    const { address } = await serveGrpc(t, handlers);
    const call = connectGrpc(t, address).both();
    const done = answersOf(call);
    const sizes = [0, 1, 10, 16_384, 70_000, 1_000_000, 3, 2_000_000, 0, 100];
    for (const size of sizes) call.write({ data: Buffer.alloc(size, size % 251) });
    call.end();
    const { values, status: end } = await done;
    assert.equal(end.code, status.OK);
    assert.deepEqual(values.map(({ data }) => data.length), sizes);
    for (const { data } of values) assert.ok(data.every((/** @type {number} */ byte) => byte === data.length % 251));
  });

  test('a hundred at once over one connection', async (t) => {
    const { server, address } = await serveGrpc(t, handlers);
    const client = connectGrpc(t, address);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, number) => answerOf((callback) => client.one({ number }, callback))),
    );
    assert.deepEqual(answers.map(({ value }) => value.number), Array.from({ length: 100 }, (_, number) => number));
    assert.equal(server.engine.native.calls, 0);
    assert.equal(server.engine.native.connections, 1);
  });

  test('over a Unix socket', async (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-grpc-'));
    t.after(() => fs.rmSync(folder, { recursive: true }));
    const { port, server } = await serveGrpc(t, handlers, {}, { address: `unix://${folder}/socket` });
    assert.equal(port, 1);
    const { value } = await answerOf((callback) => connectGrpc(t, `unix://${folder}/socket`).one({ number: 1 }, callback));
    assert.equal(value.number, 1);
    server.forceShutdown();
    assert.equal(fs.existsSync(`${folder}/socket`), false);
  });
});

describe('metadata', () => {
  test('comes and goes, text and binary, each value in order', async (t) => {
    /** @type {any} */
    let got;
    const { address } = await serveGrpc(t, {
      one(/** @type {any} */ call, /** @type {any} */ callback) {
        got = call.metadata;
        const head = new grpc.Metadata();
        head.add('list', 'a');
        head.add('list', 'b');
        head.set('bytes-bin', Buffer.from([0, 255]));
        call.sendMetadata(head);
        const trailer = new grpc.Metadata();
        trailer.set('trailer-bin', Buffer.from('end'));
        callback(null, {}, trailer);
      },
    });
    const sent = new peer.Metadata();
    sent.add('key', 'one');
    sent.add('key', 'two');
    sent.set('raw-bin', Buffer.from([1, 2, 3, 254]));
    const { metadata, status: end } = await answerOf((callback) => connectGrpc(t, address).one({}, sent, callback));
    assert.deepEqual(got.get('key'), ['one, two']);
    assert.deepEqual(got.get('raw-bin'), [Buffer.from([1, 2, 3, 254])]);
    assert.match(got.get('user-agent')[0], /grpc-node-js/);
    for (const hidden of ['te', 'content-type', 'grpc-accept-encoding', 'accept-encoding']) assert.deepEqual(got.get(hidden), []);
    assert.deepEqual(metadata.get('list'), ['a, b']);
    assert.deepEqual(metadata.get('bytes-bin'), [Buffer.from([0, 255])]);
    assert.deepEqual(end.metadata.get('trailer-bin'), [Buffer.from('end')]);
  });

  test('keys and values that are not legal are refused', () => {
    const metadata = new grpc.Metadata();
    assert.throws(() => metadata.set('ä', 'x'), /Metadata key "ä" contains illegal characters/);
    assert.throws(() => metadata.set('key', 'ä'), /Metadata string value "ä" contains illegal characters/);
    assert.throws(() => metadata.add('key-bin', 'x'), /keys that end with '-bin' must have Buffer values/);
    assert.throws(() => metadata.add('key', /** @type {any} */ (Buffer.from('x'))), /must have String values/);
  });

  test('a key named like an accessor of every object stays in its map', () => {
    const metadata = grpc.Metadata.fromHttp2Headers({ constructor: 'x' });
    metadata.set('__proto__', 'value');
    assert.equal(Object.getPrototypeOf(metadata.getMap()), Object.prototype);
    assert.equal(/** @type {any} */ ({}).value, undefined);
  });

  test('what a call tells of itself', async (t) => {
    /** @type {any} */
    let told;
    const { address, port } = await serveGrpc(t, {
      one(/** @type {any} */ call, /** @type {any} */ callback) {
        told = [call.getPeer(), call.getPath(), call.getHost(), call.getDeadline(), call.cancelled, call.getAuthContext()];
        callback(null, {});
      },
    });
    await answerOf((callback) => connectGrpc(t, address).one({}, callback));
    assert.match(told[0], /^127\.0\.0\.1:\d+$/);
    assert.deepEqual(told.slice(1), ['/millrace.test.Echo/One', `127.0.0.1:${port}`, Infinity, false, {}]);
  });
});

describe('statuses', () => {
  const cases = [
    ['a code and details', { code: 5, details: 'nö %\n' }, 5, 'nö %\n'],
    ['an error with a message', new Error('broken'), status.UNKNOWN, 'broken'],
    ['a code that is no integer', { code: 'E', message: 'text' }, status.UNKNOWN, 'text'],
    ['a code of nobody', { code: 99, details: 'own' }, 99, 'own'],
  ];
  for (const [name, error, code, details] of cases) {
    test(`${name}, by a callback and by an event`, async (t) => {
      const { address } = await serveGrpc(t, {
        one: (/** @type {any} */ _call, /** @type {any} */ callback) => callback(error),
        down: (/** @type {any} */ call) => {
          call.write({});
          call.emit('error', error);
        },
      });
      const client = connectGrpc(t, address);
      const one = await answerOf((callback) => client.one({}, callback));
      assert.deepEqual([one.status.code, one.status.details], [code, details]);
      const down = await answersOf(client.down({}));
      assert.deepEqual([down.values.length, down.status.code, down.status.details], [1, code, details]);
    });
  }

  test('destroy() with a status fails a stream', async (t) => {
    const { address } = await serveGrpc(t, {
      down: (/** @type {any} */ call) => call.destroy(Object.assign(new Error('x'), { code: 9, details: 'destroyed' })),
    });
    const { status: end } = await answersOf(connectGrpc(t, address).down({}));
    assert.deepEqual([end.code, end.details], [9, 'destroyed']);
  });

  test('trailers of errors and of streams', async (t) => {
    const trailer = new grpc.Metadata();
    trailer.set('key', 'value');
    const { address } = await serveGrpc(t, {
      one: (/** @type {any} */ _call, /** @type {any} */ callback) => callback({ code: 3, details: '', metadata: trailer }),
      down: (/** @type {any} */ call) => call.end(trailer),
    });
    const client = connectGrpc(t, address);
    assert.deepEqual((await answerOf((callback) => client.one({}, callback))).status.metadata.get('key'), ['value']);
    assert.deepEqual((await answersOf(client.down({}))).status.metadata.get('key'), ['value']);
  });

  test('what is missing is UNIMPLEMENTED', async (t) => {
    const { server, address } = await serveGrpc(t, {});
    const client = connectGrpc(t, address);
    const text = 'The server does not implement the method';
    assert.deepEqual((await answerOf((callback) => client.one({}, callback))).status.details, `${text} One`);
    server.removeService(Echo.service);
    const { code, details } = (await answersOf(client.down({}))).status;
    assert.deepEqual([code, details], [status.UNIMPLEMENTED, `${text} /millrace.test.Echo/Down`]);
  });
});

describe('deadlines and cancellation', () => {
  test('a deadline passes while the handler runs, and the call hears of it once', async (t) => {
    let cancelled = 0;
    /** @type {any} */
    let seen;
    const { server, address } = await serveGrpc(t, {
      one(/** @type {any} */ call) {
        seen = call;
        call.on('cancelled', () => cancelled++);
      },
    });
    const deadline = Date.now() + 100;
    const { status: end } = await answerOf((callback) => connectGrpc(t, address).one({}, { deadline }, callback));
    assert.equal(end.code, status.DEADLINE_EXCEEDED);
    if (!seen.cancelled) await once(seen, 'cancelled');
    assert.ok(Math.abs(Number(seen.getDeadline()) - deadline) < 50);
    assert.equal(cancelled, 1);
    await assertNoCalls(server, connectGrpc(t, address));
  });

  test('a client that cancels ends streams in either direction', async (t) => {
    /** @type {any[]} */
    const calls = [];
    /** @type {any} */
    const handlersOf = {};
    const ended = new Promise((/** @type {(value: void) => void} */ resolve) => {
      const handler = (/** @type {any} */ call) => {
        calls.push(call);
        call.write?.({});
        call.on('cancelled', () => {
          if (calls.every(({ cancelled }) => cancelled) && calls.length === 2) resolve();
        });
      };
      handlersOf.down = handler;
      handlersOf.both = handler;
    });
    const { address, server } = await serveGrpc(t, handlersOf);
    const client = connectGrpc(t, address);
    const streams = [client.down({}), client.both()];
    for (const stream of streams) {
      stream.on('error', () => {});
      stream.once('data', () => stream.cancel());
    }
    await ended;
    // Late writes are nobody's.
    for (const call of calls) call.write({});
    assert.ok(calls.every(({ destroyed }) => destroyed));
    await assertNoCalls(server, client);
  });
});
