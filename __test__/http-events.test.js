'use strict';

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const net = require('node:net');
const nodeHttp = require('node:http');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { EVENTS, eventually, serveEvents } = require('./harness/events.js');
const { Raw, listening } = require('./harness/raw-http.js');
const { slowClient } = require('./harness/servers.js');
const http = require('millrace/http');
const { createHub } = require('millrace/hub');
const { EventStreamParser } = require('millrace/sse');

/** A client of an event stream that keeps all its events. */
class Client extends EventEmitter {
  /** @param {number} port @param {Record<string, string>} [headers] */
  constructor(port, headers = {}) {
    super();
    /** @type {{ type: string, data: string, lastEventId: string }[]} */
    this.events = [];
    this.retry = 0;
    this.comments = 0;
    const parser = new EventStreamParser({
      onEvent: (event) => this.events.push(event),
      onRetry: (ms) => (this.retry = ms),
      onComment: () => (this.comments += 1),
    });
    this.opened = new Promise((resolve, reject) => {
      this.req = nodeHttp.get({ port, host: '127.0.0.1', path: '/events?q', headers, agent: false }, (res) => {
        this.res = res;
        res.setEncoding('utf8');
        res.on('data', (text) => {
          parser.push(text);
          this.emit('more');
        });
        res.on('error', () => {});
        resolve(res);
      });
      this.req.on('error', reject);
    });
  }

  /** @param {number} count @returns {Promise<string[]>} the data of all events, once there are so many */
  async data(count) {
    await this.opened;
    while (this.events.length < count) await once(this, 'more');
    return this.events.map(({ data }) => data);
  }

  /** Once the stream is subscribed: `retry` is sent in the turn in which it is. */
  async ready() {
    await this.opened;
    while (this.retry === 0) await once(this, 'more');
  }
}

test('events reach all clients in order, named and numbered, behind headers that proxies heed', async (t) => {
  const { hub, route, port } = await serveEvents(t, { topics: ['a/*', 'b'], retry: 123, headers: { 'X-Mine': 'yes' } });
  const clients = Array.from({ length: 5 }, () => new Client(port));
  await Promise.all(clients.map((client) => client.ready()));
  assert.equal(hub.subscribers('a/1'), 5);
  assert.equal(route.stats().connections, 5);
  for (let i = 0; i < 100; i++) hub.publish(i % 2 ? 'a/1' : 'b', `line ${i}\nmore`, i === 7 ? { event: 'seven' } : undefined);
  hub.publish('c', 'for nobody');
  const id = hub.publish('b', 'last');
  const expected = [...Array.from({ length: 100 }, (_, i) => `line ${i}\nmore`), 'last'];
  for (const client of clients) {
    assert.deepEqual(await client.data(101), expected);
    assert.equal(client.events[7].type, 'seven');
    assert.equal(client.events[100].lastEventId, id);
    assert.equal(client.retry, 123);
    const { headers } = client.res;
    assert.equal(headers['content-type'], 'text/event-stream');
    assert.equal(headers['x-accel-buffering'], 'no');
    assert.match(headers['cache-control'], /no-transform/);
    assert.equal(headers['x-mine'], 'yes');
  }
  for (const client of clients) client.req.destroy();
  await eventually(() => hub.subscribers('a/1') === 0 && route.stats().connections === 0);
});

test('a client that comes back gets what it missed, or is told that it cannot', async (t) => {
  const hub = createHub({ history: { count: 3 } });
  const { port } = await serveEvents(t, { topics: 't', hub });
  const ids = ['0', '1', '2', '3', '4'].map((data) => hub.publish('t', data));
  const near = new Client(port, { 'last-event-id': ids[2] });
  assert.deepEqual(await near.data(2), ['3', '4']);
  const far = new Client(port, { 'last-event-id': ids[0] });
  await far.data(1);
  assert.equal(far.events[0].type, 'reset');
  assert.equal(JSON.parse(far.events[0].data).reason, 'history');
  hub.publish('t', '5');
  assert.deepEqual(await near.data(3), ['3', '4', '5']);
  assert.equal((await far.data(2))[1], '5');
  near.req.destroy();
  far.req.destroy();
});

test('authorize decides who comes in, what they see, and with which status others are refused', async (t) => {
  const failures = [];
  const verdicts = {
    yes: true,
    scoped: Promise.resolve({ topics: ['t'], scopes: ['staff'] }),
    no: false,
    nothing: undefined,
    unknown: 401,
    odd: 200,
    late: Promise.reject(new Error('late')),
  };
  verdicts.late.catch(() => {});
  const { hub, port } = await serveEvents(t, {
    topics: 't',
    authorize(req) {
      if (req.headers.who === 'throws') throw new Error('thrown');
      return verdicts[req.headers.who];
    },
    onError: (error) => failures.push(error.message),
  });
  const statuses = {};
  for (const who of ['no', 'nothing', 'unknown', 'odd', 'late', 'throws']) {
    const client = new Client(port, { who });
    statuses[who] = (await client.opened).statusCode;
    client.req.destroy();
  }
  assert.deepEqual(statuses, { no: 403, nothing: 403, unknown: 401, odd: 403, late: 500, throws: 500 });
  assert.deepEqual(failures, ['late', 'thrown']);
  const [plain, staff] = [new Client(port, { who: 'yes' }), new Client(port, { who: 'scoped' })];
  await Promise.all([plain.ready(), staff.ready()]);
  hub.publish('t', 'secret', { scope: 'staff' });
  hub.publish('t', 'open');
  assert.deepEqual(await plain.data(1), ['open']);
  assert.deepEqual(await staff.data(2), ['secret', 'open']);
  plain.req.destroy();
  staff.req.destroy();
});

