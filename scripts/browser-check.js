#!/usr/bin/env node
'use strict';

// node scripts/browser-check.js: lets Chromium use a server of millrace: EventSource over a cut, WebSocket with compression,
// a video that seeks, ranges, gRPC-Web. Needs chromium, and an addon that is built.

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { createHub } = require('../lib/hub.js');
const http = require('../lib/http.js');
const { WebSocketServer } = require('../lib/ws.js');

/** A service of text, without protobuf. */
const text = { serialize: (/** @type {string} */ value) => Buffer.from(value), deserialize: (/** @type {Buffer} */ bytes) => `${bytes}` };
const method = (/** @type {string} */ path, /** @type {boolean} */ responseStream) => ({
  path, requestStream: false, responseStream,
  requestSerialize: text.serialize, requestDeserialize: text.deserialize,
  responseSerialize: text.serialize, responseDeserialize: text.deserialize,
});
const DEMO = { shout: method('/demo.Demo/Shout', false), count: method('/demo.Demo/Count', true) };

const FOLDER = path.join(__dirname, '..', '__test__', 'browser');
const TIMEOUT_MS = 120_000;
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
/** Those of a browser that nobody looks at, on a machine without a network. */
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--mute-audio',
];

/** Of the long file: 8,000 samples of one byte a second. */
const LONG_SECONDS = 3600;

/**
 * @param {string} file to write: silence, in the simplest format that browsers play
 * @param {number} seconds
 */
function writeWave(file, seconds) {
  const [rate, bytes] = [8000, 8000 * seconds];
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + bytes, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(bytes, 40);
  fs.writeFileSync(file, Buffer.concat([head, Buffer.alloc(bytes, 0x80)]));
}

/**
 * @param {string} scratch folder
 * @returns {{ server: any, results: Promise<any>, ranges: string[] }} `ranges`: what was asked of the long file
 */
function serve(scratch) {
  const long = path.join(scratch, 'long.wav');
  writeWave(long, LONG_SECONDS);
  const hub = createHub();
  let published = 0;
  /** @type {string[]} */
  const ranges = [];
  /** @type {(results: any) => void} */
  let settle;
  const results = new Promise((resolve) => (settle = resolve));
  const server = http.createServer(async (req, res) => {
    const body = Buffer.concat(await req.toArray()).toString();
    switch (req.url) {
      case '/publish':
        for (let i = 0; i < Number(body); i++) hub.publish('news', String(published++), { event: 'news' });
        return res.end();
      case '/cut':
        // What is published while nobody listens is replayed.
        for (const socket of sockets) if (socket !== req.socket) socket.destroy();
        for (let i = 0; i < 3; i++) hub.publish('news', String(published++), { event: 'news' });
        return res.end();
      case '/long.wav':
        ranges.push(req.headers.range ?? 'all');
        return res.sendFile(long);
      case '/results':
        settle(JSON.parse(body));
        return res.end();
      default:
        return res.writeHead(404).end();
    }
  });
  /** @type {Set<any>} */
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.grpc(DEMO, {
    shout(/** @type {any} */ call, /** @type {any} */ callback) {
      if (call.request === '') callback({ code: 3, details: 'näh' });
      else callback(null, call.request.toUpperCase());
    },
    async *count(/** @type {any} */ call) {
      for (let i = 1; i <= Number(call.request); i++) yield `${i}`;
    },
  }, { 'millrace.web_origins': (/** @type {string} */ origin) => /^http:\/\/127\.0\.0\.1:/.test(origin) });
  server.events('/events', { hub, topics: 'news', retry: 100 });
  server.files('/files', FOLDER);
  server.files('/', FOLDER, { index: ['page.html'] });
  const webSockets = new WebSocketServer({ server, path: '/socket', perMessageDeflate: true });
  webSockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  return { server, results, ranges };
}

async function main() {
  const browser = BROWSERS.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
  if (browser === undefined) throw new Error(`none of ${BROWSERS.join(', ')} is installed`);
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-browser-'));
  const { server, results, ranges } = serve(scratch);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const profile = `--user-data-dir=${path.join(scratch, 'profile')}`;
  const child = spawn(browser, [...FLAGS, profile, '--remote-debugging-port=0', `http://127.0.0.1:${port}/`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  const gone = once(child, 'close');
  try {
    const found = await Promise.race([
      results,
      gone.then(() => Promise.reject(new Error(`the browser ended: ${said}`))),
      new Promise((_resolve, reject) => setTimeout(reject, TIMEOUT_MS, new Error('the page told nothing')).unref()),
    ]);
    console.log(JSON.stringify({ ...found, ranges }, null, 2));
    assert.deepEqual(found.events, { seen: ['0', '1', '2', '3', '4', '5'], opened: 2, hasId: true });
    assert.deepEqual(found.socket, {
      equal: true, protocol: 'first', extensions: 'permessage-deflate', code: 4000, reason: 'enough', wasClean: true,
    });
    assert.deepEqual(found.video, { width: 64, duration: 20, at: 15, error: null });
    assert.deepEqual(found.longFile, { seekable: LONG_SECONDS, duration: LONG_SECONDS, ended: true });
    // The beginning, and then the end without what is between.
    assert.ok(ranges.some((range) => Number(/^bytes=(\d+)-/.exec(range)?.[1]) > 8000 * (LONG_SECONDS - 60)), `${ranges}`);
    assert.deepEqual(found.fetched, { part: [206, 10], whole: 200, again: 304 });
    assert.deepEqual(found.calls, {
      shout: ['HEY', 'grpc-status:0'], fail: ['grpc-status:3', 'grpc-message:n%C3%A4h'], elsewhere: ['HEY', 'grpc-status:0'],
      count: Array.from({ length: 1000 }, (_, i) => `${i + 1}`).concat('grpc-status:0'), text: ['1', '2', '3', 'grpc-status:0'],
    });
    console.log(`${browser}: 6 checks passed, 0 failed`);
  } finally {
    child.kill('SIGKILL');
    await gone;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
