'use strict';

/** Clients and handlers that go wrong: each gets the status that it should, and the server lives on. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { describe, test } = require('node:test');
const zlib = require('node:zlib');
const {
  Echo, answerOf, answersOf, connectGrpc, framed, grpc, rawCall, rawSession, serveGrpc,
} = require('./harness/grpc.js');

const { status } = grpc;

const encode = (/** @type {any} */ message) => Echo.service.One.requestSerialize(message);

const decode = (/** @type {Buffer} */ body) => Echo.service.One.responseDeserialize(body.subarray(5));

/** @type {any} */
const handlers = {
  one: (/** @type {any} */ call, /** @type {any} */ callback) => callback(null, call.request),
  up(/** @type {any} */ call, /** @type {any} */ callback) {
    let number = 0;
    call.on('data', () => number++);
    call.on('end', () => callback(null, { number }));
  },
  down(/** @type {any} */ call) {
    call.write(call.request);
    call.end();
  },
  both(/** @type {any} */ call) {
    call.on('data', (/** @type {any} */ message) => call.write(message));
    call.on('end', () => call.end());
  },
};

/**
 * @param {import('node:test').TestContext} t
 * @param {any} [options]
 * @param {any} [more] handlers
 */
async function start(t, options, more) {
  const { server, port, address } = await serveGrpc(t, { ...handlers, ...more }, options);
  return {
    server,
    port,
    session: rawSession(t, port),
    client: connectGrpc(t, address),
    /** The server is as well as before, and holds nothing of what went wrong. */
    async isWell() {
      const other = connectGrpc(t, address);
      const { status: end } = await answersOf(other.makeServerStreamRequest('/no/such', () => Buffer.alloc(0), () => 0, {}));
      assert.equal(end.code, status.UNIMPLEMENTED);
      assert.equal(server.engine.native.calls, 0);
    },
  };
}

/**
 * @param {import('node:http2').ClientHttp2Session} session
 * @param {() => number} count of what moves; -1 before it began
 * @returns {Promise<number>} where it stopped: nothing more moved while a few pings went to the server and back
 */
async function standingStill(session, count) {
  if (session.connecting) await once(session, 'connect');
  let [before, rounds] = [-1, 0];
  while (rounds < 5) {
    await new Promise((resolve, reject) => session.ping((error) => (error ? reject(error) : resolve(undefined))));
    await new Promise(setImmediate);
    rounds = count() === before && before !== -1 ? rounds + 1 : 0;
    before = count();
  }
  return before;
}

/** @param {any} trailers @param {number} code @param {string | RegExp} details */
function assertStatus(trailers, code, details) {
  assert.equal(Number(trailers['grpc-status']), code, trailers['grpc-message']);
  const message = decodeURIComponent(trailers['grpc-message']);
  if (typeof details === 'string') assert.equal(message, details);
  else assert.match(message, details);
}

