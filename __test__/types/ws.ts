import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import WebSocket, { WebSocketServer, createWebSocketStream } from 'millrace/ws';
import { ws as namespace } from 'millrace';

const server: WebSocketServer = new WebSocketServer({
  server: createServer(),
  perMessageDeflate: { threshold: 512, serverMaxWindowBits: 10 },
  maxBufferedAmount: 1 << 20,
  onSlow: 'drop-newest',
  pingInterval: 30_000,
  verifyClient: ({ origin, secure }, callback) => callback(secure, 403, origin),
});
server.on('connection', (client, request) => {
  const url: string | undefined = request.url;
  client.on('message', (data, isBinary) => {
    const text: string = data.toString();
    client.send(text, { binary: isBinary, compress: false }, (error) => console.log(error, url));
    if (client.writableNeedDrain) client.once('drain', () => console.log(client.droppedMessages));
    server.broadcast(text, { except: client, filter: (other) => other.readyState === WebSocket.OPEN });
  });
  client.subscribe(['a', 'b/*'], { since: server.hub.lastId, scopes: ['staff'] });
  client.unsubscribe(client.subscriptions);
  console.log(server.publish('a', [1], { key: 'k' }).length + client.publish('a', 'x', { event: 'e' }).length);
  client.on('close', (code, reason) => console.log(code + 1, reason.length));
});

const client = new WebSocket('ws://localhost', ['chat'], { handshakeTimeout: 1000, followRedirects: true });
client.onmessage = (event) => console.log(event.data, event.target.bufferedAmount);
client.addEventListener('close', (event) => console.log(event.wasClean, event.code), { once: true });
client.binaryType = 'fragments';
const stream: Duplex = createWebSocketStream(client, { readableObjectMode: true });
const again: namespace.WebSocket = new namespace.WebSocket('ws://localhost');
console.log(stream, again.readyState === WebSocket.CLOSED);

// @ts-expect-error one of the four
client.binaryType = 'text';
// @ts-expect-error one of the two
new WebSocketServer({ port: 1, onSlow: 'block' });
