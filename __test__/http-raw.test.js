'use strict';

// Bad input and load, from raw sockets. Codes are those of node:http, which is asked the same; where we are stricter, the
// table says so.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const nodeHttp = require('node:http');
const { after, before, describe, it } = require('node:test');
const ourHttp = require('../lib/http.js');
const { getEventLoop } = require('../lib/internal/event-loop.js');
const { Raw, closed, exchange, listening } = require('./harness/raw-http.js');
const { settled, until } = require('./harness/streams.js');

/** Without the native event loop the parser is Node's. */
const native = getEventLoop() !== null;

const HOST = 'Host: a\r\n';
const POST = `POST / HTTP/1.1\r\n${HOST}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

/** Requests that both refuse, with the same code. @type {Record<string, string>} */
const REFUSED = {
  'an unknown method': `BREW / HTTP/1.1\r\n${HOST}\r\n`,
  'a method in lower case': `get / HTTP/1.1\r\n${HOST}\r\n`,
  'TLS': '\x16\x03\x01\x02\x00',
  'no version': 'GET / \r\n\r\n',
  'an unknown version': `GET / HTTP/9.9\r\n${HOST}\r\n`,
  'another protocol': `GET / HTPP/1.1\r\n${HOST}\r\n`,
  'a control byte in the target': `GET /\x01 HTTP/1.1\r\n${HOST}\r\n`,
  'a high byte in the target': `GET /\xff HTTP/1.1\r\n${HOST}\r\n`,
  'a target without a slash': `GET foo HTTP/1.1\r\n${HOST}\r\n`,
  'a bad byte in a name': `GET / HTTP/1.1\r\n${HOST}X[]: a\r\n\r\n`,
  'an empty name': `GET / HTTP/1.1\r\n${HOST}: a\r\n\r\n`,
  'a space before a colon': 'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
  'no colon': 'GET / HTTP/1.1\r\nHost\r\n\r\n',
  'a folded value': `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`,
  'a bare LF': `GET / HTTP/1.1\r\n${HOST.replace('\r', '')}X: b\r\n\r\n`,
  'a bare CR': 'GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n',
  'a bare CR for the empty line': 'GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n',
  'a NUL in a value': 'GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n',
  'a control byte in a value': 'GET / HTTP/1.1\r\nHost: a\x07b\r\n\r\n',
  'two equal lengths': `${POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
  'two lengths': `${POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\na`,
  'a negative length': `${POST}Content-Length: -1\r\n\r\n`,
  'a length with a sign': `${POST}Content-Length: +1\r\n\r\n`,
  'a length that is no number': `${POST}Content-Length: abc\r\n\r\n`,
  'an empty length': `${POST}Content-Length: \r\n\r\n`,
  'a list of lengths': `${POST}Content-Length: 1, 1\r\n\r\na`,
  'a length beyond 64 bits': `${POST}Content-Length: 99999999999999999999999\r\n\r\n`,
  'chunks and a length': `${POST}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n`,
  'a length and chunks': `${POST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunks that are not last': `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n`,
  'chunks twice': `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
  'an encoding without chunks': `${POST}Transfer-Encoding: gzip\r\n\r\n`,
  'an odd chunked': `${POST}Transfer-Encoding: xchunked\r\n\r\n`,
  'a chunk size that is none': `${CHUNKED}x\r\n`,
  'a negative chunk size': `${CHUNKED}-1\r\n`,
  'a chunk size with 0x': `${CHUNKED}0x1\r\na\r\n0\r\n\r\n`,
  'a chunk size beyond 64 bits': `${CHUNKED}fffffffffffffffff\r\n`,
  'a chunk size with a space': `${CHUNKED}1 \r\na\r\n0\r\n\r\n`,
  'an empty chunk size': `${CHUNKED}\r\n`,
  'a bare LF behind a chunk size': `${CHUNKED}1\na\n0\n\n`,
  'a bare LF behind a chunk': `${CHUNKED}1\r\na\n0\r\n\r\n`,
  'a chunk that is too long': `${CHUNKED}1\r\nab\r\n`,
  'a bare LF in an extension': `${CHUNKED}1;a\nb\r\na\r\n0\r\n\r\n`,
  'a control byte in an extension': `${CHUNKED}1;a\x01\r\na\r\n0\r\n\r\n`,
  'a bad trailer': `${CHUNKED}0\r\nX T: 1\r\n\r\n`,
  'trailers without end': `${CHUNKED}0\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
  'a head without end': `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
  'a target without end': `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
};

/** What node:http lets pass, and RFC 9112 does not. @type {Record<string, [string, string]>} */
const STRICTER = {
  'HTTP/0.9': ['GET /\r\n\r\n', 'HPE_INVALID_URL'],
  'HTTP/2.0 in the manner of HTTP/1': ['GET / HTTP/2.0\r\n\r\n', 'HPE_INVALID_VERSION'],
  'two spaces in the request line': [`GET  / HTTP/1.1\r\n${HOST}\r\n`, 'HPE_INVALID_URL'],
  'two hosts': [`GET / HTTP/1.1\r\n${HOST}Host: b\r\n\r\n`, 'HPE_INVALID_HEADER_TOKEN'],
  'chunks in HTTP/1.0': ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'HPE_INVALID_TRANSFER_ENCODING'],
  'more than 2,000 fields': [`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(2001)}\r\n`, 'HPE_HEADER_OVERFLOW'],
  'extensions of more than 16 KiB': [CHUNKED + `1;${'a'.repeat(5000)}\r\nx\r\n`.repeat(4), 'HPE_CHUNK_EXTENSIONS_OVERFLOW'],
};

/**
 * @param {any} http
 * @param {string} request
 * @returns {Promise<{ code: string, answer: string }>} `clientError`'s code, and the answer without a listener
 */
async function refusal(http, request) {
  // The preface is none where it is not looked for.
  const server = http.createServer({ http2: false }, (/** @type {any} */ req) => req.resume());
  const port = await listening(server);
  try {
    const answer = await exchange(port, request);
    const told = once(server, 'clientError');
    const raw = new Raw(port).write(request);
    const [error, socket] = await told;
    assert.match(error.message, /^Parse Error/);
    assert.ok(Buffer.isBuffer(error.rawPacket));
    socket.destroy();
    await raw.all;
    return { code: error.code, answer };
  } finally {
    await closed(server);
  }
}

describe('malformed requests are refused as by node:http', () => {
  for (const [name, request] of Object.entries(REFUSED)) {
    it(name, async () => {
      const [ours, theirs] = await Promise.all([refusal(ourHttp, request), refusal(nodeHttp, request)]);
      // Node is of two minds about the code of a bare LF, by where it is.
      assert.deepEqual(ours, theirs);
    });
  }
});

// What follows is our parser's alone; where Node's serves, it is Node's to say.
if (native) describe('and some that node:http lets pass', () => {
  for (const [name, [request, code]] of Object.entries(STRICTER)) {
    it(name, async () => {
      const { code: ours, answer } = await refusal(ourHttp, request);
      assert.equal(ours, code);
      assert.match(answer, /^HTTP\/1.1 (400|413|431) /);
    });
  }
});

// The cases of uNetworking/h1spec: what a server has to wait for, to refuse, and to answer.
describe('h1spec', () => {
  /** @type {any} */
  let server;
  /** @type {number} */
  let port;
  before(async () => {
    server = ourHttp.createServer((_req, res) => res.end('Hello World'));
    port = await listening(server);
  });
  after(() => closed(server));

  const line = 'GET /hello HTTP/1.1';
  const whole = `${line}\r\nHost: localhost\r\n\r`;
  const fragments = ['G', 'GET ', 'GET /hello', 'GET /hello ', 'GET /hello HTTP', line, `${line}\r`, `${line}\r\n`,
    ...['Hos', 'Host:', 'Host: ', 'Host: localhost', 'Host: localhost\r', 'Host: localhost\r\n'].map((f) => `${line}\r\n${f}`), whole];
  it('fragments wait for the rest', async () => {
    const all = fragments.map((fragment) => new Raw(port).write(fragment));
    // A request on a later connection is answered; those before it were seen by then.
    assert.match(await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /200/);
    fragments.forEach((fragment, index) => {
      assert.equal(all[index].text, '', fragment);
      all[index].write(`${whole}\n`.slice(fragment.length));
    });
    for (const raw of all) {
      await raw.until('Hello World');
      raw.destroy();
    }
  });

  /** @type {[string, string, RegExp][]} */
  const cases = [
    ['a request without a version', 'GET / \r\n\r\n', /^HTTP\/1.1 [45]/],
    ['an expectation', 'GET / HTTP/1.1\r\nHost: example.com\r\nExpect: 100-continue\r\n\r\n', /^HTTP\/1.1 100 [^]*HTTP\/1.1 200/],
    ['a valid GET', 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n', /^HTTP\/1.1 2/],
    ['a valid GET with edge cases', 'GET / HTTP/1.1\r\nhoSt:\texample.com\r\nempty:\r\n\r\n', /^HTTP\/1.1 2/],
    ['invalid header characters', 'GET / HTTP/1.1\r\nHost: example.com\r\nX-Invalid[]: test\r\n\r\n', /^HTTP\/1.1 4/],
    ['a missing host', 'GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n', /^HTTP\/1.1 4/],
    // Node's parser lets it pass.
    ['several hosts', 'GET / HTTP/1.1\r\nHost: example.com\r\nHost: example.org\r\n\r\n', native ? /^HTTP\/1.1 4/ : /^HTTP\/1.1 2/],
    ['an overflowing negative length', `${POST}Content-Length: -123456789123456789123456789\r\n\r\n`, /^HTTP\/1.1 4/],
    ['a negative length', `${POST}Content-Length: -1234\r\n\r\n`, /^HTTP\/1.1 4/],
    ['a length that is no number', `${POST}Content-Length: abc\r\n\r\n`, /^HTTP\/1.1 4/],
    ['an empty value', `GET / HTTP/1.1\r\n${HOST}X-Empty-Header: \r\n\r\n`, /^HTTP\/1.1 2/],
    ['a control character', `GET / HTTP/1.1\r\n${HOST}X-Bad-Control-Char: test\x07\r\n\r\n`, /^HTTP\/1.1 4/],
    ['an invalid version', `GET / HTTP/9.9\r\n${HOST}\r\n`, /^HTTP\/1.1 [45]/],
    ['an invalid prefix', `Extra lineGET / HTTP/1.1\r\n${HOST}\r\n`, /^HTTP\/1.1 [45]/],
    ['an invalid line ending', `GET / HTTP/1.1\r\n${HOST}\rSome-Header: Test\r\n\r\n`, /^HTTP\/1.1 4/],
    ['a valid POST', `${POST}Content-Length: 5\r\n\r\nhello`, /^HTTP\/1.1 (2|404)/],
    ['chunks and a length', `GET / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`, /^HTTP\/1.1 4/],
  ];
  for (const [name, request, answer] of cases) {
    it(name, async () => {
      const raw = new Raw(port).write(request);
      assert.match(await raw.until(answer), answer);
      raw.destroy();
    });
  }
});

describe('under load', () => {
  it('a peer that asks and does not read gets one answer at a time', async () => {
    let asked = 0;
    const server = ourHttp.createServer((_req, res) => {
      asked++;
      res.end(Buffer.alloc(1 << 20, 'x'));
    });
    const port = await listening(server);
    const raw = new Raw(port);
    raw.socket.pause();
    raw.write(`GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(5000));
    await until(() => asked > 0, 'the first request');
    await settled(() => asked);
    // The system's own buffers hold some. Node makes them all, and keeps them.
    assert.ok(asked < (native ? 40 : 5001), `${asked} answers were made`);
    raw.destroy();
    await closed(server);
  });

  it('bytes one at a time make the same requests', async () => {
    const server = ourHttp.createServer(async (req, res) => {
      const body = Buffer.concat(await req.toArray()).toString();
      res.end(`${req.method} ${req.url} ${body} ${req.trailers.t ?? ''}`);
    });
    const port = await listening(server);
    const raw = new Raw(port);
    raw.socket.setNoDelay(true);
    const request = `POST /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n`;
    for (const byte of request) {
      raw.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(await raw.all, /POST \/x abc 1/);
    await closed(server);
  });

  it('thousands of connections come and go without a trace', async () => {
    const server = ourHttp.createServer((_req, res) => res.end('x'));
    const port = await listening(server);
    const round = async () => {
      const all = Array.from({ length: 500 }, (_, i) => {
        const raw = new Raw(port).write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
        // Some go amid it all.
        if (i % 5 === 0) setImmediate(() => raw.destroy());
        return raw;
      });
      await Promise.all(all.map((raw, i) => (i % 5 === 0 ? raw.all : raw.until('\r\n\r\nx'))));
      await Promise.all(all.map((raw) => {
        raw.destroy();
        return raw.all;
      }));
    };
    for (let i = 0; i < 4; i++) await round();
    let left = 1;
    const count = () => server.getConnections((_error, connections) => {
      left = connections;
      if (left > 0) setImmediate(count);
    });
    count();
    await until(() => left === 0, 'the last connection to go');
    assert.equal(/** @type {any} */ (server)._sockets().length, 0);
    await closed(server);
  });
});
