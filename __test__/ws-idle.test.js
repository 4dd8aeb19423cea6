'use strict';

/**
 * What a WebSocket costs that says nothing: one descriptor, and no more memory than one of `ws`.
 * `MILLRACE_LOAD_CONNECTIONS=10000` looks at the resident memory, too: with few connections what a process takes once
 * covers it.
 */

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');
const { test } = require('node:test');
const { native } = require('./harness/ws.js');

const CONNECTIONS = Number(process.env.MILLRACE_LOAD_CONNECTIONS ?? 500);
/** Connections from which the resident memory tells of them. */
const MANY = 5000;

const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/**
 * @param {string} who
 * @returns {Promise<{ descriptors: number, heap: number, rss: number }>} what each of many connections added
 */
async function measure(who) {
  const child = fork(path.join(__dirname, 'fixtures', 'idle-websockets.js'), [who], { execArgv: ['--expose-gc'] });
  const ask = async () => {
    child.send('stats');
    return (await once(child, 'message'))[0];
  };
  const [{ port }] = await once(child, 'message');
  const open = async () => {
    const socket = net.connect(port, '127.0.0.1');
    socket.write(UPGRADE);
    await once(socket, 'data');
    return socket;
  };
  // What the first of them brings with it is not theirs.
  const sockets = [await open()];
  const before = await ask();
  while (sockets.length <= CONNECTIONS) {
    const batch = Math.min(50, CONNECTIONS + 1 - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, open))));
  }
  const after = await ask();
  const gone = once(child, 'close');
  for (const socket of sockets) socket.destroy();
  child.kill();
  await gone;
  const each = (/** @type {string} */ what) => (after[what] - before[what]) / CONNECTIONS;
  return { descriptors: each('descriptors'), heap: each('heap'), rss: each('rss') };
}

test('a WebSocket that says nothing costs a descriptor, and no more memory than one of ws', { skip: !native }, async () => {
  const [ours, theirs] = [await measure('ours'), await measure('ws')];
  assert.equal(ours.descriptors, 1);
  assert.equal(theirs.descriptors, 1);
  assert.ok(ours.heap < theirs.heap, `${ours.heap} bytes of heap, ws: ${theirs.heap}`);
  if (CONNECTIONS >= MANY) assert.ok(ours.rss <= theirs.rss, `${ours.rss} bytes, ws: ${theirs.rss}`);
});
