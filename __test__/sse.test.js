'use strict';

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const http = require('node:http');
const http2 = require('node:http2');
const net = require('node:net');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { test } = require('node:test');
const zlib = require('node:zlib');
const { serve, slowClient } = require('./harness/servers.js');
const sse = require('millrace/sse');

const { createSession, createChannel, createResponse, EventBuffer, EventStreamParser } = sse;

/** @param {string} text */
function parse(text) {
  const seen = { events: [], comments: [], retry: [] };
  const parser = new EventStreamParser({
    onEvent: (event) => seen.events.push(event),
    onRetry: (ms) => seen.retry.push(ms),
    onComment: (comment) => seen.comments.push(comment),
  });
  parser.push(text);
  return seen;
}

/**
 * Reads the body of a response until `enough` says so.
 *
 * @param {string} url
 * @param {(text: string) => boolean} enough
 * @param {RequestInit} [init]
 */
async function read(url, enough, init) {
  const abort = new AbortController();
  const response = await fetch(url, { ...init, signal: abort.signal });
  let text = '';
  for await (const chunk of response.body) {
    text += Buffer.from(chunk);
    if (enough(text)) break;
  }
  abort.abort();
  return { response, text };
}

test('a session sends a head that keeps proxies quiet, a retry, and events with names and ids', async (t) => {
  const { url } = await serve(t, async (req, res) => {
    const session = await createSession(req, res);
    session.push({ n: 1 }, 'tick', 'a-1');
    session.push('plain');
  });
  const { response, text } = await read(url, (all) => all.includes('plain'));
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.match(response.headers.get('cache-control'), /no-transform/);
  assert.equal(response.headers.get('x-accel-buffering'), 'no');
  const { events, retry } = parse(text);
  assert.deepEqual(retry, [2000]);
  assert.deepEqual(events[0], { type: 'tick', data: '{"n":1}', lastEventId: 'a-1' });
  assert.equal(events[1].type, 'message');
  assert.equal(events[1].data, '"plain"');
  assert.match(events[1].lastEventId, /^[0-9a-f-]{36}$/);
});

test('the head of a session that has nothing to say yet is sent at once', async (t) => {
  for (const options of [{ retry: null, keepAlive: null }, { retry: null, keepAlive: null, compress: true }]) {
    const { url } = await serve(t, async (req, res) => void (await createSession(req, res, options)));
    const { status, body } = await fetch(url);
    assert.equal(status, 200);
    await body.cancel();
  }
});

test('line ends, NUL and spaces in names, ids and data cannot make another field or event', () => {
  const serializer = String;
  const evil = 'a\nevent: evil\r\rdata: evil\r\nid: evil';
  const buffer = new EventBuffer({ serializer });
  buffer.comment(`${evil}\n\ndata: evil`).push(evil, evil, `${evil}\0`).push('  two spaces', ' x ', ' y');
  const { events } = parse(buffer.read());
  assert.deepEqual(events, [
    {
      type: 'a event: evil data: evil id: evil',
      data: 'a\nevent: evil\n\ndata: evil\nid: evil',
      lastEventId: 'a event: evil data: evil id: evil ',
    },
    { type: ' x ', data: '  two spaces', lastEventId: ' y' },
  ]);
});

test('write() answers truthfully: a client that does not read holds a pipeline back, and gets all of it later', async (t) => {
  const total = 400;
  const payload = 'x'.repeat(64 * 1024);
  let produced = 0;
  const source = new Readable({
    objectMode: true,
    highWaterMark: 1,
    read() {
      this.push(produced < total ? { event: 'n', id: String(++produced), data: payload } : null);
    },
  });
  const { promise: stalled, resolve: onStall } = resolvers();
  const { port } = await serve(t, async (req, res) => {
    const session = await createSession(req, res, { retry: null, keepAlive: null });
    const write = session.write;
    session.write = function (...args) {
      const room = write.apply(this, args);
      if (!room) onStall(session);
      return room;
    };
    await pipeline(source, session);
  });
  const client = slowClient(t, port);
  const session = await stalled;
  // Whatever the kernel buffers, the session holds one event more than its response has room for, and objects up to its mark.
  assert.ok(produced < total, `${produced} events were taken from the source`);
  assert.ok(session.bufferedAmount < 4 * 1024 * 1024, `${session.bufferedAmount} bytes wait`);
  let text = '';
  for await (const chunk of client) {
    text += chunk.toString('latin1');
    if (text.includes('0\r\n\r\n', text.length - 16)) break;
  }
  const ids = [...text.matchAll(/id:(\d+)\n/g)].map(([, id]) => Number(id));
  assert.deepEqual(ids, Array.from({ length: total }, (_, i) => i + 1));
  assert.equal(session.dropped, 0);
});

