'use strict';

// TLS of servers, in the shape of node:https, which is asked the same where it can be.

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { pipeline } = require('node:stream/promises');
const { describe, it } = require('node:test');
const tls = require('node:tls');
const http = require('../lib/http.js');
const { closed, listening } = require('./harness/raw-http.js');
const { SERVER, ca, connected, failure, fetched, fixture, identity, serving } = require('./harness/tls.js');

/** @param {any} req @param {any} res answers with what it got */
async function echo(req, res) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  res.end(Buffer.concat(chunks));
}

describe('a server with a key and a certificate', () => {
  it('speaks HTTP in TLS, and says so', async () => {
    /** @type {any} */
    let seen;
    const listener = (/** @type {any} */ req, /** @type {any} */ res) => {
      const { socket } = req;
      seen = {
        encrypted: socket.encrypted,
        authorized: socket.authorized,
        protocol: socket.getProtocol(),
        cipher: socket.getCipher(),
        servername: socket.servername,
        alpn: socket.alpnProtocol,
        peer: socket.getPeerCertificate(),
        address: socket.remoteAddress,
      };
      res.end('hello');
    };
    await serving({}, listener, async (port) => {
      const { body, headers, socket } = await fetched(port);
      assert.equal(String(body), 'hello');
      assert.equal(headers.connection, 'close');
      assert.equal(/** @type {any} */ (socket).authorized, true);
      assert.deepEqual(seen, {
        encrypted: true,
        authorized: false,
        protocol: 'TLSv1.3',
        cipher: { name: 'TLS_AES_256_GCM_SHA384', standardName: 'TLS_AES_256_GCM_SHA384', version: 'TLSv1.3' },
        servername: 'localhost',
        alpn: false,
        peer: {},
        address: '127.0.0.1',
      });
    });
  });

  for (const kind of ['server 1.3', 'server 1.2', 'server-rsa 1.3', 'server-rsa 1.2', 'server-ed25519 1.3']) {
    const [name, number] = kind.split(' ');
    const version = `TLSv${number}`;
    it(`takes a body of 1 MB and gives it back: ${name}, ${version}`, async () => {
      const body = randomBytes(1_000_003);
      await serving(identity(name), echo, async (port) => {
        const got = await fetched(port, { method: 'POST', body, minVersion: version, maxVersion: version });
        assert.ok(got.body.equals(body));
      });
    });
  }

  it('names ciphers of TLS 1.2 as OpenSSL does', async () => {
    const listener = (/** @type {any} */ req, /** @type {any} */ res) => res.end(JSON.stringify(req.socket.getCipher()));
    await serving({}, listener, async (port) => {
      const { body, socket } = await fetched(port, { maxVersion: 'TLSv1.2' });
      assert.deepEqual(JSON.parse(String(body)), /** @type {any} */ (socket).getCipher());
    });
  });

  it('keeps connections, and takes requests one behind the other', async () => {
    let connections = 0;
    await serving({}, (req, res) => res.end(req.url), async (port, server) => {
      server.on('secureConnection', () => connections++);
      const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
      for (const url of ['/1', '/2', '/3']) {
        const { body } = await fetched(port, { agent, path: url });
        assert.equal(String(body), url);
      }
      agent.destroy();
      const socket = await connected(port);
      socket.end('GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const text = String(Buffer.concat(await socket.toArray()));
      assert.match(text, /\r\n\r\n\/aHTTP\/1\.1 200 OK[^]*\r\n\r\n\/b$/);
      assert.equal(connections, 2);
    });
  });

  it('emits connection, secureConnection, request and close in that order', async () => {
    /** @type {string[]} */
    const events = [];
    const listener = (/** @type {any} */ req, /** @type {any} */ res) => {
      events.push('request');
      req.socket.on('close', () => events.push('close'));
      res.end();
    };
    const server = http.createServer(SERVER, listener);
    for (const event of ['connection', 'secureConnection']) server.on(event, () => events.push(event));
    const port = await listening(server);
    await fetched(port);
    await closed(server);
    assert.deepEqual(events, ['connection', 'secureConnection', 'request', 'close']);
  });

  it('streams both ways under backpressure, in order', async () => {
    const body = randomBytes(8 << 20);
    await serving({ highWaterMark: 16384 }, (req, res) => void pipeline(req, res).catch(() => {}), async (port) => {
      const req = https.request({ port, host: 'localhost', ca, method: 'POST', agent: false });
      const response = once(req, 'response');
      const sent = pipeline([body], async function* slowly(source) {
        for (const chunk of source) for (let at = 0; at < chunk.length; at += 50_000) yield chunk.subarray(at, at + 50_000);
      }, req);
      const [res] = await response;
      const got = Buffer.concat(await res.toArray());
      await sent;
      assert.ok(got.equals(body));
    });
  });

  it('answers curl', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-tls-'));
    const file = path.join(folder, 'ca.pem');
    fs.writeFileSync(file, ca);
    try {
      execFileSync('curl', ['--version'], { stdio: 'ignore' });
    } catch {
      return; // not on this machine
    }
    await serving({}, (req, res) => res.end('hello'), async (port) => {
      const { spawn } = require('node:child_process');
      const curl = spawn('curl', ['--silent', '--show-error', '--cacert', file, `https://localhost:${port}/`]);
      const [text, [code]] = await Promise.all([curl.stdout.toArray(), once(curl, 'close')]);
      assert.deepEqual([String(Buffer.concat(text)), code], ['hello', 0]);
    });
    fs.rmSync(folder, { recursive: true });
  });

  it('listens on a Unix socket', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-tls-'));
    const server = http.createServer(SERVER, (req, res) => res.end('by path'));
    server.listen(path.join(folder, 'socket'));
    await once(server, 'listening');
    const { body } = await fetched(0, { socketPath: path.join(folder, 'socket'), servername: 'localhost', port: undefined });
    assert.equal(String(body), 'by path');
    await closed(server);
    fs.rmSync(folder, { recursive: true });
  });

  it('listens on a descriptor, which Node serves, in TLS all the same', async () => {
    const listener = net.createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { fd } = /** @type {any} */ (listener)._handle;
    const program = `
      const { readFileSync } = require('node:fs');
      const [key, cert] = process.argv.slice(1, 3).map((file) => readFileSync(file));
      const server = require(process.argv[3]).createServer({ key, cert }, (req, res) => res.end(req.socket.getProtocol()));
      server.listen({ fd: 3 }, () => process.stdout.write('listening'));`;
    const files = ['server-key.pem', 'server.pem'].map((name) => path.join(__dirname, 'fixtures', 'tls', name));
    const child = spawn(process.execPath, ['-e', program, ...files, require.resolve('../lib/http.js')], {
      stdio: ['ignore', 'pipe', 'inherit', fd],
    });
    const gone = once(child, 'close');
    try {
      await once(/** @type {any} */ (child.stdout), 'data');
      const { port } = /** @type {net.AddressInfo} */ (listener.address());
      // Whoever accepts first has a connection: the child alone is to.
      listener.close();
      assert.equal(String((await fetched(port)).body), 'TLSv1.3');
    } finally {
      child.kill();
      await gone;
    }
  });

  it('says no more will come, also where it closes an idle connection', async () => {
    const server = http.createServer(SERVER, (req, res) => res.end());
    const port = await listening(server);
    const [socket] = await Promise.all([connected(port), once(server, 'secureConnection')]);
    let ended = false;
    socket.on('end', () => (ended = true)).resume();
    const gone = once(socket, 'close');
    server.close();
    server.closeIdleConnections();
    await gone;
    assert.ok(ended);
  });

  it('serves a connection of Node\'s that is handed in', async () => {
    const server = http.createServer(SERVER, (req, res) => res.end(`by Node: ${req.socket.encrypted}`));
    const front = require('node:net').createServer((socket) => server.emit('connection', socket));
    const port = await listening(front);
    const { body } = await fetched(port);
    assert.equal(String(body), 'by Node: true');
    front.close();
  });
});

