'use strict';

// TLS of servers, in the shape of node:https, which is asked the same where it can be.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { X509Certificate, randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const http2 = require('node:http2');
const https = require('node:https');
const os = require('node:os');
const path = require('node:path');
const { pipeline } = require('node:stream/promises');
const { describe, it } = require('node:test');
const tls = require('node:tls');
const millrace = require('../index.js');
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

describe('names and certificates', () => {
  /**
   * @param {number} port
   * @param {string} [servername]
   * @param {any} [options] of `tls.connect`
   * @returns {Promise<string>} the certificate's name
   */
  const shown = async (port, servername = 'localhost', options = {}) => {
    const socket = await connected(port, { servername, checkServerIdentity: () => undefined, ...options });
    const name = socket.getPeerCertificate().subject.CN;
    socket.end().resume();
    await once(socket, 'close');
    return name;
  };

  it('shows the certificate for the name: of secureContexts, addContext and patterns; the last that fits', async () => {
    await serving({ secureContexts: { 'a.test': identity('a-test') } }, () => {}, async (port, server) => {
      assert.equal(await shown(port, 'a.test'), 'a.test');
      assert.equal(await shown(port, 'b.wild.test'), 'server');
      server.addContext('*.wild.test', identity('wild-test'));
      assert.equal(await shown(port, 'b.wild.test'), 'wild');
      assert.equal(await shown(port, 'B.WILD.test'), 'wild');
      assert.equal(await shown(port, 'c.b.wild.test'), 'server');
      assert.equal(await shown(port, ''), 'server');
      server.addContext('b.*.test', http.createSecureContext(identity('renewed')));
      assert.equal(await shown(port, 'b.wild.test'), 'renewed');
    });
  });

  it('asks SNICallback, which may take its time, and takes what it gives; without one it is the default', async () => {
    const wild = http.createSecureContext(identity('wild-test'));
    const SNICallback = (/** @type {string} */ name, /** @type {any} */ callback) => {
      if (name === 'a.test') callback(null, identity('a-test'));
      else if (name.endsWith('wild.test')) setTimeout(callback, 20, null, wild);
      else if (name === 'bad.test') callback(new Error('no such name'));
      else callback(null, null);
    };
    await serving({ SNICallback }, () => {}, async (port, server) => {
      assert.equal(await shown(port, 'a.test'), 'a.test');
      assert.equal(await shown(port, 'b.wild.test'), 'wild');
      assert.equal(await shown(port, 'c.test'), 'server');
      assert.equal(await shown(port, ''), 'server');
      const [, [error, socket]] = await Promise.all([failure(shown(port, 'bad.test')), once(server, 'tlsClientError')]);
      assert.equal(error.message, 'no such name');
      assert.equal(socket.destroyed, true);
    });
  });

  it('refuses a context of node:tls, whose key cannot be had', async () => {
    const SNICallback = (/** @type {string} */ _name, /** @type {any} */ callback) => {
      callback(null, tls.createSecureContext(identity('a-test')));
    };
    await serving({ SNICallback }, () => {}, async (port, server) => {
      const [, [error]] = await Promise.all([failure(shown(port, 'a.test')), once(server, 'tlsClientError')]);
      assert.equal(error.code, 'ERR_MILLRACE_TLS_UNSUPPORTED');
    });
  });

  it('replaces certificates for new handshakes; connections that are there go on', async () => {
    await serving({}, (req, res) => res.end('still here'), async (port, server) => {
      const before = await connected(port);
      assert.equal(before.getPeerCertificate().subject.CN, 'server');
      server.setSecureContext(identity('renewed'));
      assert.equal(await shown(port), 'renewed');
      before.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      assert.match(String(Buffer.concat(await before.toArray())), /still here$/);
      assert.throws(() => server.setSecureContext({ ...identity('renewed'), key: 'no key' }));
      assert.equal(await shown(port), 'renewed');
    });
  });

  it('replaces certificates under traffic without a failed request', async () => {
    await serving({}, (req, res) => res.end('x'), async (port, server) => {
      const names = ['renewed', 'server', 'server-rsa'];
      let swaps = 0;
      const timer = setInterval(() => server.setSecureContext(identity(names[swaps++ % 3])), 2);
      await Promise.all(Array.from({ length: 8 }, async () => {
        for (let i = 0; i < 20; i++) assert.equal(String((await fetched(port)).body), 'x');
      }));
      clearInterval(timer);
      assert.ok(swaps > 3);
    });
  });

  it('has one certificate for each kind of key', async () => {
    const [ec, rsa] = [identity('server'), identity('server-rsa')];
    await serving({ key: [ec.key, rsa.key], cert: [ec.cert, rsa.cert] }, () => {}, async (port) => {
      assert.equal(await shown(port), 'server');
      assert.equal(await shown(port, 'localhost', { sigalgs: 'RSA-PSS+SHA256' }), 'server-rsa');
    });
  });

  it('takes keys that are encrypted, and in DER', async () => {
    const der = new X509Certificate(SERVER.cert).raw;
    for (const options of [
      { key: fixture('server-key-encrypted.pem'), passphrase: 'secret' },
      { key: [{ pem: fixture('server-key-encrypted.pem'), passphrase: 'secret' }] },
      { key: String(SERVER.key), cert: der },
    ]) {
      await serving(options, () => {}, async (port) => assert.equal(await shown(port), 'server'));
    }
  });

  it('resumes sessions, in TLS 1.2 and 1.3, and not behind new certificates', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
      const listener = (/** @type {any} */ req, /** @type {any} */ res) => res.end(String(req.socket.isSessionReused()));
      await serving({}, listener, async (port, server) => {
        /** @type {Buffer | undefined} */
        let session;
        const visit = async () => {
          /** @type {any} */
          const options = { port, host: 'localhost', ca, agent: false, maxVersion, session };
          const req = https.get(options);
          req.on('socket', (socket) => socket.on('session', (/** @type {Buffer} */ ticket) => (session = ticket)));
          const [res] = await once(req, 'response');
          return String(Buffer.concat(await res.toArray()));
        };
        assert.equal(await visit(), 'false', maxVersion);
        assert.equal(await visit(), 'true', maxVersion);
        server.setSecureContext(identity('renewed'));
        assert.equal(await visit(), 'false', maxVersion);
      });
    }
  });
});

