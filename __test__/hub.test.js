'use strict';

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { serve } = require('./harness/servers.js');
const { createHub } = require('millrace/hub');
const { createSession, EventSource } = require('millrace/sse');

/**
 * Follows topics until `count` events came.
 *
 * @param {import('millrace/hub').Hub} hub
 * @param {string | string[]} topics
 * @param {number} count
 * @param {object} [options]
 */
function collect(hub, topics, count, options) {
  const events = [];
  // A hub keeps no loop alive.
  const alive = setInterval(() => {}, 60_000);
  return new Promise((resolve) => {
    const subscription = hub.subscribe(
      topics,
      (event) => {
        events.push(event);
        if (events.length < count) return;
        // Not from within `subscribe`, which may replay before it returns.
        queueMicrotask(() => subscription.close());
        clearInterval(alive);
        resolve(events);
      },
      options,
    );
  });
}

test('events come to all who follow, once each, in order, with what was published', async () => {
  const hub = createHub();
  const all = collect(hub, ['a/*', '**', 'a/1'], 4);
  const some = collect(hub, 'a/1', 2);
  hub.publish('a/1', 'text', { event: 'name', key: 'k' });
  hub.publish('b', Buffer.from([0, 255]));
  hub.publish('a/1', { json: [1] });
  const id = hub.publish('a/2/3', 'é\0');
  const events = await all;
  assert.deepEqual(events.map(({ topic }) => topic), ['a/1', 'b', 'a/1', 'a/2/3']);
  assert.deepEqual(events.map(({ offset }) => offset), [1, 2, 3, 4]);
  assert.deepEqual(events.map(({ data }) => data), ['text', Buffer.from([0, 255]), '{"json":[1]}', 'é\0']);
  assert.equal(events[3].id, id);
  assert.equal(hub.lastId, id);
  assert.equal(events[0].event, 'name');
  assert.equal(events[0].key, 'k');
  assert.equal(events[1].event, undefined);
  assert.ok(Math.abs(events[0].time - Date.now()) < 60_000);
  assert.deepEqual((await some).map(({ offset }) => offset), [1, 3]);
});

test('a cursor gives what was missed and then what comes, without a gap or a double', async () => {
  const hub = createHub({ history: { count: 5 } });
  const ids = Array.from({ length: 5 }, (_, n) => hub.publish('a', String(n)));
  const seen = [];
  const resets = [];
  const options = { since: ids[1], onReset: (reason) => resets.push(reason) };
  hub.subscribe('a', ({ data }) => seen.push(data), options);
  assert.deepEqual(seen, ['2', '3', '4'], 'before subscribe returns');
  const live = collect(hub, 'a', 2);
  hub.publish('a', '5');
  hub.publish('a', '6');
  await live;
  assert.deepEqual(seen, ['2', '3', '4', '5', '6']);
  hub.subscribe('a', () => assert.fail('nothing is known'), { ...options, since: ids[0] });
  hub.subscribe('a', () => assert.fail('nothing is known'), { ...options, since: 'nonsense' });
  assert.deepEqual(resets, ['history', 'history']);
});

test('scopes are asked for replayed events as for live ones', async () => {
  const hub = createHub();
  const start = hub.publish('a', 'start');
  hub.publish('a', 'for ann', { scope: 'ann' });
  hub.publish('a', 'for bob', { scope: 'bob' });
  const seen = { ann: [], nobody: [] };
  hub.subscribe('a', ({ data }) => seen.ann.push(data), { since: start, scopes: ['ann'] });
  hub.subscribe('a', ({ data }) => seen.nobody.push(data), { since: start });
  const end = collect(hub, 'a', 1);
  hub.publish('a', 'for ann, live', { scope: 'ann' });
  hub.publish('a', 'for all');
  await end;
  assert.deepEqual(seen, { ann: ['for ann', 'for ann, live', 'for all'], nobody: ['for all'] });
});

