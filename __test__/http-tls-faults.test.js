'use strict';

// Peers that do not keep to TLS, from raw sockets: each is told apart, costs nothing that stays, and the server lives on.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const net = require('node:net');
const { describe, it } = require('node:test');
const tls = require('node:tls');
const { Duplex } = require('node:stream');
const { getEventLoop } = require('../lib/internal/event-loop.js');
const { Raw, listening } = require('./harness/raw-http.js');
const { ca, connected, fetched, identity, serving } = require('./harness/tls.js');
const { until } = require('./harness/streams.js');

/** @param {any} _req @param {any} res */
const hello = (_req, res) => res.end('hello');

/**
 * A ClientHello of Node's, as it goes over the wire.
 *
 * @param {any} [options]
 * @returns {Promise<Buffer>}
 */
async function clientHello(options) {
  /** @type {Buffer[]} */
  const chunks = [];
  const wire = new Duplex({
    read() {},
    write(chunk, _encoding, callback) {
      chunks.push(chunk);
      callback();
    },
  });
  const socket = tls.connect({ socket: wire, servername: 'localhost', ...options });
  socket.on('error', () => {});
  await until(() => chunks.length > 0, 'the ClientHello');
  socket.destroy();
  return Buffer.concat(chunks);
}

/**
 * A client whose bytes pass through a relay, which can add to them or cut them off.
 *
 * @param {number} port
 * @param {(socket: tls.TLSSocket, upstream: net.Socket) => Promise<void>} use
 */
async function relayed(port, use) {
  /** @type {any} */
  let upstream;
  const relay = net.createServer((downstream) => {
    upstream = net.connect(port, '127.0.0.1');
    downstream.pipe(upstream).pipe(downstream);
    for (const end of [downstream, upstream]) end.on('error', () => {});
  });
  const socket = await connected(await listening(relay));
  socket.on('error', () => {});
  await use(socket, upstream);
  socket.destroy();
  upstream.destroy();
  relay.close();
}

/**
 * Sends bytes to a TLS server, which refuses them.
 *
 * @param {(port: number, server: any) => Promise<any>} misbehave
 * @param {any} [options]
 * @returns {Promise<{ error: any, answer: any }>} what the server was told, and what came back
 */
async function refused(misbehave, options) {
  /** @type {any} */
  let outcome;
  await serving(options, hello, async (port, server) => {
    const told = once(server, 'tlsClientError');
    const [[error, socket], answer] = await Promise.all([told, misbehave(port, server)]);
    assert.equal(socket.destroyed, true);
    await until(() => server._engine.connections === 0, 'the connection to go');
    assert.equal(String((await fetched(port)).body), 'hello');
    outcome = { error, answer };
  });
  return outcome;
}

