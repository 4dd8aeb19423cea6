'use strict';

// Requests piped into native streams: the body goes from the connection's decoder into the stage, and nobody can tell but
// by that. Run fused and not.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { once } = require('node:events');
const nodeFs = require('node:fs');
const { describe, it } = require('node:test');
const { PassThrough, Writable, pipeline } = require('node:stream');
const nodeZlib = require('node:zlib');
const { compose, fs, http, inspect, jsonl, zlib } = require('../index.js');
const { getEventLoop } = require('../lib/internal/event-loop.js');
const { serving: servingBy } = require('./harness/http.js');
const { Raw, closed, listening } = require('./harness/raw-http.js');
const { folder, fused, rows, settled, until } = require('./harness/streams.js');

const ROWS = rows(40_000);
const CRLF = '\r\n';
/** Node's own sockets give their bytes to JavaScript. */
const native = getEventLoop() !== null;
const linked = fused && native;

/** @param {any} req @returns {boolean} whether its body goes past JavaScript */
const isLinked = (req) => Boolean(req.socket.upload);

/**
 * @param {(req: any, res: any) => void} handler
 * @param {(port: number, server: any) => Promise<void>} use
 */
const serving = (handler, use) => servingBy(http, handler, use);

/**
 * Counts chunks of a request that JavaScript sees.
 *
 * @param {any} req
 * @returns {{ chunks: number, bytes: number }}
 */
function counted(req) {
  const { socket } = req;
  const seen = { chunks: 0, bytes: 0 };
  const { onData } = socket;
  socket.onData = (/** @type {Buffer} */ chunk) => {
    seen.chunks += 1;
    seen.bytes += chunk.length;
    onData.call(socket, chunk);
  };
  return seen;
}

/**
 * @param {Buffer} body
 * @param {string} [more] fields
 * @returns {Buffer} a request with a length
 */
function post(body, more = '') {
  return Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${body.length}\r\n\r\n`), body]);
}

/**
 * @param {Buffer} body
 * @param {number} size
 * @param {string} [more] fields
 * @returns {Buffer} a request in chunks
 */
function chunked(body, size, more = '') {
  const parts = [Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\n${more}Transfer-Encoding: chunked\r\n\r\n`)];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from(CRLF));
  }
  parts.push(Buffer.from('0\r\n\r\n'));
  return Buffer.concat(parts);
}

/** @param {Buffer} bytes @returns {string} */
const digest = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');