test('latest() gives a newcomer the state, subscribers() who listens', () => {
  const hub = createHub();
  for (const [key, data] of [['x', '1'], ['y', '2'], ['x', '3']]) hub.publish('a', data, { key });
  assert.deepEqual(hub.latest('a').map(({ key, data }) => key + data), ['y2', 'x3']);
  const subscriptions = ['a', '*', 'b'].map((topic) => hub.subscribe(topic, () => {}));
  assert.equal(hub.subscribers('a'), 2);
  subscriptions[1].close();
  subscriptions[1].close();
  assert.equal(hub.subscribers('a'), 1);
});

test('a thread that does not come for its events keeps its bound, and its subscribers are told', async () => {
  const hub = createHub({ mailboxBytes: 10_000 });
  const seen = [];
  const reset = new Promise((resolve) => {
    hub.subscribe('a', ({ offset }) => seen.push(offset), { onReset: resolve });
  });
  const end = collect(hub, 'end', 1);
  for (let n = 0; n < 1000; n++) hub.publish('a', 'x'.repeat(100));
  hub.publish('end', '');
  assert.equal(await reset, 'overflow');
  await end;
  assert.ok(seen.length < 60, String(seen.length));
  assert.equal(seen.at(-1), 1000, 'the newest stay');
  assert.equal(hub.stats().dropped, 1001 - seen.length - 1);
});

test('an event larger than a batch comes whole', async () => {
  const hub = createHub();
  const data = Buffer.alloc(3_000_000, 'large ');
  const events = collect(hub, 'a', 3);
  for (const one of ['before', data, 'after']) hub.publish('a', one);
  assert.deepEqual((await events).map((event) => event.data.length), [6, 3_000_000, 5]);
});

test('listeners that throw are uncaught exceptions, and the others hear of all, of the same event too', async () => {
  const hub = createHub();
  const seen = [];
  const thrown = [];
  const before = process.rawListeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const caught = new Promise((resolve) => {
    process.on('uncaughtException', (error) => {
      thrown.push(error.message);
      if (thrown.length === 4) resolve();
    });
  });
  for (const name of ['one', 'two']) {
    hub.subscribe('a', ({ data }) => {
      throw new Error(`${name} ${data}`);
    });
  }
  hub.subscribe(['a', 'b'], ({ data }) => seen.push(data));
  const end = collect(hub, 'b', 1);
  hub.publish('a', '1');
  hub.publish('a', '2');
  hub.publish('b', '3');
  await caught;
  await end;
  process.removeAllListeners('uncaughtException');
  for (const listener of before) process.on('uncaughtException', listener);
  assert.deepEqual(thrown, ['one 1', 'two 1', 'one 2', 'two 2']);
  assert.deepEqual(seen, ['1', '2', '3']);
});

test('a subscription whose replay throws, or whose target is gone by then, leaves nothing behind', async () => {
  const hub = createHub();
  const since = hub.publish('a', 'start');
  for (let n = 0; n < 100; n++) hub.publish('a', 'x'.repeat(1000));
  assert.throws(() => hub.subscribe('a', () => assert.fail('mine'), { since }), { message: 'mine' });
  assert.equal(hub.subscribers('a'), 0);
  const socket = Object.assign(new EventEmitter(), {
    OPEN: 1,
    readyState: 1,
    bufferedAmount: 0,
    send: () => (socket.bufferedAmount += 100_000),
    terminate: () => (socket.readyState = 3),
  });
  hub.attach(socket, 'a', { since });
  assert.equal(socket.readyState, 3, 'more than a megabyte waited');
  assert.ok(socket.bufferedAmount <= 1024 * 1024 + 100_000, String(socket.bufferedAmount));
  assert.equal(hub.subscribers('a'), 0);
  assert.equal(socket.listenerCount('close'), 0);
});

