'use strict';

// Certificates that clients show, which node:https is asked about as well.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const https = require('node:https');
const { describe, it } = require('node:test');
const http = require('../lib/http.js');
const { closed, listening } = require('./harness/raw-http.js');
const { SERVER, ca, failure, fetched, fixture, identity, serving } = require('./harness/tls.js');

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

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
    it(`knows which are revoked (${maxVersion})`, async () => {
      const options = { requestCert: true, rejectUnauthorized: false, ca, crl: [fixture('client-revoked.pem')] };
      const told = async (/** @type {any} */ server) => {
        const { body } = await fetched(await listening(server), { ...identity('client'), maxVersion });
        await closed(server);
        return JSON.parse(String(body));
      };
      const expected = bad('a client', 'CERT_REVOKED');
      assert.deepEqual(await told(http.createServer({ ...SERVER, ...options }, seen)), expected);
      assert.deepEqual(await told(https.createServer({ ...SERVER, ...options }, seen)), expected);
      const without = { ...options, crl: fixture('nothing-revoked.pem') };
      assert.equal((await told(http.createServer({ ...SERVER, ...without }, seen))).authorized, true);
      await serving({ ...options, rejectUnauthorized: true }, seen, async (port, server) => {
        const refused = failure(fetched(port, { ...identity('client'), maxVersion }));
        const [, [error]] = await Promise.all([refused, once(server, 'tlsClientError')]);
        assert.equal(error.code, 'CERT_REVOKED');
      });
    });
  }

  it('refuses a list of revoked certificates that is none', () => {
    const make = (/** @type {any} */ crl) => () => http.createServer({ ...SERVER, requestCert: true, ca, crl });
    assert.throws(make('none'), { code: 'ERR_CRYPTO_OPERATION_FAILED' });
    assert.throws(make(1), { code: 'ERR_INVALID_ARG_TYPE' });
  });

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