test('a client that goes while it is authorised leaves nothing behind', async (t) => {
  /** @type {(verdict: boolean) => void} */
  let admit = () => {};
  const asked = new EventEmitter();
  const { hub, route, server, port } = await serveEvents(t, {
    topics: 't',
    authorize(req) {
      req.once('close', () => asked.emit('gone'));
      setImmediate(() => asked.emit('asked'));
      return new Promise((resolve) => (admit = resolve));
    },
  });
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`${EVENTS}\r\n\r\n`);
  await once(asked, 'asked');
  socket.destroy();
  const connections = () => new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  await eventually(async () => (await connections()) === 0);
  admit(true);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(route.stats().connections, 0);
  assert.equal(hub.subscribers('t'), 0);
});

test('a client that never reads is bounded, and does not slow others', async (t) => {
  for (const onSlow of ['disconnect', 'drop-oldest']) {
    const { hub, route, port, server } = await serveEvents(t, { topics: 't', onSlow, maxBufferedBytes: 256 * 1024 });
    /** @type {any[]} */
    const sockets = [];
    server.on('connection', (socket) => sockets.push(socket));
    let most = 0;
    slowClient(t, port, EVENTS);
    const quick = new Client(port);
    await quick.ready();
    await eventually(() => hub.subscribers('t') === 2);
    const data = 'x'.repeat(64 * 1024);
    const count = 400;
    for (let i = 0; i < count; i++) {
      hub.publish('t', data);
      await quick.data(i + 1);
      for (const socket of sockets) most = Math.max(most, socket.writableLength);
    }
    assert.ok(most > 0 && most <= 256 * 1024 + 70_000, `${most} bytes waited`);
    const { connections, dropped, slow } = route.stats();
    if (onSlow === 'disconnect') assert.deepEqual({ connections, slow }, { connections: 1, slow: 1 });
    else {
      assert.deepEqual({ connections, slow }, { connections: 2, slow: 0 });
      assert.ok(dropped > 0);
    }
    quick.req.destroy();
  }
});

test('1,000 connections come and go', { timeout: 60_000 }, async (t) => {
  const { hub, route, port } = await serveEvents(t, { topics: 't' });
  for (let round = 0; round < 5; round++) {
    const raws = Array.from({ length: 200 }, () => new Raw(port).write(`${EVENTS}\r\n\r\n`));
    await Promise.all(raws.map((raw) => raw.until('retry:')));
    await eventually(() => hub.subscribers('t') === 200);
    hub.publish('t', `round ${round}`);
    await Promise.all(raws.map((raw) => raw.until(`data:round ${round}\n\n`)));
    for (const raw of raws) raw.destroy();
    await eventually(() => hub.subscribers('t') === 0 && route.stats().connections === 0);
  }
});

test('what another thread publishes arrives', async (t) => {
  const name = `events ${process.pid}`;
  const { port } = await serveEvents(t, { topics: 't', hub: createHub({ name }) });
  const client = new Client(port);
  await client.ready();
  const worker = new Worker(
    `const hub = require('millrace/hub').createHub({ name: ${JSON.stringify(name)} });
     for (let i = 0; i < 1000; i++) hub.publish('t', String(i));`,
    { eval: true },
  );
  const gone = once(worker, 'exit');
  assert.deepEqual(await client.data(1000), Array.from({ length: 1000 }, (_, i) => String(i)));
  await gone;
  client.req.destroy();
});

test('other paths and methods are the listener’s, or get 404 and 405; connections of Node’s parser are served', async (t) => {
  const { server, hub, port } = await serveEvents(t, { topics: 't' });
  const answer = async (method, path) => (await fetch(`http://127.0.0.1:${port}${path}`, { method })).status;
  assert.equal(await answer('GET', '/other'), 404);
  assert.equal(await answer('POST', '/events'), 405);
  server.on('request', (_req, res) => res.writeHead(202).end());
  assert.equal(await answer('GET', '/other'), 202);
  assert.equal(await answer('POST', '/events'), 202);
  const front = net.createServer((socket) => server.emit('connection', socket));
  const client = new Client(await listening(front));
  await client.ready();
  hub.publish('t', 'by Node');
  assert.deepEqual(await client.data(1), ['by Node']);
  client.req.destroy();
  await new Promise((resolve) => front.close(resolve));
});

test('closing a route ends its streams with a time to come back, and refuses new ones', async (t) => {
  const { route, port } = await serveEvents(t, { topics: 't' });
  const client = new Client(port);
  await client.ready();
  const ended = once(client.res, 'end');
  route.close({ retry: 777 });
  await ended;
  assert.equal(client.retry, 777);
  assert.equal((await new Client(port).opened).statusCode, 503);
});

test('wrong options are refused where they are given', () => {
  const server = http.createServer();
  const type = { code: 'ERR_INVALID_ARG_TYPE' };
  const value = { code: 'ERR_INVALID_ARG_VALUE' };
  assert.throws(() => server.events(1, { topics: 't' }), type);
  assert.throws(() => server.events('events', { topics: 't' }), value);
  assert.throws(() => server.events('/a', {}), type);
  assert.throws(() => server.events('/a', { topics: 't', authorize: true }), type);
  assert.throws(() => server.events('/a', { topics: 't', scopes: 'x' }), type);
  assert.throws(() => server.events('/a', { topics: 't', hub: {} }), type);
  assert.throws(() => server.events('/a', { topics: 't', onSlow: 'wait' }), value);
  assert.throws(() => server.events('/a', { topics: 't', retry: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  server.events('/a', { topics: 't' });
  assert.throws(() => server.events('/a', { topics: 't' }), value);
});
