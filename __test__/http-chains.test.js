'use strict';

// Native streams piped into a response: its bytes do not enter JavaScript, and nobody can tell but by that.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const nodeFs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { pipeline, PassThrough } = require('node:stream');
const nodeZlib = require('node:zlib');
const { fs, http, zlib, jsonl } = require('../index.js');
const { Raw, closed, listening } = require('./harness/raw-http.js');
const { settled, until } = require('./harness/streams.js');

const ROWS = Buffer.from(Array.from({ length: 60_000 }, (_, id) => `{"id":${id},"text":"row ${id % 97}"}\n`).join(''));

/** How often the rows stand in the large file: more than sockets hold. */
const REPEATS = 12;

/** @type {string} */
let file;
/** @type {string} */
let large;
before(() => {
  file = path.join(nodeFs.mkdtempSync(path.join(os.tmpdir(), 'millrace-chains-')), 'rows.jsonl');
  nodeFs.writeFileSync(file, ROWS);
  large = path.join(path.dirname(file), 'large');
  nodeFs.writeFileSync(large, Buffer.concat(Array(REPEATS).fill(ROWS)));
});
after(() => nodeFs.rmSync(path.dirname(file), { recursive: true }));

/**
 * @param {(req: any, res: any) => void} handler
 * @param {(port: number, server: any) => Promise<void>} use
 */
async function serving(handler, use) {
  const server = http.createServer(handler);
  const port = await listening(server);
  try {
    await use(port, server);
  } finally {
    await closed(server);
  }
}

/** @param {number} port @returns {Promise<Buffer>} */
async function body(port) {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  return Buffer.from(await response.arrayBuffer());
}

/** Whether `write` was called on a response: it is not where its bytes are taken natively. @param {any} res */
function counted(res) {
  const { socket } = res;
  const { accept } = socket;
  const bytes = { javascript: 0 };
  socket.accept = (/** @type {any} */ chunk, /** @type {any} */ encoding, /** @type {any} */ callback) => {
    bytes.javascript += chunk.length;
    return accept.call(socket, chunk, encoding, callback);
  };
  return bytes;
}