describe('requests that are not as they should be', () => {
  test('another content type is 415', async (t) => {
    const { session, isWell } = await start(t);
    for (const headers of [{ 'content-type': 'application/json' }, { 'content-type': 'application/grpc-web' }]) {
      const { headers: head } = await rawCall(session, headers, [framed(encode({}))]);
      assert.equal(head[':status'], 415);
    }
    await isWell();
  });

  test('an unknown method and an unknown service', async (t) => {
    const { session, isWell } = await start(t);
    for (const path of ['/millrace.test.Echo/None', '/none.None/None', '/', '/__proto__/constructor']) {
      const { headers } = await rawCall(session, { ':path': path }, [framed(encode({}))]);
      assert.equal(headers[':status'], 200);
      assertStatus(headers, status.UNIMPLEMENTED, `The server does not implement the method ${path}`);
    }
    await isWell();
  });

  for (const value of ['Infinity', '1', '-1S', '', '1x']) {
    test(`grpc-timeout "${value}"`, async (t) => {
      const { session, isWell } = await start(t, {}, { one() {} });
      const { trailers } = await rawCall(session, { 'grpc-timeout': value }, [framed(encode({}))]);
      assertStatus(trailers, status.INTERNAL, `Invalid grpc-timeout value "${value}"`);
      await isWell();
    });
  }

  test('messages over the limit, by their prefix alone', async (t) => {
    const { session, isWell } = await start(t, { 'grpc.max_receive_message_length': 100 });
    const most = encode({ data: Buffer.alloc(98) });
    assert.equal(most.length, 100);
    assertStatus((await rawCall(session, {}, [framed(most)])).trailers, status.OK, 'OK');
    for (const body of [framed(encode({ data: Buffer.alloc(99) })), framed(Buffer.alloc(0), { length: 2 ** 32 - 1 })]) {
      const { trailers } = await rawCall(session, {}, [body]);
      assertStatus(trailers, status.RESOURCE_EXHAUSTED, /^Received message larger than max \(\d+ vs 100\)$/);
    }
    await isWell();
  });

  test('messages that are too large only when they are decompressed', async (t) => {
    const { session, isWell } = await start(t, { 'grpc.max_receive_message_length': 1000 });
    const plain = encode({ data: Buffer.alloc(500_000) });
    for (const [encoding, compress] of /** @type {const} */ ([['gzip', zlib.gzipSync], ['deflate', zlib.deflateSync]])) {
      const bomb = compress(plain);
      assert.ok(bomb.length < 1000, 'it fits as it comes');
      const { trailers } = await rawCall(session, { 'grpc-encoding': encoding }, [framed(bomb, { flag: 1 })]);
      const text = 'Received message that decompresses to a size larger than 1000';
      assertStatus(trailers, status.RESOURCE_EXHAUSTED, text);
    }
    await isWell();
  });

  test('compressed as it says, and not', async (t) => {
    const { session, isWell } = await start(t);
    const message = encode({ text: 'hello' });
    const gzip = { 'grpc-encoding': 'gzip' };
    const compressed = framed(zlib.gzipSync(message), { flag: 1 });
    assert.equal(decode((await rawCall(session, gzip, [compressed])).body).text, 'hello');
    assert.equal(decode((await rawCall(session, gzip, [framed(message)])).body).text, 'hello', 'the flag decides');
    const corrupt = await rawCall(session, gzip, [framed(Buffer.from('none'), { flag: 1 })]);
    assertStatus(corrupt.trailers, status.INTERNAL, /^Error decompressing request: /);
    const unknown = await rawCall(session, { 'grpc-encoding': 'br' }, [framed(message, { flag: 1 })]);
    assertStatus(unknown.trailers, status.UNIMPLEMENTED, 'Received message compressed with unsupported encoding "br"');
    await isWell();
  });

  test('a prefix with another flag', async (t) => {
    const { session, isWell } = await start(t);
    const { trailers } = await rawCall(session, {}, [framed(encode({}), { flag: 2 })]);
    assertStatus(trailers, status.INTERNAL, 'Received a message with the flag 2');
    await isWell();
  });

  test('a message that does not decode', async (t) => {
    const { session, isWell } = await start(t);
    const { trailers } = await rawCall(session, {}, [framed(Buffer.from([0xff, 0xff]))]);
    assertStatus(trailers, status.INTERNAL, /^Error deserializing request: /);
    await isWell();
  });

  test('bodies that break off, within a message or before one', async (t) => {
    const { session, isWell } = await start(t);
    const part = framed(encode({ text: 'hello' })).subarray(0, 8);
    const none = 'Received no request message for server streaming method /millrace.test.Echo/One';
    assertStatus((await rawCall(session, {}, [part])).trailers, status.UNIMPLEMENTED, none);
    assertStatus((await rawCall(session, {}, [Buffer.alloc(0)])).trailers, status.UNIMPLEMENTED, none);
    const up = await rawCall(session, { ':path': '/millrace.test.Echo/Up' }, [framed(encode({})), part]);
    assertStatus(up.trailers, status.INTERNAL, 'The request ended in the midst of a message');
    await isWell();
  });

  test('two requests where there is one', async (t) => {
    const { session, isWell } = await start(t);
    const { trailers } = await rawCall(session, {}, [framed(encode({})), framed(encode({}))]);
    assertStatus(trailers, status.UNIMPLEMENTED, /^Received a second request message/);
    await isWell();
  });

  test('a body that is cut into bytes', async (t) => {
    const { session, isWell } = await start(t);
    const body = framed(encode({ text: 'hello, you' }));
    const { body: echoed, trailers } = await rawCall(session, {}, [...body].map((byte) => Buffer.from([byte])));
    assertStatus(trailers, status.OK, 'OK');
    assert.equal(decode(echoed).text, 'hello, you');
    await isWell();
  });

  test('metadata that is not legal is left out', async (t) => {
    /** @type {any} */
    let metadata;
    const { session, isWell } = await start(t, {}, {
      down(/** @type {any} */ call) {
        metadata = call.metadata;
        call.end();
      },
    });
    grpc.setLogVerbosity(grpc.logVerbosity.NONE);
    t.after(() => grpc.setLogVerbosity(grpc.logVerbosity.ERROR));
    const headers = { ':path': '/millrace.test.Echo/Down', '!odd': 'x', 'latin-1': 'ä', fine: 'y', 'bytes-bin': 'AAE,/w==' };
    assertStatus((await rawCall(session, headers, [framed(encode({}))])).trailers, status.OK, 'OK');
    assert.deepEqual(metadata.getMap(), { fine: 'y', 'bytes-bin': Buffer.from([0, 1]) });
    assert.deepEqual(metadata.get('bytes-bin'), [Buffer.from([0, 1]), Buffer.from([255])]);
    await isWell();
  });

  test('more metadata than is taken is refused before there is a call', async (t) => {
    const { session, isWell } = await start(t);
    const { headers } = await rawCall(session, { huge: 'x'.repeat(40_000) }, [framed(encode({}))]);
    assert.equal(headers[':status'], 431);
    await isWell();
  });

  test('bytes that are no HTTP/2', async (t) => {
    const { port, isWell } = await start(t);
    const badFrame = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\xff'.repeat(9)}`;
    for (const bytes of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\0'.repeat(100), badFrame]) {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(bytes, 'latin1');
      socket.resume();
      await once(socket, 'close');
    }
    await isWell();
  });
});