describe('ALPN', () => {
  it('is h2 or http/1.1 by default, and what ALPNProtocols says', async () => {
    const listener = (/** @type {any} */ req, /** @type {any} */ res) => res.end(String(req.socket.alpnProtocol));
    await serving({}, listener, async (port) => {
      assert.equal(String((await fetched(port, { ALPNProtocols: ['http/1.1'] })).body), 'http/1.1');
      const session = http2.connect(`https://localhost:${port}`, { ca });
      const stream = session.request({ ':path': '/' });
      assert.equal(String(Buffer.concat(await stream.toArray())), 'h2');
      session.close();
      await once(session, 'close');
    });
    await serving({ http2: false }, listener, async (port) => {
      assert.equal(String((await fetched(port, { ALPNProtocols: ['h2', 'http/1.1'] })).body), 'http/1.1');
    });
    await serving({ ALPNProtocols: ['one', 'two'] }, listener, async (port, server) => {
      assert.equal(String((await fetched(port, { ALPNProtocols: ['two', 'one'] })).body), 'one');
      const refused = failure(fetched(port, { ALPNProtocols: ['three'] }));
      const [, [error]] = await Promise.all([refused, once(server, 'tlsClientError')]);
      assert.equal(error.code, 'ERR_SSL_NO_APPLICATION_PROTOCOL');
    });
  });

  it('is what ALPNCallback says', async () => {
    /** @type {any[]} */
    const asked = [];
    const ALPNCallback = (/** @type {any} */ hello) => {
      asked.push(hello);
      return hello.protocols.includes('two') ? 'two' : undefined;
    };
    const listener = (/** @type {any} */ req, /** @type {any} */ res) => res.end(String(req.socket.alpnProtocol));
    await serving({ ALPNCallback }, listener, async (port, server) => {
      assert.equal(String((await fetched(port, { ALPNProtocols: ['one', 'two'] })).body), 'two');
      assert.equal(String((await fetched(port)).body), 'false');
      assert.deepEqual(asked, [{ servername: 'localhost', protocols: ['one', 'two'] }]);
      const refused = failure(fetched(port, { ALPNProtocols: ['three'] }));
      const [, [error]] = await Promise.all([refused, once(server, 'tlsClientError')]);
      assert.equal(error.code, 'ERR_SSL_NO_APPLICATION_PROTOCOL');
    });
    const both = { ...SERVER, ALPNCallback, ALPNProtocols: ['a'] };
    assert.throws(() => http.createServer(both), { code: 'ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS' });
  });
});

