'use strict';

/** `wss:`: servers on millrace/http and on node:https, clients of ours and of `ws`. */

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const https = require('node:https');
const { describe, test } = require('node:test');
const http = require('../lib/http.js');
const { ours, theirs } = require('./harness/ws.js');
const { closed, listening } = require('./harness/raw-http.js');
const { until } = require('./harness/streams.js');
const { SERVER, ca, failure, fetched, fixture, identity } = require('./harness/tls.js');

/**
 * @param {any} server of HTTP
 * @param {(url: string, sockets: any, port: number) => Promise<void>} use
 * @param {any} [options] of the WebSocketServer
 */
async function upgrading(server, use, options) {
  const sockets = new ours.WebSocketServer({ server, ...options });
  const port = await listening(server);
  try {
    await use(`wss://localhost:${port}`, sockets, port);
  } finally {
    for (const client of sockets.clients) client.terminate();
    sockets.close();
    await closed(server);
  }
}

const WAYS = /** @type {[string, () => any][]} */ ([
  ['millrace/http', () => http.createServer(SERVER, (_req, res) => res.end('page'))],
  ['node:https', () => https.createServer(SERVER, (_req, res) => res.end('page'))],
]);

for (const [where, make] of WAYS) {
  for (const Client of [ours, theirs]) {
    describe(`wss: on ${where}, with a client of ${Client === ours ? 'ours' : 'ws'}`, () => {
      for (const perMessageDeflate of [false, true]) {
        test(`messages of all sizes there and back${perMessageDeflate ? ', compressed' : ''}`, async () => {
          await upgrading(make(), async (url, sockets) => {
            sockets.on('connection', (/** @type {any} */ peer) => {
              peer.on('message', (/** @type {any} */ data, /** @type {boolean} */ binary) => peer.send(data, { binary }));
            });
            const client = new Client.WebSocket(url, { ca });
            await once(client, 'open');
            for (const size of [0, 1, 125, 126, 16_384, 65_536, 1_000_003]) {
              const body = randomBytes(size);
              client.send(body);
              const [got, binary] = await once(client, 'message');
              assert.equal(binary, true);
              assert.ok(got.equals(body), `${size}`);
            }
            client.send('text');
            assert.equal(String((await once(client, 'message'))[0]), 'text');
            client.close(4000, 'enough');
            const [code, reason] = await once(client, 'close');
            assert.deepEqual([code, String(reason)], [4000, 'enough']);
          }, { perMessageDeflate });
        });
      }

      test('the server closes, and the client hears its code', async () => {
        await upgrading(make(), async (url, sockets) => {
          sockets.on('connection', (/** @type {any} */ peer) => {
            peer.send('bye');
            peer.close(4001, 'over');
          });
          const client = new Client.WebSocket(url, { ca });
          const message = once(client, 'message');
          const [code, reason] = await once(client, 'close');
          assert.deepEqual([String((await message)[0]), code, String(reason)], ['bye', 4001, 'over']);
        });
      });

      test('refuses a server that it cannot trust, and may be told to', async () => {
        await upgrading(make(), async (url) => {
          const error = await failure(once(new Client.WebSocket(url), 'open'));
          assert.equal(error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
          const client = new Client.WebSocket(url, { rejectUnauthorized: false });
          await once(client, 'open');
          client.terminate();
          await once(client, 'close');
        });
      });
    });
  }
}

describe('wss: on millrace/http', () => {
  test('the handler sees the certificate of the client, also behind the handshake', async () => {
    const server = http.createServer({ ...SERVER, requestCert: true, ca });
    await upgrading(server, async (url, sockets) => {
      const connection = once(sockets, 'connection');
      const client = new ours.WebSocket(url, { ca, ...identity('client') });
      const [peer, req] = await connection;
      assert.equal(req.socket.authorized, true);
      assert.equal(req.socket.getPeerCertificate().subject.CN, 'a client');
      assert.equal(req.socket.getProtocol(), 'TLSv1.3');
      assert.equal(peer._socket.encrypted, true);
      await once(client, 'open');
      client.terminate();
      const error = await failure(once(new ours.WebSocket(url, { ca }), 'open'));
      assert.match(error.code ?? error.message, /CERTIFICATE_REQUIRED|ECONNRESET|hang up/);
    });
  });

  test('broadcasts and topics reach clients in TLS', async () => {
    await upgrading(http.createServer(SERVER), async (url, sockets) => {
      sockets.on('connection', (/** @type {any} */ peer) => peer.subscribe('news'));
      const clients = Array.from({ length: 5 }, () => new theirs.WebSocket(url, { ca }));
      await Promise.all(clients.map((client) => once(client, 'open')));
      const got = clients.map(async (client) => {
        const texts = [];
        while (texts.length < 2) texts.push(String((await once(client, 'message'))[0]));
        return texts;
      });
      sockets.broadcast('to all');
      sockets.publish('news', 'good');
      for (const texts of await Promise.all(got)) assert.deepEqual(texts, ['to all', 'good']);
    });
  });

  test('a peer that does not read holds back what is sent, which is counted, and gets all of it in the end', async () => {
    await upgrading(http.createServer(SERVER), async (url, sockets) => {
      const connection = once(sockets, 'connection');
      const client = new theirs.WebSocket(url, { ca });
      const [peer] = await connection;
      await once(client, 'open');
      client.pause();
      const body = Buffer.alloc(1 << 20, 'x');
      let sent = 0;
      while (peer.bufferedAmount < 4 << 20) {
        peer.send(body);
        sent++;
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(peer.writableNeedDrain, true);
      const drained = once(peer, 'drain');
      let got = 0;
      client.on('message', (data) => {
        assert.equal(data.length, body.length);
        got++;
      });
      client.resume();
      await drained;
      await until(() => peer.bufferedAmount === 0, 'the rest to be sent');
      client.close();
      await once(client, 'close');
      assert.equal(got, sent);
    });
  });

  test('stands beside pages, and connections of both end with the server', async () => {
    const server = http.createServer(SERVER, (_req, res) => res.end('page'));
    await upgrading(server, async (url, sockets, port) => {
      const client = new ours.WebSocket(url, { ca });
      await once(client, 'open');
      assert.equal(String((await fetched(port)).body), 'page');
      const gone = once(client, 'close');
      for (const peer of sockets.clients) peer.close(1001);
      assert.equal((await gone)[0], 1001);
    });
  });

  test('certificates are replaced under open connections', async () => {
    const server = http.createServer(SERVER);
    await upgrading(server, async (url, sockets) => {
      sockets.on('connection', (/** @type {any} */ peer) => peer.on('message', (/** @type {any} */ data) => peer.send(data)));
      const before = new ours.WebSocket(url, { ca });
      await once(before, 'open');
      server.setSecureContext({ key: fixture('renewed-key.pem'), cert: fixture('renewed.pem') });
      const after = new ours.WebSocket(url, { ca });
      await once(after, 'open');
      for (const client of [before, after]) {
        client.send('x');
        assert.equal(String((await once(client, 'message'))[0]), 'x');
        client.terminate();
      }
    });
  });
});
