'use strict';

// A chat: whatever one client says goes to all others, framed once. Open http://localhost:8080 in two windows, or run it in a
// terminal with --demo (the default where nobody watches): two clients talk, then all ends.

const http = require('node:http');
const { WebSocketServer, WebSocket } = require('millrace/ws');

const PAGE = `<!doctype html><meta charset="utf-8"><title>chat</title>
<ul id="lines"></ul><form><input id="text" autofocus autocomplete="off"></form>
<script>
  const socket = new WebSocket(location.href.replace('http', 'ws'));
  const add = (text) => lines.append(Object.assign(document.createElement('li'), { textContent: text }));
  socket.onmessage = ({ data }) => add(data);
  document.forms[0].onsubmit = (event) => {
    event.preventDefault();
    socket.send(text.value);
    add('you: ' + text.value);
    text.value = '';
  };
</script>`;

const front = http.createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
});
// A client that does not keep up is let go, and one that has gone without a word is found out.
const server = new WebSocketServer({ server: front, maxPayload: 4096, maxBufferedAmount: 1 << 20, pingInterval: 30_000 });

let guests = 0;
server.on('connection', (ws) => {
  const name = `guest ${++guests}`;
  ws.on('error', (error) => console.error(`${name}: ${error.message}`));
  ws.on('message', (text) => server.broadcast(`${name}: ${text}`, { except: ws }));
  ws.on('close', () => server.broadcast(`${name} has left`));
});

function demo() {
  const { port } = /** @type {import('node:net').AddressInfo} */ (front.address());
  const alice = new WebSocket(`ws://localhost:${port}`);
  alice.on('open', () => {
    const bob = new WebSocket(`ws://localhost:${port}`);
    bob.on('open', () => alice.send('hello, whoever you are'));
    bob.on('message', (text) => {
      console.log(`bob reads: ${text}`);
      bob.close();
    });
  });
  alice.on('message', (text) => {
    console.log(`alice reads: ${text}`);
    alice.close();
    server.close();
    front.close();
  });
}

if (process.argv.includes('--demo') || !process.stdout.isTTY) front.listen(0, demo);
else front.listen(8080, () => console.log('http://localhost:8080'));
