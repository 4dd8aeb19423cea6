'use strict';

// What a handler writes, and what the peer gets, compared with node:http: each scenario runs on both, and what it noted must
// be the same.

const assert = require('node:assert/strict');
const { createHash, randomBytes } = require('node:crypto');
const { once } = require('node:events');
const nodeHttp = require('node:http');
const { pipeline, Readable, Writable } = require('node:stream');
const { describe, it } = require('node:test');
const ourHttp = require('../lib/http.js');
const { GET, LAST, same, serving, undated } = require('./harness/http.js');
const { exchange, Raw } = require('./harness/raw-http.js');
const { settled, until } = require('./harness/streams.js');

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

  it('are whole where one tick writes more pieces than a list of commands holds', () => {
    const pieces = Array.from({ length: 3000 }, (_, i) => Buffer.alloc(4096, `${i};`));
    return serving(ourHttp, (/** @type {any} */ _req, /** @type {any} */ res) => {
      for (const piece of pieces) res.write(piece);
      res.end();
    }, async (port) => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(Buffer.concat(pieces)));
    }, { highWaterMark: 64 << 20 });
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
