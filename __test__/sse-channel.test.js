'use strict';

// Channels: what a broadcast is to sessions on a server of ours, which get it in one call, and to others.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const { test } = require('node:test');
const millrace = require('millrace/http');
const { createChannel, createSession, EventStreamParser } = require('millrace/sse');
const { eventually } = require('./harness/events.js');
const { serve, slowClient } = require('./harness/servers.js');
const { random } = require('./harness/streams.js');

/**
 * A client that keeps what its events say.
 *
 * @param {import('node:test').TestContext} t
 * @param {string} url
 */
async function listen(t, url) {
  const abort = new AbortController();
  t.after(() => abort.abort());
  /** @type {string[]} */
  const data = [];
  const parser = new EventStreamParser({ onEvent: (event) => data.push(event.data) });
  const response = await fetch(url, { signal: abort.signal });
  const all = (async () => {
    try {
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) parser.push(chunk);
    } catch (error) {
      if (error.name !== 'AbortError') throw error;
    }
  })();
  return { data, abort, all };
}

/**
 * A channel, and the sessions of those who ask for it.
 *
 * @param {import('node:test').TestContext} t
 * @param {any} implementation
 * @param {any} [options] of the sessions
 */
async function channelOn(t, implementation, options = {}) {
  const channel = createChannel();
  /** @type {any[]} */
  const sessions = [];
  const { url, port, server } = await serve(t, async (req, res) => {
    const session = await createSession(req, res, { retry: null, serializer: String, ...options, state: req.url });
    session.on('error', () => {});
    sessions.push(session);
    channel.register(session);
  }, implementation);
  const registered = (/** @type {number} */ count) => eventually(() => channel.sessionCount === count);
  return { channel, sessions, url, port, server, registered };
}

for (const [name, implementation] of Object.entries({ 'node:http': http, 'millrace/http': millrace })) {
  test(`broadcasts, pushes and batches come in the order in which they were sent: ${name}`, async (t) => {
    const { channel, sessions, url, registered } = await channelOn(t, implementation);
    const clients = [await listen(t, `${url}/0`), await listen(t, `${url}/1`)];
    await registered(2);
    const expected = [[], []];
    const tell = (/** @type {number} */ who, /** @type {string} */ data) => expected[who].push(data);
    for (let round = 0; round < 50; round++) {
      const data = `all ${round}`;
      channel.broadcast(data);
      for (const who of [0, 1]) tell(who, data);
      const session = sessions[round % 2];
      const who = Number(session.state.slice(1));
      session.push(`own ${round}`);
      tell(who, `own ${round}`);
      channel.broadcast(`some ${round}`, 'message', {
        filter(one) {
          // What a filter sends goes before what it lets through.
          if (one === session) one.push(`before ${round}`);
          return one === session;
        },
      });
      tell(who, `before ${round}`);
      tell(who, `some ${round}`);
      await session.batch((buffer) => void buffer.push(`batch ${round}`));
      tell(who, `batch ${round}`);
    }
    channel.close();
    await Promise.all(clients.map(({ all }) => all));
    assert.deepEqual(clients.map(({ data }) => data), expected);
  });

  test(`a session that stops reading keeps its bound, and costs the others nothing: ${name}`, async (t) => {
    const maxBufferedBytes = 200_000;
    const options = { maxBufferedBytes, onSlow: 'drop-oldest' };
    const { channel, sessions, port, url, registered } = await channelOn(t, implementation, options);
    slowClient(t, port, 'GET /slow HTTP/1.1\r\nHost: x');
    await registered(1);
    const quick = await listen(t, `${url}/quick`);
    await registered(2);
    const [slow] = sessions;
    const text = 'x'.repeat(9000);
    let most = 0;
    // Eighteen MB: more than sockets hold.
    for (let n = 0; n < 2000; n++) {
      channel.broadcast(`${n} ${text}`);
      most = Math.max(most, slow.bufferedAmount);
      if (n % 10 === 9) await eventually(() => quick.data.length === n + 1);
    }
    assert.deepEqual(quick.data.map((data) => parseInt(data, 10)), Array.from({ length: 2000 }, (_, n) => n));
    assert.ok(slow.dropped > 0 && most > 0 && most <= maxBufferedBytes, `${slow.dropped} dropped, ${most} bytes waited`);
    assert.equal(sessions[1].dropped, 0);
    assert.equal(slow.writableNeedDrain || slow.outgoing.isFull, true);
  });

  test(`a burst in one tick reaches a client that reads whole, and ready() waits for it: ${name}`, async (t) => {
    const { channel, sessions, url, registered } = await channelOn(t, implementation, { maxBufferedBytes: 2 ** 26 });
    const client = await listen(t, url);
    await registered(1);
    for (let n = 0; n < 20_000; n++) channel.broadcast(`${n} ${'y'.repeat(300)}`);
    assert.ok(sessions[0].bufferedAmount > 0);
    await sessions[0].ready();
    await eventually(() => client.data.length === 20_000);
    assert.deepEqual(client.data.map((data) => parseInt(data, 10)), Array.from({ length: 20_000 }, (_, n) => n));
    await eventually(() => sessions[0].bufferedAmount === 0);
  });
}

