'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { messages, native, ours, pair, theirs, ways } = require('./harness/ws.js');

/** Messages at the borders of the three lengths of a header, of slabs and of reads. */
const LENGTHS = [0, 1, 2, 125, 126, 127, 1023, 1024, 1025, 8191, 8192, 16383, 16384, 65535, 65536, 65537, 1 << 20];

/** @param {number} length @returns {Buffer} */
const bytes = (length) => Buffer.from(Array.from({ length: Math.min(length, 4096) }, (_, n) => (n * 7) & 255)
  .concat(new Array(Math.max(0, length - 4096)).fill(0x5a)));

for (const way of ways) {
  describe(`a connection ${way}`, () => {
    for (const [name, server, client] of [
      ['ours with ours', ours, ours],
      ['ours with a client of ws', ours, theirs],
      ['ours with a server of ws', theirs, ours],
    ]) {
      test(`${name}: messages of every length come whole, in order, both ways`, async () => {
        const { peer, client: near, close } = await pair({ server, client, way });
        for (const [from, to] of [[near, peer], [peer, near]]) {
          const got = messages(to, 2 * LENGTHS.length);
          for (const length of LENGTHS) {
            from.send(bytes(length));
            from.send('ä'.repeat(length >> 1));
          }
          for (const [index, [data, isBinary]] of (await got).entries()) {
            const length = LENGTHS[index >> 1];
            assert.equal(isBinary, index % 2 === 0);
            const expected = isBinary ? bytes(length) : Buffer.from('ä'.repeat(length >> 1));
            assert.ok(data.equals(expected), `message ${index} of ${length} bytes`);
          }
        }
        await close();
      });
    }

    test('the closing handshake tells code and reason to both ends', async () => {
      const { peer, client, close } = await pair({ way });
      const both = Promise.all([once(peer, 'close'), once(client, 'close')]);
      client.close(4001, 'enough');
      const [atPeer, atClient] = await both;
      assert.deepEqual([atPeer[0], String(atPeer[1])], [4001, 'enough']);
      assert.deepEqual([atClient[0], String(atClient[1])], [4001, 'enough']);
      assert.deepEqual([peer.readyState, client.readyState, client.bufferedAmount], [3, 3, 0]);
      await close();
    });

    test('pings are answered, and callbacks called in order', async () => {
      const { client, close } = await pair({ way });
      /** @type {string[]} */
      const told = [];
      const pong = once(client, 'pong');
      client.send('a', () => told.push('a'));
      client.ping('p', undefined, () => told.push('p'));
      client.send('b', () => told.push('b'));
      assert.deepEqual(told, []);
      const [data] = await pong;
      assert.equal(String(data), 'p');
      assert.deepEqual(told, ['a', 'p', 'b']);
      await close();
    });

    test('a paused end reads nothing, and what is sent to it waits at the sender', async () => {
      const { peer, client, close } = await pair({ way });
      peer.pause();
      const chunk = Buffer.alloc(1 << 20);
      for (let i = 0; i < 32; i++) client.send(chunk);
      let seen = 0;
      peer.on('message', () => seen++);
      // A round trip that does not go through the paused end's messages.
      const pong = once(peer, 'pong');
      peer.ping();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(seen, 0);
      assert.ok(client.bufferedAmount > 16 << 20, `${client.bufferedAmount} bytes wait`);
      const all = messages(peer, 32);
      peer.resume();
      await all;
      await pong;
      assert.equal(seen, 32);
      await close();
    });

    test('a message that is kept pins no more than eight KiB', async () => {
      const { peer, client, close } = await pair({ way });
      const got = messages(peer, 200);
      for (let i = 0; i < 200; i++) client.send(`message ${i}`);
      for (const [data] of await got) assert.ok(data.buffer.byteLength <= 8192, `${data.buffer.byteLength}`);
      await close();
    });

    test('terminate() sends what was sent before it', async () => {
      const { peer, client, close } = await pair({ way });
      const got = messages(peer, 1);
      const closed = once(peer, 'close');
      client.send('last words');
      client.terminate();
      assert.equal(String((await got)[0][0]), 'last words');
      assert.equal((await closed)[0], 1006);
      await close();
    });
  });
}

describe('a batch', () => {
  test('goes on behind a handler that throws', async () => {
    const { peer, client, close } = await pair();
    const failure = new Error('of the handler');
    /** @type {string[]} */
    const got = [];
    const done = new Promise((resolve) => {
      peer.on('message', (/** @type {Buffer} */ data) => {
        got.push(String(data));
        if (got.length === 2) throw failure;
        if (got.length === 5) resolve(undefined);
      });
    });
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
    for (let i = 0; i < 5; i++) client.send(String(i));
    assert.equal(await thrown, failure);
    for (const listener of listeners) process.on('uncaughtException', listener);
    await done;
    assert.deepEqual(got, ['0', '1', '2', '3', '4']);
    await close();
  });

  test('runs ticks and microtasks before the next', async () => {
    const { peer, client, close } = await pair();
    peer.on('message', async (/** @type {Buffer} */ data) => {
      await Promise.resolve();
      peer.send(data);
    });
    const got = messages(client, 1);
    client.send('x');
    const [[data]] = await got;
    assert.equal(String(data), 'x');
    await close();
  });
});

describe('a socket that was taken over', () => {
  test('goes back to Node when somebody listens to its bytes', async () => {
    const { peer, client, close } = await pair();
    client.send('before');
    assert.equal(String((await messages(peer, 1))[0][0]), 'before');
    /** @type {Buffer[]} */
    const raw = [];
    peer._socket.on('data', (/** @type {Buffer} */ chunk) => raw.push(chunk));
    const got = messages(peer, 1);
    client.send('after');
    assert.equal(String((await got)[0][0]), 'after');
    assert.equal(raw[0][0], 0x81);
    await close();
  });

  // Where nothing is taken over, frames leave behind what else is written in their tick.
  test('keeps the order of frames and of what is written to it', async () => {
    if (!native) return;
    const { peer, client, close } = await pair();
    const got = messages(client, 3);
    peer.send('1');
    peer._socket.write(Buffer.from([0x81, 1, 0x32]));
    peer.send('3');
    assert.equal((await got).map(([data]) => data).join(), '1,2,3');
    await close();
  });
});