function resolvers() {
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}

/** A connection of a user's own, whose room the test decides. */
class Tap extends sse.Connection {
  constructor() {
    super();
    this.url = new URL('http://x/');
    this.controller = new AbortController();
    this.request = new Request(this.url, { signal: this.controller.signal });
    this.response = new Response(null);
    this.open = true;
    this.sent = [];
    this.cleanups = 0;
  }

  sendHead() {}

  sendChunk(chunk) {
    this.sent.push(chunk.toString());
    return this.open;
  }

  end() {
    this.controller.abort();
  }

  cleanup() {
    this.cleanups += 1;
  }
}

/** @param {object} options */
async function tapped(options) {
  const tap = new Tap();
  const session = await createSession(tap, { retry: null, keepAlive: null, ...options });
  tap.open = false;
  return { tap, session, names: () => tap.sent.map((text) => /event:(.*)/.exec(text)[1]) };
}

test('slow clients: each policy keeps its bound, and counts what it drops', async () => {
  const frame = (n) => ['x'.repeat(1000), `e${n}`, String(n)];
  const run = async (options, push = frame) => {
    const { tap, session, names } = await tapped({ maxBufferedBytes: 3500, ...options });
    const drops = [];
    session.on('dropped', (bytes) => drops.push(bytes));
    for (let n = 0; n < 8; n++) session.push(...push(n));
    assert.ok(session.bufferedAmount <= 3500);
    tap.open = true;
    tap.onDrain();
    assert.equal(session.dropped, drops.length);
    return { names: names(), dropped: session.dropped };
  };
  assert.deepEqual(await run({ onSlow: 'drop-oldest' }), { names: ['e0', 'e5', 'e6', 'e7'], dropped: 4 });
  assert.deepEqual(await run({ onSlow: 'drop-newest' }), { names: ['e0', 'e1', 'e2', 'e3'], dropped: 4 });
  const alternating = (n) => ['x'.repeat(1000), n % 2 ? 'odd' : 'even', String(n)];
  assert.deepEqual(await run({ onSlow: 'keep-latest' }, alternating), { names: ['even', 'even', 'odd'], dropped: 5 });

  const { session, tap } = await tapped({ maxBufferedBytes: 3500 });
  const failed = once(session, 'error');
  for (let n = 0; n < 5; n++) session.push(...frame(n));
  assert.throws(() => session.push(...frame(5)), /non-active session/);
  const [error] = await failed;
  assert.equal(error.code, 'ERR_MILLRACE_SSE_SLOW_CLIENT');
  assert.equal(session.isConnected, false);
  assert.equal(tap.cleanups, 1);
});

test('a slow client that nobody hears of is disconnected, and ends no process', async () => {
  const { session, tap } = await tapped({ maxBufferedBytes: 3500 });
  const channel = createChannel().register(session);
  const gone = once(channel, 'session-disconnected');
  for (let n = 0; n < 9; n++) channel.broadcast('x'.repeat(1000));
  await gone;
  // An error without a listener would be thrown behind it.
  await once(session, 'close');
  assert.deepEqual([session.isConnected, tap.cleanups, channel.sessionCount], [false, 1, 0]);
});

for (const [name, server] of Object.entries({ 'node:http': http, 'millrace/http': require('millrace/http') })) {
  test(`what is pushed to a session that was ended is dropped, and no error that nobody hears: ${name}`, async (t) => {
    const channel = createChannel();
    const failures = [];
    const { url } = await serve(t, async (req, res) => {
      res.on('error', (error) => failures.push(error));
      const session = await createSession(req, res, { retry: null });
      channel.register(session);
      channel.broadcast('first');
      session.close({ retry: 5 });
      channel.broadcast('late');
      session.push('later');
      await session.batch((buffer) => void buffer.push('last'));
    }, server);
    const { text } = await read(url, () => false);
    const { events, retry } = parse(text);
    assert.deepEqual(events.map(({ data }) => data), ['"first"']);
    assert.deepEqual(retry, [5]);
    assert.deepEqual(failures, []);
    assert.equal(channel.sessionCount, 0);
  });
}