test('sessions of one server with and without chunks, with serializers of their own, and with another write', async (t) => {
  const channel = createChannel();
  const serializers = [String, (/** @type {any} */ data) => `own ${data}`];
  const { url, port } = await serve(t, async (req, res) => {
    if (req.url === '/write') {
      const write = res.write.bind(res);
      res.write = (chunk, ...rest) => write(String(chunk).replace('news', 'NEWS'), ...rest);
    }
    channel.register(await createSession(req, res, { retry: null, serializer: serializers[Number(req.url === '/own')] }));
  }, millrace);
  const clients = [];
  for (const path of ['/', '/own', '/write', '/']) clients.push(await listen(t, url + path));
  const old = slowClient(t, port, 'GET / HTTP/1.0\r\nHost: x');
  await eventually(() => channel.sessionCount === 5);
  channel.broadcast('news', 'e', { eventId: 'i' });
  channel.close();
  await Promise.all(clients.map(({ all }) => all));
  assert.deepEqual(clients.map(({ data }) => data), [['news'], ['own news'], ['NEWS'], ['news']]);
  let text = '';
  old.setEncoding('latin1').on('data', (more) => (text += more));
  old.resume();
  await once(old, 'end');
  assert.ok(text.endsWith('\r\n\r\nevent:e\nid:i\ndata:news\n\n'), text);
});

test('who comes back to a channel with a serializer of its own gets what it missed by that', async (t) => {
  const channel = createChannel({ history: true });
  const { url } = await serve(t, async (req, res) => {
    channel.register(await createSession(req, res, { retry: null, serializer: (data) => `own ${data}` }));
  }, millrace);
  channel.broadcast('first', 'message', { eventId: 'one' });
  channel.broadcast('second');
  const response = await fetch(url, { headers: { 'Last-Event-ID': 'one' } });
  await eventually(() => channel.sessionCount === 1);
  channel.close();
  assert.match(await response.text(), /^event:message\nid:\S+\ndata:own second\n\n$/);
});

for (const [name, implementation] of Object.entries({ 'node:http': http, 'millrace/http': millrace })) {
  test(`clients that are killed at random cost the rest of a channel nothing, and nothing of them stays: ${name}`, async (t) => {
    const next = random(7);
    const { channel, sessions, url, registered } = await channelOn(t, implementation);
    const lives = new Set(await Promise.all(Array.from({ length: 60 }, () => listen(t, url))));
    await registered(60);
    let sent = 0;
    while (lives.size > 10) {
      for (let i = 0; i < 20; i++) channel.broadcast(`${sent++} ${'z'.repeat(200)}`);
      for (const client of lives) {
        if (next() > 0.1) continue;
        lives.delete(client);
        client.abort.abort();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await registered(lives.size);
    const expected = Array.from({ length: sent }, (_, n) => n);
    for (const { data } of lives) {
      await eventually(() => data.length === sent);
      assert.deepEqual(data.map((text) => parseInt(text, 10)), expected);
    }
    assert.equal(sessions.filter(({ isConnected }) => isConnected).length, lives.size);
  });
}
