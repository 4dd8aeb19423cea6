'use strict';

/** The other end of a WebSocket, frame by frame: what a test writes is what is on the wire, and what came can be looked at. */

const { createHash } = require('node:crypto');
const { once } = require('node:events');
const net = require('node:net');

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78]);

/**
 * @typedef {object} Frame
 * @property {number} opcode
 * @property {boolean} [fin] Defaults to true.
 * @property {number} [rsv] the three reserved bits, as one number. Defaults to 0.
 * @property {Buffer | string} [payload]
 */

/**
 * @param {Frame} frame
 * @param {boolean} masked
 * @returns {Buffer}
 */
function encode({ opcode, fin = true, rsv = 0, payload = '' }, masked) {
  const body = Buffer.from(/** @type {any} */ (payload));
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const bit = masked ? 0x80 : 0;
  let head;
  if (body.length < 126) {
    head = Buffer.from([first, bit | body.length]);
  } else if (body.length < 65536) {
    head = Buffer.from([first, bit | 126, body.length >> 8, body.length & 255]);
  } else {
    head = Buffer.alloc(10);
    head.writeUInt16BE((first << 8) | bit | 127);
    head.writeBigUInt64BE(BigInt(body.length), 2);
  }
  if (!masked) return Buffer.concat([head, body]);
  for (let i = 0; i < body.length; i++) body[i] ^= MASK[i & 3];
  return Buffer.concat([head, MASK, body]);
}

class Wire {
  /**
   * @param {net.Socket} socket behind the handshake
   * @param {Buffer} rest what came behind it
   * @param {boolean} isClient
   */
  constructor(socket, rest, isClient) {
    this.socket = socket;
    this.isClient = isClient;
    this.input = rest;
    /** @type {{ opcode: number, fin: boolean, rsv: number, payload: Buffer }[]} */
    this.frames = [];
    this.ended = false;
    socket.on('data', (chunk) => {
      this.input = Buffer.concat([this.input, chunk]);
      this.decode();
      socket.emit('more');
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
      socket.emit('more');
    });
  }

  decode() {
    for (;;) {
      const { input } = this;
      if (input.length < 2) return;
      const masked = (input[1] & 0x80) !== 0;
      if (masked === this.isClient) throw new Error('masked by the wrong end');
      let length = input[1] & 0x7f;
      let head = 2;
      if (length === 126) {
        if (input.length < 4) return;
        length = input.readUInt16BE(2);
        head = 4;
      } else if (length === 127) {
        if (input.length < 10) return;
        length = Number(input.readBigUInt64BE(2));
        head = 10;
      }
      const start = head + (masked ? 4 : 0);
      if (input.length < start + length) return;
      const payload = Buffer.from(input.subarray(start, start + length));
      if (masked) for (let i = 0; i < length; i++) payload[i] ^= input[head + (i & 3)];
      this.frames.push({ opcode: input[0] & 15, fin: input[0] > 127, rsv: (input[0] >> 4) & 7, payload });
      this.input = input.subarray(start + length);
    }
  }

  /** @param {Frame} frame @returns {Buffer} as this end sends it */
  encode(frame) {
    return encode(frame, this.isClient);
  }

  /**
   * Writes bytes in pieces, each in a turn of the loop of its own.
   *
   * @param {Buffer} bytes
   * @param {number} [size] of a piece. Defaults to all of it.
   */
  async write(bytes, size = bytes.length) {
    for (let at = 0; at < bytes.length && !this.ended; at += size) {
      this.socket.write(/** @type {any} */ (bytes.subarray(at, at + size)));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** @param {() => boolean} done */
  async until(done) {
    while (!done()) {
      if (this.ended) throw new Error('the connection ended too soon');
      await once(this.socket, 'more');
    }
  }

  /** The other end's close frame came, or the connection ended without one. */
  async closed() {
    while (!this.ended && !this.frames.some(({ opcode }) => opcode === 8)) await once(this.socket, 'more');
  }
}

/**
 * @param {net.Socket} socket
 * @returns {Promise<{ head: string, rest: Buffer }>} what is in front of an empty line, and what is behind it
 */
async function readHead(socket) {
  let bytes = Buffer.alloc(0);
  while (!bytes.includes('\r\n\r\n')) bytes = Buffer.concat([bytes, (await once(socket, 'data'))[0]]);
  const end = bytes.indexOf('\r\n\r\n') + 4;
  return { head: bytes.toString('latin1', 0, end), rest: bytes.subarray(end) };
}

/**
 * The client of a server on a port.
 *
 * @param {number} port
 * @param {string} [extensions] to offer
 * @returns {Promise<Wire>}
 */
async function wireToServer(port, extensions) {
  const socket = net.connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  socket.write(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: ${KEY}\r\n${extensions ? `Sec-WebSocket-Extensions: ${extensions}\r\n` : ''}\r\n`,
  );
  const { head, rest } = await readHead(socket);
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(head);
  return new Wire(socket, rest, true);
}

/**
 * The server of a client that `connect` makes.
 *
 * @param {(url: string) => void} connect
 * @param {string} [extensions] to agree to
 * @returns {Promise<Wire>}
 */
async function wireToClient(connect, extensions) {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = once(server, 'connection');
  connect(`ws://127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`);
  const [socket] = await connection;
  server.close();
  socket.setNoDelay(true);
  const { head, rest } = await readHead(socket);
  const key = /^sec-websocket-key: (.*)\r$/im.exec(head)?.[1];
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n${extensions ? `Sec-WebSocket-Extensions: ${extensions}\r\n` : ''}\r\n`,
  );
  return new Wire(socket, rest, false);
}

module.exports = { Wire, wireToClient, wireToServer };