describe('what is no TLS', () => {
  it('is told, where it is a request in the clear, and answered in the clear', async () => {
    for (const request of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'POST /x HTTP/1.1\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']) {
      const { error, answer } = await refused((port) => new Raw(port).write(request).all);
      assert.equal(error.code, 'ERR_SSL_HTTP_REQUEST');
      assert.match(answer, /^HTTP\/1\.0 400 Bad Request\r\n[^]*\r\n\r\nClient sent an HTTP request to an HTTPS server\.\n$/);
    }
  });

  it('is told and closed, whatever it is', async () => {
    for (const bytes of ['\0\0\0\0', 'SSH-2.0-x\r\n', '\x80\x2e\x01\x03\x01', '\x16\x02\0\0\x05hello', '\xff'.repeat(70_000)]) {
      const { error } = await refused((port) => new Raw(port).write(bytes).all);
      assert.equal(error.code, 'ERR_SSL_WRONG_VERSION_NUMBER', JSON.stringify(bytes.slice(0, 12)));
    }
  });

  it('is told in any handshake: records of another kind, broken messages, empty ones, too long ones', async () => {
    const record = (/** @type {number} */ type, /** @type {number} */ length, /** @type {Buffer} */ body) =>
      Buffer.concat([Buffer.from([type, 3, 1, length >> 8, length & 255]), body]).toString('latin1');
    for (const [bytes, code] of /** @type {[string, RegExp][]} */ ([
      [record(22, 0, Buffer.alloc(0)), /BAD_PACKET|HANDSHAKE/],
      [record(22, 5, Buffer.from('hello')), /^ERR_SSL_/],
      [record(22, 4, Buffer.from([1, 0, 0, 0])), /^ERR_SSL_/],
      [record(22, 4, Buffer.from([2, 0, 0, 0])), /UNEXPECTED_MESSAGE|BAD_PACKET/],
      [record(22, 60_000, randomBytes(60_000)), /PACKET_LENGTH_TOO_LONG|BAD_PACKET/],
      [record(22, 4, Buffer.from([1, 0xff, 0xff, 0xff])), /EXCESSIVE_MESSAGE_SIZE|BAD_PACKET/],
    ])) {
      const { error } = await refused((port) => new Raw(port).write(bytes).all);
      assert.match(error.code, code, JSON.stringify(bytes.slice(0, 12)));
    }
  });

  it('is told of random bytes behind a good beginning, a hundred times', async () => {
    const good = await clientHello();
    await serving({}, hello, async (port, server) => {
      let told = 0;
      server.on('tlsClientError', () => told++);
      for (let i = 0; i < 100; i++) {
        const bytes = Buffer.from(good);
        bytes.set(randomBytes(8), 5 + ((i * 97) % (bytes.length - 13)));
        const raw = new Raw(port);
        raw.socket.write(bytes);
        raw.socket.write(randomBytes(200));
        raw.socket.end();
        await raw.all;
      }
      await until(() => server._engine.connections === 0, 'the connections to go');
      assert.ok(told >= 90, `${told} of 100`);
      assert.equal(String((await fetched(port)).body), 'hello');
    });
  });
});

describe('a handshake that does not end', () => {
  it('is given up at handshakeTimeout: without a byte, within a ClientHello, and while SNICallback thinks', async () => {
    const begin = (await clientHello()).subarray(0, 50).toString('latin1');
    for (const bytes of ['', begin]) {
      const { error } = await refused((port) => new Raw(port).write(bytes).all, { handshakeTimeout: 60 });
      assert.equal(error.code, 'ERR_TLS_HANDSHAKE_TIMEOUT');
    }
    const whole = (await clientHello()).toString('latin1');
    /** @type {any} */
    let answer;
    const SNICallback = (/** @type {string} */ _name, /** @type {any} */ callback) => {
      if (answer === undefined) answer = callback;
      else callback(null, null);
    };
    const { error } = await refused((port) => new Raw(port).write(whole).all, { handshakeTimeout: 60, SNICallback });
    assert.equal(error.code, 'ERR_TLS_HANDSHAKE_TIMEOUT');
    answer(null, null); // too late, and nobody's any more
  });

  it('is told where the peer goes away amid it', async () => {
    const hello = (await clientHello()).toString('latin1');
    for (const bytes of ['', hello.slice(0, 100), hello]) {
      const { error } = await refused(async (port) => {
        const raw = new Raw(port);
        raw.write(bytes);
        await once(raw.socket, 'connect');
        raw.socket.end();
        await raw.all;
      });
      assert.equal(error.code, 'ECONNRESET');
    }
  });

  it('takes a ClientHello byte by byte, and in records of one byte', async () => {
    const bytes = await clientHello();
    const body = bytes.subarray(5);
    const split = Buffer.concat([...body].map((byte) => Buffer.from([22, 3, 1, 0, 1, byte])));
    await serving({}, hello, async (port) => {
      for (const pieces of [[...bytes].map((byte) => Buffer.from([byte])), [split]]) {
        const raw = new Raw(port);
        raw.socket.setNoDelay(true);
        for (const piece of pieces) {
          raw.socket.write(piece);
          if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
        }
        // A ServerHello in a record of TLS 1.2's number.
        await raw.until('\x16\x03\x03');
        raw.destroy();
      }
    });
  });
});

