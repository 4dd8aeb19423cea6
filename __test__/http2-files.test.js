'use strict';

// Files, native streams and event streams over HTTP/2, on the port of an HTTP/1 server, seen by Node's own client.

const assert = require('node:assert/strict');
const { createHash, randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { pipeline, Readable, Writable } = require('node:stream');
const { after, before, describe, it } = require('node:test');
const nodeZlib = require('node:zlib');
const { createReadStream, createWriteStream } = require('../lib/fs.js');
const { createHub } = require('../lib/hub.js');
const { upperCase } = require('../lib/text.js');
const { createGzip } = require('../lib/zlib.js');
const { ask, serving, session } = require('./harness/http2.js');
const { folder, fused, offer, settled, until } = require('./harness/streams.js');

/** @param {Buffer | string} bytes */
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');

describe('files and streams', () => {
  /** @type {string} */
  let directory;
  const bytes = randomBytes(2_000_000);
  before(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-http2-'));
    fs.writeFileSync(path.join(directory, 'large.bin'), bytes);
    fs.writeFileSync(path.join(directory, 'page.html'), '<p>hello');
    fs.writeFileSync(path.join(directory, 'empty.txt'), '');
  });
  after(() => fs.rmSync(directory, { recursive: true }));

  it('of a directory are served with validators and ranges', () => serving(
    (/** @type {any} */ _req, /** @type {any} */ res) => res.writeHead(404).end('none'),
    (port, server) => {
      server.files('/static/', directory);
      return session(port, async (client) => {
        const page = await ask(client, { ':path': '/static/page.html' });
        assert.equal(String(page.body), '<p>hello');
        assert.match(page.headers['content-type'], /text\/html/);
        assert.ok(page.headers.date);
        const { etag } = page.headers;
        const same = await ask(client, { ':path': '/static/page.html', 'if-none-match': etag });
        assert.equal(same.headers[':status'], 304);
        assert.equal(same.body.length, 0);
        const large = await ask(client, { ':path': '/static/large.bin' });
        assert.equal(sha(large.body), sha(bytes));
        const part = await ask(client, { ':path': '/static/large.bin', range: 'bytes=100-299' });
        assert.equal(part.headers[':status'], 206);
        assert.deepEqual(part.body, bytes.subarray(100, 300));
        const parts = await ask(client, { ':path': '/static/large.bin', range: 'bytes=0-9,500000-700000' });
        assert.match(parts.headers['content-type'], /multipart\/byteranges/);
        assert.equal(parts.body.length, Number(parts.headers['content-length']));
        assert.ok(parts.body.includes(bytes.subarray(500_000, 700_001)));
        const head = await ask(client, { ':method': 'HEAD', ':path': '/static/large.bin' });
        assert.equal(head.headers['content-length'], '2000000');
        assert.equal(head.body.length, 0);
        assert.equal((await ask(client, { ':path': '/static/empty.txt' })).headers['content-length'], '0');
        assert.equal(String((await ask(client, { ':path': '/static/none' })).body), 'none');
        assert.equal(String((await ask(client, { ':path': '/static/%2e%2e/etc/passwd' })).body).includes('root'), false);
        const many = await Promise.all(Array.from({ length: 20 }, () => ask(client, { ':path': '/static/large.bin' })));
        for (const answer of many) assert.equal(sha(answer.body), sha(bytes));
      });
    },
  ));

  it('are sent by res.sendFile()', () => {
    /** @type {any[]} */
    const results = [];
    return serving((/** @type {any} */ req, /** @type {any} */ res) => {
      res.setHeader('X-Mine', 'kept');
      res.on('finish', () => results.push('finish'));
      res.sendFile(path.join(directory, req.url.slice(1)), (/** @type {any} */ error) => results.push(error?.code ?? 'sent'));
    }, (port) => session(port, async (client) => {
      const large = await ask(client, { ':path': '/large.bin' });
      assert.equal(sha(large.body), sha(bytes));
      assert.equal(large.headers['x-mine'], 'kept');
      await until(() => results.length === 2);
      assert.deepEqual(results, ['finish', 'sent']);
      const empty = await ask(client, { ':path': '/empty.txt' });
      assert.equal(empty.headers['content-length'], '0');
      await until(() => results.length === 4);
    }));
  });

  it('are piped from native streams', () => serving((/** @type {any} */ req, /** @type {any} */ res) => {
    const source = createReadStream(path.join(directory, 'large.bin'));
    if (req.url === '/plain') source.pipe(res);
    else pipeline(source, createGzip(), res, () => {});
  }, (port) => session(port, async (client) => {
    assert.equal(sha((await ask(client, { ':path': '/plain' })).body), sha(bytes));
    const { body } = await ask(client, { ':path': '/gzip' });
    assert.equal(sha(nodeZlib.gunzipSync(body)), sha(bytes));
  })));

  it('are uploaded with a bound on what is held', () => serving((/** @type {any} */ req, /** @type {any} */ res) => {
    const hash = createHash('sha256');
    let most = 0;
    pipeline(req, new Writable({
      highWaterMark: 1,
      write(chunk, _encoding, callback) {
        most = Math.max(most, req.readableLength);
        hash.update(chunk);
        setImmediate(callback);
      },
    }), () => res.end(JSON.stringify([hash.digest('hex'), most])));
  }, (port) => session(port, async (client) => {
    const { body } = await ask(client, { ':method': 'PUT' }, Readable.from([bytes, bytes, bytes]));
    const [digest, most] = JSON.parse(String(body));
    assert.equal(digest, sha(Buffer.concat([bytes, bytes, bytes])));
    assert.ok(most <= 256 * 1024, `${most} bytes were held`);
  })));

  it('are uploaded into native streams without a chunk in JavaScript', async (t) => {
    const file = folder(t)('upload.gz');
    /** @type {any} */
    let seen;
    await serving((/** @type {any} */ req, /** @type {any} */ res) => {
      const { socket } = req;
      const { onData } = socket;
      seen = 0;
      socket.onData = (/** @type {any[]} */ ...args) => {
        seen++;
        onData.apply(socket, args);
      };
      pipeline(req, createGzip(), createWriteStream(file), (error) => {
        res.end(JSON.stringify([error?.code, socket.bytesRead, req.complete]));
      });
    }, (port) => session(port, async (client) => {
      const { body } = await ask(client, { ':method': 'PUT' }, Readable.from([bytes, bytes, bytes]));
      assert.deepEqual(JSON.parse(String(body)), [null, bytes.length * 3, true]);
    }));
    assert.equal(sha(nodeZlib.gunzipSync(fs.readFileSync(file))), sha(Buffer.concat([bytes, bytes, bytes])));
    if (fused) assert.equal(seen, 0);
  });

  it('are held back by a native stage that is full, and go on when it is not', () => {
    /** @type {any} */
    let stage;
    return serving((/** @type {any} */ req, /** @type {any} */ res) => {
      stage = upperCase();
      req.pipe(stage);
      res.req.socket.server.emit('piped', res);
    }, (port, server) => session(port, async (client) => {
      const total = 24 << 20;
      const source = offer(total);
      const answer = ask(client, { ':method': 'PUT' }, source);
      const [res] = await once(server, 'piped');
      await settled(() => source.offered);
      assert.ok(source.offered < 12 << 20, `${source.offered} bytes were taken`);
      let got = 0;
      for await (const chunk of stage) got += chunk.length;
      assert.equal(got, total);
      res.end('all');
      assert.equal(String((await answer).body), 'all');
    }));
  });

  it('may be looked at in the midst of it, and be given up', () => {
    /** @type {any[]} */
    const told = [];
    let requests = 0;
    return serving((/** @type {any} */ req, /** @type {any} */ res) => {
      requests++;
      const stage = upperCase();
      req.pipe(stage);
      req.on('error', (/** @type {any} */ error) => told.push(error.code));
      stage.once('data', () => {
        let looked = 0;
        req.on('data', (/** @type {Buffer} */ chunk) => {
          looked += chunk.length;
        });
        stage.on('data', () => {});
        req.on('end', () => res.end(String(looked)));
      });
    }, (port) => session(port, async (client) => {
      const total = 4 << 20;
      const { body } = await ask(client, { ':method': 'PUT' }, offer(total));
      assert.ok(Number(body) > 0 && Number(body) <= total, String(body));
      const stream = client.request({ ':method': 'PUT' }, { endStream: false });
      stream.on('error', () => {});
      stream.write(Buffer.alloc(100_000, 'x'));
      await until(() => requests === 2, 'the request');
      stream.destroy();
      await until(() => told.length === 1, 'the error');
      assert.deepEqual(told, ['ECONNRESET']);
    }));
  });

  it('of events come as they are published', () => {
    const hub = createHub();
    return serving(undefined, (port, server) => {
      server.events('/events', { topics: 'news', hub });
      return session(port, async (client) => {
        const stream = client.request({ ':path': '/events', accept: 'text/event-stream' });
        const [head] = await once(stream, 'response');
        assert.equal(head['content-type'], 'text/event-stream');
        assert.equal(head.connection, undefined);
        let text = '';
        stream.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        await until(() => server._routes.get('/events').stats().connections === 1);
        hub.publish('news', { hello: 'world' });
        await until(() => text.includes('{"hello":"world"}'));
        stream.close();
        await until(() => server._routes.get('/events').stats().connections === 0);
      });
    });
  });
});
