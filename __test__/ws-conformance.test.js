'use strict';

/**
 * The cases of the Autobahn test suite (sections 1 to 7, 10, and 12 and 13 in short), of both ends: what an endpoint that
 * echoes must have on the wire, frame by frame. `ws` is asked the same, and must say the same, but where a case says otherwise.
 */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { messages, ours, pair, theirs } = require('./harness/ws.js');
const { wireToClient, wireToServer } = require('./harness/wire.js');

const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];

/** @typedef {import('./harness/wire.js').Frame} Frame */

/**
 * What is sent, in what pieces, and what must come back: echoes and pongs, then the close frame's code. A case that is not
 * ended by its own close frame or breach is closed with 1000.
 *
 * @typedef {object} Case
 * @property {string} name
 * @property {Frame[]} send
 * @property {number} [pieces] bytes of a piece. Defaults to all at once.
 * @property {[number, Buffer | string][]} [back] opcodes and payloads
 * @property {number} [code] Defaults to 1000.
 * @property {boolean} [early] `ws` waits for the message's end, which Autobahn calls not strict
 */

/** @type {Case[]} */
const CASES = [];

/** @param {string} name @param {Omit<Case, 'name' | 'send'> & { send: Frame | Frame[] }} one */
function add(name, { send, ...one }) {
  CASES.push({ name, send: [send].flat(), ...one });
}

/** @param {number[]} codes @returns {Buffer} */
const bytes = (...codes) => Buffer.from(codes);

// 1: framing.
for (const [opcode, letter] of /** @type {const} */ ([[TEXT, '*'], [BINARY, '\xfe']])) {
  for (const length of [0, 125, 126, 127, 128, 65535, 65536]) {
    const payload = Buffer.alloc(length, letter, 'latin1');
    add(`1: opcode ${opcode}, ${length} bytes`, { send: { opcode, payload }, back: [[opcode, payload]] });
  }
  const payload = Buffer.alloc(65536, letter, 'latin1');
  add(`1: opcode ${opcode}, 65536 bytes in pieces of 997`, { send: { opcode, payload }, back: [[opcode, payload]], pieces: 997 });
}

// 2: pings and pongs.
for (const payload of ['', 'Hello, world!', bytes(0, 255, 254, 253, 252, 251, 0, 255), Buffer.alloc(125, 0xfe)]) {
  for (const pieces of [undefined, 1]) {
    add(`2: a ping of ${payload.length} bytes, pieces of ${pieces ?? 'all'}`, {
      send: { opcode: PING, payload }, back: [[PONG, payload]], pieces,
    });
  }
}
add('2: a ping of 126 bytes', { send: { opcode: PING, payload: Buffer.alloc(126) }, code: 1002 });
add('2: a pong that nobody asked for', {
  send: [{ opcode: PONG, payload: 'x' }, { opcode: PING, payload: 'y' }], back: [[PONG, 'y']],
});
for (const pieces of [undefined, 1]) {
  add(`2: ten pings, pieces of ${pieces ?? 'all'}`, {
    send: Array.from({ length: 10 }, (_, n) => ({ opcode: PING, payload: `payload-${n}` })),
    back: Array.from({ length: 10 }, (_, n) => [PONG, `payload-${n}`]),
    pieces,
  });
}

// 3: reserved bits; 4: reserved opcodes. What came before is answered.
const hello = { opcode: TEXT, payload: 'Hello, world!' };
for (const pieces of [undefined, 1]) {
  for (let rsv = 1; rsv <= 7; rsv++) {
    for (const opcode of [TEXT, BINARY, CLOSE, PING, PONG]) {
      add(`3: reserved bits ${rsv}, opcode ${opcode}, pieces of ${pieces ?? 'all'}`, {
        send: [hello, { opcode, rsv, payload: '' }, { opcode: PING }], back: [[TEXT, hello.payload]], code: 1002, pieces,
      });
    }
  }
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    for (const payload of ['', 'reserved']) {
      add(`4: opcode ${opcode}, ${payload.length} bytes, pieces of ${pieces ?? 'all'}`, {
        send: [hello, { opcode, payload }, { opcode: PING }], back: [[TEXT, hello.payload]], code: 1002, pieces,
      });
    }
  }
}