describe('a request piped into native streams', () => {
  for (const [name, make] of /** @type {const} */ ([
    ['with a length', (/** @type {Buffer} */ body) => post(body, 'Connection: close\r\n')],
    ['in large chunks', (/** @type {Buffer} */ body) => chunked(body, 100_000, 'Connection: close\r\n')],
    ['in small chunks', (/** @type {Buffer} */ body) => chunked(body, 700, 'Connection: close\r\n')],
  ])) {
    it(`is stored whole, ${name}`, async (t) => {
      const file = folder(t)('upload');
      /** @type {any} */
      let seen;
      await serving((req, res) => {
        seen = counted(req);
        req.pipe(fs.createWriteStream(file)).on('finish', () => res.end('stored'));
      }, async (port) => {
        const text = await new Raw(port).write(make(ROWS)).all;
        assert.match(text, /200 OK[^]*stored/);
      });
      assert.equal(digest(nodeFs.readFileSync(file)), digest(ROWS));
      if (linked) assert.deepEqual(seen, { chunks: 0, bytes: 0 });
      else if (native) assert.equal(seen.bytes, ROWS.length);
    });
  }

  it('is validated, stamped, compressed and stored without a chunk in JavaScript', async (t) => {
    const file = folder(t)('clean.jsonl.gz');
    /** @type {any} */
    let seen;
    const fates = [];
    await serving((req, res) => {
      seen = counted(req);
      pipeline(
        req,
        jsonl.validate(),
        jsonl.edit({ set: { site: 'here' } }),
        zlib.createGzip(),
        fs.createWriteStream(file, { atomic: true }),
        (error) => {
          fates.push(error);
          res.end(String(req.complete));
        },
      );
    }, async (port) => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: new Uint8Array(ROWS) });
      assert.equal(await response.text(), 'true');
    });
    assert.deepEqual(fates, [undefined]);
    const stored = nodeZlib.gunzipSync(nodeFs.readFileSync(file)).toString().trimEnd().split('\n');
    assert.equal(stored.length, 40_000);
    assert.deepEqual(JSON.parse(stored[39_999]), { ...JSON.parse(ROWS.toString().trimEnd().split('\n')[39_999]), site: 'here' });
    if (linked) assert.equal(seen.chunks, 0);
  });

  it('comes back compressed: request, stage, response', () => serving((req, res) => {
    const seen = counted(req);
    req.pipe(zlib.createGzip()).pipe(res);
    res.on('finish', () => assert.ok(!linked || seen.chunks === 0));
  }, async (port) => {
    for (const body of [ROWS, ROWS.subarray(0, 10), Buffer.alloc(0)]) {
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: new Uint8Array(body) });
      assert.equal(digest(nodeZlib.gunzipSync(Buffer.from(await response.arrayBuffer()))), digest(body));
    }
  }));

  it('may be piped into a composed stream, and later than it comes', async (t) => {
    const file = folder(t)('upload.gz');
    await serving((req, res) => {
      setImmediate(() => {
        const stages = compose(jsonl.validate(), zlib.createGzip());
        pipeline(req, stages, fs.createWriteStream(file), (error) => res.end(String(error)));
      });
    }, async (port) => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: new Uint8Array(ROWS) });
      assert.equal(await response.text(), 'undefined');
    });
    assert.equal(digest(nodeZlib.gunzipSync(nodeFs.readFileSync(file))), digest(ROWS));
  });

  it('goes on with the next request on the connection', async (t) => {
    const at = folder(t);
    let count = 0;
    await serving((req, res) => {
      if (req.method === 'GET') res.end('last');
      else req.pipe(fs.createWriteStream(at(`${count++}`))).on('finish', () => res.end('stored'));
    }, async (port) => {
      const bodies = [ROWS, Buffer.from('small'), ROWS.subarray(7)];
      const raw = new Raw(port);
      for (const body of bodies) raw.write(post(body)).write(chunked(body, 3000));
      raw.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const text = await raw.all;
      assert.equal(text.match(/stored/g)?.length, 6);
      assert.match(text, /last$/);
      bodies.forEach((body, i) => {
        for (const file of [2 * i, 2 * i + 1]) assert.equal(digest(nodeFs.readFileSync(at(`${file}`))), digest(body));
      });
    });
  });

  it('holds the client back while a stage is full, and goes on when it is not', async () => {
    const total = 64 << 20;
    const body = Buffer.alloc(total, 'abcdefgh\n');
    let taken = 0;
    /** @type {(() => void)[]} */
    const waiting = [];
    await serving((req, res) => {
      const slow = new Writable({
        write(chunk, _encoding, callback) {
          taken += chunk.length;
          if (waiting.length === 0 && taken < 1 << 20) waiting.push(callback);
          else callback();
        },
      });
      pipeline(req, zlib.createDeflateRaw({ level: 0 }), slow, () => res.end('done'));
      req.socket.server.emit('uploading', req);
    }, async (port, server) => {
      const raw = new Raw(port).write(post(body, 'Connection: close\r\n'));
      const [req] = await once(server, 'uploading');
      const { socket } = req;
      await until(() => waiting.length === 1, 'the first chunk');
      const read = await settled(() => socket.bytesRead);
      // The stage's inbox, its blocks and its outbox; not the body.
      assert.ok(read > 0 && read < 24 << 20, `${read} bytes were read`);
      waiting[0]();
      assert.match(await raw.all, /done$/);
      // Node's own sockets count heads, too.
      assert.ok(socket.bytesRead >= total && socket.bytesRead < total + 1000);
      assert.ok(taken > total);
    });
  });

  it('is as large as one stage allows, and no larger', () => serving((req, res) => {
    pipeline(req, zlib.createGunzip({ maxOutputLength: 1 << 20 }), fs.createWriteStream('/dev/null'), (error) => {
      res.writeHead(error ? 413 : 200, { Connection: 'close' }).end(/** @type {any} */ (error)?.code);
    });
  }, async (port) => {
    const bomb = nodeZlib.gzipSync(Buffer.alloc(64 << 20));
    const small = nodeZlib.gzipSync(ROWS.subarray(0, 1000));
    assert.match(await new Raw(port).write(post(small)).all, /200 OK/);
    // `pipeline` destroys the request with the error, and so its connection, as with node:http.
    const text = await new Raw(port).write(post(bomb)).all;
    assert.ok(text === '' || /413/.test(text), text);
  }));

  for (const means of ['pipeline', 'pipe']) {
    it(`fails where the client goes in its midst, by ${means}`, async (t) => {
      const at = folder(t);
      /** @type {any[]} */
      const log = [];
      /** @type {() => void} */
      let over = () => {};
      const told = new Promise((resolve) => (over = () => resolve(undefined)));
      await serving((req, res) => {
        const gzip = zlib.createGzip();
        const sink = fs.createWriteStream(at('upload.gz'), { atomic: true });
        req.on('aborted', () => log.push('aborted'));
        req.on('error', (/** @type {any} */ error) => log.push(error.code));
        req.on('close', () => log.push(`close ${req.complete}`));
        res.on('close', over);
        if (means === 'pipe') req.pipe(gzip).pipe(sink);
        else {
          pipeline(req, gzip, sink, (error) => {
            log.push(/** @type {any} */ (error)?.code);
            over();
          });
        }
        req.socket.server.emit('uploading', req, sink);
      }, async (port, server) => {
        const raw = new Raw(port).write(post(ROWS).subarray(0, 1 << 20));
        const [req, sink] = await once(server, 'uploading');
        await until(() => req.socket.bytesRead > 900_000, 'most of what was sent');
        assert.equal(isLinked(req), linked);
        raw.destroy();
        await told;
        sink.destroy();
        await until(() => sink.closed, 'the sink');
      });
      const expected = ['aborted', 'ECONNRESET', 'close false'];
      assert.deepEqual(log.filter((entry) => expected.includes(entry)).slice(0, 3).sort(), expected.sort());
      // Nothing appears of an upload that is not whole.
      assert.deepEqual(nodeFs.readdirSync(at('.')), []);
    });
  }

  it('is seen by who begins to look in its midst', async (t) => {
    const file = folder(t)('upload');
    const body = Buffer.concat(Array(4).fill(ROWS));
    let bytes = 0;
    await serving((req, res) => {
      const sink = fs.createWriteStream(file);
      req.pipe(sink).on('finish', () => res.end('stored'));
      req.socket.server.emit('uploading', req, sink);
    }, async (port, server) => {
      const request = post(body, 'Connection: close\r\n');
      const half = request.length >> 1;
      const raw = new Raw(port).write(request.subarray(0, half));
      const [req] = await once(server, 'uploading');
      await until(() => req.socket.bytesRead > half - 1000, 'the first half');
      const look = (/** @type {Buffer} */ chunk) => (bytes += chunk.length);
      req.on('data', look);
      assert.equal(isLinked(req), false);
      raw.write(request.subarray(half));
      assert.match(await raw.all, /stored$/);
      assert.ok(bytes > body.length / 3 && bytes < body.length, `${bytes} bytes were seen`);
      assert.deepEqual(Object.keys(req).filter((key) => ['on', 'pipe', 'pause'].includes(key)), []);
    });
    assert.equal(digest(nodeFs.readFileSync(file)), digest(body));
  });

  it('may be paused, resumed, unpiped and piped elsewhere', async (t) => {
    const at = folder(t);
    const body = Buffer.concat(Array(4).fill(ROWS));
    await serving((req, res) => {
      const first = fs.createWriteStream(at('first'));
      req.pipe(first);
      req.socket.server.emit('uploading', req, first);
      req.on('moved', () => {
        req.pipe(new PassThrough()).pipe(nodeFs.createWriteStream(at('second'))).on('finish', () => res.end('stored'));
      });
    }, async (port, server) => {
      const request = post(body, 'Connection: close\r\n');
      const half = request.length >> 1;
      const raw = new Raw(port).write(request.subarray(0, half));
      const [req, first] = await once(server, 'uploading');
      await until(() => req.socket.bytesRead > half - 1000, 'the first half');
      req.pause();
      assert.equal(isLinked(req), false);
      raw.write(request.subarray(half, half + 1_000_000));
      await settled(() => req.socket.bytesRead);
      req.resume();
      await until(() => req.socket.bytesRead > half + 900_000, 'what was sent while it was paused');
      assert.equal(isLinked(req), linked);
      req.unpipe(first);
      assert.equal(isLinked(req), false);
      first.end();
      await once(first, 'close');
      req.emit('moved');
      raw.write(request.subarray(half + 1_000_000));
      assert.match(await raw.all, /stored$/);
    });
    const whole = Buffer.concat([nodeFs.readFileSync(at('first')), nodeFs.readFileSync(at('second'))]);
    assert.equal(digest(whole), digest(body));
  });

  it('ends a link when a stage is destroyed, and the rest can be read', () => serving((req, res) => {
    const gzip = zlib.createGzip();
    req.pipe(gzip);
    gzip.on('close', () => {
      let rest = 0;
      req.on('data', (/** @type {Buffer} */ chunk) => (rest += chunk.length));
      req.on('end', () => res.end(String(rest)));
      req.resume();
    });
    req.socket.server.emit('uploading', req, gzip);
  }, async (port, server) => {
    const request = post(ROWS, 'Connection: close\r\n');
    const raw = new Raw(port).write(request.subarray(0, 1_000_000));
    const [req, gzip] = await once(server, 'uploading');
    await until(() => req.socket.bytesRead > 900_000, 'the first part');
    gzip.destroy();
    raw.write(request.subarray(1_000_000));
    const text = await raw.all;
    const rest = Number(/\d+$/.exec(text)?.[0]);
    assert.ok(rest > 0 && rest < ROWS.length, text);
  }));

  it('is shown by stats() and inspect()', () => serving((req, res) => {
    const gzip = zlib.createGzip();
    req.pipe(gzip).resume().on('end', () => res.end(JSON.stringify(gzip.stats())));
    req.socket.server.emit('uploading', req, gzip);
  }, async (port, server) => {
    const request = post(ROWS, 'Connection: close\r\n');
    const raw = new Raw(port).write(request.subarray(0, 1_000_000));
    const [req] = await once(server, 'uploading');
    await until(() => req.socket.bytesRead > 900_000, 'the first part');
    const { stages } = inspect().find(({ stages: all }) => all.some(({ stage }) => stage === 'gzip')) ?? { stages: [] };
    if (linked) {
      assert.deepEqual(stages.map(({ stage, native, fused: joined }) => [stage, native, joined]), [
        ['request', true, true],
        ['gzip', true, false],
      ]);
      assert.equal(stages[0].bytesOut, req.socket.bytesRead);
    }
    raw.write(request.subarray(1_000_000));
    const text = await raw.all;
    assert.equal(JSON.parse(text.slice(text.lastIndexOf('{'))).bytesIn, ROWS.length);
  }));

  it('tells the same events in the same order as a stage that is looked at', async () => {
    /** @type {Record<string, string[]>} */
    const logs = {};
    await serving((req, res) => {
      const log = (logs[req.url] = /** @type {string[]} */ ([]));
      const gunzip = zlib.createGunzip();
      if (req.url === '/looked') req.on('data', () => {});
      for (const [name, stream] of /** @type {const} */ ([['req', req], ['gunzip', gunzip], ['res', res]])) {
        for (const event of ['pipe', 'unpipe', 'prefinish', 'finish', 'end', 'close']) {
          stream.on(event, () => log.push(`${name} ${event}`));
        }
      }
      pipeline(req, gunzip, res, (/** @type {any} */ error) => log.push(`pipeline ${error}`));
    }, async (port) => {
      const body = new Uint8Array(nodeZlib.gzipSync(ROWS));
      for (const path of ['/plain', '/looked']) {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body });
        assert.equal((await response.arrayBuffer()).byteLength, ROWS.length);
        await until(() => logs[path].includes('res close'), 'the last event');
      }
    });
    // Each stream's own order; how those of several streams mix is up to sockets.
    for (const stream of ['req', 'gunzip', 'res', 'pipeline']) {
      const [plain, looked] = ['/plain', '/looked'].map((path) => logs[path].filter((entry) => entry.startsWith(stream)));
      assert.deepEqual(plain, looked);
    }
  });

  it('does not run into the timeout of a connection while it goes past JavaScript', async () => {
    let timeouts = 0;
    const server = http.createServer((req, res) => {
      req.pipe(zlib.createGzip()).resume().on('end', () => res.end('done'));
    });
    server.setTimeout(150, () => (timeouts += 1));
    const port = await listening(server);
    try {
      const request = post(ROWS.subarray(0, 600_000), 'Connection: close\r\n');
      const raw = new Raw(port);
      raw.write(request.subarray(0, 100));
      const [req] = await once(server, 'request');
      // Longer in all than the timeout, and shorter for each piece: time is what this is about.
      for (let at = 100; at < request.length; at += 20_000) {
        const read = req.socket.bytesRead;
        raw.write(request.subarray(at, at + 20_000));
        await until(() => req.socket.bytesRead > read, 'the next piece');
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.match(await raw.all, /done$/);
      assert.equal(timeouts, 0);
    } finally {
      await closed(server);
    }
  });
});
