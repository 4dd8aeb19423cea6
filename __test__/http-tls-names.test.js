'use strict';

// What handshakes agree on: certificates by name, kind of key and time, sessions, protocols.

const assert = require('node:assert/strict');
const { X509Certificate } = require('node:crypto');
const { once } = require('node:events');
const http2 = require('node:http2');
const https = require('node:https');
const { describe, it } = require('node:test');
const tls = require('node:tls');
const http = require('../lib/http.js');
const { SERVER, ca, connected, failure, fetched, fixture, identity, serving } = require('./harness/tls.js');

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