describe('a session that is broken', () => {
  it('is an error of the connection: a record that was changed', async () => {
    await serving({}, hello, async (port, server) => {
      const secured = once(server, 'secureConnection');
      await relayed(port, async (_socket, upstream) => {
        await secured;
        const told = once(server, 'clientError');
        upstream.write(Buffer.concat([Buffer.from([23, 3, 3, 0, 40]), randomBytes(40)]));
        const [error, ours] = await told;
        assert.equal(error.code, 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC');
        assert.equal(ours.encrypted, true);
        ours.destroy();
      });
      await until(() => server._engine.connections === 0, 'the connection to go');
    });
  });

  it('ends a body that was cut off, with and without a word: the handler hears of it', async () => {
    const cuts = [
      (/** @type {tls.TLSSocket} */ socket) => socket.end(),
      (/** @type {tls.TLSSocket} */ _socket, /** @type {net.Socket} */ upstream) => upstream.end(),
      (/** @type {tls.TLSSocket} */ _socket, /** @type {net.Socket} */ upstream) => upstream.resetAndDestroy(),
    ];
    for (const cut of cuts) {
      /** @type {any} */
      let heard;
      const listener = (/** @type {any} */ req) => {
        req.on('error', () => {});
        req.resume().on('close', () => (heard = { complete: req.complete, aborted: req.aborted }));
      };
      await serving({}, listener, async (port, server) => {
        await relayed(port, async (socket, upstream) => {
          socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf');
          await once(server, 'request');
          cut(socket, upstream);
          await until(() => heard !== undefined, 'the end');
          assert.deepEqual(heard, { complete: false, aborted: true });
        });
        await until(() => server._engine.connections === 0, 'the connection to go');
      });
    }
  });

  it('shows a client that a body was cut off: no close_notify behind it', async () => {
    const listener = (/** @type {any} */ _req, /** @type {any} */ res) => {
      res.writeHead(200, { 'Content-Length': 1000 });
      res.write('half', () => res.destroy());
    };
    await serving({}, listener, async (port) => {
      const error = await fetched(port).then(() => null, (failure) => failure);
      assert.equal(error.code, 'ECONNRESET');
    });
  });

  it('refuses a peer that asks for a new handshake in TLS 1.2', async () => {
    await serving({ maxVersion: 'TLSv1.2' }, hello, async (port, server) => {
      const socket = await connected(port);
      socket.renegotiate({}, () => {});
      const [error] = await once(socket, 'error');
      assert.equal(error.code, 'ERR_SSL_NO_RENEGOTIATION');
      await until(() => server._engine.connections === 0, 'the connection to go');
      assert.equal(String((await fetched(port)).body), 'hello');
    });
  });
});

describe('many peers', () => {
  it('a reader that stops holds a bounded part of a large answer, and others go on', async () => {
    const chunk = Buffer.alloc(64 << 10, 'x');
    let written = 0;
    const listener = (/** @type {any} */ req, /** @type {any} */ res) => {
      if (req.url === '/small') return res.end('hello');
      const write = () => {
        while (!res.destroyed) {
          written += chunk.length;
          if (!res.write(chunk)) break;
        }
        res.once('drain', write);
      };
      write();
    };
    await serving({}, listener, async (port) => {
      const socket = await connected(port);
      socket.pause();
      socket.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => written > 0, 'the first bytes');
      for (let i = 0; i < 20; i++) assert.equal(String((await fetched(port, { path: '/small' })).body), 'hello');
      // The system's buffers, of a few megabytes, and ours.
      assert.ok(written < 32 << 20, `${written}`);
      socket.destroy();
    });
  });

  it('come and go without a trace: good, bad, cut off and left open', async () => {
    const hello400 = await clientHello();
    const loop = getEventLoop();
    const before = loop.sources;
    await serving({ requestCert: true, rejectUnauthorized: false, ca }, hello, async (port, server) => {
      server.on('tlsClientError', () => {});
      await Promise.all(Array.from({ length: 40 }, async (_, lane) => {
        for (let i = 0; i < 5; i++) {
          if (lane % 4 === 0) assert.equal(String((await fetched(port, identity('client'))).body), 'hello');
          else if (lane % 4 === 1) await new Raw(port).write('garbage garbage').all;
          else if (lane % 4 === 2) {
            const raw = new Raw(port);
            raw.socket.write(hello400);
            await raw.until('\x16');
            raw.socket.resetAndDestroy();
            await raw.all;
          } else {
            const socket = await connected(port);
            socket.write('GET / HT');
            socket.destroy();
          }
        }
      }));
      await until(() => server._engine.connections === 0, 'the connections to go');
    });
    await until(() => loop.sources <= before, 'the sources to go');
  });
});

