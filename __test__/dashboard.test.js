'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Dashboard } = require('../lib/dashboard/dashboard.js');
const { isLoopback, refusal } = require('../lib/internal/admission.js');
const { EventLog } = require('../lib/dashboard/event-log.js');
const { EventSource } = require('../lib/sse.js');

const ROOT = path.join(__dirname, '..');

/**
 * @param {import('node:test').TestContext} t
 * @param {object} [options]
 * @returns {Promise<{ dashboard: any, address: string }>}
 */
async function open(t, options) {
  const dashboard = new Dashboard(options);
  t.after(() => dashboard.close());
  return { dashboard, address: await dashboard.listen() };
}

/**
 * @param {string} address
 * @param {Record<string, string>} headers
 * @returns {Promise<number>} the status; `fetch` does not let one choose the host
 */
async function statusWith(address, headers) {
  const req = http.get(address, { headers, agent: false });
  const [res] = await once(req, 'response');
  res.resume();
  req.destroy();
  return res.statusCode;
}

/**
 * @param {EventSource} source
 * @param {number} count
 * @returns {Promise<{ n: number, id: string }[]>} the next samples
 */
function samples(source, count) {
  /** @type {{ n: number, id: string }[]} */
  const seen = [];
  return new Promise((resolve) => {
    source.addEventListener('system', function listener({ data, lastEventId }) {
      seen.push({ n: JSON.parse(data).n, id: lastEventId });
      if (seen.length < count) return;
      source.removeEventListener('system', listener);
      resolve(seen);
    });
  });
}

