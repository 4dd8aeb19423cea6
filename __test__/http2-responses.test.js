'use strict';

// What a handler writes over HTTP/2, on the port of an HTTP/1 server, seen by Node's own client.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http2 = require('node:http2');
const { describe, it } = require('node:test');
const { ask, serving, session } = require('./harness/http2.js');

describe('a response', () => {
  it('has status, fields and trailers, and none that speak of the connection', () => serving(
    (/** @type {any} */ _req, /** @type {any} */ res) => {
      res.writeHead(418, 'Teapot', {
        'X-One': 1, 'Set-Cookie': ['a=1', 'b=2'], Connection: 'close', 'Keep-Alive': 'timeout=1', 'Transfer-Encoding': 'chunked',
        'Proxy-Connection': 'x', Upgrade: 'h2c', Trailer: 'x-sum',
      });
      res.write('bo');
      res.addTrailers({ 'X-Sum': 'abc' });
      res.end('dy');
    },
    (port) => session(port, async (client) => {
      const { headers, body, trailers } = await ask(client, {});
      const { date, ...rest } = headers;
      assert.deepEqual(rest, { ':status': 418, 'x-one': '1', 'set-cookie': ['a=1', 'b=2'], trailer: 'x-sum' });
      assert.ok(Math.abs(Date.parse(date) - Date.now()) < 5000);
      assert.equal(String(body), 'body');
      assert.equal(trailers['x-sum'], 'abc');
    }),
  ));

  it('has a length where it is known, and no body where there is none', () => serving(
    (/** @type {any} */ req, /** @type {any} */ res) => {
      res.statusCode = Number(req.url.slice(1));
      res.sendDate = false;
      res.end('hello');
    },
    (port) => session(port, async (client) => {
      const get = await ask(client, { ':path': '/200' });
      assert.deepEqual(get.headers, { ':status': 200, 'content-length': '5' });
      for (const headers of [{ ':path': '/204' }, { ':path': '/304' }, { ':path': '/200', ':method': 'HEAD' }]) {
        const answer = await ask(client, headers);
        assert.equal(answer.body.length, 0);
        assert.equal(answer.headers['content-length'], undefined);
      }
    }),
  ));

  it('can be preceded by early hints and 102', () => serving((/** @type {any} */ _req, /** @type {any} */ res) => {
    res.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload'], 'x-trace': 'id' });
    res.writeProcessing();
    res.end('done');
  }, (port) => session(port, async (client) => {
    const { informational, body } = await ask(client, {});
    assert.deepEqual(informational, [
      { ':status': 103, link: '</a.css>; rel=preload, </b.js>; rel=preload', 'x-trace': 'id' },
      { ':status': 102 },
    ]);
    assert.equal(String(body), 'done');
  })));

  it('refuses fields from strings of users that would make others', () => serving(
    (/** @type {any} */ _req, /** @type {any} */ res) => {
      /** @type {any[]} */
      const codes = [];
      const attempt = (/** @type {() => void} */ act) => {
        try {
          act();
        } catch (error) {
          codes.push(/** @type {any} */ (error).code);
        }
      };
      attempt(() => res.setHeader('x-a', 'b\r\nset-cookie: stolen=1'));
      attempt(() => res.writeHead(200, { 'x-a': 'b\0c' }));
      attempt(() => res.writeHead(200, ['x-a\0', 'b']));
      attempt(() => res.writeHead(200, { 'x a': 'b' }));
      attempt(() => res.writeHead(200, { ':status': '500' }));
      attempt(() => res.addTrailers({ 'x-t': 'a\nb' }));
      res.end(JSON.stringify(codes));
    },
    (port) => session(port, async (client) => {
      const { headers, body } = await ask(client, {});
      assert.deepEqual(JSON.parse(String(body)), [
        'ERR_INVALID_CHAR', 'ERR_INVALID_CHAR', 'ERR_INVALID_HTTP_TOKEN', 'ERR_INVALID_HTTP_TOKEN', 'ERR_INVALID_HTTP_TOKEN',
        'ERR_INVALID_CHAR',
      ]);
      assert.equal(headers[':status'], 200);
      assert.equal(headers['set-cookie'], undefined);
    }),
  ));

  it('says when there is no room, and drains', () => {
    /** @type {any} */
    let response;
    return serving((/** @type {any} */ _req, /** @type {any} */ res) => {
      response = res;
      const chunk = Buffer.alloc(16 * 1024, 'x');
      while (res.write(chunk)) res.sent = (res.sent ?? 0) + chunk.length;
    }, (port) => session(port, async (client) => {
      const stream = client.request({});
      await once(stream, 'response');
      // Node's client takes 64 KiB of a stream that nobody reads.
      assert.ok(response.writableNeedDrain);
      assert.ok(response.sent <= 65_535 + 64 * 1024 + 32 * 1024, `${response.sent} bytes were taken`);
      const drained = once(response, 'drain');
      stream.resume();
      await drained;
      const finished = once(response, 'finish');
      response.end('end');
      await finished;
      await once(stream, 'close');
    }));
  });

  it('to a request that goes on ends it without an error', () => serving((/** @type {any} */ _req, /** @type {any} */ res) => {
    res.writeHead(403).end('no');
  }, (port) => session(port, async (client) => {
    const stream = client.request({ ':method': 'POST' }, { endStream: false });
    stream.on('error', () => {});
    stream.write(Buffer.alloc(10_000));
    const [head] = await once(stream, 'response');
    assert.equal(head[':status'], 403);
    assert.equal(String(Buffer.concat(await stream.toArray())), 'no');
    stream.close();
  })));

  it('that is destroyed resets its stream alone', () => serving((/** @type {any} */ req, /** @type {any} */ res) => {
    if (req.url === '/bad') {
      res.write('x');
      setImmediate(() => res.destroy());
    } else setTimeout(() => res.end('good'), 20);
  }, (port) => session(port, async (client) => {
    const good = ask(client, {});
    const stream = client.request({ ':path': '/bad' });
    stream.on('error', () => {});
    stream.resume();
    await once(stream, 'close');
    assert.equal(stream.rstCode, http2.constants.NGHTTP2_CANCEL);
    assert.equal(String((await good).body), 'good');
  })));

  it('may be one of many, each with its own bytes', () => serving(async (/** @type {any} */ req, /** @type {any} */ res) => {
    const [, seed, bytes] = req.url.split('/').map(Number);
    for (let left = bytes; left > 0; left -= 10_000) {
      if (!res.write(Buffer.alloc(Math.min(left, 10_000), seed))) await once(res, 'drain');
    }
    res.end();
  }, (port) => session(port, async (client) => {
    await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const { body } = await ask(client, { ':path': `/${i}/${i * 5_000}` });
      assert.equal(body.length, i * 5_000);
      assert.ok(body.every((byte) => byte === i));
    }));
  })));
});
