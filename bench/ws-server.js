'use strict';

// The server of bench/ws.js: node ws-server.js millrace|ws echo|flood|steady [bytes] [deflate]. Prints its port.

const [, , who, mode, ...rest] = process.argv;
const { WebSocketServer } = who === 'ws' ? require('ws') : require('../lib/ws.js');

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: rest.includes('deflate') }, () => {
  console.log(server.address().port);
});
const text = 'the quick brown fox jumps over the lazy dog '.repeat(100).slice(0, Number(rest[0]) || 64);
/** Those of bench/ws.js. */
const CLIENTS = 1000;
/** Bytes that may wait for a client before the flood does. */
const BACKLOG_BYTES = 64 << 10;

function broadcast() {
  if (server.broadcast) server.broadcast(text);
  else for (const client of server.clients) client.send(text);
}

/** As fast as it goes, once all clients are there: 16 messages in each turn of the loop, unless somebody is behind. */
function flood() {
  if (server.clients.size >= CLIENTS && [...server.clients].every((client) => client.bufferedAmount < BACKLOG_BYTES)) {
    for (let i = 0; i < 16; i++) broadcast();
  }
  setImmediate(flood);
}

if (mode === 'flood') flood();
else if (mode === 'steady') setInterval(broadcast, 20);
else server.on('connection', (client) => client.on('message', (data, isBinary) => client.send(data, { binary: isBinary })));
