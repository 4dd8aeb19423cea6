'use strict';

/** What a peer can do wrong, from a raw socket. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { describe, test } = require('node:test');
const { deflateRawSync } = require('node:zlib');
const { wireToClient } = require('./harness/wire.js');
const { ours } = require('./harness/ws.js');

/**
 * @param {number} first byte
 * @param {Buffer | string} payload
 * @param {{ mask?: boolean, length?: number }} [options] `length`: what the header says
 * @returns {Buffer} a frame, masked with zeros
 */
function frame(first, payload, { mask = true, length = Buffer.byteLength(payload) } = {}) {
  const bit = mask ? 0x80 : 0;
  const head = length < 126
    ? Buffer.from([first, bit | length])
    : length < 65536
      ? Buffer.from([first, bit | 126, length >> 8, length & 255])
      : Buffer.concat([Buffer.from([first, bit | 127]), big(BigInt(length))]);
  return Buffer.concat([head, Buffer.alloc(mask ? 4 : 0), Buffer.from(payload)]);
}

/** @param {bigint} value @returns {Buffer} */
function big(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/**
 * A server's end, and the raw socket of its client.
 *
 * @param {object} [options]
 * @param {string} [extensions]
 * @returns {Promise<{ server: any, peer: any, socket: net.Socket, received: () => Buffer, close: () => Promise<void> }>}
 */
async function raw(options, extensions) {
  const server = new ours.WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  await once(server, 'listening');
  const socket = net.connect(server.address().port, '127.0.0.1');
  socket.write(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extensions ? `Sec-WebSocket-Extensions: ${extensions}\r\n` : ''}\r\n`,
  );
  const [[peer], [answer]] = await Promise.all([once(server, 'connection'), once(socket, 'data')]);
  assert.match(String(answer), /^HTTP\/1.1 101/);
  let received = Buffer.alloc(0);
  socket.on('data', (chunk) => (received = Buffer.concat([received, chunk])));
  socket.on('error', () => {});
  return {
    server,
    peer,
    socket,
    received: () => received,
    async close() {
      const closed = once(server, 'close');
      socket.destroy();
      server.close();
      await closed;
    },
  };
}

/** @type {[string, number, string, Buffer, object?, string?][]} name, close code, error code, bytes, options, extensions */
const breaches = [
  ['an unmasked frame', 1002, 'WS_ERR_EXPECTED_MASK', frame(0x81, 'x', { mask: false })],
  ['reserved bits', 1002, 'WS_ERR_UNEXPECTED_RSV_2_3', frame(0xb1, 'x')],
  ['compression that was not agreed on', 1002, 'WS_ERR_UNEXPECTED_RSV_1', frame(0xc1, 'x')],
  ['an unknown opcode', 1002, 'WS_ERR_INVALID_OPCODE', frame(0x83, 'x')],
  ['a continuation of nothing', 1002, 'WS_ERR_INVALID_OPCODE', frame(0x80, 'x')],
  ['a message within a message', 1002, 'WS_ERR_INVALID_OPCODE', Buffer.concat([frame(0x01, 'x'), frame(0x81, 'y')])],
  ['a fragmented ping', 1002, 'WS_ERR_EXPECTED_FIN', frame(0x09, 'x')],
  ['a long ping', 1002, 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', frame(0x89, 'x'.repeat(126))],
  ['a close code that may not be sent', 1002, 'WS_ERR_INVALID_CLOSE_CODE', frame(0x88, Buffer.from([0x03, 0xed]))],
  ['a text that is not UTF-8', 1007, 'WS_ERR_INVALID_UTF8', frame(0x81, Buffer.from([0xce, 0xba, 0xe1, 0xbd]))],
  ['a surrogate', 1007, 'WS_ERR_INVALID_UTF8', frame(0x81, Buffer.from([0xed, 0xa0, 0x80]))],
  ['a text that goes wrong in its second fragment', 1007, 'WS_ERR_INVALID_UTF8',
    Buffer.concat([frame(0x01, Buffer.from([0xe2, 0x82])), frame(0x00, Buffer.from([0x28]))])],
  ['a message over maxPayload', 1009, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', frame(0x82, '', { length: 1025 }),
    { maxPayload: 1024 }],
  ['fragments over maxPayload', 1009, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
    Buffer.concat([frame(0x02, 'x'.repeat(600)), frame(0x00, 'x'.repeat(600))]), { maxPayload: 1024 }],
  ['fragments without end', 1008, 'WS_ERR_TOO_MANY_BUFFERED_PARTS',
    Buffer.concat([frame(0x01, ''), ...new Array(20).fill(frame(0x00, ''))]), { maxFragments: 16 }],
  ['a frame of 2^63 bytes', 1009, 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
    Buffer.concat([Buffer.from([0x82, 0xff]), big(2n ** 62n), Buffer.alloc(4)]), { maxPayload: 0 }],
  ['corrupt compression', 1007, 'Z_DATA_ERROR', frame(0xc1, Buffer.from([0x07, 0xff, 0xff])), { perMessageDeflate: true },
    'permessage-deflate'],
  ['a deflate bomb', 1009, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', frame(0xc2, deflateRawSync(Buffer.alloc(64 << 20))),
    { perMessageDeflate: true, maxPayload: 1 << 20 }, 'permessage-deflate'],
];

describe('a breach of the protocol ends its connection with the error of ws:', () => {
  for (const [name, closeCode, code, bytes, options, extensions] of breaches) {
    for (const cut of [bytes.length, 1]) {
      if (cut === 1 && bytes.length > 4096) continue;
      test(`${name}, ${cut === 1 ? 'byte by byte' : 'at once'}`, async () => {
        const { peer, socket, received, close } = await raw(options, extensions);
        const failed = once(peer, 'error');
        // All of this may be over before the last byte is written.
        const closed = new Promise((resolve) => peer.on('close', resolve));
        const ended = once(socket, 'end');
        for (let at = 0; at < bytes.length; at += cut) {
          socket.write(bytes.subarray(at, at + cut));
          if (cut === 1) await new Promise((resolve) => setImmediate(resolve));
        }
        assert.equal((await failed)[0].code, code);
        await ended;
        assert.deepEqual(received().subarray(-2), Buffer.from([closeCode >> 8, closeCode & 255]));
        assert.equal(await closed, 1006);
        await close();
      });
    }
  }
});

describe('a connection survives', () => {
  test('the four bytes that never end inflating', async () => {
    const { peer, socket, close } = await raw({ perMessageDeflate: true }, 'permessage-deflate');
    const got = once(peer, 'message');
    socket.write(frame(0xc2, Buffer.from([0x03, 0x80])));
    assert.equal((await got)[0].length, 0);
    await close();
  });

  test('the same, from a server', async () => {
    /** @type {any} */
    let client;
    const wire = await wireToClient((url) => (client = new ours.WebSocket(url)), 'permessage-deflate');
    const got = once(client, 'message');
    await wire.write(Buffer.from('c2020380', 'hex'));
    assert.equal((await got)[0].length, 0);
    const closed = once(client, 'close');
    client.terminate();
    await closed;
  });

  test('a flood of pings, and answers them in order', async () => {
    const { socket, received, close } = await raw();
    const pings = Buffer.concat(Array.from({ length: 50 }, (_, n) => frame(0x89, Buffer.from([n]))));
    socket.write(pings);
    while (received().length < 150) await once(socket, 'data');
    assert.deepEqual(received(), Buffer.concat(Array.from({ length: 50 }, (_, n) => Buffer.from([0x8a, 1, n]))));
    await close();
  });
});

describe('a peer', () => {
  test('that vanishes in a message gives 1006', async () => {
    const { peer, socket, close } = await raw();
    const closed = once(peer, 'close');
    socket.write(frame(0x81, 'half', { length: 100 }));
    socket.resetAndDestroy();
    assert.equal((await closed)[0], 1006);
    await close();
  });

  test('that does not answer a close is let go after closeTimeout', async () => {
    const { peer, socket, close } = await raw({ closeTimeout: 50 });
    const [closed] = [once(peer, 'close'), once(socket, 'close')];
    peer.close(1000);
    assert.equal((await closed)[0], 1006);
    await close();
  });

  test('that floods with pings and reads nothing is let go', async () => {
    const { peer, socket, close } = await raw();
    socket.pause();
    const closed = once(peer, 'close');
    const pings = Buffer.concat(new Array(1000).fill(frame(0x89, 'x'.repeat(125))));
    const flood = setInterval(() => {
      if (socket.writableLength < 1 << 20) socket.write(pings);
    });
    assert.equal((await closed)[0], 1006);
    clearInterval(flood);
    await close();
  });
});