describe('a chain into a response', () => {
  // Node.js 26 uncorks by itself, at the end of each tick.
  it('comes behind what the response keeps until it is uncorked', () => serving((_req, res) => {
    res.cork();
    res.write('head ');
    const source = fs.createReadStream(file);
    source.pipe(res);
    source.once('pause', () => setImmediate(() => res.uncork()));
  }, async (port) => {
    assert.ok(Buffer.concat([Buffer.from('head '), ROWS]).equals(await body(port)));
  }));

  for (const ends of ['chunked', 'with a length']) {
    it(`carries a file, ${ends}`, () => {
      /** @type {any} */
      let bytes;
      return serving((_req, res) => {
        bytes = counted(res);
        if (ends !== 'chunked') res.setHeader('Content-Length', ROWS.length);
        fs.createReadStream(file).pipe(res);
      }, async (port) => {
        assert.ok((await body(port)).equals(ROWS));
        // The head and the last chunk, and no more.
        assert.ok(bytes.javascript < 1000 || process.env.MILLRACE_FUSE === '0', `${bytes.javascript} bytes`);
      });
    });
  }

  it('carries stages, by pipe and by pipeline', () => {
    /** @type {any[]} */
    const log = [];
    return serving((req, res) => {
      res.on('finish', () => log.push('finish'));
      const source = fs.createReadStream(file);
      if (req.url === '/pipe') source.pipe(jsonl.validate()).pipe(zlib.createGzip()).pipe(res);
      else pipeline(source, zlib.createGzip(), res, (error) => log.push(error));
    }, async (port) => {
      for (const target of ['/pipe', '/pipeline']) {
        const response = await fetch(`http://127.0.0.1:${port}${target}`);
        assert.ok(nodeZlib.gunzipSync(Buffer.from(await response.arrayBuffer())).equals(ROWS));
      }
      assert.deepEqual(log.filter((entry) => entry !== 'finish'), [undefined]);
      assert.equal(log.length, 3);
    });
  });

  it('goes on with the next request on the connection', () => serving((req, res) => {
    if (req.url === '/text') res.end('text');
    else fs.createReadStream(file, { end: 9 }).pipe(res);
  }, async (port) => {
    const get = (/** @type {string} */ target, more = '') => `GET ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
    const raw = new Raw(port).write(get('/file') + get('/text') + get('/file', 'Connection: close\r\n'));
    const text = await raw.all;
    assert.equal(text.match(/HTTP\/1.1 200/g)?.length, 3);
    assert.equal(text.match(/a\r\n\{"id":0,"t\r\n0\r\n\r\n/g)?.length, 2);
  }));

  it('is seen by who begins to look in its midst', async () => {
    let seen = 0;
    await serving((_req, res) => {
      res.setHeader('Content-Length', ROWS.length * REPEATS);
      const source = fs.createReadStream(large);
      source.pipe(res);
      res.req.socket.server.emit('streaming', source, res);
    }, async (port, server) => {
      const raw = new Raw(port);
      raw.socket.pause();
      raw.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const [source, res] = await once(server, 'streaming');
      while (!res.writableNeedDrain) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(seen, 0);
      source.on('data', (/** @type {Buffer} */ chunk) => (seen += chunk.length));
      raw.socket.resume();
      const text = await raw.all;
      assert.ok(Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1').equals(nodeFs.readFileSync(large)));
      assert.ok(seen > 0 && (seen < ROWS.length * REPEATS || process.env.MILLRACE_FUSE === '0'), `${seen} bytes were seen`);
    });
  });

  it('leaves the bytes to who replaced write', () => {
    let written = 0;
    return serving((_req, res) => {
      const { write } = res;
      res.write = function count(/** @type {any} */ chunk, /** @type {any[]} */ ...rest) {
        written += chunk.length;
        return write.call(this, chunk, ...rest);
      };
      fs.createReadStream(file).pipe(res);
    }, async (port) => {
      assert.ok((await body(port)).equals(ROWS));
      assert.equal(written, ROWS.length);
    });
  });

  it('is held back by a peer that does not read, and ends with it', () => serving((_req, res) => {
    const source = fs.createReadStream('/dev/zero');
    source.pipe(res);
    res.on('close', () => source.destroy());
    res.req.socket.server.emit('streaming', source, res);
  }, async (port, server) => {
    const raw = new Raw(port);
    raw.socket.pause();
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [source, res] = await once(server, 'streaming');
    await until(() => source.bytesRead > 0, 'the first bytes');
    await settled(() => source.bytesRead);
    assert.ok(res.writableLength < 1 << 20, `${res.writableLength} bytes wait`);
    const gone = once(source, 'close');
    raw.destroy();
    await gone;
  }));

  it('may be unpiped while it is held back', () => serving((_req, res) => {
    const source = fs.createReadStream(large);
    source.pipe(res);
    res.req.socket.server.emit('streaming', source, res);
  }, async (port, server) => {
    const raw = new Raw(port);
    raw.socket.pause();
    raw.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const [source, res] = await once(server, 'streaming');
    await until(() => res.writableNeedDrain, 'a response that is held back');
    source.unpipe(res);
    source.pipe(new PassThrough()).pipe(res);
    raw.socket.resume();
    const text = await raw.all;
    const chunks = text.slice(text.indexOf('\r\n\r\n') + 4);
    assert.ok(Buffer.from(unchunked(chunks), 'latin1').equals(nodeFs.readFileSync(large)));
  }));
});

/** @param {string} text @returns {string} what its chunks carry */
function unchunked(text) {
  const parts = [];
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n', at);
    const size = parseInt(text.slice(at, end), 16);
    if (size === 0) return parts.join('');
    parts.push(text.slice(end + 2, end + 2 + size));
    at = end + 4 + size;
  }
}