describe('handlers that go wrong', () => {
  test('throw', async (t) => {
    const fail = () => {
      throw new Error('of a handler');
    };
    const { client } = await start(t, {}, { one: fail, up: fail, down: fail, both: fail });
    const expected = [status.UNKNOWN, 'Server method handler threw error of a handler'];
    const ends = [
      (await answerOf((callback) => client.one({}, callback))).status,
      (await answerOf((callback) => client.up(callback))).status,
      (await answersOf(client.down({}))).status,
      (await answersOf(client.both())).status,
    ];
    for (const { code, details } of ends) assert.deepEqual([code, details], expected);
  });

  test('reject', async (t) => {
    const fail = async () => {
      throw Object.assign(new Error('of a promise'), { code: 10 });
    };
    const { client } = await start(t, {}, { one: fail, up: fail, down: fail, both: fail });
    const ends = [
      (await answerOf((callback) => client.one({}, callback))).status,
      (await answerOf((callback) => client.up(callback))).status,
      (await answersOf(client.down({}))).status,
      (await answersOf(client.both())).status,
    ];
    for (const { code } of ends) assert.equal(code, 10);
  });

  test('call back twice, after an answer or an error', async (t) => {
    const { client, isWell } = await start(t, {}, {
      up(/** @type {any} */ _call, /** @type {any} */ callback) {
        callback({ code: 3, details: 'first' });
        callback(null, {});
        callback({ code: 4 });
      },
    });
    const { status: end } = await answerOf((callback) => client.up(callback));
    assert.deepEqual([end.code, end.details], [3, 'first']);
    await isWell();
  });

  test('write and fail behind the end', async (t) => {
    const { client, isWell } = await start(t, {}, {
      down(/** @type {any} */ call) {
        call.write({ number: 1 });
        call.end();
        call.end();
        call.once('finish', () => {
          call.write({ number: 2 });
          call.emit('error', { code: 9 });
        });
      },
    });
    const { values, status: end } = await answersOf(client.down({}));
    assert.deepEqual(values.map(({ number }) => number), [1]);
    assert.equal(end.code, status.OK);
    await isWell();
  });

  test('never end: a deadline ends their calls, or the client, or the server', async (t) => {
    /** @type {any[]} */
    const calls = [];
    const keep = (/** @type {any} */ call) => void calls.push(call);
    const { client, server, isWell } = await start(t, {}, { one: keep, up: keep, down: keep, both: keep });
    const four = async (/** @type {any} */ options) => {
      const before = calls.length;
      const ignore = () => {};
      const open = [client.one({}, options, ignore), client.up(options, ignore), client.down({}, options), client.both(options)];
      const ends = open.map((call) => {
        call.on('error', () => {});
        return new Promise((resolve) => call.on('status', (/** @type {any} */ end) => resolve(end.code)));
      });
      for (const call of open) call.write?.({});
      while (calls.length < before + 4) await new Promise(setImmediate);
      const told = calls.slice(before).map((call) => once(call, 'cancelled'));
      return { open, ends: async () => (await Promise.all([Promise.all(ends), ...told]))[0] };
    };
    const late = await four({ deadline: Date.now() + 300 });
    assert.deepEqual(await late.ends(), Array(4).fill(status.DEADLINE_EXCEEDED));
    const unwanted = await four({});
    for (const call of unwanted.open) call.cancel();
    assert.deepEqual(await unwanted.ends(), Array(4).fill(status.CANCELLED));
    await isWell();
    const last = await four({});
    server.forceShutdown();
    assert.ok((await last.ends()).every((code) => code !== status.OK));
    assert.equal(server.engine.native.calls, 0);
  });

  test('an answer that does not serialise, and one that is too long', async (t) => {
    const { client, isWell } = await start(t, { 'grpc.max_send_message_length': 100 }, {
      down: (/** @type {any} */ call) => call.write(call.request.number === 1 ? undefined : { data: Buffer.alloc(101) }),
    });
    assert.equal((await answersOf(client.down({ number: 1 }))).status.code, status.INTERNAL);
    const { code, details } = (await answersOf(client.down({}))).status;
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    assert.match(details, /^Sent message larger than max \(\d+ vs\. 100\)$/);
    await isWell();
  });
});

