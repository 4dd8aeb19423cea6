'use strict';

/** Calls of all kinds between our client and grpc-js's, and our server and grpc-js's, in all combinations. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { answerOf, answersOf, grpc, serveGrpc, sides } = require('./harness/grpc.js');

const { status } = grpc;
const SECRET = Buffer.from([0, 255, 1, 254]);

/** @param {string} name @returns {Buffer} */
const fixture = (name) => fs.readFileSync(path.join(__dirname, 'fixtures', 'tls', name));

/** @param {any} library @returns {any} handlers with its metadata */
function handlersOf(library) {
  return {
    one(/** @type {any} */ call, /** @type {any} */ callback) {
      if (call.request.text === 'fail') {
        const metadata = new library.Metadata();
        metadata.set('why', 'asked');
        metadata.set('bytes-bin', SECRET);
        callback({ code: status.DATA_LOSS, details: 'verlören: 100 % 🎉\n', metadata });
        return;
      }
      if (call.request.text === 'wait') return;
      const head = new library.Metadata();
      head.set('seen', String(call.metadata.get('sent')));
      head.set('seen-bin', call.metadata.get('sent-bin')[0] ?? Buffer.alloc(0));
      call.sendMetadata(head);
      const trailer = new library.Metadata();
      trailer.set('behind', 'it');
      callback(null, call.request, trailer);
    },
    up(/** @type {any} */ call, /** @type {any} */ callback) {
      let number = 0;
      call.on('data', (/** @type {any} */ message) => {
        number += message.number + message.data.length;
      });
      call.on('end', () => callback(null, { number }));
    },
    down(/** @type {any} */ call) {
      const data = Buffer.alloc(call.request.data.length, 7);
      for (let number = 0; number < call.request.number; number++) call.write({ number, data });
      if (call.request.text === 'fail') call.emit('error', { code: status.ABORTED, details: 'enough' });
      else if (call.request.text !== 'wait') call.end();
    },
    both(/** @type {any} */ call) {
      call.on('data', (/** @type {any} */ message) => call.write(message));
      call.on('end', () => call.end());
    },
  };
}

