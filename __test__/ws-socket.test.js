'use strict';

// The `net.Socket` of a WebSocket whose descriptor the engine has: what programs ask of it.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { native, pair, ways } = require('./harness/ws.js');

for (const way of ways) {
  describe(way, () => {
    test('a socket has its addresses, options and state', async () => {
      const { peer, client, close } = await pair({ way });
      const { _socket: socket } = peer;
      assert.deepEqual(
        [socket.remoteAddress, socket.remotePort, socket.remoteFamily],
        ['127.0.0.1', client._socket.localPort, 'IPv4'],
      );
      assert.deepEqual(socket.address(), { address: '127.0.0.1', port: client._socket.remotePort, family: 'IPv4' });
      assert.deepEqual([socket.pending, socket.connecting, socket.readyState, socket.destroyed], [false, false, 'open', false]);
      assert.equal(socket.setNoDelay(false).setNoDelay().setKeepAlive(true, 5000).ref(), socket);
      // What refers to a socket must not wait for a `connect` that came long ago.
      assert.deepEqual([socket.listenerCount('connect'), socket.unref().listenerCount('connect')], [0, 0]);
      socket.ref();
      client.send('still there');
      assert.equal(String((await once(peer, 'message'))[0]), 'still there');
      await close();
      assert.deepEqual([socket.remoteAddress, socket.pending, socket.readyState], ['127.0.0.1', true, 'closed']);
    });

    test('close comes once, and says whether there was an error', async () => {
      for (const error of [null, new Error('mine')]) {
        const { peer, client, close } = await pair({ way });
        const { _socket: socket } = peer;
        peer.on('error', () => {});
        /** @type {any[]} */
        const closes = [];
        socket.on('close', (/** @type {boolean} */ hadError) => closes.push(hadError));
        const gone = once(client, 'close');
        socket.destroy(error ?? undefined);
        assert.equal((await gone)[0], 1006);
        await close();
        assert.deepEqual(closes, [error !== null]);
      }
    });

    test('end() sends what was queued and our end, and the peer sees both', async () => {
      const { peer, client, close } = await pair({ way });
      const got = once(client, 'message');
      const ended = once(client._socket, 'end');
      peer.send('last words');
      // There frames leave behind what else is written in their tick.
      if (way !== ways[0] || !native) await got;
      peer._socket.end();
      assert.equal(String((await got)[0]), 'last words');
      await ended;
      await close();
    });

    test('resetAndDestroy() resets the connection', async () => {
      const { peer, client, close } = await pair({ way });
      const failed = once(client._socket, 'error');
      const gone = once(client, 'close');
      assert.equal(peer._socket.resetAndDestroy(), peer._socket);
      assert.equal((await failed)[0].code, 'ECONNRESET');
      assert.equal((await gone)[0], 1006);
      await close();
    });
  });
}