describe('the page', () => {
  test('comes with a policy against what is inline or from elsewhere, and with all that it names', async (t) => {
    const { address } = await open(t);
    const answer = await fetch(address);
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|http:|https:|data:/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    const page = await answer.text();
    assert.doesNotMatch(page, /<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/i);
    assert.doesNotMatch(page, /(?:href|src)="(?:https?:)?\/\//);
    const named = [...page.matchAll(/(?:href|src)="\.\/([^"]+)"/g)].map(([, name]) => name);
    assert.ok(named.length >= 5);
    for (const name of named) {
      const part = await fetch(new URL(name, address));
      assert.equal(part.status, 200, name);
      assert.ok(part.headers.get('content-security-policy'), name);
      await part.arrayBuffer();
    }
  });

  test('names no other host in any of its files, and puts no text into HTML', () => {
    const folder = path.join(ROOT, 'page');
    for (const name of fs.readdirSync(folder)) {
      const text = fs.readFileSync(path.join(folder, name), 'utf8');
      assert.deepEqual(text.match(/https?:\/\/(?!www\.w3\.org)[^\s'"`]+/g), null, name);
      assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, name);
    }
  });

  test('is sent compressed, and not again where it did not change', async (t) => {
    const { address } = await open(t);
    const first = await fetch(new URL('uplot.js', address));
    assert.equal(first.headers.get('content-encoding'), 'gzip');
    assert.match(await first.text(), /uPlot/);
    const etag = first.headers.get('etag') ?? '';
    const again = await fetch(new URL('uplot.js', address), { headers: { 'if-none-match': etag } });
    assert.equal(again.status, 304);
    const plain = await fetch(new URL('uplot.js', address), { headers: { 'accept-encoding': 'identity' } });
    assert.equal(plain.headers.get('content-encoding'), null);
    assert.notEqual(plain.headers.get('etag'), etag);
  });

  test('has no files but its own, however they are named', async (t) => {
    const { address } = await open(t);
    for (const name of ['package.json', '..%2fpackage.json', '%2e%2e/package.json', 'tsconfig.json', 'uplot.d.ts', '__proto__']) {
      assert.equal((await fetch(`${address}${name}`)).status, 404, name);
    }
    assert.equal((await fetch(address, { method: 'DELETE' })).status, 404);
  });
});

describe('who is let in', () => {
  test('it listens on loopback unless told otherwise', async (t) => {
    const { dashboard, address } = await open(t);
    assert.equal(dashboard.server.address().address, '127.0.0.1');
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    const { dashboard: open6, address: address6 } = await open(t, { host: '0.0.0.0' });
    assert.equal(open6.server.address().address, '0.0.0.0');
    assert.equal((await fetch(address6)).status, 200);
  });

  test('a name that points to loopback is refused, and so are pages of other sites', async (t) => {
    const { address } = await open(t);
    const { host, port } = new URL(address);
    for (const path of ['', 'system', 'events']) {
      assert.equal(await statusWith(`${address}${path}`, { host: `rebound.example:${port}` }), 403);
      assert.equal(await statusWith(`${address}${path}`, { host, origin: 'http://elsewhere.example' }), 403);
      assert.equal(await statusWith(`${address}${path}`, { host, origin: 'null' }), 403);
      assert.equal(await statusWith(`${address}${path}`, { host, origin: `http://${host}` }), 200);
      assert.equal(await statusWith(`${address}${path}`, { host: `localhost:${port}` }), 200);
    }
  });

  test('what counts as loopback', () => {
    for (const name of ['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '::1']) assert.ok(isLoopback(name), name);
    for (const name of ['', '127.0.0.1.example', 'localhost.example', '0.0.0.0', '10.0.0.1', '::']) {
      assert.ok(!isLoopback(name), name);
    }
    const asked = (/** @type {string} */ host) => refusal({ headers: { host } }, '::1');
    assert.equal(asked('[::1]:80'), null);
    assert.notEqual(asked('[::2]:80'), null);
  });
});

describe('the machine', () => {
  test('is told of twice a second, and the history goes over into the stream without a gap', async (t) => {
    const { dashboard, address } = await open(t);
    const first = new EventSource(new URL('events', address));
    const [before] = await samples(first, 1);
    first.close();
    const { samples: history, lastEventId, intervalMs } = await (await fetch(new URL('system', address))).json();
    assert.equal(intervalMs, 500);
    assert.ok(history.some(({ n }) => n === before.n));
    const { cores, memory, network, disk } = history.at(-1);
    assert.ok(cores.length > 0 && cores.every((share) => share >= 0 && share <= 1));
    assert.ok(memory.used > 0 && memory.used <= memory.total);
    assert.ok(network.received >= 0 && network.sent >= 0 && network.loopback >= 0);
    assert.ok(disk.read === null || disk.read >= 0);
    // What comes meanwhile is missed by nobody.
    dashboard.system.read();
    const source = new EventSource(new URL(`events?lastEventId=${lastEventId}`, address));
    t.after(() => source.close());
    const [next] = await samples(source, 1);
    assert.equal(next.n, history.at(-1).n + 1);
  });

  test('a stream that is cut goes on where it was', async (t) => {
    const { dashboard, address } = await open(t);
    const sockets = new Set();
    dashboard.server.on('connection', (socket) => sockets.add(socket));
    const source = new EventSource(new URL('events', address));
    t.after(() => source.close());
    const before = await samples(source, 2);
    const failed = new Promise((resolve) => source.addEventListener('error', resolve, { once: true }));
    for (const socket of sockets) socket.destroy();
    await failed;
    for (let i = 0; i < 3; i++) dashboard.system.read();
    const after = await samples(source, 4);
    const all = [...before, ...after].map(({ n }) => n);
    assert.deepEqual(all, all.map((_, index) => all[0] + index));
  });

  test('its history is bounded', async (t) => {
    const { dashboard } = await open(t);
    for (let i = 0; i < 700; i++) dashboard.system.read();
    const { samples: kept } = dashboard.system.history();
    assert.equal(kept.length, 600);
    assert.ok(dashboard.hub.stats().bytes < 4 * 1024 * 1024);
  });
});

describe('the log', () => {
  test('is bounded in bytes, and cuts long lines', () => {
    const log = new EventLog(64 * 1024);
    for (let i = 0; i < 1000; i++) log.add('info', 'test', 'x'.repeat(1000));
    assert.ok(log.bytes <= 64 * 1024);
    assert.equal(log.first, 1001 - log.lines.length);
    assert.equal(log.at(1000)?.n, 1000);
    assert.equal(log.at(1), undefined);
    log.add('info', 'test', 'y'.repeat(1_000_000));
    assert.ok(/** @type {any} */ (log.at(1001)).text.length < 9000);
    const one = new EventLog(10);
    one.add('info', 'test', 'longer than all that may be kept');
    assert.equal(one.lines.length, 1);
  });
});

describe('millrace serve', () => {
  test('prints its address and ends with 0 on a signal', async (t) => {
    const child = spawn(process.execPath, [path.join(ROOT, 'bin', 'millrace.js'), 'serve', '--port', '0']);
    t.after(() => child.kill('SIGKILL'));
    child.stdout.setEncoding('utf8');
    const [line] = await once(child.stdout, 'data');
    const [, address] = /at (http:\/\/127\.0\.0\.1:\d+\/)\n/.exec(line) ?? [];
    const source = new EventSource(new URL('events', address));
    await samples(source, 1);
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await gone, [0, null]);
    source.close();
  });

  test('a port that is taken is an error where it was asked for', async (t) => {
    const { dashboard } = await open(t);
    const { port } = dashboard.server.address();
    const child = spawn(process.execPath, [path.join(ROOT, 'bin', 'millrace.js'), 'serve', '--port', String(port)]);
    t.after(() => child.kill('SIGKILL'));
    child.stderr.setEncoding('utf8');
    let said = '';
    child.stderr.on('data', (text) => (said += text));
    assert.deepEqual(await once(child, 'close'), [1, null]);
    assert.match(said, /EADDRINUSE/);
  });
});
