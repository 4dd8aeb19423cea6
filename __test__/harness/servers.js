'use strict';

const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');

/**
 * A server on a free port of the loopback, closed with all its connections when the test ends.
 *
 * @param {import('node:test').TestContext} t
 * @param {http.RequestListener} listener
 * @param {any} [implementation] Defaults to `node:http`.
 * @returns {Promise<{ server: http.Server, port: number, url: string }>}
 */
async function serve(t, listener, implementation = http) {
  const server = implementation.createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  return { server, port, url: `http://127.0.0.1:${port}` };
}

/**
 * A client that reads only when it is told to.
 *
 * @param {import('node:test').TestContext} t
 * @param {number} port
 * @param {string} [head] the lines of a request's head
 * @returns {net.Socket} paused
 */
function slowClient(t, port, head = 'GET / HTTP/1.1\r\nHost: x') {
  const socket = net.connect(port, '127.0.0.1');
  socket.pause();
  socket.on('error', () => {});
  socket.write(`${head}\r\n\r\n`);
  t.after(() => socket.destroy());
  return socket;
}

module.exports = { serve, slowClient };
