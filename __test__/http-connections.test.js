'use strict';

// A connection from its first request to its end, compared with node:http: each scenario runs on both, and what it noted
// must be the same.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { describe, it } = require('node:test');
const ourHttp = require('../lib/http.js');
const { getEventLoop } = require('../lib/internal/event-loop.js');
const { GET, LAST, same, serving, undated } = require('./harness/http.js');
const { closed, exchange, listening, Raw } = require('./harness/raw-http.js');
const { settled, until } = require('./harness/streams.js');

describe('a connection', () => {
  same('carries requests one after the other', (http, note) =>
    serving(http, (/** @type {any} */ req, /** @type {any} */ res) => {
      setImmediate(() => res.end(req.url));
    }, async (port) => {
      const raw = new Raw(port).write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.until('/2');
      raw.write(LAST);
      note(undated(await raw.all));
    }));

  same('is closed by a request that says so, and by HTTP/1.0', (http, note) =>
    serving(http, (/** @type {any} */ _req, /** @type {any} */ res) => res.end('x'), async (port) => {
      note(undated(await exchange(port, LAST)));
      note(undated(await exchange(port, 'GET / HTTP/1.0\r\n\r\n')));
      const raw = new Raw(port).write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      await raw.until('\r\n\r\nx');
      note(undated(await raw.write(LAST).all));
    }));

  same('may be limited in requests', async (http, note) => {
    const server = http.createServer((_req, res) => res.end('x'));
    server.maxRequestsPerSocket = 2;
    server.on('dropRequest', (req) => note('drop', req.url));
    const port = await listening(server);
    note(undated(await exchange(port, `${GET}${GET}${LAST}`)));
    await closed(server);
  });

  same('is told of once, with its addresses', async (http, note) => {
    const server = http.createServer((_req, res) => res.end('x'));
    server.on('connection', (socket) => {
      note(socket.remoteAddress, socket.remoteFamily, socket.localPort === server.address()?.port, socket.readyState);
      socket.on('close', (/** @type {boolean} */ hadError) => note('close', hadError));
    });
    const port = await listening(server);
    await exchange(port, `${GET}${LAST}`);
    await closed(server);
  });

  same('times out where the server says so', async (http, note) => {
    const server = http.createServer(() => {});
    server.setTimeout(50, (socket) => {
      note('timeout', typeof socket.remotePort);
      socket.destroy();
    });
    const port = await listening(server);
    note(await exchange(port, GET));
    await closed(server);
  });

  same('times out on the request and the response', async (http, note) => {
    const server = http.createServer((req, res) => {
      req.setTimeout(40, () => note('request'));
      res.setTimeout(40, () => {
        note('response');
        res.end('late');
      });
    });
    const port = await listening(server);
    note(undated(await exchange(port, LAST)));
    await closed(server);
  });

  it('is closed when it is idle too long', () =>
    serving(ourHttp, (/** @type {any} */ _req, /** @type {any} */ res) => res.end('x'), async (port) => {
      const raw = new Raw(port).write(GET);
      await raw.until('\r\n\r\nx');
      const began = performance.now();
      await raw.all;
      const waited = performance.now() - began;
      assert.ok(waited > 900 && waited < 5000, `closed after ${waited} ms`);
    }, { keepAliveTimeout: 50 }));

  it('gets 408 for a head or a request that takes too long', () =>
    serving(ourHttp, (/** @type {any} */ req) => req.resume(), async (port) => {
      const [head, body] = await Promise.all([
        exchange(port, 'GET / HTTP/1.1\r\nHost: '),
        exchange(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab'),
      ]);
      assert.match(head, /^HTTP\/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n$/);
      assert.match(body, /^HTTP\/1.1 408 /);
    }, { headersTimeout: 100, requestTimeout: 200 }));

  same('tells of a timeout by clientError', async (http, note) => {
    const server = http.createServer({ headersTimeout: 100, requestTimeout: 150, connectionsCheckingInterval: 20 });
    server.on('clientError', (error, socket) => {
      note(/** @type {any} */ (error).code, error.message, error instanceof Error);
      socket.end('HTTP/1.1 400 mine\r\n\r\n');
    });
    const port = await listening(server);
    note(await exchange(port, 'GET / HTTP/1.1\r\n'));
    await closed(server);
  });
});

describe('expectations and upgrades', () => {
  const EXPECT = 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n';

  same('100-continue is answered', (http, note) =>
    serving(http, (/** @type {any} */ req, /** @type {any} */ res) => req.pipe(res), async (port) => {
      const raw = new Raw(port).write(EXPECT);
      await raw.until('100 Continue');
      note(undated(await raw.write('ok').all));
    }));

  same('checkContinue decides', async (http, note) => {
    const server = http.createServer(() => note('request'));
    server.on('checkContinue', (req, res) => {
      if (req.url === '/') res.writeHead(417).end('no');
    });
    const port = await listening(server);
    note(undated(await exchange(port, EXPECT)));
    await closed(server);
  });

  same('another expectation gets 417, or its event', async (http, note) => {
    const server = http.createServer(() => note('request'));
    const port = await listening(server);
    const odd = LAST.replace('\r\n\r\n', '\r\nExpect: something\r\n\r\n');
    note(undated(await exchange(port, odd)));
    server.on('checkExpectation', (_req, res) => res.end('fine'));
    note(undated(await exchange(port, odd)));
    await closed(server);
  });

  const UPGRADE = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n';

  same('an upgrade gives the socket away', async (http, note) => {
    const server = http.createServer(() => note('request'));
    server.on('upgrade', (req, socket, head) => {
      note(req.url, req.headers.upgrade, req.upgrade, socket === req.socket);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
      if (head.length > 0) socket.unshift(head);
      socket.on('data', (/** @type {Buffer} */ chunk) => socket.write(chunk.toString().toUpperCase()));
      socket.on('end', () => {
        note('end');
        socket.end('bye');
      });
      socket.on('close', () => note('close'));
    });
    const port = await listening(server);
    const raw = new Raw(port).write(`${UPGRADE}early`);
    await raw.until('EARLY');
    raw.write(' later');
    await raw.until(' LATER');
    note(await raw.end());
    await closed(server);
  });

  same('without a listener an upgrade is a request', (http, note) =>
    serving(http, (/** @type {any} */ req, /** @type {any} */ res) => {
      note(req.upgrade, req.headers.upgrade);
      res.end('plain');
    }, async (port) => {
      const raw = new Raw(port).write(UPGRADE);
      await raw.until('plain');
      note(undated(await raw.write(LAST).all));
    }));

  same('CONNECT has its event, and is refused without', async (http, note) => {
    const server = http.createServer(() => note('request'));
    const port = await listening(server);
    const connect = 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n';
    note(await exchange(port, connect));
    server.on('connect', (req, socket) => {
      note(req.url, req.method);
      socket.end('HTTP/1.1 200 Fine\r\n\r\nbytes');
    });
    note(await exchange(port, connect));
    await closed(server);
  });

  it('an upgraded socket pauses', async () => {
    const server = ourHttp.createServer();
    /** @type {any} */
    let socket;
    server.on('upgrade', (_req, taken) => {
      socket = taken;
      socket.write('HTTP/1.1 101 Switching\r\n\r\n');
    });
    const port = await listening(server);
    const raw = new Raw(port).write(UPGRADE);
    await raw.until('101');
    raw.write(Buffer.alloc(4 << 20, 'x'));
    socket.read(0);
    await until(() => socket.readableLength > 0, 'the first bytes');
    await settled(() => socket.readableLength);
    assert.ok(socket.readableLength <= socket.readableHighWaterMark + 65_536);
    let bytes = 0;
    for await (const chunk of socket) {
      bytes += chunk.length;
      if (bytes === 4 << 20) break;
    }
    raw.destroy();
    await closed(server);
  });

  it('gives its descriptor away', async () => {
    const server = ourHttp.createServer();
    const port = await listening(server);
    const raw = new Raw(port).write(`${UPGRADE}early`);
    /** @type {any} */
    const socket = await new Promise((resolve) => server.on('upgrade', (_req, taken) => resolve(taken)));
    const take = socket[Symbol.for('millrace.takeDescriptor')];
    // One of Node's own has none to give.
    assert.equal(take !== undefined, getEventLoop() !== null);
    if (take === undefined) {
      socket.destroy();
      await closed(server);
      return;
    }
    const { fd, head } = take.call(socket);
    assert.equal(head.toString(), 'early');
    fs.writeSync(fd, 'by hand');
    socket._write = (/** @type {Buffer} */ chunk, /** @type {any} */ _encoding, /** @type {() => void} */ callback) => {
      fs.writeSync(fd, chunk);
      callback();
    };
    socket.write(' and face', () => socket.destroy());
    assert.equal(await raw.all, 'by hand and face');
    assert.equal(socket.remoteAddress, '127.0.0.1');
    assert.throws(() => fs.fstatSync(fd), { code: 'EBADF' });
    await closed(server);
  });
});