// 5: fragments.
const fragment = (/** @type {number} */ opcode, /** @type {string} */ payload, fin = false) => ({ opcode, payload, fin });
for (const opcode of [PING, PONG]) {
  add(`5: opcode ${opcode} in fragments`, { send: [fragment(opcode, 'a'), fragment(CONTINUATION, 'b', true)], code: 1002 });
}
for (const pieces of [undefined, 1]) {
  const two = [fragment(TEXT, 'fragment1'), fragment(CONTINUATION, 'fragment2', true)];
  const cut = `pieces of ${pieces ?? 'all'}`;
  add(`5: two fragments, ${cut}`, { send: two, back: [[TEXT, 'fragment1fragment2']], pieces });
  add(`5: a ping between fragments, ${cut}`, {
    send: [two[0], { opcode: PING, payload: 'ping' }, two[1]], back: [[PONG, 'ping'], [TEXT, 'fragment1fragment2']], pieces,
  });
  for (const fin of [true, false]) {
    add(`5: a continuation of nothing, fin ${fin}, ${cut}`, {
      send: [fragment(CONTINUATION, 'x', fin), hello], code: 1002, pieces,
    });
    add(`5: a continuation behind a whole message, fin ${fin}, ${cut}`, {
      send: [hello, fragment(CONTINUATION, 'x', fin)], back: [[TEXT, hello.payload]], code: 1002, pieces,
    });
  }
  add(`5: a message within a message, ${cut}`, { send: [two[0], hello], code: 1002, pieces });
  add(`5: five fragments and two pings, ${cut}`, {
    send: [
      fragment(TEXT, '1'), fragment(CONTINUATION, '2'), { opcode: PING, payload: 'p' }, fragment(CONTINUATION, '3'),
      fragment(CONTINUATION, '4'), { opcode: PING, payload: 'q' }, fragment(CONTINUATION, '5', true),
    ],
    back: [[PONG, 'p'], [PONG, 'q'], [TEXT, '12345']],
    pieces,
  });
}

// 6: UTF-8, in one frame, in a frame for each byte, and byte by byte on the wire.
/** Kuhn's stress test, with the borders of each length. @type {Record<string, boolean>} hexadecimal, and whether it is valid */
const TEXTS = {
  '': true,
  '48656c6c6f2dc2b540c39fc3b6c3a4c3bcc3a0c3a12d5554462d382121': true,
  'cebae1bdb9cf83cebcceb5': true,
  '00': true,
  'c280': true,
  'e0a080': true,
  'f0908080': true,
  '7f': true,
  'dfbf': true,
  'efbfbf': true,
  'f48fbfbf': true,
  'ed9fbf': true,
  'ee8080': true,
  'efbfbd': true,
  'efbfbe': true,
  'f09fbfbe': true,
  'f7bfbfbf': false,
  'f4908080': false,
  'f888808080': false,
  'fbbfbfbfbf': false,
  'fc8480808080': false,
  'fdbfbfbfbfbf': false,
  '80': false,
  'bf': false,
  '8080': false,
  '80bf80bf80bf': false,
  'c020c120c220': false,
  'e020e120': false,
  'f020f120': false,
  'c0': false,
  'e080': false,
  'f08080': false,
  'df': false,
  'efbf': false,
  'f7bfbf': false,
  'fe': false,
  'ff': false,
  'c0af': false,
  'e080af': false,
  'f08080af': false,
  'c1bf': false,
  'e09fbf': false,
  'f08fbfbf': false,
  'c080': false,
  'e08080': false,
  'eda080': false,
  'edbfbf': false,
  'eda080edb080': false,
  'cebae1bdb9cf83cebcceb5eda080656469746564': false,
  'cebae1bdb9cf83cebcceb5f4908080656469746564': false,
};
for (const [hexadecimal, valid] of Object.entries(TEXTS)) {
  const payload = Buffer.from(hexadecimal, 'hex');
  /** @type {Pick<Case, 'back' | 'code'>} */
  const outcome = valid ? { back: [[TEXT, payload]] } : { code: 1007 };
  add(`6: ${hexadecimal || 'nothing'}`, { send: { opcode: TEXT, payload }, ...outcome });
  add(`6: ${hexadecimal || 'nothing'}, byte by byte`, { send: { opcode: TEXT, payload }, pieces: 1, ...outcome });
  if (payload.length < 2) continue;
  const frames = [...payload].map((byte, index) => ({
    opcode: index === 0 ? TEXT : CONTINUATION, payload: bytes(byte), fin: index === payload.length - 1,
  }));
  add(`6: ${hexadecimal}, a fragment for each byte`, { send: frames, ...outcome });
}
add('6: a text that goes wrong in a fragment is not waited for', {
  send: [
    { opcode: TEXT, fin: false, payload: bytes(0xce, 0xba, 0xe1) },
    { opcode: CONTINUATION, fin: false, payload: bytes(0x28) },
  ],
  code: 1007,
  early: true,
});

// 7: closing.
const close = (/** @type {number} */ code, reason = /** @type {Buffer | string} */ ('')) => ({
  opcode: CLOSE, payload: Buffer.concat([bytes(code >> 8, code & 255), Buffer.from(/** @type {any} */ (reason))]),
});
add('7: what comes behind a close frame is not looked at', {
  send: [hello, close(1000), hello, { opcode: PING }], back: [[TEXT, hello.payload]],
});
add('7: a close frame within a message', { send: [fragment(TEXT, 'x'), close(1000), fragment(CONTINUATION, 'y', true)] });
add('7: a close frame without a code', { send: { opcode: CLOSE }, code: 0 });
add('7: a close frame of one byte', { send: { opcode: CLOSE, payload: 'a' }, code: 1002 });
add('7: a reason of 123 bytes', { send: close(1000, '*'.repeat(123)) });
add('7: a reason of 124 bytes', { send: close(1000, '*'.repeat(124)), code: 1002 });
add('7: a reason that is not UTF-8', {
  send: close(1000, Buffer.from('cebae1bdb9cf83cebcceb5eda080656469746564', 'hex')), code: 1007,
});
for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]) {
  add(`7: code ${code}`, { send: close(code, 'a reason'), code });
}
for (const code of [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535]) {
  add(`7: code ${code}, which may not be sent`, { send: close(code, 'a reason'), code: 1002 });
}

