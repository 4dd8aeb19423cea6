'use strict';

/** What millrace/ws has and ws has not. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { messages, ours, pair, theirs, ways } = require('./harness/ws.js');

/**
 * A server with some clients, all open.
 *
 * @param {any} Client
 * @param {number} count
 * @param {object} [options]
 * @returns {Promise<{ server: any, clients: any[], close: () => Promise<void> }>}
 */
async function crowd(Client, count, options) {
  const server = new ours.WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${server.address().port}`;
  const clients = [];
  for (let i = 0; i < count; i++) {
    const client = new Client.WebSocket(url);
    const [[peer]] = await Promise.all([once(server, 'connection'), once(client, 'open')]);
    peer.number = i;
    clients.push(client);
  }
  return {
    server,
    clients,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const client of clients) client.terminate();
      await closed;
    },
  };
}

for (const perMessageDeflate of [false, true]) {
  describe(`broadcast(), ${perMessageDeflate ? 'compressed' : 'plain'}`, () => {
    for (const Client of [ours, theirs]) {
      test(`reaches clients of ${Client === ours ? 'ours' : 'ws'} in order with what each is sent alone`, async () => {
        const { server, clients, close } = await crowd(Client, 4, { perMessageDeflate });
        const got = clients.map((client) => messages(client, 9));
        const text = 'water '.repeat(2000);
        for (let round = 0; round < 3; round++) {
          for (const peer of server.clients) peer.send(`${peer.number} ${round} ${text}`);
          assert.equal(server.broadcast(`all ${round} ${text}`), 4);
          assert.equal(server.broadcast(Buffer.from([round])), 4);
        }
        for (const [number, all] of (await Promise.all(got)).entries()) {
          const expected = [0, 1, 2].flatMap((round) => [
            [`${number} ${round} ${text}`, false],
            [`all ${round} ${text}`, false],
            [String.fromCharCode(round), true],
          ]);
          assert.deepEqual(all.map(([data, isBinary]) => [String(data), isBinary]), expected);
        }
        await close();
      });
    }

    test('leaves out whom it is told to, and whoever is closing', async () => {
      const { server, clients, close } = await crowd(ours, 4, { perMessageDeflate });
      const [first, second, third, fourth] = server.clients;
      const last = messages(clients[3], 1);
      third.close();
      assert.equal(server.broadcast('x', { except: first, filter: (/** @type {any} */ client) => client !== second }), 1);
      assert.equal(String((await last)[0][0]), 'x');
      assert.equal(server.broadcast('y', { except: [second, fourth] }), 1);
      await close();
    });
  });
}

for (const way of ways) {
  describe(`a peer that does not read, ${way}`, () => {
    test('makes writableNeedDrain true, and drain follows when it reads', async () => {
      const { peer, client, close } = await pair({ way });
      client.pause();
      assert.equal(peer.writableNeedDrain, false);
      let sent = 0;
      const chunk = Buffer.alloc(64 << 10);
      // What the kernel takes on the way does not count: only what waits here.
      for (;;) {
        while (!peer.writableNeedDrain) {
          peer.send(chunk);
          sent++;
        }
        const before = peer.bufferedAmount;
        await turns(50);
        if (peer.writableNeedDrain && peer.bufferedAmount === before) break;
      }
      assert.ok(peer.bufferedAmount > 0);
      const all = messages(client, sent);
      const drain = once(peer, 'drain');
      client.resume();
      await drain;
      assert.equal(peer.bufferedAmount, 0);
      assert.equal(peer.writableNeedDrain, false);
      await all;
      await close();
    });

    test('is given up beyond maxBufferedAmount', async () => {
      const { peer, client, close } = await pair({ way, serverOptions: { maxBufferedAmount: 1 << 20 } });
      client.pause();
      const failed = once(peer, 'error');
      // `once` would take the error for its own.
      const closed = new Promise((resolve) => peer.once('close', resolve));
      const clientClosed = new Promise((resolve) => client.once('close', resolve));
      let most = 0;
      const timer = setInterval(() => {
        for (let i = 0; i < 64; i++) if (peer.readyState === 1) peer.send(Buffer.alloc(64 << 10));
        most = Math.max(most, peer.bufferedAmount);
      });
      const [error] = await failed;
      clearInterval(timer);
      assert.equal(error.code, 'ERR_MILLRACE_WS_SLOW_PEER');
      assert.equal(await closed, 1006);
      assert.ok(most < 6 << 20, `${most} bytes waited`);
      client.resume();
      await clientClosed;
      await close();
    });

    test('misses messages, counted, with drop-newest, and none of what it gets is broken', async () => {
      const limits = { maxBufferedAmount: 1 << 20, onSlow: 'drop-newest' };
      const { server, peer, client, close } = await pair({ way, serverOptions: limits });
      client.pause();
      let sent = 0;
      while (peer.droppedMessages < 10) {
        peer.send(Buffer.alloc(64 << 10, sent++ & 255));
        server.broadcast(Buffer.alloc(64 << 10, sent++ & 255));
        await turns(1);
      }
      /** @type {number[]} */
      const got = [];
      const all = new Promise((resolve) => {
        client.on('message', (/** @type {Buffer} */ data) => {
          assert.equal(data.length, 64 << 10);
          if (got.push(data[0]) === sent - peer.droppedMessages) resolve(undefined);
        });
      });
      client.resume();
      await all;
      assert.ok(got.every((number, index) => index === 0 || number > got[index - 1] || number < 16));
      await close();
    });
  });
}

/** @param {number} count turns of the loop */
async function turns(count) {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

for (const way of ways) {
  describe(`a heartbeat, ${way}`, () => {
    test('pings a silent peer, and lets one live that answers', async () => {
      const { peer, client, close } = await pair({ way, serverOptions: { pingInterval: 20, pongTimeout: 2000 } });
      for (let i = 0; i < 3; i++) await Promise.all([once(client, 'ping'), once(peer, 'pong')]);
      assert.equal(peer.readyState, 1);
      await close();
    });

    test('ends a peer that does not answer', async () => {
      const options = { serverOptions: { pingInterval: 20, pongTimeout: 40 }, clientOptions: { autoPong: false } };
      const { peer, client, close } = await pair({ way, ...options });
      const [[code]] = await Promise.all([once(peer, 'close'), once(client, 'close')]);
      assert.equal(code, 1006);
      await close();
    });

    test('closes a peer that says nothing for long', async () => {
      const { peer, client, close } = await pair({ way, serverOptions: { idleTimeout: 50 } });
      const [[code, reason]] = await Promise.all([once(client, 'close'), once(peer, 'close')]);
      assert.deepEqual([code, String(reason)], [1001, 'idle timeout']);
      await close();
    });
  });
}
