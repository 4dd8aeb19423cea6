'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { WebSocket } = require('millrace/ws');
const { createHub } = require('millrace/hub');
const { pair, ways } = require('./harness/ws.js');

/** @param {any} client @returns {(count: number) => Promise<string[]>} all messages, once there are so many */
function collector(client) {
  /** @type {string[]} */
  const messages = [];
  client.on('message', (/** @type {Buffer} */ data) => {
    messages.push(data.toString());
    client.emit('more');
  });
  return async (count) => {
    while (messages.length < count) await once(client, 'more');
    return messages;
  };
}

for (const way of ways) {
  for (const perMessageDeflate of [false, true]) {
    describe(`topics, ${way}, ${perMessageDeflate ? 'compressed' : 'plain'}`, () => {
      const options = { way, serverOptions: { perMessageDeflate }, clientOptions: { perMessageDeflate } };

      test('each event comes once and in order, until it is unsubscribed', async () => {
        const { server, peer, client, close } = await pair(options);
        const got = collector(client);
        peer.subscribe(['a/*', 'a/1', '**']);
        peer.subscribe('a/1');
        assert.deepEqual(peer.subscriptions, ['a/*', 'a/1', '**']);
        assert.equal(server.hub.subscribers('a/1'), 3);
        for (let i = 0; i < 100; i++) server.publish(`a/${i % 3}`, `${i} ${'x'.repeat(i * 50)}`);
        const expected = Array.from({ length: 100 }, (_, i) => `${i} ${'x'.repeat(i * 50)}`);
        assert.deepEqual(await got(100), expected);
        peer.unsubscribe(['**', 'a/*']);
        server.publish('a/2', 'not this');
        server.publish('a/1', 'this');
        assert.deepEqual((await got(101)).slice(100), ['this']);
        peer.unsubscribe();
        assert.equal(server.hub.subscribers('a/1'), 0);
        await close();
      });

      test('what was missed is replayed, what is too old is told, and scopes are kept', async () => {
        const hub = createHub({ history: { count: 3 } });
        const { server, peer, client, close } = await pair({ ...options, serverOptions: { perMessageDeflate, hub } });
        const got = collector(client);
        const ids = ['0', '1', '2', '3', '4'].map((data) => server.publish('t', data));
        hub.publish('u', 'before its time');
        peer.subscribe('u');
        peer.subscribe('t', { since: ids[2], scopes: ['staff'] });
        hub.publish('t', 'secret', { scope: 'staff' });
        hub.publish('u', 'secret of others', { scope: 'staff' });
        hub.publish('u', '5');
        assert.deepEqual(await got(4), ['3', '4', 'secret', '5']);
        peer.unsubscribe('t');
        peer.subscribe('t', { since: ids[0] });
        assert.equal(JSON.parse((await got(5))[4]).reset, 'history');
        await close();
        assert.equal(hub.subscribers('t'), 0);
        assert.equal(hub.subscribers('u'), 0);
      });
    });
  }
}

