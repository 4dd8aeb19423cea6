'use strict';

// Peers that do not keep to RFC 9113, or do so to do harm, by frames that are written by hand.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { getDefaultHighWaterMark } = require('node:stream');
const { describe, it } = require('node:test');
const http = require('../lib/http.js');
const { RawHttp2, ask, field, frame, request, session, type, word, END_HEADERS, END_STREAM } = require('./harness/http2.js');
const { closed, listening } = require('./harness/raw-http.js');
const { until } = require('./harness/streams.js');

const PROTOCOL_ERROR = 1;
const FLOW_CONTROL_ERROR = 3;
const FRAME_SIZE_ERROR = 6;
const REFUSED_STREAM = 7;
const CANCEL = 8;
const ENHANCE_YOUR_CALM = 11;

/** @param {any} _req @param {any} res */
function hello(_req, res) {
  res.end('hello');
}

/**
 * A server, and at the end a well-behaved client that must find it as it should be.
 *
 * @param {(port: number, server: any) => Promise<void>} use
 * @param {any} [options]
 * @param {any} [handler]
 */
async function attacked(use, options = {}, handler = hello) {
  const server = http.createServer(options, handler);
  const port = await listening(server);
  try {
    await use(port, server);
    await session(port, async (client) => assert.equal((await ask(client, { ':path': '/after' })).headers[':status'], 200));
  } finally {
    await closed(server);
  }
}

describe('floods end the connection', () => {
  it('of streams that are opened and reset (CVE-2023-44487)', () => {
    let seen = 0;
    return attacked(async (port) => {
      const raw = new RawHttp2(port);
      for (let i = 0; i < 200; i++) raw.write(request(i * 2 + 1), frame(type.RST_STREAM, 0, i * 2 + 1, word(CANCEL)));
      assert.equal(await raw.goneAway(), ENHANCE_YOUR_CALM);
      assert.ok(seen <= 200, `${seen} requests were seen`);
      seen = 0;
    }, {}, (/** @type {any} */ _req, /** @type {any} */ res) => {
      seen++;
      res.end();
    });
  });

  it('of such streams whose requests are seen each time', () => attacked(async (port, server) => {
    const raw = new RawHttp2(port);
    for (let i = 0; i < 40 && !raw.ended; i++) {
      const seen = once(server, 'request');
      raw.write(request(i * 2 + 1));
      if (await Promise.race([seen, raw.closed]) === undefined) break;
      raw.write(frame(type.RST_STREAM, 0, i * 2 + 1, word(CANCEL)));
    }
    assert.equal(await raw.goneAway(), ENHANCE_YOUR_CALM);
  }, { http2: { streamResetBurst: 20, streamResetRate: 1 } }, (/** @type {any} */ req, /** @type {any} */ res) => {
    if (req.url === '/after') res.end();
  }));

  it('of PING (CVE-2019-9512), SETTINGS (CVE-2019-9515), PRIORITY and unknown frames', () => attacked(async (port) => {
    const floods = [
      frame(type.PING, 0, 0, Buffer.alloc(8)),
      frame(type.SETTINGS, 0, 0),
      frame(type.PRIORITY, 0, 1, [0, 0, 0, 0, 1]),
      frame(0x55, 0, 0, [1, 2, 3]),
    ];
    for (const flood of floods) {
      const raw = new RawHttp2(port);
      for (let i = 0; i < 30; i++) raw.write(...Array.from({ length: 100 }, () => flood));
      assert.equal(await raw.goneAway(), ENHANCE_YOUR_CALM);
    }
  }));

  it('of DATA without bytes (CVE-2019-9518)', () => attacked(async (port) => {
    const raw = new RawHttp2(port);
    raw.write(request(1, { method: 'POST', end: false }));
    for (let i = 0; i < 30; i++) raw.write(...Array.from({ length: 100 }, () => frame(type.DATA, 0, 1)));
    assert.equal(await raw.goneAway(), ENHANCE_YOUR_CALM);
  }));

  it('of CONTINUATION (CVE-2024-27316)', () => attacked(async (port, server) => {
    const raw = new RawHttp2(port);
    raw.write(frame(type.HEADERS, END_STREAM, 1, [0x82, 0x84, 0x86]));
    const more = frame(type.CONTINUATION, 0, 1, field('x-a', 'b'.repeat(100)));
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 1000 && !raw.ended; i++) {
      raw.write(...Array.from({ length: 100 }, () => more));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await raw.closed;
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
    assert.equal(server.listenerCount('request'), 1);
  }));
});

