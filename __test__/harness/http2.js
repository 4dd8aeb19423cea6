'use strict';

/** What the tests of HTTP/2 share: a client of Node's, and one that writes its frames by hand. */

const { once } = require('node:events');
const http2 = require('node:http2');
const net = require('node:net');
const http = require('../../lib/http.js');
const { serving: onServer } = require('./http.js');

/**
 * @typedef {object} Answer
 * @property {any} headers with `:status`
 * @property {Buffer} body
 * @property {any} trailers
 * @property {any[]} informational
 */

/**
 * @template T
 * @param {any} handler
 * @param {(port: number, server: any) => Promise<T>} use
 * @param {any} [options]
 * @returns {Promise<T>}
 */
const serving = (handler, use, options) => onServer(http, handler, use, options);

/**
 * A session with a server on loopback, closed when `use` is over.
 *
 * @template T
 * @param {number} port
 * @param {(session: http2.ClientHttp2Session) => Promise<T>} use
 * @param {http2.ClientSessionOptions} [options]
 * @returns {Promise<T>}
 */
async function session(port, use, options) {
  const client = http2.connect(`http://127.0.0.1:${port}`, options);
  client.on('error', () => {});
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

/**
 * @param {http2.ClientHttp2Session} client
 * @param {any} headers
 * @param {string | Buffer | import('node:stream').Readable} [body]
 * @returns {Promise<Answer>}
 */
function ask(client, headers, body) {
  return new Promise((resolve, reject) => {
    const stream = client.request(headers, { endStream: body === undefined });
    /** @type {Buffer[]} */
    const chunks = [];
    /** @type {any} */
    let head;
    /** @type {any} */
    let trailers = {};
    /** @type {any[]} */
    const informational = [];
    // Without the symbol that Node puts beside the names.
    const plain = (/** @type {any} */ fields) => Object.fromEntries(Object.entries(fields));
    stream.on('headers', (fields) => informational.push(plain(fields)));
    stream.on('response', (fields) => {
      head = plain(fields);
    });
    stream.on('trailers', (fields) => {
      trailers = plain(fields);
    });
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      if (head === undefined) reject(new Error(`closed with code ${stream.rstCode} before an answer`));
      else resolve({ headers: head, body: Buffer.concat(chunks), trailers, informational });
    });
    if (body === undefined) return;
    if (typeof body === 'string' || Buffer.isBuffer(body)) stream.end(body);
    else body.pipe(stream);
  });
}

/**
 * `fetch` over a session, as far as the tests use it.
 *
 * @param {http2.ClientHttp2Session} client
 * @returns {(url: string, init?: any) => Promise<Response>}
 */
function fetchOver(client) {
  return async (url, { method = 'GET', headers = {}, body } = {}) => {
    const { pathname, search } = new URL(url);
    const answer = await ask(client, { ':method': method, ':path': pathname + search, ...headers }, body);
    const fields = Object.entries(answer.headers).filter(([name]) => !name.startsWith(':'));
    return new Response(answer.body.length > 0 ? answer.body : null, {
      status: answer.headers[':status'],
      headers: fields.map(([name, value]) => [name, String(value)]),
    });
  };
}

/** Kinds of frame. */
const type = {
  DATA: 0, HEADERS: 1, PRIORITY: 2, RST_STREAM: 3, SETTINGS: 4, PUSH: 5, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8, CONTINUATION: 9,
};
const END_STREAM = 1;
const END_HEADERS = 4;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/**
 * @param {number} kind
 * @param {number} flags
 * @param {number} stream
 * @param {Buffer | number[]} [payload]
 * @returns {Buffer}
 */
function frame(kind, flags, stream, payload = []) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
}

/**
 * @param {number} number
 * @returns {Buffer} of 32 bits
 */
function word(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

/**
 * @param {string} text of less than 127 bytes
 * @returns {Buffer} as HPACK has it, without Huffman's code
 */
function string(text) {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]);
}

/**
 * @param {string} name
 * @param {string} value
 * @returns {Buffer} a field that is not put into the table
 */
function field(name, value) {
  return Buffer.concat([Buffer.from([0]), string(name), string(value)]);
}

/**
 * @param {number} stream
 * @param {{ path?: string, method?: string, fields?: Buffer[], end?: boolean }} [request]
 * @returns {Buffer} the HEADERS frame of a request
 */
function request(stream, { path = '/', method = 'GET', fields = [], end = true } = {}) {
  const head = [field(':method', method), Buffer.from([0x86]), field(':path', path), field(':authority', 'a')];
  return frame(type.HEADERS, END_HEADERS | (end ? END_STREAM : 0), stream, Buffer.concat([...head, ...fields]));
}

/** A connection whose frames a test writes and reads itself. */
class RawHttp2 {
  /**
   * @param {number} port
   * @param {Buffer} [settings] payload; none for the defaults
   */
  constructor(port, settings = Buffer.alloc(0)) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    /** @type {{ kind: number, flags: number, stream: number, payload: Buffer }[]} */
    this.frames = [];
    this.ended = false;
    let bytes = Buffer.alloc(0);
    this.socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        const end = 9 + bytes.readUIntBE(0, 3);
        this.frames.push({ kind: bytes[3], flags: bytes[4], stream: bytes.readUInt32BE(5), payload: bytes.subarray(9, end) });
        bytes = bytes.subarray(end);
      }
      this.socket.emit('more');
    });
    this.closed = new Promise((resolve) => this.socket.on('close', () => {
      this.ended = true;
      this.socket.emit('more');
      resolve(undefined);
    }));
    this.write(Buffer.from(PREFACE), frame(type.SETTINGS, 0, 0, settings));
  }

  /** @param {Buffer[]} frames */
  write(...frames) {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
    return this;
  }

  /**
   * @param {(frame: { kind: number, flags: number, stream: number, payload: Buffer }) => boolean} wanted
   * @returns {Promise<{ kind: number, flags: number, stream: number, payload: Buffer }>} the first such frame
   */
  async until(wanted) {
    for (;;) {
      const found = this.frames.find(wanted);
      if (found) return found;
      if (this.ended) throw new Error(`the connection ended after ${JSON.stringify(this.frames.map((f) => [f.kind, f.stream]))}`);
      await once(this.socket, 'more');
    }
  }

  /** @returns {Promise<number>} the code of the GOAWAY, once the server has closed */
  async goneAway() {
    const goaway = await this.until(({ kind, payload }) => kind === type.GOAWAY && payload.readUInt32BE(4) !== 0);
    await this.closed;
    return goaway.payload.readUInt32BE(4);
  }

  /**
   * @param {number} stream
   * @returns {Promise<number>} the code of its RST_STREAM
   */
  async reset(stream) {
    return (await this.until((f) => f.kind === type.RST_STREAM && f.stream === stream)).payload.readUInt32BE(0);
  }

  destroy() {
    this.socket.destroy();
  }
}

module.exports = { ask, END_HEADERS, END_STREAM, fetchOver, field, frame, RawHttp2, request, serving, session, type, word };