describe('certificates of clients', () => {
  const seen = (/** @type {any} */ req, /** @type {any} */ res) => {
    const { authorized, authorizationError } = req.socket;
    res.end(JSON.stringify({ authorized, authorizationError, subject: req.socket.getPeerCertificate().subject?.CN ?? null }));
  };
  const bad = (/** @type {string | null} */ subject, /** @type {string} */ authorizationError) =>
    ({ authorized: false, authorizationError, subject });
  /** What Node's own server says of each, and ours. @type {[string, any, any][]} */
  const CASES = [
    ['a good one', identity('client'), { authorized: true, authorizationError: null, subject: 'a client' }],
    ['none', {}, bad(null, 'UNABLE_TO_GET_ISSUER_CERT')],
    ['one that has ended', identity('expired-client'), bad('expired', 'CERT_HAS_EXPIRED')],
    ['a stranger\'s', identity('other-client'), bad('stranger', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')],
  ];

  for (const [what, client, expected] of CASES) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
      it(`lets pass and judges ${what}, as Node does (${maxVersion})`, async () => {
        const options = { requestCert: true, rejectUnauthorized: false, ca };
        await serving(options, seen, async (port) => {
          assert.deepEqual(JSON.parse(String((await fetched(port, { ...client, maxVersion })).body)), expected);
        });
        const theirs = https.createServer({ ...SERVER, ...options }, seen);
        const port = await listening(theirs);
        assert.deepEqual(JSON.parse(String((await fetched(port, { ...client, maxVersion })).body)), expected);
        await closed(theirs);
      });
      if (expected.authorized) continue;
      it(`refuses ${what} in the handshake (${maxVersion})`, async () => {
        await serving({ requestCert: true, ca }, seen, async (port, server) => {
          const refused = failure(fetched(port, { ...client, maxVersion }));
          const [, [error]] = await Promise.all([refused, once(server, 'tlsClientError')]);
          const code = what === 'none' ? 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' : expected.authorizationError;
          assert.equal(error.code, code);
          // The server lives on.
          assert.equal(JSON.parse(String((await fetched(port, identity('client'))).body)).authorized, true);
        });
      });
    }
  }

  it('tells of a certificate what Node does', async () => {
    /** @type {any[]} */
    const told = [];
    const listener = (/** @type {any} */ req, /** @type {any} */ res) => {
      const { socket } = req;
      const { fingerprint256 } = socket.getPeerX509Certificate();
      told.push([socket.getPeerCertificate(), socket.getPeerCertificate(true).subject, fingerprint256]);
      res.end();
    };
    const options = { ...SERVER, requestCert: true, ca };
    for (const server of [http.createServer(options, listener), https.createServer(options, listener)]) {
      await fetched(await listening(server), identity('client'));
      await closed(server);
    }
    assert.equal(told.length, 2);
    assert.deepEqual(JSON.parse(JSON.stringify(told[0])), JSON.parse(JSON.stringify(told[1])));
  });

  it('stays with what it knew of a peer that is gone', async () => {
    /** @type {any} */
    let socket;
    await serving({ requestCert: true, ca }, (req, res) => {
      ({ socket } = req);
      socket.getPeerCertificate();
      res.end();
    }, async (port) => {
      await fetched(port, identity('client'));
      if (!socket.destroyed) await once(socket, 'close');
      assert.equal(socket.getPeerCertificate().subject.CN, 'a client');
      assert.equal(socket.getProtocol(), 'TLSv1.3');
    });
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