describe('a peer that takes nothing', () => {
  it('makes nothing grow, and its streams are reset after stallTimeout', () => {
    /** @type {any[]} */
    const responses = [];
    return attacked(async (port, server) => {
      // SETTINGS_INITIAL_WINDOW_SIZE of 0.
      const raw = new RawHttp2(port, Buffer.concat([Buffer.from([0, 4]), word(0)]));
      for (let i = 0; i < 100; i++) raw.write(request(i * 2 + 1));
      await until(() => responses.length === 100);
      const bound = 2 * getDefaultHighWaterMark(false);
      for (const res of responses) {
        assert.ok(res.writableNeedDrain);
        assert.ok(res.socket.writableLength <= bound, `${res.socket.writableLength} bytes wait`);
      }
      // It looks alive otherwise.
      raw.write(frame(type.PING, 0, 0, Buffer.alloc(8)));
      await raw.until(({ kind }) => kind === type.PING);
      for (let i = 0; i < 100; i++) assert.equal(await raw.reset(i * 2 + 1), CANCEL);
      await until(() => responses.every((res) => res.destroyed));
      assert.equal(server._engine.streams.filter(Boolean).length, 0);
      raw.destroy();
    }, { http2: { stallTimeout: 200 } }, (/** @type {any} */ req, /** @type {any} */ res) => {
      if (req.url === '/after') return void res.end();
      responses.push(res);
      while (res.write(Buffer.alloc(4096)));
    });
  });

  it('of its socket stops what is written for it', () => {
    /** @type {any} */
    let response;
    return attacked(async (port) => {
      const window = Buffer.concat([Buffer.from([0, 4]), word(2 ** 31 - 1)]);
      const raw = new RawHttp2(port, window);
      raw.write(frame(type.WINDOW_UPDATE, 0, 0, word(2 ** 31 - 1 - 65_535)), request(1));
      await raw.until(({ kind }) => kind === type.HEADERS);
      raw.socket.pause();
      const pump = () => {
        while (response.write(Buffer.alloc(64 * 1024)));
      };
      response.on('drain', pump);
      pump();
      let before = -1;
      await until(() => {
        const still = response.socket.bytesWritten === before;
        before = response.socket.bytesWritten;
        return still && response.writableNeedDrain;
      });
      assert.ok(response.socket.writableLength < 256 * 1024, `${response.socket.writableLength} bytes wait`);
      raw.socket.resume();
      const more = before;
      await until(() => response.socket.bytesWritten > more);
      raw.destroy();
      await once(response, 'close');
    }, {}, (/** @type {any} */ req, /** @type {any} */ res) => {
      if (req.url === '/after') return void res.end();
      response = res;
      res.writeHead(200).flushHeaders();
    });
  });

  it('and never answers a ping is dropped after pingTimeout', () => attacked(async (port) => {
    const raw = new RawHttp2(port);
    raw.write(request(1));
    await raw.until(({ kind }) => kind === type.PING);
    await raw.closed;
  }, { http2: { pingInterval: 100, pingTimeout: 100 } }, (/** @type {any} */ req, /** @type {any} */ res) => {
    if (req.url === '/after') res.end();
    else res.write('x');
  }));
});