describe('clients that go', () => {
  test('vanish amid calls of every kind', async (t) => {
    /** @type {any[]} */
    const calls = [];
    const keep = (/** @type {any} */ call) => {
      calls.push(call);
      call.resume?.();
    };
    const { port, server, isWell } = await start(t, {}, { up: keep, down: keep, both: keep });
    const session = rawSession(t, port);
    const open = ['Up', 'Down', 'Both'].map((name) => {
      const stream = session.request({
        ':method': 'POST', ':path': `/millrace.test.Echo/${name}`, 'content-type': 'application/grpc', te: 'trailers',
      });
      stream.on('error', () => {});
      stream.write(framed(encode({})));
      if (name === 'Down') stream.end();
      return stream;
    });
    await Promise.all(open.map((stream) => once(stream, 'ready').catch(() => {})));
    while (calls.length < 3) await new Promise((resolve) => setImmediate(resolve));
    const cancelled = calls.map((call) => once(call, 'cancelled'));
    session.destroy();
    await Promise.all(cancelled);
    assert.ok(calls.every((call) => call.cancelled && call.destroyed));
    await isWell();
    assert.ok(server.connections.length < 10);
  });

  test('reset ten thousand calls: the connection is closed, others are served', async (t) => {
    const { port, isWell } = await start(t, {}, { one() {} });
    const session = rawSession(t, port);
    const closed = new Promise((resolve) => session.on('close', resolve));
    let sent = 0;
    const more = () => {
      for (let i = 0; i < 100 && sent < 10_000 && !session.destroyed; i++, sent++) {
        const stream = session.request({
          ':method': 'POST', ':path': '/millrace.test.Echo/One', 'content-type': 'application/grpc', te: 'trailers',
        });
        stream.on('error', () => {});
        stream.close(8);
      }
      if (sent < 10_000 && !session.destroyed) setImmediate(more);
    };
    more();
    await closed;
    assert.ok(sent > 20, 'a few cancelled calls are nobody\'s crime');
    await isWell();
  });

  test('stop reading: what waits for them is bounded, in bytes', async (t) => {
    const message = { data: Buffer.alloc(10_000) };
    let written = 0;
    /** @type {any} */
    let stream;
    const { port, isWell } = await start(t, {}, {
      down(/** @type {any} */ call) {
        stream = call;
        const more = () => {
          do written++; while (call.write(message));
        };
        call.on('drain', more);
        more();
      },
    });
    const session = rawSession(t, port);
    const call = session.request({
      ':method': 'POST', ':path': '/millrace.test.Echo/Down', 'content-type': 'application/grpc', te: 'trailers',
    });
    call.on('error', () => {});
    call.end(framed(encode({})));
    call.pause();
    await standingStill(session, () => (stream === undefined ? -1 : written));
    // The client's window is 64 KiB, and so is ours.
    assert.ok(written * 10_000 < 300_000, `${written * 10_000} bytes were written`);
    assert.equal(stream.writableNeedDrain, true);
    session.destroy();
    await once(stream, 'close');
    await isWell();
  });

  test('send and are not read: what waits for a handler is bounded, in bytes', async (t) => {
    /** @type {any} */
    let stream;
    const { port } = await start(t, { 'grpc-node.flow_control_window': 100_000 }, {
      up(/** @type {any} */ call) {
        stream = call;
      },
    });
    const session = rawSession(t, port);
    const call = session.request({
      ':method': 'POST', ':path': '/millrace.test.Echo/Up', 'content-type': 'application/grpc', te: 'trailers',
    });
    call.on('error', () => {});
    const message = framed(encode({ data: Buffer.alloc(1000) }));
    let taken = 0;
    const more = () => {
      while (call.write(message, () => taken++));
    };
    call.on('drain', more);
    more();
    const before = await standingStill(session, () => (stream === undefined ? -1 : taken));
    assert.ok(taken * 1000 < 600_000, `${taken * 1000} bytes were taken`);
    // And it goes on when the handler reads.
    stream.resume();
    while (taken === before) await once(call, 'drain');
  });
});