describe('options of TLS', () => {
  it('limits versions and ciphers', async () => {
    const listener = (/** @type {any} */ { socket }, /** @type {any} */ res) => {
      res.end(`${socket.getProtocol()} ${socket.getCipher().name}`);
    };
    const told = async (/** @type {any} */ options, /** @type {any} */ client = {}) => {
      let text = '';
      await serving(options, listener, async (port) => {
        text = String((await fetched(port, client)).body);
      });
      return text;
    };
    assert.match(await told({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2 /);
    const named = 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';
    assert.equal(await told({ ciphers: named }), 'TLSv1.3 TLS_CHACHA20_POLY1305_SHA256');
    const two = { maxVersion: 'TLSv1.2' };
    for (const ciphers of ['ECDHE-ECDSA-AES128-GCM-SHA256:!aNULL', 'HIGH:!ECDHE-ECDSA-AES256-GCM-SHA384']) {
      assert.equal(await told({ ...two, ciphers }), 'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256');
    }
    assert.match(await told({ ciphers: tls.DEFAULT_CIPHERS }), /^TLSv1\.3 TLS_AES_256_GCM_SHA384$/);
    await serving({ minVersion: 'TLSv1.3' }, listener, async (port, server) => {
      const [, [error]] = await Promise.all([failure(fetched(port, two)), once(server, 'tlsClientError')]);
      assert.equal(error.code, 'ERR_SSL_UNSUPPORTED_PROTOCOL');
    });
  });

  it('refuses what is wrong, or not to be had, when the server is made', () => {
    const make = (/** @type {any} */ options) => () => http.createServer({ ...SERVER, ...options });
    assert.throws(make({ key: identity('renewed').key }), { code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' });
    assert.throws(make({ key: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(make({ cert: 'none' }), { code: 'ERR_OSSL_PEM_NO_START_LINE' });
    assert.throws(make({ key: undefined }), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(make({ key: fixture('server-key-encrypted.pem') }), { code: 'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED' });
    assert.throws(make({ ciphers: 'RC4' }), { code: 'ERR_SSL_NO_CIPHER_MATCH' });
    assert.throws(make({ minVersion: 'SSLv3' }), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(make({ maxVersion: 'TLSv1.1' }), { code: 'ERR_MILLRACE_TLS_UNSUPPORTED' });
    assert.throws(make({ SNICallback: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(make({ handshakeTimeout: 'soon' }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(make({ requestCert: true, ca: 'none' }), { code: 'ERR_OSSL_PEM_NO_START_LINE' });
    const unsupported = {
      pfx: fixture('server.p12'),
      dhparam: 'x',
      sigalgs: 'x',
      secureProtocol: 'TLSv1_2_method',
      ticketKeys: Buffer.alloc(48),
      ecdhCurve: 'P-521',
    };
    for (const [name, value] of Object.entries(unsupported)) {
      assert.throws(make({ [name]: value }), { code: 'ERR_MILLRACE_TLS_UNSUPPORTED', message: new RegExp(name) });
    }
    assert.throws(() => http.createServer().setSecureContext(SERVER), { code: 'ERR_MILLRACE_TLS_OFF' });
    assert.throws(() => http.createServer(SERVER).addContext('', SERVER), { code: 'ERR_TLS_REQUIRED_SERVER_NAME' });
  });
});
