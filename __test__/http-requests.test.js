'use strict';

// What a handler sees of a request, compared with node:http: each scenario runs on both, and what it noted must be the same.

const { once } = require('node:events');
const { Readable } = require('node:stream');
const { describe } = require('node:test');
const { LAST, same, serving } = require('./harness/http.js');
const { closed, exchange, listening, Raw } = require('./harness/raw-http.js');

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
