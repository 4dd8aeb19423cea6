'use strict';

/**
 * Many clients, of all protocols, on one port of a server in a process of its own: nothing leaks, nobody pays for another,
 * and nothing is logged. `MILLRACE_LOAD_CONNECTIONS=10000` opens so many at once, where the system
 * allows as many descriptors.
 */

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { random } = require('./harness/streams.js');

const CONNECTIONS = Number(process.env.MILLRACE_LOAD_CONNECTIONS ?? 1000);
/** As many connections are under way to being made at once: the listener's queue is not what is tested. */
const CONNECTING = 100;

const UPGRADE = 'GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** What a client of each protocol says, and how it knows that it was heard. @type {Record<string, [string, string]>} */
const PROTOCOLS = {
  http: ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'hello'],
  events: ['GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n', 'retry:'],
  sockets: [UPGRADE, '\r\n\r\n'],
};

/** The server in its process. */
class Server {
  constructor() {
    this.child = fork(path.join(__dirname, 'fixtures', 'every-protocol.js'), { silent: true, execArgv: ['--expose-gc'] });
    this.output = '';
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (text) => (this.output += text));
    /** @type {Map<number, (result: any) => void>} */
    this.waiting = new Map();
    this.lastId = 0;
    this.child.on('message', (/** @type {any} */ { id, result }) => {
      this.waiting.get(id)?.(result);
      this.waiting.delete(id);
    });
    /** @type {Promise<number>} */
    this.port = new Promise((resolve) => this.waiting.set(0, resolve));
  }

  /**
   * @param {string} command
   * @param {object} [argument]
   * @returns {Promise<any>}
   */
  ask(command, argument) {
    const id = ++this.lastId;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.child.send({ id, command, argument });
    });
  }

  /** @param {(stats: any) => boolean} done */
  async until(done) {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const stats = await this.ask('stats');
      if (done(stats)) return stats;
      assert.ok(Date.now() < deadline, `waited too long: ${JSON.stringify(stats)}`);
    }
  }

  async stop() {
    const gone = once(this.child, 'close');
    this.child.kill();
    await gone;
  }
}

/** A client that notes the numbers of the messages that come. */
class Client {
  /**
   * @param {number} port
   * @param {string} protocol
   */
  constructor(port, protocol) {
    this.protocol = protocol;
    /** @type {number[]} */
    this.numbers = [];
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    const [request, heard] = PROTOCOLS[protocol];
    this.socket.write(request);
    this.closed = once(this.socket, 'close');
    /** @type {Promise<void>} */
    this.heard = new Promise((resolve) => {
      let text = '';
      this.socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (text.includes(heard)) resolve();
        // Frames and chunks have their own bytes between; the padding stands behind each number.
        const found = [...text.matchAll(/(\d+) x/g)];
        this.numbers.push(...found.map(([, number]) => Number(number)));
        const last = found.at(-1);
        text = text.slice(last ? last.index + last[0].length : 0).slice(-100);
        this.socket.emit('more');
      });
    });
  }

  /** @param {number} last number to wait for */
  async until(last) {
    while (this.numbers.at(-1) !== last) await once(this.socket, 'more');
  }
}

/**
 * @param {number} port
 * @param {string} protocol
 * @param {number} count
 * @returns {Promise<Client[]>} clients that were heard
 */
async function open(port, protocol, count) {
  /** @type {Client[]} */
  const clients = [];
  while (clients.length < count) {
    const batch = Array.from({ length: Math.min(CONNECTING, count - clients.length) }, () => new Client(port, protocol));
    await Promise.all(batch.map((client) => client.heard));
    clients.push(...batch);
  }
  return clients;
}

