'use strict';

// The server as a program sees it, compared with node:http: each scenario runs on both, and what it noted must be the same.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const nodeHttp = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { describe, it } = require('node:test');
const ourHttp = require('../lib/http.js');
const { GET, same, serving } = require('./harness/http.js');
const { closed, listening, Raw } = require('./harness/raw-http.js');

describe('a server', () => {
  same('listens and closes with the events of node:http', async (http, note) => {
    const server = http.createServer();
    note(server.listening, server.address());
    server.on('close', () => note('close'));
    const returned = server.listen(0, '127.0.0.1', () => note('callback', server.listening));
    note(returned === server);
    await once(server, 'listening');
    note(Object.keys(/** @type {any} */ (server.address())));
    await new Promise((resolve) => server.close((error) => resolve(note('closed', error))));
    note(server.listening, server.address());
    await new Promise((resolve) => server.close((error) => resolve(note('again', /** @type {any} */ (error)?.code))));
  });

  same('a response or a request that is destroyed with an error tells the server, and ends nothing else', async (http, note) => {
    for (const which of ['res', 'req']) {
      const server = http.createServer((req, res) => {
        res.write('begun');
        (which === 'res' ? res : req).destroy(new Error(`given up: ${which}`));
      });
      const told = once(server, 'clientError');
      const port = await listening(server);
      const request = nodeHttp.request({ port, host: '127.0.0.1', method: 'POST', agent: false });
      request.on('error', () => {});
      request.on('response', (response) => response.on('error', () => {}));
      request.write('a body that does not end');
      const [error, socket] = await told;
      note(which, error.message, socket.destroyed);
      await new Promise((resolve) => server.close(resolve));
    }
  });

  same('says where it cannot listen', async (http, note) => {
    const first = http.createServer();
    const port = await listening(first);
    const second = http.createServer();
    second.listen(port, '127.0.0.1');
    const [error] = await once(second, 'error');
    note(error.code, error.syscall, error.address, error.port === port, error.message.replace(String(port), 'PORT'));
    second.listen(0, '127.0.0.1');
    await once(second, 'listening');
    const create = () => http.createServer();
    for (const bad of [() => second.listen(0), () => create().listen(70_000), () => create().listen({ port: -1 })]) {
      try {
        bad();
        note('accepted');
      } catch (e) {
        note(/** @type {any} */ (e).code);
      }
    }
    await closed(first);
    await closed(second);
  });

  for (const [name, args] of /** @type {[string, any[]][]} */ ([
    ['a port alone', [0]],
    ['an options object', [{ port: 0, host: '127.0.0.1', backlog: 5 }]],
    ['a host name', [0, 'localhost']],
    ['nothing', []],
    ['a backlog', [0, '127.0.0.1', 10]],
    ['IPv6 only', [{ port: 0, host: '::1', ipv6Only: true }]],
  ])) {
    it(`listens by ${name}`, async () => {
      const server = ourHttp.createServer((_req, res) => res.end('here'));
      server.listen(...args);
      await once(server, 'listening');
      const { port, address } = /** @type {any} */ (server.address());
      const host = address.includes(':') ? '[::1]' : '127.0.0.1';
      assert.equal(await (await fetch(`http://${host}:${port}/`)).text(), 'here');
      await closed(server);
    });
  }

  same('listens on a Unix socket', async (http, note) => {
    const place = path.join(os.tmpdir(), `millrace-${process.pid}-${Math.random().toString(36).slice(2)}.sock`);
    const server = http.createServer((req, res) => {
      note(req.socket.remoteAddress, req.socket.address());
      res.end('unix');
    });
    server.listen(place);
    await once(server, 'listening');
    note(server.address() === place);
    const request = nodeHttp.get({ socketPath: place, path: '/' });
    const [response] = await once(request, 'response');
    note(Buffer.concat(await response.toArray()).toString());
    await closed(server);
    note(fs.existsSync(place));
  });

  same('drains before it closes', async (http, note) => {
    const server = http.createServer();
    const port = await listening(server);
    const idle = new Raw(port).write(GET);
    const [, first] = await once(server, 'request');
    first.end('done');
    await idle.until('done');
    const busy = new Raw(port).write(GET);
    const [, res] = await once(server, 'request');
    const done = once(server, 'close');
    server.close((error) => note('called back', error));
    await idle.all;
    note('idle is closed');
    const late = new Raw(port);
    await late.all;
    note('no more are accepted', late.text);
    res.end('finished');
    await busy.until('finished');
    // Node keeps the connection; we close it behind the answer.
    busy.destroy();
    await done;
    note('closed');
  });

  same('counts its connections', async (http, note) => {
    const server = http.createServer((_req, res) => res.end('x'));
    const port = await listening(server);
    const raw = new Raw(port).write(GET);
    await raw.until('\r\n\r\nx');
    note(await new Promise((resolve) => server.getConnections((error, count) => resolve([error, count]))));
    server.closeIdleConnections();
    await raw.all;
    await closed(server);
  });

  it('lets the process go when it is not referenced', async () => {
    const program = `const s = require(${JSON.stringify(require.resolve('../lib/http.js'))}).createServer().listen(0, () => s.unref());`;
    const child = spawn(process.execPath, ['-e', program], { stdio: 'inherit' });
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
  });

  it('is not brought down by a handler that throws', async () => {
    const program = `
      const http = require(${JSON.stringify(require.resolve('../lib/http.js'))});
      const server = http.createServer((req, res) => {
        if (req.url === '/throw') throw new Error('thrown');
        res.end('alive');
      });
      let caught = 0;
      process.on('uncaughtException', (e) => { caught++; if (e.message !== 'thrown') process.exit(3); });
      server.listen(0, async () => {
        const base = 'http://127.0.0.1:' + server.address().port;
        const all = await Promise.allSettled(Array.from({ length: 20 }, (_, i) =>
          fetch(base + (i % 2 ? '/throw' : '/'), { signal: AbortSignal.timeout(1000) }).then((r) => r.text())));
        const alive = all.filter((r) => r.value === 'alive').length;
        process.exit(alive === 10 && caught === 10 ? 0 : 4);
      });`;
    const child = spawn(process.execPath, ['-e', program], { stdio: 'inherit' });
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
  });

  it('serves connections that are handed to it', async () => {
    const net = require('node:net');
    const server = ourHttp.createServer((_req, res) => res.end('handed'));
    const relay = net.createServer((socket) => server.emit('connection', socket));
    const port = await listening(relay);
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text(), 'handed');
    await new Promise((resolve) => relay.close(resolve));
  });

  it('keeps the contexts of requests apart', () => {
    const { AsyncLocalStorage } = require('node:async_hooks');
    const storage = new AsyncLocalStorage();
    return serving(ourHttp, (/** @type {any} */ req, /** @type {any} */ res) => {
      storage.run(req.url, () => {
        setImmediate(() => res.end(`${storage.getStore()}`));
      });
    }, async (port) => {
      const answers = await Promise.all(['/a', '/b', '/c'].map((url) => fetch(`http://127.0.0.1:${port}${url}`).then((r) => r.text())));
      assert.deepEqual(answers, ['/a', '/b', '/c']);
    });
  });

  it('is a server of node:http to those who ask', () => {
    const server = ourHttp.createServer();
    assert.ok(server instanceof nodeHttp.Server);
    assert.ok(server instanceof ourHttp.Server);
    assert.equal(server.keepAliveTimeout, 5000);
    assert.equal(server.headersTimeout, 60_000);
    assert.equal(server.requestTimeout, 300_000);
    assert.throws(() => ourHttp.createServer({ maxHeaderSize: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  });
});
