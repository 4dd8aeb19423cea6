'use strict';

// Text that is compressed while it is sent.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const nodeFs = require('node:fs');
const nodeHttp = require('node:http');
const path = require('node:path');
const { describe, it } = require('node:test');
const nodeZlib = require('node:zlib');
const { http } = require('../index.js');
const { ask, session } = require('./harness/http2.js');
const { Raw, closed, listening } = require('./harness/raw-http.js');
const { folder, rows, until } = require('./harness/streams.js');

const TEXT = rows(3000);

/** Node 20 has no zstd. @type {Record<string, (bytes: Buffer) => Buffer>} */
const DECODERS = {
  gzip: nodeZlib.gunzipSync,
  br: nodeZlib.brotliDecompressSync,
  zstd: /** @type {any} */ (nodeZlib).zstdDecompressSync,
  undefined: (bytes) => bytes,
};

/**
 * @param {import('node:test').TestContext} t
 * @param {any} [options]
 */
async function site(t, options = { compress: true }) {
  const at = folder(t);
  nodeFs.writeFileSync(at('page.html'), TEXT);
  nodeFs.writeFileSync(at('small.txt'), 'small');
  nodeFs.writeFileSync(at('image.png'), TEXT);
  // A file that may still change has a weak tag, and is not kept.
  for (const name of ['page.html', 'small.txt', 'image.png']) nodeFs.utimesSync(at(name), 1e9, 1e9);
  const server = http.createServer();
  server.files('/', path.dirname(at('x')), options);
  const port = await listening(server);
  t.after(() => closed(server));
  const agent = new nodeHttp.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  /**
   * @param {string} target
   * @param {Record<string, string>} [headers]
   * @param {string} [method]
   * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: Buffer }>}
   */
  const ask = (target, headers = { 'accept-encoding': 'gzip' }, method = 'GET') =>
    new Promise((resolve, reject) => {
      const request = nodeHttp.request({ port, path: target, headers, method, agent }, (response) => {
        /** @type {Buffer[]} */
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () => {
          resolve({ status: /** @type {number} */ (response.statusCode), headers: response.headers, body: Buffer.concat(parts) });
        });
      });
      request.on('error', reject).end();
    });
  return { ask, at, port };
}