for (const [clientSide, serverSide] of [['ours', 'ours'], ['ours', 'theirs'], ['theirs', 'ours'], ['theirs', 'theirs']]) {
  const { library, Client } = sides[clientSide];
  const { library: servers } = sides[serverSide];

  /**
   * @param {import('node:test').TestContext} t
   * @param {{ options?: any, serverOptions?: any, address?: string, credentials?: any, serverCredentials?: any,
   *   target?: string }} [how]
   */
  const connect = async (t, how = {}) => {
    const where = { address: how.address, credentials: how.serverCredentials, library: servers };
    const { server, address, port } = await serveGrpc(t, handlersOf(servers), how.serverOptions, where);
    const credentials = how.credentials ?? library.credentials.createInsecure();
    const options = { 'grpc.use_local_subchannel_pool': 1, ...how.options };
    const client = new Client(how.target?.replace('PORT', String(port)) ?? address, credentials, options);
    t.after(() => client.close());
    return { client, server };
  };

  describe(`a client of ${clientSide} and a server of ${serverSide}`, () => {
    test('unary, with metadata, trailers and a status', async (t) => {
      const { client } = await connect(t);
      const metadata = new library.Metadata();
      metadata.set('sent', 'this');
      metadata.set('sent-bin', SECRET);
      const request = { text: 'ä'.repeat(100), number: -5, data: Buffer.from([0, 1, 255]) };
      const answer = await answerOf((callback) => client.one(request, metadata, callback));
      assert.equal(answer.error, null);
      assert.deepEqual(answer.value, request);
      assert.deepEqual(answer.metadata.get('seen'), ['this']);
      assert.deepEqual(answer.metadata.get('seen-bin'), [SECRET]);
      assert.deepEqual(answer.status.metadata.getMap(), { behind: 'it' });
      assert.deepEqual([answer.status.code, answer.status.details], [status.OK, 'OK']);
    });

    test('a status in all characters, with metadata', async (t) => {
      const { client } = await connect(t);
      const { error, status: end } = await answerOf((callback) => client.one({ text: 'fail' }, callback));
      assert.equal(error.code, status.DATA_LOSS);
      assert.equal(error.details, 'verlören: 100 % 🎉\n');
      assert.equal(error.message, '15 DATA_LOSS: verlören: 100 % 🎉\n');
      assert.match(error.stack, /for call at\n.*grpc-client\.test\.js/s);
      assert.deepEqual([error.metadata.get('why'), error.metadata.get('bytes-bin')], [['asked'], [SECRET]]);
      assert.equal(end.code, status.DATA_LOSS);
    });

    test('client streaming', async (t) => {
      const { client } = await connect(t);
      const { value } = await answerOf((callback) => {
        const call = client.up(callback);
        for (let number = 1; number <= 1000; number++) call.write({ number });
        call.end();
        return call;
      });
      assert.equal(value.number, 500_500);
    });

    test('server streaming', async (t) => {
      const { client } = await connect(t);
      const { values, status: end } = await answersOf(client.down({ number: 3000 }));
      assert.deepEqual(values.map(({ number }) => number), Array.from({ length: 3000 }, (_, number) => number));
      assert.equal(end.code, status.OK);
    });

    test('server streaming that fails', async (t) => {
      const { client } = await connect(t);
      const { status: end } = await answersOf(client.down({ number: 1, text: 'fail' }));
      assert.deepEqual([end.code, end.details], [status.ABORTED, 'enough']);
    });

    test('both directions, with messages larger than windows', async (t) => {
      const { client } = await connect(t);
      const call = client.both();
      const done = answersOf(call);
      for (let number = 0; number < 8; number++) call.write({ number, data: Buffer.alloc(500_000, number) });
      call.end();
      const { values, status: end } = await done;
      assert.deepEqual(values.map(({ number, data }) => [number, data.length, data[0], data.at(-1)]),
        Array.from({ length: 8 }, (_, number) => [number, 500_000, number, number]));
      assert.equal(end.code, status.OK);
    });

    test('an unknown method', async (t) => {
      const { client } = await connect(t);
      const nothing = () => Buffer.alloc(0);
      const { error } = await answerOf((callback) => client.makeUnaryRequest('/no/such', nothing, () => 0, {}, callback));
      assert.equal(error.code, status.UNIMPLEMENTED);
    });

    test('a deadline', async (t) => {
      const { client } = await connect(t);
      const { error } = await answerOf((callback) => client.one({ text: 'wait' }, { deadline: Date.now() + 100 }, callback));
      assert.equal(error.code, status.DEADLINE_EXCEEDED);
      const late = await answerOf((callback) => client.one({ text: 'wait' }, { deadline: new Date(0) }, callback));
      assert.equal(late.error.code, status.DEADLINE_EXCEEDED);
    });

    test('a call that is given up', async (t) => {
      const { client } = await connect(t);
      const call = client.down({ number: 1, text: 'wait' });
      call.on('data', () => call.cancel());
      const { values, status: end } = await answersOf(call);
      assert.equal(values.length, 1);
      assert.deepEqual([end.code, end.details], [status.CANCELLED, 'Cancelled on client']);
      const { error } = await answerOf((callback) => {
        const unary = client.one({ text: 'wait' }, callback);
        unary.cancel();
        return unary;
      });
      assert.deepEqual([error.code, error.details], [status.CANCELLED, 'Cancelled on client']);
    });

    test('messages over the limits', async (t) => {
      const serverOptions = { 'grpc.max_receive_message_length': 1000 };
      const options = { 'grpc.max_send_message_length': 2000, 'grpc.max_receive_message_length': 500 };
      const { client } = await connect(t, { serverOptions, options });
      const failing = async (/** @type {number} */ length) => {
        const { error } = await answerOf((callback) => client.one({ data: Buffer.alloc(length) }, callback));
        return error.code;
      };
      assert.equal(await failing(3000), status.RESOURCE_EXHAUSTED);
      assert.equal(await failing(1500), status.RESOURCE_EXHAUSTED);
      assert.equal(await failing(700), status.RESOURCE_EXHAUSTED);
      assert.equal((await answerOf((callback) => client.one({ data: Buffer.alloc(400) }, callback))).error, null);
    });

    for (const [algorithm, name] of [[1, 'deflate'], [2, 'gzip']]) {
      test(`messages in ${name}`, async (t) => {
        const { client } = await connect(t, { options: { 'grpc.default_compression_algorithm': algorithm } });
        const request = { text: 'a'.repeat(100_000), number: 1, data: Buffer.alloc(10_000) };
        assert.deepEqual((await answerOf((callback) => client.one(request, callback))).value, request);
        const call = client.both();
        const done = answersOf(call);
        for (let number = 0; number < 20; number++) call.write({ ...request, number });
        call.end();
        assert.deepEqual((await done).values.map(({ number, text }) => [number, text.length]),
          Array.from({ length: 20 }, (_, number) => [number, 100_000]));
      });
    }

    test('TLS', async (t) => {
      const pair = { private_key: fixture('server-key.pem'), cert_chain: fixture('server.pem') };
      const serverCredentials = servers.ServerCredentials.createSsl(null, [pair]);
      const credentials = library.credentials.createSsl(fixture('ca.pem'));
      const { client } = await connect(t, { serverCredentials, credentials, target: 'localhost:PORT', address: 'localhost:0' });
      const request = { text: '', number: 1, data: Buffer.alloc(300_000, 1) };
      assert.deepEqual((await answerOf((callback) => client.one(request, callback))).value, request);
    });

    test('TLS with certificates at both ends', async (t) => {
      const pair = { private_key: fixture('server-key.pem'), cert_chain: fixture('server.pem') };
      const serverCredentials = servers.ServerCredentials.createSsl(fixture('ca.pem'), [pair], true);
      const credentials = library.credentials.createSsl(fixture('ca.pem'), fixture('client-key.pem'), fixture('client.pem'));
      const { client } = await connect(t, { serverCredentials, credentials, target: 'localhost:PORT', address: 'localhost:0' });
      assert.equal((await answerOf((callback) => client.one({ number: 1 }, callback))).value.number, 1);
    });

    test('a server that nobody vouches for', async (t) => {
      const pair = { private_key: fixture('server-key.pem'), cert_chain: fixture('server.pem') };
      const serverCredentials = servers.ServerCredentials.createSsl(null, [pair]);
      const credentials = library.credentials.createSsl();
      const { client } = await connect(t, { serverCredentials, credentials, target: 'localhost:PORT', address: 'localhost:0' });
      const { error } = await answerOf((callback) => client.one({}, callback));
      assert.equal(error.code, status.UNAVAILABLE);
      assert.match(error.details, /^No connection established\. Last error: .*certificate/);
    });

    test('a Unix socket', async (t) => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-'));
      t.after(() => fs.rmSync(folder, { recursive: true }));
      const { client } = await connect(t, { address: `unix:${folder}/socket` });
      assert.equal((await answerOf((callback) => client.one({ number: 1 }, callback))).value.number, 1);
      assert.equal(client.getChannel().getTarget(), `unix:${folder}/socket`);
    });

    test('a server that goes away in the midst of a call', async (t) => {
      const { client, server } = await connect(t);
      const call = client.down({ number: 1, text: 'wait' });
      const done = answersOf(call);
      await once(call, 'data');
      server.forceShutdown();
      const { status: end } = await done;
      assert.ok([status.UNAVAILABLE, status.CANCELLED].includes(end.code), `${end.code} ${end.details}`);
    });

    test('a server that drains answers what is open', async (t) => {
      const { client, server } = await connect(t);
      const call = client.both();
      const done = answersOf(call);
      call.write({ number: 1 });
      await once(call, 'data');
      const closed = new Promise((resolve) => server.tryShutdown(resolve));
      call.write({ number: 2 });
      await once(call, 'data');
      call.end();
      const { values, status: end } = await done;
      assert.deepEqual([values.length, end.code], [2, status.OK]);
      await closed;
    });
  });
}
