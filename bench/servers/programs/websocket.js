'use strict';

/**
 * A WebSocket server to be loaded: `node websocket.js JSON`, with the options below. Prints its port.
 *
 * @typedef {object} Options
 * @property {'millrace' | 'ws'} who
 * @property {'echo' | 'hold' | 'flood' | 'steady'} mode
 * @property {number} [clients]   to whom a broadcast goes, once all are there
 * @property {number} [bytes]     of a broadcast
 * @property {boolean} [deflate]
 */

const { stamp, text } = require('./payload');

/** @type {Options} */
const { who, mode, clients = 0, bytes = 64, deflate = false } = JSON.parse(process.argv[2]);
const { WebSocketServer } = who === 'ws' ? require('ws') : require('../../ours').ours('ws');

/** Bytes that may wait for a client before a flood does. */
const BACKLOG_BYTES = 64 << 10;
/** Messages of a flood in each turn of the loop. */
const BURST = 16;
/** Milliseconds between messages of a steady broadcast: 50 a second. */
const INTERVAL = 20;

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: deflate, maxPayload: 1 << 20 }, () => {
  console.log(server.address().port);
});

/** @param {string} message */
function broadcast(message) {
  if (server.broadcast) server.broadcast(message);
  else for (const client of server.clients) client.send(message);
}

/** As fast as it goes, unless somebody is behind. */
function flood() {
  if (server.clients.size >= clients && [...server.clients].every((client) => client.bufferedAmount < BACKLOG_BYTES)) {
    for (let i = 0; i < BURST; i++) broadcast(text(bytes));
  }
  setImmediate(flood);
}

if (mode === 'flood') flood();
else if (mode === 'steady') setInterval(() => broadcast(stamp(bytes)), INTERVAL);
else if (mode === 'echo') {
  server.on('connection', (client) => client.on('message', (data, isBinary) => client.send(data, { binary: isBinary })));
}
