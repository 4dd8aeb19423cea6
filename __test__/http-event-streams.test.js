'use strict';

// Event streams of a hub that are fed in the reactor: framings, policies, and what becomes of them under load.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { test } = require('node:test');
const { EVENTS, eventually, serveEvents } = require('./harness/events.js');
const { Raw } = require('./harness/raw-http.js');
const { slowClient } = require('./harness/servers.js');
const { createHub } = require('millrace/hub');
const { EventStreamParser } = require('millrace/sse');

/** A client that reads chunks by itself, and keeps the data of its events. */
class Chunked {
  /** @param {number} port */
  constructor(port) {
    /** @type {string[]} */
    this.events = [];
    this.parser = new EventStreamParser({ onEvent: ({ data }) => this.events.push(data), onComment: () => {} });
    let bytes = Buffer.alloc(0);
    let isBody = false;
    this.socket = net.connect(port, '127.0.0.1', () => this.socket.write(`${EVENTS}\r\n\r\n`));
    this.socket.on('error', () => {});
    this.socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more]);
      if (!isBody) {
        const end = bytes.indexOf('\r\n\r\n');
        if (end === -1) return;
        isBody = true;
        bytes = bytes.subarray(end + 4);
      }
      for (;;) {
        const end = bytes.indexOf('\r\n');
        if (end === -1) return;
        const length = parseInt(bytes.toString('latin1', 0, end), 16);
        if (bytes.length < end + 2 + length + 2) return;
        assert.equal(bytes.toString('latin1', end + 2 + length, end + 4 + length), '\r\n');
        this.parser.push(bytes.toString('utf8', end + 2, end + 2 + length));
        bytes = bytes.subarray(end + 4 + length);
      }
    });
  }

  /** @param {number} count */
  async got(count) {
    while (this.events.length < count) await once(this.socket, 'data');
    return this.events;
  }
}

test('a client of HTTP/1.0 gets plain bytes, and the end of the connection as the end', async (t) => {
  const { hub, route, port } = await serveEvents(t, { topics: 't', retry: null, keepAlive: null });
  const raw = new Raw(port);
  raw.write('GET /events HTTP/1.0\r\nHost: x\r\n\r\n');
  await raw.until('\r\n\r\n');
  await eventually(() => hub.subscribers('t') === 1);
  const id = hub.publish('t', 'one\ntwo', { event: 'e' });
  await raw.until('two\n\n');
  assert.ok(raw.text.endsWith(`\r\n\r\nevent:e\nid:${id}\ndata:one\ndata:two\n\n`), raw.text);
  route.close();
  await raw.all;
});

test('comments come while nothing happens, and none once the stream is closed', async (t) => {
  const { route, port } = await serveEvents(t, { topics: 't', retry: null, keepAlive: 20 });
  const raw = new Raw(port);
  raw.write(`${EVENTS}\r\n\r\n`);
  await raw.until('3\r\n:\n\n\r\n3\r\n:\n\n\r\n3\r\n:\n\n\r\n');
  route.close({ retry: 5 });
  await raw.until('0\r\n\r\n');
  assert.match(raw.text, /retry:5\n\n\r\n0\r\n\r\n$/);
  // The connection is there for another request.
  raw.write('GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await raw.all;
  assert.match(raw.text, /404/);
});

for (const onSlow of ['disconnect', 'drop-oldest', 'drop-newest', 'keep-latest']) {
  test(`a slow client costs what it may, and others nothing: ${onSlow}`, async (t) => {
    const hub = createHub({ history: { count: 0 } });
    const { route, port, server } = await serveEvents(t, { topics: 't', hub, onSlow, maxBufferedBytes: 100_000 });
    /** @type {any[]} */
    const sockets = [];
    server.on('connection', (socket) => sockets.push(socket));
    let most = 0;
    const quick = new Chunked(port);
    const slow = slowClient(t, port, EVENTS);
    await eventually(() => hub.subscribers('t') === 2);
    const text = 'x'.repeat(40_000);
    // Sixteen MiB: more than sockets hold.
    for (let i = 0; i < 400; i++) {
      hub.publish('t', `${i} ${text}`, { key: String(i % 2) });
      await quick.got(i + 1);
      most = Math.max(most, ...sockets.map((socket) => socket.writableLength));
    }
    assert.ok(most > 0 && most <= 100_000, `${most} bytes waited`);
    const { dropped, slow: gone, connections } = route.stats();
    if (onSlow === 'disconnect') {
      assert.deepEqual([dropped, gone], [0, 1]);
      await eventually(() => route.stats().connections === 1);
    } else {
      assert.deepEqual([gone, connections], [0, 2]);
      assert.ok(dropped > 0);
      // What it gets in the end is whole events, in order, with the last ones or without.
      const got = [];
      const parser = new EventStreamParser({ onEvent: ({ data }) => got.push(parseInt(data, 10)) });
      let bytes = '';
      slow.setEncoding('latin1');
      slow.on('data', (more) => (bytes += more));
      slow.resume();
      await eventually(() => bytes.endsWith('\n\n\r\n') && bytes.split('data:').length - 1 === 400 - dropped);
      for (const chunk of bytes.slice(bytes.indexOf('\r\n\r\n') + 4).split(/(?:^|\r\n)[0-9a-f]+\r\n/)) parser.push(chunk);
      assert.deepEqual(got, [...got].sort((a, b) => a - b));
      assert.equal(got.length, 400 - dropped);
      assert.equal(got.includes(399), onSlow !== 'drop-newest');
    }
    quick.socket.destroy();
  });
}

test('killing clients at random under load loses nothing for the rest, and leaves nothing behind', async (t) => {
  const { hub, route, port } = await serveEvents(t, { topics: ['a/*', 'a/3'] });
  const clients = Array.from({ length: 80 }, () => new Chunked(port));
  await eventually(() => hub.subscribers('a/1') === 80);
  let seed = 7;
  const random = (/** @type {number} */ below) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % below;
  const expected = [];
  for (let i = 0; i < 400; i++) {
    expected.push(`${i} ${'y'.repeat(random(3000))}`);
    hub.publish(`a/${random(9)}`, expected[i]);
    if (i % 10 === 5) clients.splice(random(clients.length), 1)[0].socket.destroy();
    if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const client of clients) assert.deepEqual(await client.got(400), expected);
  for (const { socket } of clients) socket.destroy();
  await eventually(() => hub.subscribers('a/1') === 0 && route.stats().connections === 0);
});