describe('limits', () => {
  it('of a head are answered with 431', () => attacked(async (port) => {
    await session(port, async (client) => {
      const { headers } = await ask(client, { 'x-large': 'a'.repeat(20_000) }).catch((error) => ({ headers: error }));
      assert.equal(headers[':status'], 431);
      assert.equal((await ask(client, {})).headers[':status'], 200);
    }, { maxSendHeaderBlockLength: 100_000 });
  }));

  it('of streams are announced, and one too many is refused', () => attacked(async (port) => {
    const raw = new RawHttp2(port);
    const settings = await raw.until(({ kind, flags }) => kind === type.SETTINGS && flags === 0);
    /** @type {Record<number, number>} */
    const announced = {};
    for (let at = 0; at < settings.payload.length; at += 6) {
      announced[settings.payload.readUInt16BE(at)] = settings.payload.readUInt32BE(at + 2);
    }
    assert.equal(announced[3], 2);
    assert.equal(announced[4], 1024 * 1024);
    assert.equal(announced[6], 16 * 1024);
    raw.write(frame(type.SETTINGS, 1, 0));
    raw.write(...[1, 3, 5].map((stream) => request(stream)));
    assert.equal(await raw.reset(5), REFUSED_STREAM);
    raw.destroy();
  }, { http2: { maxConcurrentStreams: 2 } }, (/** @type {any} */ req, /** @type {any} */ res) => {
    if (req.url === '/after') res.end();
  }));

  it('of a request’s time reset its stream', () => attacked(async (port) => {
    const raw = new RawHttp2(port);
    raw.write(request(1, { method: 'POST', end: false }), frame(type.DATA, 0, 1, Buffer.from('some')));
    assert.equal(await raw.reset(1), CANCEL);
    raw.destroy();
  }, { requestTimeout: 200, headersTimeout: 200 }, (/** @type {any} */ req, /** @type {any} */ res) => {
    if (req.url === '/after') res.end();
  }));

  it('of a connection that says its preface and nothing more close it', () => attacked(async (port) => {
    const raw = new RawHttp2(port);
    await raw.closed;
    const silent = net.connect(port, '127.0.0.1');
    silent.on('error', () => {});
    silent.write('PRI * HT');
    silent.resume();
    await once(silent, 'close');
  }, { headersTimeout: 300, requestTimeout: 300, http2: { idleTimeout: 100, pingTimeout: 100 } }));
});

