'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');
const { serve } = require('./harness/servers.js');
const { createChannel, createSession, EventSource, EventStreamParser } = require('millrace/sse');

/**
 * @param {string[]} pieces
 * @param {object} [options]
 */
function parse(pieces, options) {
  const seen = [];
  const parser = new EventStreamParser(
    { onEvent: ({ type, data, lastEventId }) => seen.push([type, data, lastEventId]), onRetry: (ms) => seen.push(ms) },
    options,
  );
  for (const piece of pieces) parser.push(piece);
  return seen;
}

/** What the standard's own examples and its rules give. */
const STREAMS = [
  ['data: YHOO\ndata: +2\ndata: 10\n\n', [['message', 'YHOO\n+2\n10', '']]],
  [': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n', [
    ['message', 'first event', '1'],
    ['message', 'second event', ''],
    ['message', ' third event', ''],
  ]],
  ['data\n\ndata\ndata\n\ndata:', [['message', '', ''], ['message', '\n', '']]],
  ['data:test\n\ndata: test\n\n', [['message', 'test', ''], ['message', 'test', '']]],
  ['\ufeffdata:bom\n\n\ufeffdata:no\n\n', [['message', 'bom', '']]],
  ['data:a\rdata:b\r\rdata:c\r\n\r\n', [['message', 'a\nb', ''], ['message', 'c', '']]],
  ['event: add\ndata: 1\n\nevent: remove\n\ndata: 2\n\n', [['add', '1', ''], ['message', '2', '']]],
  ['retry: 10\nretry: 1x\nretry:-1\nretry\n\n', [10]],
  ['id: 1\0\ndata: x\n\nid: 2\n\ndata: y\n\n', [['message', 'x', ''], ['message', 'y', '2']]],
  ['Data: x\n data: y\nunknown: z\ndata:w\n\n', [['message', 'w', '']]],
  ['data: never dispatched\n', []],
];

test('event streams mean what the standard says, however they are cut', () => {
  for (const [text, expected] of STREAMS) {
    assert.deepEqual(parse([text]), expected, JSON.stringify(text));
    assert.deepEqual(parse([...text]), expected, JSON.stringify(text));
    for (let cut = 1; cut < text.length; cut++) assert.deepEqual(parse([text.slice(0, cut), text.slice(cut)]), expected);
  }
});

test('an event without an end is refused at its bound, and a long line takes linear time', () => {
  const piece = 'x'.repeat(1000);
  const parser = new EventStreamParser({ onEvent: () => {} }, { maxEventBytes: 100_000 });
  assert.throws(() => {
    for (let i = 0; i < 200; i++) parser.push(piece);
  }, RangeError);
  const lines = new EventStreamParser({ onEvent: () => {} }, { maxEventBytes: 100_000 });
  assert.throws(() => {
    for (let i = 0; i < 200; i++) lines.push(`data:${piece}\n`);
  }, RangeError);
});

/**
 * @param {import('node:test').TestContext} t
 * @param {string} url
 * @param {object} [options]
 */
function open(t, url, options) {
  const source = new EventSource(url, { reconnectInterval: 1, ...options });
  t.after(() => source.close());
  return source;
}

test('a client gets events by name, with id and origin, and handlers come in order', async (t) => {
  const { url } = await serve(t, async (req, res) => {
    const session = await createSession(req, res);
    session.push({ n: 1 }, 'tick', 'id-1');
  });
  const source = open(t, `${url}/path?query`);
  const order = [];
  source.onopen = () => order.push('open');
  assert.equal(source.readyState, EventSource.CONNECTING);
  const [event] = await once(source, 'tick');
  assert.deepEqual(order, ['open']);
  assert.equal(source.readyState, source.OPEN);
  assert.equal(event.data, '{"n":1}');
  assert.equal(event.lastEventId, 'id-1');
  assert.equal(event.origin, url);
  assert.ok(event instanceof MessageEvent);
  source.close();
  assert.equal(source.readyState, EventSource.CLOSED);
  assert.equal(source.url, `${url}/path?query`);
});