describe('ports and certificates', () => {
  test('a port that is taken', async (t) => {
    const { port } = await start(t);
    const other = new grpc.Server();
    t.after(() => other.forceShutdown());
    grpc.setLogVerbosity(grpc.logVerbosity.NONE);
    t.after(() => grpc.setLogVerbosity(grpc.logVerbosity.ERROR));
    /** @type {any} */
    const error = await new Promise((resolve) => {
      other.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), resolve);
    });
    assert.match(error.message, /^No address added out of total 1 resolved errors: \[.*EADDRINUSE/);
  });

  test('addresses that are none', async (t) => {
    const server = new grpc.Server();
    t.after(() => server.forceShutdown());
    assert.throws(() => server.bindAsync('', grpc.ServerCredentials.createInsecure(), () => {}), /Could not parse port ""/);
    /** @type {any} */
    const error = await new Promise((resolve) => {
      server.bindAsync('ipv4:none:1', grpc.ServerCredentials.createInsecure(), resolve);
    });
    assert.match(error.message, /none:1/);
  });

  test('certificates that are none', async (t) => {
    const server = new grpc.Server();
    t.after(() => server.forceShutdown());
    const wrong = Buffer.from('no PEM');
    const credentials = grpc.ServerCredentials.createSsl(null, [{ private_key: wrong, cert_chain: wrong }]);
    /** @type {any} */
    const error = await new Promise((resolve) => {
      server.bindAsync('127.0.0.1:0', credentials, resolve);
    });
    assert.ok(error instanceof Error);
  });
});