describe('a fault', () => {
  // Where RFC 9113 has a code of its own for what the frame layer calls PROTOCOL_ERROR, any code may be sent (section 5.4).
  /** @type {Record<string, [Buffer[], number]>} */
  const ofConnection = {
    'DATA on an idle stream': [[frame(type.DATA, 0, 5, [1])], PROTOCOL_ERROR],
    'DATA on stream 0': [[frame(type.DATA, 0, 0, [1])], PROTOCOL_ERROR],
    'HEADERS on an even stream': [[request(2)], PROTOCOL_ERROR],
    'a stream number that went backwards': [[request(5), request(3)], PROTOCOL_ERROR],
    'a window of the connection beyond 2^31 - 1': [[frame(type.WINDOW_UPDATE, 0, 0, word(2 ** 31 - 1))], FLOW_CONTROL_ERROR],
    'an update of the connection by nothing': [[frame(type.WINDOW_UPDATE, 0, 0, word(0))], PROTOCOL_ERROR],
    'a frame larger than was allowed': [[frame(type.DATA, 0, 1, Buffer.alloc(20_000))], FRAME_SIZE_ERROR],
    'a PING of 6 bytes': [[frame(type.PING, 0, 0, Buffer.alloc(6))], PROTOCOL_ERROR],
    'an initial window beyond 2^31 - 1': [
      [frame(type.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), word(2 ** 31)]))], PROTOCOL_ERROR,
    ],
    'a frame between HEADERS and CONTINUATION': [
      [frame(type.HEADERS, END_STREAM, 1, [0x82]), frame(type.PING, 0, 0, Buffer.alloc(8))], PROTOCOL_ERROR,
    ],
    'CONTINUATION without HEADERS': [[frame(type.CONTINUATION, END_HEADERS, 1, [0x82])], PROTOCOL_ERROR],
    'a field block that is no HPACK': [
      [frame(type.HEADERS, END_STREAM | END_HEADERS, 1, [0xff, 0xff, 0xff, 0xff, 0xff])], PROTOCOL_ERROR,
    ],
    'PUSH_PROMISE from a client': [[request(1), frame(type.PUSH, END_HEADERS, 1, [0, 0, 0, 2, 0x82])], PROTOCOL_ERROR],
    'DATA behind the end': [
      [request(1, { method: 'POST', end: false }), frame(type.DATA, END_STREAM, 1), frame(type.DATA, 0, 1, [1])], PROTOCOL_ERROR,
    ],
    'a name in capitals': [[request(1, { fields: [field('X-Upper', 'a')] })], PROTOCOL_ERROR],
    'a pseudo-header that is none': [[request(1, { fields: [field(':foo', 'a')] })], PROTOCOL_ERROR],
    'RST_STREAM on an idle stream': [[frame(type.RST_STREAM, 0, 9, word(CANCEL))], PROTOCOL_ERROR],
  };
  for (const [name, [frames, code]] of Object.entries(ofConnection)) {
    it(`of the connection: ${name}`, () => attacked(async (port, server) => {
      /** @type {any[]} */
      const told = [];
      server.on('clientError', (/** @type {any} */ error, /** @type {any} */ socket) => {
        told.push(error.code);
        if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      });
      const raw = new RawHttp2(port).write(...frames);
      assert.equal(await raw.goneAway(), code);
      assert.deepEqual(told, ['ERR_HTTP2_SESSION_ERROR']);
    }));
  }

  const post = (/** @type {Buffer[]} */ fields) => request(1, { method: 'POST', end: false, fields });
  /** @type {Record<string, [Buffer[], number]>} */
  const ofStream = {
    'more DATA than content-length': [
      [post([field('content-length', '3')]), frame(type.DATA, END_STREAM, 1, Buffer.from('four'))], PROTOCOL_ERROR,
    ],
    'less DATA than content-length': [
      [post([field('content-length', '9')]), frame(type.DATA, END_STREAM, 1, Buffer.from('four'))], PROTOCOL_ERROR,
    ],
    'a field of the connection': [[request(1, { fields: [field('connection', 'close')] })], PROTOCOL_ERROR],
    'te that is not trailers': [[request(1, { fields: [field('te', 'gzip')] })], PROTOCOL_ERROR],
    'a head without a path': [[frame(type.HEADERS, END_HEADERS | END_STREAM, 1, [0x82, 0x86])], PROTOCOL_ERROR],
    'a window of the stream beyond 2^31 - 1': [
      [post([]), frame(type.WINDOW_UPDATE, 0, 1, word(2 ** 31 - 1))], FLOW_CONTROL_ERROR,
    ],
  };
  for (const [name, [frames, code]] of Object.entries(ofStream)) {
    it(`of one stream: ${name}`, () => attacked(async (port) => {
      const raw = new RawHttp2(port).write(...frames);
      assert.equal(await raw.reset(1), code);
      // The others go on.
      raw.write(request(11, { path: '/after' }));
      await raw.until(({ kind, stream }) => kind === type.DATA && stream === 11);
      raw.destroy();
    }, {}, (/** @type {any} */ req, /** @type {any} */ res) => {
      if (req.url === '/after') res.end('x');
      else req.resume();
    }));
  }

  it('of the preface closes, or is HTTP/1’s to answer', () => attacked(async (port) => {
    const other = net.connect(port, '127.0.0.1');
    other.write('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n');
    let text = '';
    for await (const chunk of other) text += chunk;
    assert.match(text, /^HTTP\/1\.1 400 /);
  }));

  it('of DATA beyond the window of the stream ends the stream or the connection', () => attacked(async (port) => {
    const raw = new RawHttp2(port).write(request(1, { method: 'POST', end: false }));
    for (let i = 0; i < 20; i++) raw.write(frame(type.DATA, 0, 1, Buffer.alloc(16_384)));
    const end = await raw.until(({ kind, payload }) => kind === type.RST_STREAM || kind === type.GOAWAY && payload[7] !== 0);
    assert.equal(end.payload.readUInt32BE(end.kind === type.GOAWAY ? 4 : 0), FLOW_CONTROL_ERROR);
    raw.destroy();
  }, { http2: { initialWindowSize: 65_535 } }, (/** @type {any} */ req, /** @type {any} */ res) => {
    if (req.url === '/after') res.end();
  }));

  it('of clients that are killed at random costs the others nothing', () => attacked(async (port) => {
    await session(port, async (client) => {
      const echo = (/** @type {number} */ i) => ask(client, { ':method': 'POST', ':path': '/echo' }, Buffer.alloc(i * 1000, i));
      const good = Array.from({ length: 50 }, (_, i) => echo(i));
      const begun = [request(1, { method: 'POST', path: '/echo', end: false }), frame(type.DATA, 0, 1, Buffer.alloc(1000))];
      for (let i = 0; i < 50; i++) {
        const raw = new RawHttp2(port).write(...begun);
        if (i % 3 === 0) await raw.until(({ kind }) => kind === type.DATA);
        if (i % 2 === 0) raw.socket.resetAndDestroy();
        else raw.destroy();
      }
      for (const [i, answer] of (await Promise.all(good)).entries()) assert.equal(answer.body.length, i * 1000);
    });
  }, {}, (/** @type {any} */ req, /** @type {any} */ res) => req.pipe(res)));
});