test('ready(), iterate() and a waiting write end when the client goes away', async () => {
  const { tap, session } = await tapped({});
  session.push('first');
  const iterated = session.iterate([1, 2, 3]).catch((error) => error);
  const waiting = session.ready();
  const written = new Promise((resolve) => session.write('x', resolve));
  tap.controller.abort();
  await waiting;
  assert.match((await iterated).message, /non-active/);
  await written;
  assert.equal(session.destroyed, true);
  assert.equal(tap.cleanups, 1);
});

test('a peer that vanishes ends the session once and leaves no listener or timer', async (t) => {
  const gone = resolvers();
  const { url } = await serve(t, async (req, res) => {
    const before = { close: res.listenerCount('close'), drain: res.listenerCount('drain'), req: req.listenerCount('close') };
    const session = await createSession(req, res);
    let times = 0;
    session.on('disconnected', () => (times += 1));
    session.on('close', () => {
      const after = { close: res.listenerCount('close'), drain: res.listenerCount('drain'), req: req.listenerCount('close') };
      gone.resolve({ before, after, times, timer: session.keepAliveTimer._destroyed });
    });
    session.push('hello');
  });
  await read(url, (text) => text.includes('hello'));
  const { before, after, times, timer } = await gone.promise;
  assert.equal(times, 1);
  assert.equal(timer, true);
  assert.ok(after.close <= before.close && after.drain <= before.drain && after.req <= before.req);
});

test('compressed events arrive one by one, not when the next one comes', async (t) => {
  const goOn = resolvers();
  const { url } = await serve(t, async (req, res) => {
    const session = await createSession(req, res, { compress: true, retry: null });
    session.push('first');
    await goOn.promise;
    session.push('second');
    session.close();
  });
  const req = http.request(url, { headers: { 'accept-encoding': 'gzip' } }).end();
  const [res] = await once(req, 'response');
  assert.equal(res.headers['content-encoding'], 'gzip');
  const plain = res.pipe(zlib.createGunzip());
  let text = '';
  plain.on('data', (chunk) => (text += chunk));
  while (!text.includes('first')) await once(plain, 'data');
  assert.ok(!text.includes('second'));
  goOn.resolve();
  await once(plain, 'end');
  assert.deepEqual(parse(text).events.map(({ data }) => data), ['"first"', '"second"']);
});

test('a channel replays what a client missed, and says so where it cannot', async (t) => {
  const channel = createChannel({ history: { count: 3 } });
  const { url } = await serve(t, async (req, res) => {
    channel.register(await createSession(req, res, { retry: null }));
  });
  for (let n = 1; n <= 2; n++) channel.broadcast(n);
  const first = await read(url, () => true, { headers: { 'last-event-id': 'x' } });
  assert.equal(parse(first.text).events[0].type, 'reset');
  const ids = [];
  channel.on('broadcast', (_data, _name, id) => ids.push(id));
  for (let n = 3; n <= 5; n++) channel.broadcast(n);
  const missed = await read(url, (text) => text.includes('data:5'), { headers: { 'last-event-id': ids[0] } });
  assert.deepEqual(parse(missed.text).events.map(({ data }) => data), ['4', '5']);
  for (let n = 6; n <= 9; n++) channel.broadcast(n);
  const late = await read(url, (text) => text.includes('data:'), { headers: { 'last-event-id': ids[0] } });
  const [reset] = parse(late.text).events;
  assert.equal(reset.type, 'reset');
  assert.equal(JSON.parse(reset.data).lastId, ids[0]);
  // From the reset's own id a client goes on without a gap.
  channel.broadcast(10);
  const onward = await read(url, (text) => text.includes('data:10'), { headers: { 'last-event-id': reset.lastEventId } });
  assert.deepEqual(parse(onward.text).events.map(({ data }) => data), ['10']);
});

