'use strict';

// Requests and the end of a connection over HTTP/2, on the port of an HTTP/1 server, seen by Node's own client and by curl.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { createHash, randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const http2 = require('node:http2');
const net = require('node:net');
const { pipeline, Readable } = require('node:stream');
const { describe, it } = require('node:test');
const { promisify } = require('node:util');
const http = require('../lib/http.js');
const { ask, frame, request, serving, session, type } = require('./harness/http2.js');
const { exchange, listening } = require('./harness/raw-http.js');
const { until } = require('./harness/streams.js');
const { ca, serving: serveTls } = require('./harness/tls.js');

const run = promisify(execFile);

/** @param {Buffer | string} bytes */
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');

describe('a request', () => {
  it('has what one of HTTP/1 has', () => serving((/** @type {any} */ req, /** @type {any} */ res) => {
    const { method, url, httpVersion, httpVersionMajor, httpVersionMinor, headers, rawHeaders, complete } = req;
    const { remoteAddress, streamId } = req.socket;
    const classes = [req instanceof http.IncomingMessage, res instanceof http.ServerResponse];
    const same = [req.socket === res.socket, req.socket.session.remoteAddress === remoteAddress];
    res.end(JSON.stringify({
      method, url, httpVersion, httpVersionMajor, httpVersionMinor, headers, rawHeaders, complete,
      remoteAddress, streamId, classes, same,
    }));
  }, (port) => session(port, async (client) => {
    const { body } = await ask(client, {
      ':method': 'DELETE', ':path': '/a%20b?c=d', 'x-many': ['1', '2'], cookie: ['a=1', 'b=2'], 'set-cookie': ['x', 'y'],
    });
    const seen = JSON.parse(String(body));
    assert.deepEqual(seen.headers, {
      host: `127.0.0.1:${port}`, 'x-many': '1, 2', cookie: 'a=1; b=2', 'set-cookie': ['x', 'y'],
    });
    assert.deepEqual(seen.rawHeaders.slice(0, 2), ['host', `127.0.0.1:${port}`]);
    delete seen.headers;
    delete seen.rawHeaders;
    assert.deepEqual(seen, {
      method: 'DELETE',
      url: '/a%20b?c=d',
      httpVersion: '2.0',
      httpVersionMajor: 2,
      httpVersionMinor: 0,
      complete: false,
      remoteAddress: '127.0.0.1',
      streamId: 1,
      classes: [true, true],
      same: [true, true],
    });
  })));

  it('has its body and its trailers', () => serving(async (/** @type {any} */ req, /** @type {any} */ res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    res.end(JSON.stringify([sha(Buffer.concat(chunks)), req.complete, req.trailers]));
  }, (port) => session(port, async (client) => {
    const data = randomBytes(3_000_000);
    const stream = client.request({ ':method': 'POST' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
    stream.end(data);
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    assert.deepEqual(JSON.parse(text), [sha(data), true, { 'x-sum': '1' }]);
  })));

  it('of HTTP/1 is served on the same port, and HTTP/2 can be refused', async () => {
    await serving((/** @type {any} */ req, /** @type {any} */ res) => res.end(req.httpVersion), async (port) => {
      assert.match(await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /1\.1$/);
      await session(port, async (client) => assert.equal(String((await ask(client, {})).body), '2.0'));
    });
    await serving((/** @type {any} */ _req, /** @type {any} */ res) => res.end(), async (port) => {
      const answer = await exchange(port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      assert.match(answer, /^HTTP\/1\.1 400 /);
    }, { http2: false });
    assert.throws(() => http.createServer({ http2: /** @type {any} */ (1) }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => http.createServer({ http2: { maxFrameSize: 1 } }), { code: 'ERR_OUT_OF_RANGE' });
  });

  it('is recognised by a preface that comes byte by byte', () => serving((/** @type {any} */ _req, /** @type {any} */ res) => {
    res.end('whole');
  }, async (port) => {
    const socket = net.connect(port, '127.0.0.1');
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const bytes = Buffer.concat([preface, frame(type.SETTINGS, 0, 0), request(1)]);
    socket.setNoDelay(true);
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    let got = Buffer.alloc(0);
    for await (const chunk of socket) {
      got = Buffer.concat([got, chunk]);
      if (got.includes('whole')) break;
    }
    assert.ok(got.includes('whole'));
  }));

  it('that expects 100-continue gets it, or what the listener says', () => serving(
    (/** @type {any} */ req, /** @type {any} */ res) => req.pipe(res),
    (port, server) => session(port, async (client) => {
      const stream = client.request({ ':method': 'POST', expect: '100-continue' }, { endStream: false });
      await once(stream, 'continue');
      stream.end('body');
      const [head] = await once(stream, 'response');
      assert.equal(head[':status'], 200);
      assert.equal(String(Buffer.concat(await stream.toArray())), 'body');
      server.on('checkContinue', (/** @type {any} */ _req, /** @type {any} */ res) => {
        res.statusCode = 413;
        res.end();
      });
      assert.equal((await ask(client, { ':method': 'POST', expect: '100-continue' }, 'x')).headers[':status'], 413);
      assert.equal((await ask(client, { expect: 'miracles' })).headers[':status'], 417);
    }),
  ));

  it('is held back as long as nobody reads it', () => {
    /** @type {any} */
    let held;
    return serving((/** @type {any} */ req, /** @type {any} */ res) => {
      held = { req, res };
    }, (port) => session(port, async (client) => {
      const stream = client.request({ ':method': 'POST' }, { endStream: false });
      const data = randomBytes(8_000_000);
      Readable.from([data]).pipe(stream);
      await until(() => held !== undefined && held.req.readableLength > 0);
      let before = -1;
      // What stands still twice in a row has come to the bound.
      await until(() => {
        const now = stream.writableLength + held.req.socket.bytesRead * 2 ** 30;
        const still = now === before;
        before = now;
        return still;
      });
      assert.ok(held.req.readableLength <= 64 * 1024 * 3, `${held.req.readableLength} bytes in the request`);
      const chunks = await held.req.toArray();
      assert.equal(sha(Buffer.concat(chunks)), sha(data));
      held.res.end();
      const [head] = await once(stream, 'response');
      assert.equal(head[':status'], 200);
    }));
  });

  it('whose client gives up is told as closed', () => serving((/** @type {any} */ req, /** @type {any} */ res) => {
    res.write('some');
    assert.equal(res.req, req);
  }, (port, server) => session(port, async (client) => {
    const stream = client.request({ ':method': 'POST' }, { endStream: false });
    stream.on('error', () => {});
    const [req, res] = await once(server, 'request');
    await once(stream, 'data');
    const told = (/** @type {any} */ from, /** @type {string} */ event) => new Promise((resolve) => from.once(event, resolve));
    const gone = [told(req, 'error'), told(req, 'aborted'), told(req, 'close'), told(res, 'close')];
    stream.close(http2.constants.NGHTTP2_CANCEL);
    assert.equal((await Promise.all(gone))[0].code, 'ECONNRESET');
    assert.ok(req.destroyed && res.destroyed && !res.writableFinished);
    res.write('more');
    res.end();
  })));

  it('with a method that HTTP/1 does not know, and CONNECT, are answered with 501', () => serving(
    (/** @type {any} */ _req, /** @type {any} */ res) => res.end('seen'),
    (port) => session(port, async (client) => {
      assert.equal((await ask(client, { ':method': 'FROB' })).headers[':status'], 501);
      const stream = client.request({ ':method': 'CONNECT', ':authority': 'a:1' });
      const [head] = await once(stream, 'response');
      assert.equal(head[':status'], 501);
      stream.close();
      assert.equal(String((await ask(client, {})).body), 'seen');
    }),
  ));
});

describe('the end of a connection', () => {
  it('is announced by close(), and waits for open streams', async () => {
    const server = http.createServer();
    const port = await listening(server);
    const client = http2.connect(`http://127.0.0.1:${port}`);
    const stream = client.request({});
    const [, res] = await once(server, 'request');
    const goaway = once(client, 'goaway');
    let over = false;
    const done = new Promise((resolve) => server.close(() => {
      over = true;
      resolve(undefined);
    }));
    const [code] = await goaway;
    assert.equal(code, http2.constants.NGHTTP2_NO_ERROR);
    assert.equal(over, false);
    res.end('last words');
    assert.equal(String(Buffer.concat(await stream.toArray())), 'last words');
    await done;
    assert.equal(over, true);
  });

  it('comes at once where no stream is open, and by closeAllConnections()', async () => {
    const server = http.createServer((_req, res) => void res.write('x'));
    const port = await listening(server);
    const idle = http2.connect(`http://127.0.0.1:${port}`);
    const busy = http2.connect(`http://127.0.0.1:${port}`);
    busy.on('error', () => {});
    await Promise.all([once(idle, 'remoteSettings'), once(busy, 'remoteSettings')]);
    const stream = busy.request({});
    stream.on('error', () => {});
    stream.resume();
    await once(stream, 'response');
    assert.equal(await new Promise((resolve) => server.getConnections((_, count) => resolve(count))), 2);
    const done = new Promise((resolve) => server.close(resolve));
    await once(idle, 'close');
    server.closeAllConnections();
    await Promise.all([once(busy, 'close'), done]);
  });

  it('comes after idleTimeout without a stream', () => serving((/** @type {any} */ _req, /** @type {any} */ res) => {
    res.end('x');
  }, async (port) => {
    const client = http2.connect(`http://127.0.0.1:${port}`);
    await ask(client, {});
    const goaway = once(client, 'goaway');
    const gone = once(client, 'close');
    assert.equal((await goaway)[0], http2.constants.NGHTTP2_NO_ERROR);
    await gone;
  }, { http2: { idleTimeout: 100 } }));

  it('frees what it held: a thousand connections come and go', () => serving(
    (/** @type {any} */ _req, /** @type {any} */ res) => res.end('x'),
    async (port, server) => {
      for (let round = 0; round < 20; round++) {
        await Promise.all(Array.from({ length: 50 }, () => session(port, (client) => ask(client, {}))));
      }
      await until(() => server._engine.connections === 0);
      assert.equal(server._sockets().length, 0);
      assert.equal(server._engine.streams.filter(Boolean).length, 0);
      assert.ok(server._engine.streams.length <= 100, `${server._engine.streams.length} numbers for streams`);
    },
  ));
});

describe('over TLS', () => {
  it('all of it works as in the clear', () => serveTls({}, async (/** @type {any} */ req, /** @type {any} */ res) => {
    const { socket } = req;
    if (req.method === 'PUT') {
      pipeline(req, res, () => {});
      return;
    }
    if (req.url === '/file') {
      res.sendFile(__filename);
      return;
    }
    res.end(JSON.stringify([req.httpVersion, socket.encrypted, socket.alpnProtocol, socket.getProtocol(), socket.servername]));
  }, async (/** @type {number} */ port, /** @type {any} */ server) => {
    const client = http2.connect(`https://localhost:${port}`, { ca });
    const facts = await ask(client, {});
    assert.deepEqual(JSON.parse(String(facts.body)), ['2.0', true, 'h2', 'TLSv1.3', 'localhost']);
    // Node's client holds up to 10 MB of what it has to send.
    const bytes = randomBytes(1_000_000);
    const [file, ...echoes] = await Promise.all([
      ask(client, { ':path': '/file' }),
      ...Array.from({ length: 5 }, () => ask(client, { ':method': 'PUT' }, bytes)),
    ]);
    assert.equal(sha(file.body), sha(fs.readFileSync(__filename)));
    for (const { body } of echoes) assert.equal(sha(body), sha(bytes));
    const { stdout } = await run('curl', ['-sSk', '--http2', '-w', '%{http_version}', '-o', '/dev/null', `https://localhost:${port}/`]);
    assert.equal(stdout, '2');
    const gone = once(client, 'close');
    const done = new Promise((resolve) => server.once('close', resolve));
    server.close();
    await Promise.all([gone, done]);
  }));
});

describe('curl', () => {
  it('gets and posts over HTTP/2', () => serving((/** @type {any} */ req, /** @type {any} */ res) => {
    if (req.method === 'POST') req.pipe(res);
    else res.end(`${req.httpVersion} ${req.headers.host}`);
  }, async (port) => {
    const curl = async (/** @type {string[]} */ ...args) => (await run('curl', ['-sS', '--max-time', '10', ...args])).stdout;
    const url = `http://127.0.0.1:${port}/`;
    assert.equal(await curl('--http2-prior-knowledge', url), `2.0 127.0.0.1:${port}`);
    // Asked to upgrade in the clear, which RFC 9113 has no more, the server stays with HTTP/1.1.
    assert.equal(await curl('--http2', url), `1.1 127.0.0.1:${port}`);
    assert.equal(await curl('--http2-prior-knowledge', '-d', 'x'.repeat(100_000), url), 'x'.repeat(100_000));
    assert.match(await curl('--http2-prior-knowledge', '-I', url), /^HTTP\/2 200/);
  }));
});
