'use strict';

// `server.close()`: no new connections, requests finish, streams are ended, and a deadline cuts off what is left.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { describe, it } = require('node:test');
const { fs, http, sse, ws, zlib } = require('../index.js');
const { Raw, listening } = require('./harness/raw-http.js');
const { until } = require('./harness/streams.js');

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/**
 * @param {any} server
 * @param {any} [options]
 * @returns {Promise<void>} once it is closed
 */
const close = (server, options) =>
  new Promise((resolve, reject) => {
    const done = (/** @type {Error | undefined} */ error) => (error ? reject(error) : resolve());
    if (options === undefined) server.close(done);
    else server.close(options, done);
  });

describe('server.close()', () => {
  it('refuses new connections, finishes requests and closes idle connections', async () => {
    /** @type {any} */
    let response;
    const server = http.createServer((_req, res) => {
      response = res;
      res.write('begun ');
    });
    const port = await listening(server);
    const idle = new Raw(port).write(GET);
    await idle.until('begun');
    response.end();
    await idle.until('0\r\n\r\n');
    const busy = new Raw(port).write(GET);
    await busy.until('begun');
    const done = close(server);
    await idle.all;
    const late = net.connect(port, '127.0.0.1');
    const [error] = await once(late, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
    assert.equal(busy.ended, false);
    response.end('done');
    assert.match(await busy.all, /done\r\n0\r\n\r\n$/);
    await done;
  });

  it('lets an upload finish, and answers that it closes', async () => {
    const server = http.createServer((req, res) => {
      req.pipe(zlib.createGzip()).pipe(fs.createWriteStream('/dev/null')).on('finish', () => res.end('stored'));
    });
    const port = await listening(server);
    const raw = new Raw(port).write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n');
    raw.write('x'.repeat(100_000));
    await once(server, 'request');
    const done = close(server);
    raw.write('x'.repeat(100_000));
    assert.match(await raw.all, /Connection: close[^]*stored/);
    await done;
  });

  it('ends event streams, and says when to come back', async () => {
    const server = http.createServer((req, res) => {
      void sse.createSession(req, res).then((session) => session.push('own'));
    });
    const { hub } = server.events('/topic', { topics: 'a' });
    const port = await listening(server);
    const streams = ['/', '/topic', '/topic'].map((path) => new Raw(port).write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`));
    await streams[0].until('own');
    await until(() => hub.publish('a', 'news') !== '' && streams.slice(1).every(({ text }) => text.includes('news')), 'news');
    await close(server, { retry: 5000, jitter: 1000 });
    for (const { all } of streams) {
      const text = await all;
      const times = [...text.matchAll(/retry:\s*(\d+)/g)].map(([, time]) => Number(time));
      assert.equal(times[0], 2000);
      assert.ok(times[1] >= 5000 && times[1] <= 6000, text);
      assert.match(text, /0\r\n\r\n$/, 'the stream was cut off');
    }
  });

  it('refuses event streams that are asked for while it closes', async () => {
    /** @type {any} */
    let response;
    const server = http.createServer((_req, res) => {
      response = res;
      res.write('begun');
    });
    server.events('/topic', { topics: 'a' });
    const port = await listening(server);
    const raw = new Raw(port).write(GET);
    await raw.until('begun');
    const done = close(server);
    raw.write('GET /topic HTTP/1.1\r\nHost: a\r\n\r\n');
    response.end();
    const text = await raw.all;
    assert.equal(text.match(/HTTP\/1.1 200/g)?.length, 1);
    assert.doesNotMatch(text, /event-stream/);
    await done;
  });

  for (const mode of ['server', 'noServer']) {
    it(`tells WebSockets that it goes away: ${mode}`, async () => {
      const server = http.createServer();
      const sockets = new ws.WebSocketServer(mode === 'server' ? { server } : { noServer: true });
      if (mode === 'noServer') {
        server.on('upgrade', (req, socket, head) => {
          sockets.handleUpgrade(req, socket, head, (socket) => sockets.emit('connection', socket, req));
        });
      }
      const port = await listening(server);
      const clients = [1, 2, 3].map(() => new ws.WebSocket(`ws://127.0.0.1:${port}/`));
      await Promise.all(clients.map((client) => once(client, 'open')));
      const codes = Promise.all(clients.map(async (client) => (await once(client, 'close'))[0]));
      await close(server);
      assert.deepEqual(await codes, [1001, 1001, 1001]);
    });
  }

  it('cuts off at the deadline what does not end: requests, WebSockets, tunnels', async () => {
    const server = http.createServer((_req, res) => res.write('begun'));
    const sockets = new ws.WebSocketServer({ noServer: true });
    server.on('upgrade', (req, socket, head) => {
      if (req.url === '/ws') sockets.handleUpgrade(req, socket, head, () => {});
      else socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
    const port = await listening(server);
    const busy = new Raw(port).write(GET);
    await busy.until('begun');
    const upgrade = (/** @type {string} */ path, more = '') =>
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`;
    const tunnel = new Raw(port).write(upgrade('/raw'));
    // A peer that never answers a close.
    const fields = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
    const deaf = new Raw(port).write(upgrade('/ws', fields));
    await Promise.all([tunnel.until('101'), deaf.until('101')]);
    const began = Date.now();
    await close(server, { deadline: 200 });
    assert.ok(Date.now() - began >= 190, 'nothing was waited for');
    await Promise.all([busy.all, tunnel.all, deaf.all]);
    assert.doesNotMatch(busy.text, /0\r\n\r\n$/);
  });

  it('has its deadline from the server, and none where that is 0', async () => {
    const server = http.createServer({ closeDeadline: 60 }, (_req, res) => res.write('begun'));
    const port = await listening(server);
    const busy = new Raw(port).write(GET);
    await busy.until('begun');
    await close(server);
    await busy.all;
    assert.throws(() => server.close({ deadline: -1 }), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => http.createServer({ closeDeadline: 'soon' }), { code: 'ERR_INVALID_ARG_TYPE' });

    const patient = http.createServer({ closeDeadline: 0 }, (_req, res) => res.write('begun'));
    const other = new Raw(await listening(patient)).write(GET);
    await other.until('begun');
    const done = close(patient);
    other.destroy();
    await done;
  });

  it('can listen and close again', async () => {
    const server = http.createServer((_req, res) => res.end('ok'));
    for (let round = 0; round < 3; round++) {
      const port = await listening(server);
      const response = await fetch(`http://127.0.0.1:${port}/`);
      assert.equal(await response.text(), 'ok');
      await close(server);
    }
    await assert.rejects(close(server), { code: 'ERR_SERVER_NOT_RUNNING' });
  });
});