for (const way of ways) {
  test(`who publishes does not get it back, ${way}`, async () => {
    const hub = createHub();
    const { server, peer, client, close } = await pair({ way, serverOptions: { hub } });
    const { port } = server.options.server.address();
    const connection = once(server, 'connection');
    const other = new WebSocket(`ws://127.0.0.1:${port}`);
    const [[otherPeer]] = await Promise.all([connection, once(other, 'open')]);
    const [mine, others] = [collector(client), collector(other)];
    /** @type {string[]} */
    const heard = [];
    hub.subscribe('**', ({ data }) => heard.push(String(data)));
    for (const one of [peer, otherPeer]) one.subscribe(['rooms/*', 'rooms/7']);
    const id = peer.publish('rooms/7', 'from the first');
    assert.equal(id, hub.lastId);
    otherPeer.publish('rooms/7', { from: 'the second' });
    server.publish('rooms/8', 'from the server');
    assert.deepEqual(await others(2), ['from the first', 'from the server']);
    assert.deepEqual(await mine(2), ['{"from":"the second"}', 'from the server']);
    while (heard.length < 3) await new Promise((resolve) => setImmediate(resolve));
    assert.throws(() => peer.publish('rooms/*', 'x'), { code: 'ERR_INVALID_ARG_VALUE' });
    other.terminate();
    await close();
  });

  for (const onSlow of ['disconnect', 'drop-newest']) {
    test(`a subscriber that stops reading is bounded without maxBufferedAmount, and slows nobody: ${onSlow}, ${way}`, async () => {
      const { server, peer, client, close } = await pair({ way, serverOptions: { onSlow } });
      const { port } = server.options.server.address();
      const connection = once(server, 'connection');
      const other = new WebSocket(`ws://127.0.0.1:${port}`);
      const [[otherPeer]] = await Promise.all([connection, once(other, 'open')]);
      const got = collector(other);
      client.pause();
      peer.subscribe('t');
      // Without a listener of `error`, too.
      otherPeer.subscribe('t');
      const text = 'x'.repeat(64 * 1024);
      // Where nobody listens for errors, it is closed all the same.
      const ended = way === 'taken over' ? 'error' : 'close';
      const failed = onSlow === 'disconnect' && new Promise((resolve) => peer.on(ended, resolve));
      let most = 0;
      // More than the sockets of a loopback connection hold, and four times the bound.
      for (let i = 0; i < 256; i++) {
        server.publish('t', `${i} ${text}`);
        assert.equal((await got(i + 1))[i].length, text.length + String(i).length + 1);
        most = Math.max(most, peer.bufferedAmount);
      }
      assert.ok(most <= (1 << 20) + 2 * text.length, `${most} bytes waited`);
      if (failed) {
        const reason = await failed;
        assert.equal(reason.code ?? reason, way === 'taken over' ? 'ERR_MILLRACE_WS_SLOW_PEER' : 1006);
        assert.equal(server.hub.subscribers('t'), 1);
      } else {
        assert.ok(peer.droppedMessages > 0);
        assert.equal(peer.readyState, peer.OPEN);
      }
      other.terminate();
      await close();
    });
  }
}

test('killing clients at random under load loses nothing for the rest', async () => {
  const { server, peer, close } = await pair();
  const { port } = server.options.server.address();
  peer.subscribe('elsewhere');
  server.on('connection', (/** @type {any} */ ws) => {
    ws.subscribe('a/*');
    // Of those that are killed.
    ws.on('error', () => {});
  });
  const clients = Array.from({ length: 60 }, () => new WebSocket(`ws://127.0.0.1:${port}`));
  const gots = clients.map(collector);
  await Promise.all(clients.map((one) => once(one, 'open')));
  while (server.hub.subscribers('a/1') < 60) await new Promise((resolve) => setImmediate(resolve));
  const expected = [];
  let seed = 42;
  const random = (/** @type {number} */ below) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % below;
  const alive = clients.map((_, index) => index);
  for (let i = 0; i < 400; i++) {
    expected.push(`${i} ${'y'.repeat(random(3000))}`);
    server.publish(`a/${random(9)}`, expected[i]);
    if (i % 10 === 5) clients[alive.splice(random(alive.length), 1)[0]].terminate();
    if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const index of alive) assert.deepEqual(await gots[index](400), expected);
  for (const index of alive) clients[index].terminate();
  while (server.hub.subscribers('a/1') > 0) await new Promise((resolve) => setImmediate(resolve));
  await close();
});

test('many come and go, and what another thread publishes reaches those that are there', async () => {
  const name = `ws topics ${process.pid}`;
  const hub = createHub({ name });
  const { server, client, close } = await pair({ serverOptions: { hub } });
  server.on('connection', (/** @type {any} */ ws) => ws.subscribe('t'));
  const { port } = server.options.server.address();
  const clients = Array.from({ length: 200 }, () => new WebSocket(`ws://127.0.0.1:${port}`));
  const gots = clients.map(collector);
  await Promise.all(clients.map((one) => once(one, 'open')));
  while (hub.subscribers('t') < 200) await new Promise((resolve) => setImmediate(resolve));
  const worker = new Worker(
    `const hub = require('millrace/hub').createHub({ name: ${JSON.stringify(name)} });
     for (let i = 0; i < 50; i++) hub.publish('t', String(i));`,
    { eval: true },
  );
  const gone = once(worker, 'exit');
  const expected = Array.from({ length: 50 }, (_, i) => String(i));
  for (const got of gots) assert.deepEqual(await got(50), expected);
  await gone;
  for (const one of clients) one.terminate();
  while (hub.subscribers('t') > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.throws(() => client.subscribe('t'), /Only the WebSockets of a server/);
  await close();
});