describe('a server of everything', { timeout: 240_000 }, () => {
  /** @type {Server} */
  let server;
  /** @type {number} */
  let port;
  before(async () => {
    server = new Server();
    port = await server.port;
  });
  after(() => server.stop());

  for (const protocol of Object.keys(PROTOCOLS)) {
    test(`${protocol}: ${CONNECTIONS} connections open at once, and nothing of them stays`, async () => {
      const round = async () => {
        const clients = await open(port, protocol, CONNECTIONS);
        const stats = await server.ask('stats');
        if (protocol === 'http') assert.equal(stats.connections, CONNECTIONS);
        else assert.equal(stats[protocol], CONNECTIONS);
        // One for each, whoever reads it, and those that any server has.
        assert.ok(stats.descriptors < CONNECTIONS + 100, `${stats.descriptors} descriptors`);
        // Some end as they should, others vanish.
        clients.forEach(({ socket }, index) => (index % 2 === 0 ? socket.resetAndDestroy() : socket.destroy()));
        await Promise.all(clients.map((client) => client.closed));
        return server.until((now) => now.connections === 0 && now.events === 0 && now.sockets === 0);
      };
      // A process takes what it needs over its first rounds, and then no more.
      for (let i = 0; i < 3; i++) await round();
      const first = await round();
      await round();
      const last = await round();
      assert.equal(last.descriptors, first.descriptors);
      // What those before took is used again: 1 KiB for each connection of two rounds would be seen.
      const grown = last.rss - first.rss;
      assert.ok(grown < Math.max(8 << 20, 2 * CONNECTIONS * 1024), `${grown} bytes more`);
    });
  }

  test('a subscriber that stops reading does not slow the others, and is given up or bounded', async () => {
    const [[deafEvents], [deafSocket], readers] = await Promise.all([
      open(port, 'events', 1),
      open(port, 'sockets', 1),
      Promise.all(['events', 'sockets'].map((protocol) => open(port, protocol, 5))),
    ]);
    for (const { socket } of [deafEvents, deafSocket]) socket.pause();
    for (let step = 0; step < 30; step++) {
      // Less than an event stream's bound at a time, so that readers that keep up are not taken for slow ones.
      const last = await server.ask('publish', { count: 10, bytes: 64 << 10 }) - 1;
      await Promise.all(readers.flat().map((client) => client.until(last)));
    }
    // 19 MiB were sent: an event stream that reads nothing is disconnected by its bound.
    const stats = await server.until(({ slow }) => slow === 1);
    assert.equal(stats.events, 5);
    // As in ws, a WebSocket without maxBufferedAmount keeps what it is sent.
    assert.equal(stats.buffered.filter((/** @type {number} */ bytes) => bytes > 0).length, 1);
    for (const { socket } of [deafEvents, deafSocket, ...readers.flat()]) socket.destroy();
    await server.until(({ connections, sockets }) => connections === 0 && sockets === 0);
  });

  test('clients that are killed at random under load cost the others nothing', async () => {
    const next = random(20);
    const clients = (await Promise.all(['events', 'sockets'].map((protocol) => open(port, protocol, 100)))).flat();
    const lives = new Set(clients);
    const first = await server.ask('publish', { count: 0, bytes: 0 });
    let published = first;
    while (lives.size > 60) {
      const done = server.ask('publish', { count: 40, bytes: 300 });
      for (const client of lives) {
        if (next() > 0.1) continue;
        lives.delete(client);
        if (next() < 0.5) client.socket.resetAndDestroy();
        else client.socket.destroy();
      }
      // And others come in their place.
      const late = await open(port, next() < 0.5 ? 'events' : 'sockets', 2);
      late.forEach(({ socket }) => socket.destroy());
      published = await done;
    }
    const expected = Array.from({ length: published - first }, (_, index) => first + index);
    for (const client of lives) {
      await client.until(published - 1);
      assert.deepEqual(client.numbers, expected, client.protocol);
    }
    for (const { socket } of lives) socket.destroy();
    await server.until(({ connections, events, sockets }) => connections === 0 && events === 0 && sockets === 0);
  });

  test('nothing was logged, and nobody broke the protocol', async () => {
    assert.equal((await server.ask('stats')).breaches, 0);
    assert.equal(server.output, '');
  });
});