test('a history is bounded in events, bytes and age, and what only some may see is not in it', () => {
  const channel = createChannel({ history: { count: 100, bytes: 2000 } });
  for (let n = 0; n < 50; n++) channel.broadcast('x'.repeat(100));
  assert.ok(channel.history.bytes <= 2000 && channel.history.size < 20);
  const before = channel.history.size;
  channel.broadcast('secret', 'message', { filter: () => true });
  assert.equal(channel.history.size, before);
  const aged = createChannel({ history: { maxAge: 1 } });
  aged.broadcast(1);
  const { id } = aged.history.events[0];
  aged.history.events[0].time -= 10;
  assert.equal(aged.history.after(id).length, 0);
  assert.equal(aged.history.size, 0);
});

test('a broadcast is made once, and sessions with a serializer of their own get theirs', async () => {
  const channel = createChannel();
  const plain = await tapped({});
  const own = await tapped({ serializer: () => 'mine' });
  for (const { tap, session } of [plain, own]) {
    tap.open = true;
    channel.register(session);
  }
  channel.broadcast({ a: 1 }, 'x', { eventId: '7' });
  assert.deepEqual(plain.tap.sent, ['event:x\nid:7\ndata:{"a":1}\n\n']);
  assert.deepEqual(own.tap.sent, ['event:x\nid:7\ndata:mine\n\n']);
  plain.tap.controller.abort();
  assert.equal(channel.sessionCount, 1);
});

test('close() tells clients to come back at different times', async () => {
  const channel = createChannel();
  const taps = await Promise.all(Array.from({ length: 20 }, () => tapped({})));
  for (const { tap, session } of taps) {
    tap.open = true;
    channel.register(session);
  }
  const closed = Promise.all(taps.map(({ session }) => once(session, 'close')));
  channel.close({ retry: 1000, jitter: 1000 });
  await closed;
  const waits = taps.map(({ tap }) => parse(tap.sent.join('')).retry[0]);
  assert.ok(waits.every((ms) => ms >= 1000 && ms <= 2000) && new Set(waits).size > 5, String(waits));
  assert.equal(channel.sessionCount, 0);
});

test('the Fetch API: a response that is read is a session', async () => {
  const response = createResponse(new Request('http://x/'), (session) => {
    session.push('hello', 'greeting', '1');
    session.end();
  });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const { events } = parse(await response.text());
  assert.deepEqual(events, [{ type: 'greeting', data: '"hello"', lastEventId: '1' }]);
});

test('HTTP/2 has the same sessions', async (t) => {
  const server = http2.createServer(async (req, res) => {
    const session = await createSession(req, res);
    session.push('hello');
    session.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
  t.after(() => {
    client.close();
    server.close();
  });
  const stream = client.request({ ':path': '/' });
  let text = '';
  for await (const chunk of stream) text += chunk;
  assert.equal(parse(text).events[0].data, '"hello"');
});

test('what was written to a session that never connects is called back', async () => {
  const tap = new Tap();
  const session = new sse.Session(tap);
  const written = new Promise((resolve) => session.write('x', resolve));
  const failed = once(session, 'error');
  tap.controller.abort();
  assert.equal((await written).code, 'ERR_MILLRACE_SSE_USE');
  await failed;
  assert.equal(session.destroyed, true);
});

test('createSession() of a client that is gone already settles, and what is done with its session harms nobody', async (t) => {
  const done = new EventEmitter();
  const { port } = await serve(t, async (req, res) => {
    await once(res, 'close');
    try {
      const session = await sse.createSession(req, res);
      const channel = sse.createChannel().register(session);
      session.push('x');
      channel.broadcast('y');
      await assert.rejects(session.iterate([1, 2]), { code: 'ERR_MILLRACE_SSE_USE' });
      done.emit('done', { isConnected: session.isConnected, destroyed: session.destroyed, sessions: channel.sessionCount });
    } catch (error) {
      done.emit('error', error);
    }
  });
  const told = once(done, 'done');
  const client = net.connect(port, '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n', () => client.destroy()));
  assert.deepEqual(await told, [{ isConnected: false, destroyed: true, sessions: 0 }]);
});

test('wrong options are told with the codes of Node', () => {
  const tap = new Tap();
  assert.throws(() => new sse.Session(tap, { onSlow: 'never' }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => new sse.Session(tap, { retry: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => new sse.Session(tap, { maxBufferedBytes: '1' }), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => new sse.Session({}), { code: 'ERR_MILLRACE_SSE_USE', message: /Malformed/ });
});
