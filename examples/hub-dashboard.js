'use strict';

// One hub behind one port: what is published once reaches browsers as server-sent events and programs as WebSocket messages.
// A client that comes back gets what it missed.

const { once } = require('node:events');
const http = require('millrace/http');
const { createHub } = require('millrace/hub');
const { EventSource } = require('millrace/sse');
const { WebSocket, WebSocketServer } = require('millrace/ws');

const hub = createHub(); // with a name, worker threads could publish to it, too
const server = http.createServer();
const route = server.events('/metrics', {
  hub,
  topics: 'metrics/*',
  onSlow: 'keep-latest',
  authorize: (req) => (req.headers.authorization === 'Bearer staff' ? { scopes: ['staff'] } : true),
});
const sockets = new WebSocketServer({ server, hub });
sockets.on('connection', (ws) => ws.subscribe('metrics/cpu'));

server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  const source = new EventSource(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: 'Bearer staff' } });
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  const events = [];
  const done = new Promise((resolve) => {
    source.onmessage = ({ data }) => events.push(data) === 2 && resolve();
  });
  const message = once(socket, 'message');
  await Promise.all([once(socket, 'open'), new Promise((resolve) => (source.onopen = resolve))]);

  sockets.publish('metrics/cpu', { load: 0.5 }, { key: 'cpu' });
  hub.publish('metrics/salaries', { sum: 100 }, { scope: 'staff' });

  await done;
  console.log(`the event stream: ${events.join(' ')}`);
  console.log(`the WebSocket: ${(await message)[0]}`);
  console.log(`streams: ${route.stats().connections}`);
  source.close();
  socket.close();
  server.close();
});