test('a lost connection heals from the last event, without a gap and without a double', async (t) => {
  const channel = createChannel({ history: true });
  const sessions = [];
  const { url } = await serve(t, async (req, res) => {
    const session = await createSession(req, res, { retry: 1 });
    sessions.push(session);
    channel.register(session);
    if (sessions.length === 1) channel.broadcast(1);
  });
  const source = open(t, url);
  const seen = [];
  const done = new Promise((resolve) => {
    source.onmessage = ({ data }) => {
      seen.push(Number(data));
      if (Number(data) === 1) {
        // While nobody is connected, two more are sent.
        sessions[0].once('close', () => {
          channel.broadcast(2);
          channel.broadcast(3);
        });
        sessions[0].connection.res.destroy();
      }
      if (Number(data) === 3) resolve();
    };
  });
  let errors = 0;
  source.onerror = (event) => {
    errors += 1;
    assert.equal(source.readyState, EventSource.CONNECTING);
    assert.ok(event.message.length > 0);
  };
  await done;
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(errors, 1);
});

test('204, other statuses and other types end the client for good', async (t) => {
  let requests = 0;
  const { url } = await serve(t, (req, res) => {
    requests += 1;
    if (req.url === '/204') res.writeHead(204);
    else if (req.url === '/500') res.writeHead(500);
    else res.writeHead(200, { 'content-type': 'text/plain' });
    res.end('data: x\n\n');
  });
  for (const [path, code] of [['/204', 204], ['/500', 500], ['/type', 200]]) {
    const source = open(t, url + path);
    const [event] = await once(source, 'error');
    assert.equal(source.readyState, EventSource.CLOSED);
    assert.equal(event.code, code);
  }
  assert.equal(requests, 3);
});

test('redirects are followed, headers are sent with each request, and Last-Event-ID may be given', async (t) => {
  const seen = [];
  const { url } = await serve(t, async (req, res) => {
    seen.push([req.url, req.headers['x-token'], req.headers['last-event-id'], req.headers.accept]);
    if (req.url === '/old') res.writeHead(307, { location: '/new' }).end();
    else (await createSession(req, res)).push('ok');
  });
  const source = open(t, `${url}/old`, { headers: { 'x-token': 't' }, lastEventId: '9' });
  await once(source, 'message');
  assert.deepEqual(seen, [
    ['/old', 't', '9', 'text/event-stream'],
    ['/new', 't', '9', 'text/event-stream'],
  ]);
});

test('a refused connection is tried again, more slowly each time, until somebody listens', async (t) => {
  const waits = [];
  let fails = 3;
  const fetch = async () => {
    waits.push(performance.now());
    if (fails-- > 0) throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
    return new Response('data: there\n\n', { headers: { 'content-type': 'text/event-stream' } });
  };
  const source = open(t, 'http://x/', { fetch, reconnectInterval: 10 });
  const messages = [];
  source.onerror = ({ message }) => messages.push(message);
  const [event] = await once(source, 'message');
  assert.equal(event.data, 'there');
  assert.deepEqual(messages.slice(0, 3), Array(3).fill('fetch failed: connect ECONNREFUSED'));
  const gaps = waits.slice(1).map((time, i) => time - waits[i]);
  assert.ok(gaps[1] >= 19 && gaps[2] >= 39, String(gaps));
});

test('UTF-8 that is cut anywhere comes out whole', async (t) => {
  const bytes = Buffer.from('data: κόσμε 🦀 \n\n');
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const fetch = async () => new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
  const [event] = await once(open(t, 'http://x/', { fetch }), 'message');
  assert.equal(event.data, 'κόσμε 🦀 ');
});

test('close() in a handler stops at once, and wrong URLs are a SyntaxError', async (t) => {
  const fetch = async () => new Response('data: 1\n\ndata: 2\n\n', { headers: { 'content-type': 'text/event-stream' } });
  const source = open(t, 'http://x/', { fetch });
  const seen = [];
  await new Promise((resolve) => {
    source.onmessage = ({ data }) => {
      seen.push(data);
      source.close();
      setImmediate(resolve);
    };
  });
  assert.deepEqual(seen, ['1']);
  assert.throws(() => new EventSource('not a url'), { name: 'SyntaxError' });
});
