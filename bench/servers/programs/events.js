'use strict';

/**
 * A server of event streams to be loaded: `node events.js JSON`, with the options below. Prints its port.
 *
 * @typedef {object} Options
 * @property {'hub' | 'channel' | 'better-sse' | 'node'} who
 * @property {'flood' | 'steady'} mode
 * @property {number} clients  to whom the events go, once all are there
 * @property {number} bytes    of an event's data
 */

const { stamp, text } = require('./payload');

/** @type {Options} */
const { who, mode, clients, bytes } = JSON.parse(process.argv[2]);
const { ours } = require('../../ours');

/** Bytes that may wait for a client before a flood does. */
const BACKLOG_BYTES = 64 << 10;
/** Events of a flood in each turn of the loop. */
const BURST = 16;
/** Milliseconds between events of a steady stream: 50 a second. */
const INTERVAL = 20;

/** @type {Set<import('node:net').Socket>} */
const sockets = new Set();

/** @returns {{ server: any, publish: (data: string) => void }} */
function open() {
  if (who === 'hub') {
    const hub = ours('hub').createHub();
    const server = ours('http').createServer();
    server.events('/events', { hub, topics: 'news' });
    return { server, publish: (data) => hub.publish('news', data) };
  }
  if (who === 'node') {
    /** @type {Set<import('node:http').ServerResponse>} */
    const responses = new Set();
    const server = require('node:http').createServer((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
      res.flushHeaders();
      responses.add(res);
      res.on('close', () => responses.delete(res));
    });
    let id = 0;
    return {
      server,
      publish(data) {
        const event = `id: ${++id}\ndata: ${data}\n\n`;
        for (const res of responses) res.write(event);
      },
    };
  }
  const { createChannel, createSession } = who === 'channel' ? ours('sse') : require('better-sse');
  const channel = createChannel();
  const http = who === 'channel' ? ours('http') : require('node:http');
  /** @type {import('node:http').RequestListener} */
  const listener = async (req, res) => {
    channel.register(await createSession(req, res, { serializer: String }));
  };
  const server = http.createServer(listener);
  return { server, publish: (data) => channel.broadcast(data) };
}

const { server, publish } = open();
server.on('connection', (/** @type {import('node:net').Socket} */ socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
});

/** As fast as it goes, unless somebody is behind. */
function flood() {
  if (sockets.size >= clients && [...sockets].every((socket) => socket.writableLength < BACKLOG_BYTES)) {
    for (let i = 0; i < BURST; i++) publish(text(bytes));
  }
  setImmediate(flood);
}

server.listen(0, '127.0.0.1', () => {
  console.log(server.address().port);
  if (mode === 'flood') flood();
  else setInterval(() => publish(stamp(bytes)), INTERVAL);
});
