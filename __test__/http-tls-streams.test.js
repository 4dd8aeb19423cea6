'use strict';

// Files, native streams, events and upgrades in TLS: all as without it.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const http2 = require('node:http2');
const https = require('node:https');
const os = require('node:os');
const path = require('node:path');
const { pipeline } = require('node:stream/promises');
const { describe, it } = require('node:test');
const millrace = require('../index.js');
const http = require('../lib/http.js');
const { closed, listening } = require('./harness/raw-http.js');
const { SERVER, ca, fetched, identity, serving } = require('./harness/tls.js');

describe('files and streams in TLS', () => {
  it('sends files, small, large and in part, and those that a handler names', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-tls-'));
    const large = randomBytes(5_000_011);
    fs.writeFileSync(path.join(folder, 'large.bin'), large);
    fs.writeFileSync(path.join(folder, 'small.txt'), 'small');
    fs.writeFileSync(path.join(folder, 'empty.txt'), '');
    const server = http.createServer(SERVER, (req, res) => res.sendFile(path.join(folder, 'large.bin')));
    server.files('/files/', folder);
    const port = await listening(server);
    const get = (/** @type {string} */ url, /** @type {any} */ headers) => fetched(port, { path: url, headers });
    assert.ok((await get('/files/large.bin')).body.equals(large));
    assert.equal(String((await get('/files/small.txt')).body), 'small');
    assert.equal(String((await get('/files/empty.txt')).body), '');
    const part = await get('/files/large.bin', { Range: 'bytes=1000000-2999999' });
    assert.equal(part.status, 206);
    assert.ok(part.body.equals(large.subarray(1_000_000, 3_000_000)));
    assert.ok((await get('/handler')).body.equals(large));
    await closed(server);
    fs.rmSync(folder, { recursive: true });
  });

  it('sends files and takes bodies over HTTP/2, many at a time', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-tls-'));
    const large = randomBytes(3_000_017);
    fs.writeFileSync(path.join(folder, 'large.bin'), large);
    const server = http.createServer({ ...SERVER, requestCert: true, ca }, (req, res) => {
      assert.equal(req.socket.encrypted, true);
      assert.equal(req.socket.getPeerCertificate().subject.CN, 'a client');
      req.pipe(res);
    });
    server.files('/files/', folder);
    const port = await listening(server);
    const session = http2.connect(`https://localhost:${port}`, { ca, ...identity('client') });
    const body = randomBytes(700_001);
    await Promise.all(Array.from({ length: 8 }, async (_, i) => {
      const isFile = i % 2 === 0;
      const stream = session.request(isFile ? { ':path': '/files/large.bin' } : { ':path': '/', ':method': 'POST' });
      if (!isFile) stream.end(body);
      assert.ok(Buffer.concat(await stream.toArray()).equals(isFile ? large : body));
    }));
    session.close();
    await once(session, 'close');
    await closed(server);
    fs.rmSync(folder, { recursive: true });
  });

  it('sends what native stages give without a turn through JavaScript, and gzip that opens', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-tls-'));
    const text = 'all the water in the world '.repeat(100_000);
    fs.writeFileSync(path.join(folder, 'text'), text);
    const listener = (/** @type {any} */ _req, /** @type {any} */ res) => {
      millrace.fs.createReadStream(path.join(folder, 'text')).pipe(millrace.zlib.createGzip()).pipe(res);
    };
    await serving({}, listener, async (port) => {
      const { body } = await fetched(port);
      assert.equal(String(require('node:zlib').gunzipSync(body)), text);
    });
    fs.rmSync(folder, { recursive: true });
  });

  it('takes an upload into a native stage and a file', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-tls-'));
    const body = Buffer.from('a row of water\n'.repeat(200_000));
    const listener = (/** @type {any} */ req, /** @type {any} */ res) => {
      pipeline(req, millrace.zlib.createGzip(), millrace.fs.createWriteStream(path.join(folder, 'up.gz'))).then(
        () => res.end('stored'),
        (error) => res.destroy(error),
      );
    };
    await serving({}, listener, async (port) => {
      assert.equal(String((await fetched(port, { method: 'POST', body })).body), 'stored');
      assert.ok(require('node:zlib').gunzipSync(fs.readFileSync(path.join(folder, 'up.gz'))).equals(body));
    });
    fs.rmSync(folder, { recursive: true });
  });

  it('sends events of a hub', async () => {
    const server = http.createServer(SERVER);
    const route = server.events('/events', { topics: 'news' });
    const port = await listening(server);
    const req = https.get({ port, host: 'localhost', ca, path: '/events', agent: false });
    const [res] = await once(req, 'response');
    assert.equal(res.headers['content-type'], 'text/event-stream');
    let text = '';
    while (route.stats().connections === 0) await once(res, 'data');
    route.hub.publish('news', 'good');
    while (!text.includes('good')) text += (await once(res, 'data'))[0];
    assert.match(text, /data: ?good\n/);
    req.destroy();
    await closed(server);
  });

  it('changes the protocol for handlers of upgrade', async () => {
    await serving({}, () => {}, async (port, server) => {
      server.on('upgrade', (/** @type {any} */ req, /** @type {any} */ socket) => {
        assert.equal(socket.encrypted, true);
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
        socket.pipe(socket);
      });
      const headers = { Connection: 'Upgrade', Upgrade: 'echo' };
      const req = https.request({ port, host: 'localhost', ca, agent: false, headers });
      req.end();
      const [, socket] = await once(req, 'upgrade');
      const body = randomBytes(300_000);
      socket.end(body);
      assert.ok(Buffer.concat(await socket.toArray()).equals(body));
    });
  });
});