describe('files that are compressed', () => {
  it('go to peers in the coding that they like best, and as they are to others', async (t) => {
    const { ask } = await site(t);
    for (const [accept, coding] of [
      ['gzip', 'gzip'],
      ['gzip, deflate, br', 'br'],
      ['br;q=0.2, gzip;q=1', 'gzip'],
      ['zstd, gzip', 'zstd'],
      ['*', 'br'],
      ['x-gzip', 'gzip'],
      ['gzip;q=0', undefined],
      ['gzip;q=0.2, identity', undefined],
      ['*, br;q=0, zstd;q=0', 'gzip'],
      ['deflate', undefined],
      ['', undefined],
      [undefined, undefined],
    ]) {
      const { status, headers, body } = await ask('/page.html', accept === undefined ? {} : { 'accept-encoding': accept });
      assert.equal(status, 200);
      assert.equal(headers['content-encoding'], coding, accept);
      assert.equal(headers.vary, 'Accept-Encoding');
      assert.equal(Number(headers['content-length']), body.length);
      assert.equal(headers['content-type'], 'text/html; charset=utf-8');
      if (DECODERS[`${coding}`]) assert.ok(DECODERS[`${coding}`](body).equals(TEXT), accept);
      if (coding) assert.ok(body.length < TEXT.length / 3);
    }
  });

  it('are those of some size, and text', async (t) => {
    const { ask } = await site(t, { compress: { threshold: 6, maxBytes: TEXT.length - 1 } });
    for (const target of ['/page.html', '/small.txt', '/image.png']) {
      assert.equal((await ask(target)).headers['content-encoding'], undefined, target);
    }
    const other = await site(t, { compress: { threshold: 5, maxBytes: TEXT.length, level: 1 } });
    for (const target of ['/page.html', '/small.txt']) {
      assert.equal((await other.ask(target)).headers['content-encoding'], 'gzip', target);
    }
    assert.equal((await other.ask('/image.png')).headers['content-encoding'], undefined);
  });

  it('have tags of their own, for which preconditions hold', async (t) => {
    const { ask } = await site(t);
    const plain = await ask('/page.html', {});
    const encoded = await ask('/page.html');
    const [tag, other] = [encoded.headers.etag, plain.headers.etag].map(String);
    assert.notEqual(tag, other);
    const gzip = { 'accept-encoding': 'gzip' };
    /** @param {Record<string, string>} headers @returns {Promise<number>} */
    const status = async (headers) => (await ask('/page.html', { ...gzip, ...headers })).status;
    assert.equal(await status({ 'if-none-match': tag }), 304);
    assert.equal(await status({ 'if-none-match': `"x", ${tag}` }), 304);
    assert.equal(await status({ 'if-none-match': '*' }), 304);
    assert.equal(await status({ 'if-none-match': other }), 200);
    assert.equal(await status({ 'if-match': tag }), 200);
    assert.equal(await status({ 'if-match': other }), 412);
    assert.equal(await status({ 'if-modified-since': String(encoded.headers['last-modified']) }), 304);
    assert.equal(await status({ 'if-unmodified-since': 'Sat, 01 Jan 2000 00:00:00 GMT' }), 412);
    const { headers, body } = await ask('/page.html', { ...gzip, 'if-none-match': tag });
    assert.equal(headers.etag, tag);
    assert.equal(headers.vary, 'Accept-Encoding');
    assert.equal(body.length, 0);
  });

  it('are sent as they are where a range is asked for', async (t) => {
    const { ask } = await site(t);
    const { headers: encoded } = await ask('/page.html');
    assert.equal(encoded['accept-ranges'], undefined);
    const part = await ask('/page.html', { 'accept-encoding': 'gzip', range: 'bytes=10-19' });
    assert.equal(part.status, 206);
    assert.equal(part.headers['content-encoding'], undefined);
    assert.ok(part.body.equals(TEXT.subarray(10, 20)));
    // What was begun compressed must not be continued plain.
    const range = { range: 'bytes=10-19', 'if-range': String(encoded.etag) };
    const spliced = await ask('/page.html', { 'accept-encoding': 'gzip', ...range });
    assert.equal(spliced.status, 200);
    assert.ok(spliced.body.equals(TEXT));
  });

  it('have a head by itself, with the length of what GET gives', async (t) => {
    const { ask } = await site(t);
    const head = await ask('/page.html', { 'accept-encoding': 'gzip' }, 'HEAD');
    const got = await ask('/page.html');
    assert.equal(head.body.length, 0);
    assert.equal(head.headers['content-length'], got.headers['content-length']);
    assert.equal(head.headers.etag, got.headers.etag);
  });

  it('are made anew when the file changes', async (t) => {
    const { ask, at } = await site(t);
    const before = await ask('/page.html');
    nodeFs.writeFileSync(at('page.html'), TEXT.subarray(0, 5000));
    const after = await ask('/page.html');
    assert.ok(nodeZlib.gunzipSync(after.body).equals(TEXT.subarray(0, 5000)));
    assert.notEqual(after.headers.etag, before.headers.etag);
    assert.match(String(after.headers.etag), /^W\//, 'it may change again unseen');
    nodeFs.writeFileSync(at('page.html'), TEXT.subarray(0, 5000).fill('y'));
    assert.ok(nodeZlib.gunzipSync((await ask('/page.html')).body).equals(Buffer.alloc(5000, 'y')));
  });

  it('come in order to a peer that asks ahead, and whole to many at once', async (t) => {
    const { ask, port } = await site(t, { compress: { cacheBytes: 0, threshold: 1 } });
    const get = (/** @type {string} */ target, more = '') =>
      `GET ${target} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n${more}\r\n`;
    const last = get('/small.txt', 'Connection: close\r\n');
    const raw = new Raw(port).write(get('/small.txt') + get('/nothing') + get('/page.html') + last);
    const text = await raw.all;
    assert.deepEqual(text.match(/HTTP\/1.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200', 'HTTP/1.1 200']);
    const all = await Promise.all(Array.from({ length: 40 }, () => ask('/page.html')));
    for (const { body } of all) assert.ok(nodeZlib.gunzipSync(body).equals(TEXT));
  });

  it('reach a peer that ended its side, and do not wait for one that is gone', async (t) => {
    const { ask, port } = await site(t, { compress: { cacheBytes: 0 } });
    const request = 'GET /page.html HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n';
    const text = await new Raw(port).write(request).end();
    assert.match(text, /200 OK[^]*Content-Encoding: gzip/);
    const body = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1');
    assert.ok(nodeZlib.gunzipSync(body).equals(TEXT));
    for (let i = 0; i < 20; i++) {
      const gone = new Raw(port).write(request);
      if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
      gone.destroy();
    }
    assert.equal((await ask('/page.html')).status, 200);
  });

  it('gives way to encoded siblings, and checks its options', async (t) => {
    const { ask, at } = await site(t, { compress: true, precompressed: true });
    nodeFs.writeFileSync(at('page.html.br'), 'as br');
    const { headers, body } = await ask('/page.html', { 'accept-encoding': 'br, gzip' });
    assert.equal(headers['content-encoding'], 'br');
    assert.equal(body.toString(), 'as br');
    assert.equal((await ask('/page.html')).headers['content-encoding'], 'gzip');
    const server = http.createServer();
    assert.throws(() => server.files('/', '/tmp', { compress: { level: 10 } }), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => server.files('/', '/tmp', { compress: 'br' }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => server.files('/', '/tmp', { compress: { codings: ['deflate'] } }), { code: 'ERR_INVALID_ARG_VALUE' });
  });

  it('are those of the codings that are offered', async (t) => {
    const { ask } = await site(t, { compress: { codings: 'gzip' } });
    assert.equal((await ask('/page.html', { 'accept-encoding': 'br, gzip;q=0.1' })).headers['content-encoding'], 'gzip');
    assert.equal((await ask('/page.html', { 'accept-encoding': 'br, zstd' })).headers['content-encoding'], undefined);
  });

  it('are 64 MiB at a time: further ones are sent as they are', async (t) => {
    const { at, port } = await site(t, { compress: { codings: 'gzip', level: 1, maxBytes: 64 << 20 } });
    for (const name of ['a.txt', 'b.txt']) {
      nodeFs.writeFileSync(at(name), '');
      nodeFs.truncateSync(at(name), 40 << 20);
      nodeFs.utimesSync(at(name), 1e9, 1e9);
    }
    await session(port, async (client) => {
      const head = (/** @type {string} */ target) =>
        ask(client, { ':method': 'HEAD', ':path': target, 'accept-encoding': 'gzip' }).then(({ headers }) => headers);
      const both = await Promise.all([head('/a.txt'), head('/b.txt')]);
      assert.deepEqual(both.map((headers) => headers['content-encoding']), ['gzip', undefined]);
      assert.equal(both[1]['content-length'], String(40 << 20));
      assert.equal((await head('/b.txt'))['content-encoding'], 'gzip');
    });
  });

  it('go to streams of HTTP/2, many at once, and not to those that are given up', async (t) => {
    const { port } = await site(t, { compress: { cacheBytes: 0 } });
    await session(port, async (client) => {
      const get = { ':path': '/page.html', 'accept-encoding': 'gzip' };
      const head = await ask(client, { ...get, ':method': 'HEAD' });
      const gone = Array.from({ length: 10 }, () => client.request(get));
      for (const stream of gone) stream.close(8);
      const all = await Promise.all(Array.from({ length: 30 }, () => ask(client, get)));
      for (const { headers, body } of all) {
        assert.equal(headers['content-encoding'], 'gzip');
        assert.equal(headers['content-length'], head.headers['content-length']);
        assert.ok(nodeZlib.gunzipSync(body).equals(TEXT));
      }
      const { headers, body } = await ask(client, { ...get, range: 'bytes=10-19' });
      assert.equal(headers[':status'], 206);
      assert.ok(body.equals(TEXT.subarray(10, 20)));
    });
  });
});

describe('res.sendFile()', () => {
  /**
   * @param {import('node:test').TestContext} t
   * @param {(port: number, ended: any[]) => Promise<void>} use
   */
  async function sending(t, use) {
    const at = folder(t);
    nodeFs.writeFileSync(at('page.html'), TEXT);
    /** @type {any[]} */
    const ended = [];
    const server = http.createServer((_req, /** @type {any} */ res) => {
      res.on('finish', () => ended.push('finish'));
      res.sendFile(at('page.html'), { compress: true }, (/** @type {any} */ error) => ended.push(error?.code));
    });
    const port = await listening(server);
    t.after(() => closed(server));
    await use(port, ended);
  }
  const get = (/** @type {string} */ more) => `GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n${more}\r\n`;

  it('compresses, too, for one request after the other', (t) => sending(t, async (port, ended) => {
    const text = await new Raw(port).write(get('') + get('Connection: close\r\n')).all;
    const bodies = text.split(/HTTP\/1.1 200 OK[^]*?\r\n\r\n/).slice(1);
    assert.equal(bodies.length, 2);
    for (const body of bodies) assert.ok(nodeZlib.gunzipSync(Buffer.from(body, 'latin1')).equals(TEXT));
    assert.match(text, /Vary: Accept-Encoding/);
    assert.deepEqual(ended, ['finish', undefined, 'finish', undefined]);
    const plain = await new Raw(port).write(get('Connection: close\r\nRange: bytes=10-19\r\n')).all;
    assert.match(plain, /206 Partial/);
    assert.ok(plain.endsWith(TEXT.toString('latin1', 10, 20)));
  }));

  it('compresses over HTTP/2', (t) => sending(t, (port, ended) => session(port, async (client) => {
    for (const method of ['GET', 'HEAD', 'GET']) {
      const { headers, body } = await ask(client, { ':method': method, 'accept-encoding': 'br' });
      assert.equal(headers['content-encoding'], 'br');
      if (method === 'GET') assert.ok(nodeZlib.brotliDecompressSync(body).equals(TEXT));
    }
    await until(() => ended.length === 6, 'the callbacks');
    assert.deepEqual(ended.filter((what) => what === 'finish').length, 3);
  })));

  it('tells of a peer that did not wait', (t) => sending(t, async (port, ended) => {
    const raw = new Raw(port).write(get(''));
    await once(raw.socket, 'connect');
    await new Promise((resolve) => setImmediate(resolve));
    raw.destroy();
    await until(() => ended.length > 0, 'the callback');
    assert.ok([undefined, 'ECONNABORTED', 'finish'].includes(ended[0]));
  }));
});