test('hubs of one name are one on all threads, also when a thread is terminated in the midst', async () => {
  const name = `test-${process.pid}`;
  const hub = createHub({ name });
  const workers = await Promise.all(
    [1, 2, 3].map(async (number) => {
      const worker = new Worker(path.join(__dirname, 'fixtures', 'hub-worker.js'), { workerData: { name, number } });
      await once(worker, 'message');
      return worker;
    }),
  );
  assert.equal(hub.subscribers('to/workers'), 3);
  const received = workers.map((worker) => once(worker, 'message'));
  const id = hub.publish('to/workers', 'hello');
  for (const [message] of await Promise.all(received)) assert.deepEqual(message, { got: 'hello', id });
  const events = collect(hub, 'to/main', 2 * 200);
  await workers[2].terminate();
  for (const worker of workers.slice(0, 2)) worker.postMessage({ publish: 'to/main', count: 200 });
  const offsets = (await events).map(({ offset }) => offset);
  assert.deepEqual(offsets, [...offsets].sort((a, b) => a - b));
  for (const number of [1, 2]) {
    const own = (await events).filter(({ data }) => data.startsWith(`${number}.`)).map(({ data }) => data);
    assert.deepEqual(own, Array.from({ length: 200 }, (_, n) => `${number}.${n}`));
  }
  hub.publish('to/workers', 'x');
  assert.equal(hub.subscribers('to/workers'), 2, 'who was terminated does not count');
  await Promise.all(workers.map((worker) => worker.terminate()));
});

test('an event stream follows topics, comes back where it left, and nothing stays of one that is gone', async (t) => {
  const hub = createHub();
  let connections = 0;
  const { url } = await serve(t, async (req, res) => {
    connections += 1;
    hub.attach(await createSession(req, res, { retry: 1 }), ['news/*']);
    if (connections === 1) hub.publish('news/a', { n: 1 }, { event: 'news' });
  });
  const source = new EventSource(url, { reconnectInterval: 1 });
  t.after(() => source.close());
  const [first] = await once(source, 'news');
  assert.equal(first.data, '{"n":1}');
  assert.equal(first.lastEventId, hub.lastId);
  source.close();
  while (hub.subscribers('news/a') > 0) await new Promise(setImmediate);
  hub.publish('news/b', 'missed', { event: 'news' });
  hub.publish('other', 'not for it');
  const again = new EventSource(url, { lastEventId: first.lastEventId });
  t.after(() => again.close());
  const [second] = await once(again, 'news');
  assert.equal(second.data, 'missed');
  const old = new EventSource(url, { lastEventId: 'ff-1' });
  t.after(() => old.close());
  const [reset] = await once(old, 'reset');
  assert.equal(JSON.parse(reset.data).reason, 'history');
  assert.equal(reset.lastEventId, hub.lastId);
});

test('what looks like a WebSocket gets messages while it is open', async () => {
  const hub = createHub();
  const socket = Object.assign(new EventEmitter(), { OPEN: 1, readyState: 1, sent: [], send: (data) => socket.sent.push(data) });
  hub.attach(socket, 'a');
  const end = collect(hub, 'end', 1);
  hub.publish('a', 'text');
  hub.publish('a', Buffer.from('bytes'));
  hub.publish('end', '');
  await end;
  socket.emit('close');
  assert.deepEqual(socket.sent, ['text', Buffer.from('bytes')]);
  assert.equal(hub.subscribers('a'), 0);
  assert.equal(socket.listenerCount('close'), 0);
});

test('wrong use is told with the codes of Node', () => {
  const hub = createHub();
  for (const topic of ['', 'a/*', '**', 'x'.repeat(1025)]) {
    assert.throws(() => hub.publish(topic, ''), { code: 'ERR_INVALID_ARG_VALUE' }, topic);
  }
  assert.throws(() => hub.publish(1, ''), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => hub.publish('a', undefined), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => hub.subscribe('**/a', () => {}), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => hub.subscribe('a'), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => hub.attach({}, 'a'), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => createHub({ history: { count: -1 } }), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => createHub({ name: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
});
