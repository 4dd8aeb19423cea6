'use strict';

// What a program sees of the server, compared with node:http where that is there to compare with: each scenario runs on
// both, and what it noted must be the same.

const assert = require('node:assert/strict');
const { createHash, randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const nodeHttp = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { describe, it } = require('node:test');
const { pipeline, Readable, Writable } = require('node:stream');
const { spawn } = require('node:child_process');
const ourHttp = require('../lib/http.js');
const { getEventLoop } = require('../lib/internal/event-loop.js');
const { Raw, closed, exchange, listening } = require('./harness/raw-http.js');
const { settled, until } = require('./harness/streams.js');

/**
 * @param {string} name
 * @param {(http: typeof nodeHttp, note: (...what: any[]) => void) => Promise<void>} scenario
 */
function same(name, scenario) {
  it(name, async () => {
    const logs = [];
    for (const http of [nodeHttp, ourHttp]) {
      /** @type {any[]} */
      const log = [];
      await scenario(/** @type {any} */ (http), (...what) => log.push(what.length === 1 ? what[0] : what));
      logs.push(log);
    }
    assert.notEqual(logs[0].length, 0, 'nothing was noted');
    assert.deepEqual(logs[1], logs[0]);
  });
}

/** @param {string} text @returns {string} a response without its date */
function undated(text) {
  return text.replace(/Date: [^\r]*\r\n/g, '');
}

/**
 * @param {any} http
 * @param {any} handler
 * @param {(port: number, server: any) => Promise<any>} use
 * @param {any} [options]
 */
async function serving(http, handler, use, options = {}) {
  const server = http.createServer(options, handler);
  const port = await listening(server);
  try {
    return await use(port, server);
  } finally {
    await closed(server);
  }
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const LAST = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

describe('a request', () => {
  same('has what node:http gives it', (http, note) =>
    serving(http, (/** @type {any} */ req, /** @type {any} */ res) => {
      note(req.method, req.url, req.httpVersion, req.httpVersionMajor, req.httpVersionMinor);
      note(req.headers, req.rawHeaders, req.headersDistinct, req.trailers, req.complete, req.aborted);
      note(req instanceof http.IncomingMessage, res instanceof http.ServerResponse, req instanceof Readable);
      note(req.socket === res.socket, req.connection === req.socket, req.socket.remoteAddress, req.socket.remoteFamily);
      note(typeof req.socket.remotePort, req.socket.localAddress, req.upgrade, req.statusCode, req.readable);
      res.end();
    }, (port) => exchange(port,
      'GET /a%20b?c=%FF#d HTTP/1.1\r\nhOsT: x\r\nX-A: 1\r\nx-a: 2\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n' +
      'Cookie: a\r\nCookie: b\r\n' +
      'Age: 1\r\nage: 2\r\nX-Latin: gr\xfc\xdfe\r\nempty:\r\nConnection: close\r\n\r\n')));

  same('has its body and trailers', (http, note) =>
    serving(http, async (/** @type {any} */ req, /** @type {any} */ res) => {
      const chunks = [];
      for await (const chunk of req) chunks.push(chunk);
      note(Buffer.concat(chunks).toString(), req.complete, req.trailers, req.rawTrailers, req.trailersDistinct);
      res.end('ok');
    }, (port) => exchange(port,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5;x=y\r\ndefgh\r\n' +
      '0\r\nT-a: 1\r\nt-A: 2\r\n\r\n' +
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody' +
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')));

  same('with a body that nobody reads does not block the next', (http, note) =>
    serving(http, (/** @type {any} */ req, /** @type {any} */ res) => {
      note(req.url);
      res.end('ok');
    }, async (port) => {
      const body = 'x'.repeat(300_000);
      const text = await exchange(port, `POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}${LAST}`);
      note(text.match(/HTTP\/1.1 200/g)?.length);
    }));

  same('is aborted when the peer goes', async (http, note) => {
    const server = http.createServer();
    const port = await listening(server);
    const raw = new Raw(port).write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome');
    const [req, res] = await once(server, 'request');
    req.on('aborted', () => note('aborted'));
    req.on('error', (/** @type {any} */ e) => note('error', e.code, e.message));
    res.on('close', () => note('res close', res.writableFinished, res.destroyed));
    req.on('data', (/** @type {Buffer} */ chunk) => {
      note(chunk.toString());
      raw.socket.resetAndDestroy();
    });
    await new Promise((resolve) => req.on('close', resolve));
    note(req.aborted, req.destroyed, req.complete);
    await closed(server);
  });

  same('that is destroyed takes its connection with it', (http, note) =>
    serving(http, (/** @type {any} */ req) => {
      req.on('error', (/** @type {any} */ e) => note(e.message));
      req.on('close', () => note('close'));
      req.destroy(new Error('no'));
    }, async (port) => note(await exchange(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab'))));
});

describe('a response', () => {
  /** @type {Record<string, (res: any, req: any) => void>} */
  const handlers = {
    'of text': (res) => res.end('grüße'),
    'of bytes': (res) => res.end(Buffer.from([1, 2, 0x80])),
    'of a large string': (res) => res.end('x'.repeat(200_000)),
    'of latin1': (res) => res.end('gr\xfc\xdfe', 'latin1'),
    'of base64': (res) => res.end('Z3LDvMOfZQ==', 'base64'),
    empty: (res) => res.end(),
    'in chunks': (res) => {
      res.write('one');
      res.write(Buffer.from('two'));
      res.write('');
      res.end('three');
    },
    'with a length': (res) => {
      res.setHeader('Content-Length', 6);
      res.write('one');
      res.end('two');
    },
    'with headers': (res) => {
      res.statusCode = 201;
      res.statusMessage = 'Made';
      res.setHeader('X-A', ['1', '2']);
      res.setHeader('x-b', 'b');
      res.appendHeader('X-B', 'c');
      res.setHeader('gone', 1);
      res.removeHeader('Gone');
      res.end('ok');
    },
    'with writeHead': (res) => res.writeHead(404, 'Nope', { 'X-A': 'b', 'Set-Cookie': ['a', 'b'] }).end('no'),
    'with an array for writeHead': (res) => res.writeHead(200, ['a', 'b', 'c', 'd']).end(),
    'with flushed headers': (res) => {
      res.flushHeaders();
      setImmediate(() => res.end('later'));
    },
    'without a body': (res) => res.writeHead(204).end('ignored'),
    'not modified': (res) => res.writeHead(304).end(),
    'with trailers': (res) => {
      res.write('body');
      res.addTrailers({ 'X-T': 'end' });
      res.end();
    },
    'that closes': (res) => {
      res.shouldKeepAlive = false;
      res.end('bye');
    },
    'with early hints': (res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload', 'x-trace': '1' });
      res.writeProcessing();
      res.end('ok');
    },
    'without a date': (res) => {
      res.sendDate = false;
      res.end('ok');
    },
    'with neither length nor chunks': (res) => {
      res.removeHeader('transfer-encoding');
      res.write('until the end');
      res.end();
    },
    'corked': (res) => {
      res.cork();
      res.write('a');
      res.write('b');
      res.uncork();
      res.end('c');
    },
  };
  for (const [name, handler] of Object.entries(handlers)) {
    for (const [kind, head] of [['', 'GET / HTTP/1.1'], [', to HEAD', 'HEAD / HTTP/1.1'], [', to HTTP/1.0', 'GET / HTTP/1.0']]) {
      same(`${name}${kind}`, (http, note) =>
        serving(http, (/** @type {any} */ req, /** @type {any} */ res) => {
          if (req.url === '/last') {
            res.end('last');
            return;
          }
          res.on('finish', () => note('finish', res.writableFinished, res.headersSent));
          res.on('close', () => note('close'));
          handler(res, req);
        }, async (port) => {
          const raw = new Raw(port).write(`${head}\r\nHost: a\r\n\r\n`);
          if (!kind.includes('1.0')) raw.write(LAST);
          note(undated(await raw.all));
        }));
    }
  }

  same('goes through its states', (http, note) =>
    serving(http, (/** @type {any} */ _req, /** @type {any} */ res) => {
      const names = ['headersSent', 'writableEnded', 'writableFinished', 'finished', 'destroyed', 'writable'];
      const state = () => note(...names.map((name) => res[name]));
      state();
      res.on('prefinish', () => note('prefinish'));
      res.write('a', () => note('written'));
      state();
      res.end('b', () => {
        note('ended');
        state();
      });
      state();
      try {
        res.setHeader('a', 'b');
      } catch (error) {
        note(/** @type {any} */ (error).code);
      }
      res.on('error', (/** @type {any} */ e) => note(e.code));
      res.write('c', (/** @type {any} */ e) => note('callback', e.code));
      res.on('close', state);
    }, async (port) => note(undated(await exchange(port, LAST)))));

  same('refuses what would split it', (http, note) =>
    serving(http, (/** @type {any} */ _req, /** @type {any} */ res) => {
      for (const attempt of [
        () => res.setHeader('a\r\nb', 'c'),
        () => res.setHeader('a', 'b\r\nSet-Cookie: c'),
        () => res.setHeader('a', 'b\0'),
        () => res.setHeader('a', undefined),
        () => res.writeHead(200, 'OK\r\nX: y'),
        () => res.writeHead(99),
        () => res.addTrailers({ 'a b': 'c' }),
      ]) {
        try {
          attempt();
          note('accepted');
        } catch (error) {
          note(/** @type {any} */ (error).code);
        }
      }
      res.statusMessage = undefined;
      res.end('ok');
    }, async (port) => note(undated(await exchange(port, LAST)))));

  same('holds to its length when told to', (http, note) =>
    serving(http, (/** @type {any} */ _req, /** @type {any} */ res) => {
      res.strictContentLength = true;
      res.setHeader('Content-Length', 3);
      try {
        res.end('four');
      } catch (error) {
        note(/** @type {any} */ (error).code);
        res.destroy();
      }
    }, async (port) => note(await exchange(port, LAST))));

  it('says truthfully when it has room', () =>
    serving(ourHttp, (/** @type {any} */ _req, /** @type {any} */ res) => {
      let refused = 0;
      let left = 400;
      let most = 0;
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const more = () => {
        while (left-- > 0) {
          const room = res.write(chunk);
          most = Math.max(most, res.writableLength);
          assert.equal(res.writableNeedDrain, !room);
          if (!room) {
            refused++;
            res.once('drain', more);
            return;
          }
        }
        res.end(`${refused} ${most}`);
      };
      res.setHeader('X-Mark', res.writableHighWaterMark);
      more();
    }, async (port) => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      const mark = Number(response.headers.get('x-mark'));
      const reader = /** @type {any} */ (response.body).getReader();
      let bytes = 0;
      let tail = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        bytes += value.length;
        tail = Buffer.from(value).toString().slice(-40);
      }
      const [refused, most] = tail.slice(tail.lastIndexOf('x') + 1).split(' ').map(Number);
      assert.ok(bytes > 400 * 64 * 1024);
      assert.ok(refused > 0, 'write never said no');
      assert.ok(most <= mark + 64 * 1024 + 16, `${most} bytes waited, with a mark of ${mark}`);
    }));

  it('holds back a source for a peer that does not read', () =>
    serving(ourHttp, (/** @type {any} */ _req, /** @type {any} */ res) => {
      let given = 0;
      const source = new Readable({
        read() {
          given += 65_536;
          this.push(Buffer.alloc(65_536));
        },
      });
      res.on('close', () => source.destroy());
      source.pipe(res);
      res.given = () => given;
      res.req.socket.server.emit('streaming', res);
    }, async (port, server) => {
      const raw = new Raw(port);
      raw.socket.pause();
      raw.write(GET);
      const [res] = await once(server, 'streaming');
      // It stands still when the system's buffers are full.
      await settled(() => res.given());
      assert.ok(res.writableLength < 1 << 20, `${res.writableLength} bytes wait`);
      const gone = once(res, 'close');
      raw.destroy();
      await gone;
    }));
});

describe('large bodies', () => {
  it('come and go unchanged, at once', () => {
    const sent = randomBytes(3_000_000);
    return serving(ourHttp, (/** @type {any} */ req, /** @type {any} */ res) => {
      req.pipe(res);
    }, async (port) => {
      for (const headers of [{ 'Content-Length': sent.length }, { 'Transfer-Encoding': 'chunked' }]) {
        const request = nodeHttp.request({ port, host: '127.0.0.1', method: 'POST', headers: /** @type {any} */ (headers) });
        const parts = [sent.subarray(0, 10), sent.subarray(10, 2_000_000), sent.subarray(2_000_000)];
        pipeline(Readable.from(parts), request, () => {});
        const [response] = await once(request, 'response');
        const hash = createHash('sha256');
        for await (const chunk of response) hash.update(chunk);
        assert.equal(hash.digest('hex'), createHash('sha256').update(sent).digest('hex'));
      }
    });
  });

  it('are not read faster than the handler takes them', () =>
    serving(ourHttp, (/** @type {any} */ req, /** @type {any} */ res) => {
      req.once('readable', () => {
        res.write('waiting');
        req.socket.server.emit('held', req, res);
      });
    }, async (port, server) => {
      const raw = new Raw(port);
      const body = Buffer.alloc(8 << 20, 'x');
      raw.write(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`).write(body);
      const [req, res] = await once(server, 'held');
      const sent = () => raw.socket.bytesWritten - raw.socket.writableLength;
      await until(() => sent() > 0, 'the first bytes');
      await settled(sent);
      assert.ok(req.readableLength <= req.readableHighWaterMark + 65_536, `${req.readableLength} bytes were taken`);
      let bytes = 0;
      req.pipe(new Writable({
        write(chunk, _encoding, callback) {
          bytes += chunk.length;
          callback();
        },
        final(callback) {
          res.end(` got ${bytes}`);
          callback();
        },
      }));
      await raw.until(`got ${body.length}`);
      await raw.all;
    }));
});

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