// 10: many fragments.
{
  const payload = Buffer.alloc(65536, '*');
  const send = [];
  for (let at = 0; at < payload.length; at += 1300) {
    const end = at + 1300 >= payload.length;
    send.push({ opcode: at === 0 ? TEXT : CONTINUATION, fin: end, payload: payload.subarray(at, at + 1300) });
  }
  add('10: 65536 bytes in fragments of 1300', { send, back: [[TEXT, payload]] });
}

/** @param {any} websocket that echoes from here on */
function echo(websocket) {
  websocket.on('error', () => {});
  websocket.on('message', (/** @type {Buffer} */ data, /** @type {boolean} */ isBinary) => {
    websocket.send(data, { binary: isBinary });
  });
}

/**
 * @param {import('./harness/wire.js').Wire} wire
 * @param {Case} one
 */
async function run(wire, { send, pieces, back = [], code = 1000 }) {
  await wire.write(Buffer.concat(send.map((frame) => wire.encode(frame))), pieces);
  const closes = code !== 1000 || send.some(({ opcode }) => opcode === CLOSE);
  if (!closes) {
    await wire.until(() => wire.frames.length >= back.length);
    await wire.write(wire.encode(close(1000)));
  }
  await wire.closed();
  // The server's end is the first to close; this end does where it is the server.
  wire.socket.end();
  if (!wire.ended) await once(wire.socket, 'close');
  const expected = [...back.map(([opcode, payload]) => ({ opcode, payload })), { opcode: CLOSE, payload: null }];
  assert.deepEqual(wire.frames.map(({ opcode }) => opcode), expected.map(({ opcode }) => opcode));
  for (const [index, { opcode, payload }] of expected.entries()) {
    const frame = wire.frames[index];
    assert.ok(frame.fin && frame.rsv === 0);
    if (payload !== null) assert.ok(frame.payload.equals(Buffer.from(/** @type {any} */ (payload))), `opcode ${opcode}`);
  }
  const told = /** @type {{ payload: Buffer }} */ (wire.frames.at(-1)).payload;
  assert.equal(told.length === 0 ? 0 : told.readUInt16BE(), code);
}

for (const [who, library] of /** @type {const} */ ([['ours', ours], ['ws', theirs]])) {
  const cases = CASES.filter(({ early }) => library === ours || !early);
  describe(`${who}, as a server`, { timeout: 60_000 }, () => {
    for (const one of cases) {
      test(one.name, async () => {
        const server = new library.WebSocketServer({ port: 0, host: '127.0.0.1' });
        server.on('connection', echo);
        await once(server, 'listening');
        const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
        const wire = await wireToServer(port);
        await run(wire, one);
        await new Promise((resolve) => server.close(resolve));
      });
    }
  });

  describe(`${who}, as a client`, { timeout: 60_000 }, () => {
    for (const one of cases) {
      test(one.name, async () => {
        /** @type {any} */
        let client;
        const wire = await wireToClient((url) => {
          client = new library.WebSocket(url, { perMessageDeflate: false });
          echo(client);
        });
        const closed = new Promise((resolve) => client.on('close', resolve));
        await run(wire, one);
        await closed;
      });
    }
  });
}

// 12 and 13: compression, agreed on in every way, with messages of every size.
const PARAMETERS = [
  {},
  { serverNoContextTakeover: true, clientNoContextTakeover: true },
  { serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
  { serverMaxWindowBits: 15, clientMaxWindowBits: 15 },
  { serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
];
describe('12 and 13: compression', { timeout: 60_000 }, () => {
  for (const [name, server, client] of [
    ['ours with a client of ws', ours, theirs],
    ['ours with a server of ws', theirs, ours],
  ]) {
    for (const parameters of PARAMETERS) {
      test(`${name}, ${JSON.stringify(parameters)}`, async () => {
        const perMessageDeflate = { threshold: 0, ...parameters };
        const options = { serverOptions: { perMessageDeflate }, clientOptions: { perMessageDeflate } };
        const { peer, client: near, close: end } = await pair({ server, client, ...options });
        echo(peer);
        const sent = [0, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072].flatMap((length) => [
          Buffer.from('{"AutobahnPython": 0.6, "key": "ä"} '.repeat(length / 36 + 1)).subarray(0, length).toString('latin1'),
          Buffer.from(Array.from({ length }, (_, n) => (n * n * 31 + (n >> 3)) & 255)),
        ]);
        const got = messages(near, 2 * sent.length);
        for (const data of [...sent, ...sent]) near.send(data);
        for (const [index, [data, isBinary]] of (await got).entries()) {
          const expected = sent[index % sent.length];
          assert.equal(isBinary, typeof expected !== 'string');
          assert.ok(data.equals(Buffer.from(/** @type {any} */ (expected))), `message ${index}`);
        }
        await end();
      });
    }
  }
});
