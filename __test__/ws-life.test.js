'use strict';

/** Where connections come from, and how they and their thread end. */

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const nodeHttp = require('node:http');
const path = require('node:path');
const { Duplex } = require('node:stream');
const { describe, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const http = require('../lib/http.js');
const { messages, native, ours, pair, theirs } = require('./harness/ws.js');

const WS = path.join(__dirname, '..', 'lib', 'ws.js');

describe('a server of millrace/http', () => {
  test('hands its sockets over, answers, and closes as Node does', async () => {
    const front = http.createServer((/** @type {any} */ _req, /** @type {any} */ res) => res.end('page'));
    const server = new ours.WebSocketServer({ server: /** @type {any} */ (front) });
    await new Promise((resolve) => front.listen(0, '127.0.0.1', () => resolve(undefined)));
    const { port } = /** @type {any} */ (front.address());
    const page = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
    assert.equal(await page.text(), 'page');
    const connection = once(server, 'connection');
    const client = new theirs.WebSocket(`ws://127.0.0.1:${port}`);
    client.on('open', () => client.send('first'));
    const [peer, req] = await connection;
    assert.equal(req.headers.upgrade, 'websocket');
    assert.equal(peer._socket.remoteAddress, '127.0.0.1');
    const [[data]] = await messages(peer, 1);
    assert.equal(String(data), 'first');
    assert.equal(peer._connection.attached, native);
    const got = messages(client, 1);
    peer.send('x'.repeat(1 << 20));
    assert.equal((await got)[0][0].length, 1 << 20);
    const both = Promise.all([once(client, 'close'), once(peer, 'close')]);
    peer.close(4000, 'done');
    const [[code, reason], [peerCode]] = await both;
    assert.deepEqual([code, String(reason), peerCode], [4000, 'done', 4000]);
    server.close();
    await new Promise((resolve) => front.close(() => resolve(undefined)));
  });
});

describe('a Duplex of the user', () => {
  test('carries a connection, with noServer and createConnection', async () => {
    const server = new ours.WebSocketServer({ noServer: true });
    const front = nodeHttp.createServer();
    front.on('upgrade', (req, socket, head) => {
      server.handleUpgrade(req, socket, head, (/** @type {any} */ peer) => {
        peer.on('message', (/** @type {Buffer} */ data) => peer.send(`${data}!`));
      });
    });
    const [near, far] = duplexPair();
    front.emit('connection', far);
    const client = new ours.WebSocket('ws://nowhere', { createConnection: () => near });
    client.on('open', () => client.send('hi'));
    assert.equal(String((await messages(client, 1))[0][0]), 'hi!');
    const closed = once(client, 'close');
    client.close(1000);
    assert.equal((await closed)[0], 1000);
  });
});

/** @returns {[Duplex, Duplex]} what is written into one can be read from the other */
function duplexPair() {
  /** @type {Duplex[]} */
  const ends = [];
  for (const other of [1, 0]) {
    ends.push(new Duplex({
      read() {},
      write(chunk, _encoding, callback) {
        process.nextTick(() => ends[other].push(chunk));
        callback();
      },
      final(callback) {
        ends[other].push(null);
        callback();
      },
    }));
  }
  return /** @type {[Duplex, Duplex]} */ (ends);
}

describe('the process', () => {
  test('lives while a socket is open, not when it is unreferenced, and ends when all are closed', async () => {
    const program = (/** @type {string} */ then) => `
      const { WebSocketServer, WebSocket } = require(${JSON.stringify(WS)});
      const server = new WebSocketServer({ port: 0 }, () => {
        const client = new WebSocket('ws://127.0.0.1:' + server.address().port);
        client.on('open', () => { ${then} });
      });
      server.on('connection', (ws) => { ws.on('message', (data) => ws.send(data)); globalThis.peer = ws; });
      process.on('exit', () => console.log('exit'));`;
    for (const then of [
      "client.send('x'); client.on('message', () => { client.close(); server.close(); });",
      'server.close(); setTimeout(() => { client._socket.unref(); peer._socket.unref(); }, 20);',
      "client.send('x'); client.on('message', () => process.exit());",
      "setInterval(() => { for (let i = 0; i < 99; i++) client.send('x'.repeat(1e3)); }); setTimeout(() => process.exit(), 50);",
    ]) {
      const child = spawn(process.execPath, ['-e', program(then)], { timeout: 20000 });
      let output = '';
      child.stdout.on('data', (text) => (output += text));
      child.stderr.on('data', (text) => (output += text));
      const [code, signal] = await once(child, 'close');
      assert.deepEqual([code, signal, output], [0, null, 'exit\n'], then);
    }
  });
});

describe('a worker', () => {
  test('has a loop of its own, and can be terminated under load', async () => {
    const source = `
      const { WebSocketServer, WebSocket } = require(${JSON.stringify(WS)});
      const { parentPort } = require('node:worker_threads');
      const server = new WebSocketServer({ port: 0 }, () => {
        const client = new WebSocket('ws://127.0.0.1:' + server.address().port);
        let count = 0;
        client.on('open', () => { for (let i = 0; i < 16; i++) client.send('x'.repeat(500)); });
        client.on('message', (data) => { client.send(data); if (++count === 1000) parentPort.postMessage(client._connection.attached); });
      });
      server.on('connection', (ws) => ws.on('message', (data) => ws.send(data)));`;
    const workers = Array.from({ length: 3 }, () => new Worker(source, { eval: true }));
    for (const [attached] of await Promise.all(workers.map((worker) => once(worker, 'message')))) {
      assert.equal(attached, native);
    }
    await Promise.all(workers.map((worker) => worker.terminate()));
    const { client, peer, close } = await pair();
    client.send('still here');
    assert.equal(String((await messages(peer, 1))[0][0]), 'still here');
    await close();
  });
});
