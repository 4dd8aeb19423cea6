'use strict';

/** Pairs of WebSockets over real sockets. */

const { once } = require('node:events');
const http = require('node:http');
const ours = require('../../lib/ws.js');
const theirs = require('ws');
const { getEventLoop } = require('../../lib/internal/event-loop.js');

/**
 * The ways in which a connection's bytes can flow: a socket that is taken over, and one that stays Node's because
 * somebody looks at it.
 */
const ways = ['taken over', 'through Node'];

/** Whether there are sockets to take over at all: `MILLRACE_REACTOR=0` leaves them all to Node. */
const native = getEventLoop() !== null;

/**
 * @typedef {object} PairOptions
 * @property {any} [server] the implementation of the server's side
 * @property {any} [client] of the client's
 * @property {string} [way] one of `ways`
 * @property {object} [serverOptions]
 * @property {object} [clientOptions]
 */

/**
 * A server with one client, both open.
 *
 * @param {PairOptions} [options]
 * @returns {Promise<{ server: any, peer: any, client: any, close: () => Promise<void> }>} `peer` is the server's end
 */
async function pair({ server: Server = ours, client: Client = ours, way = ways[0], serverOptions, clientOptions } = {}) {
  const front = http.createServer();
  if (way !== ways[0]) front.on('connection', (socket) => lookInto(socket));
  const server = new Server.WebSocketServer({ server: front, ...serverOptions });
  await new Promise((resolve) => front.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (front.address());
  const connection = once(server, 'connection');
  const client = new Client.WebSocket(`ws://127.0.0.1:${port}`, clientOptions);
  if (way !== ways[0]) client.on('upgrade', (/** @type {http.IncomingMessage} */ res) => lookInto(res.socket));
  const [[peer]] = await Promise.all([connection, once(client, 'open')]);
  const close = async () => {
    for (const end of [client, peer]) if (end.readyState !== 3) await terminated(end);
    server.close();
    front.close();
    await once(front, 'close');
  };
  return { server, peer, client, close };
}

/** @param {import('node:net').Socket} socket whose bytes are looked at, so that it cannot be taken over */
function lookInto(socket) {
  socket.on('data', () => {});
}

/** @param {any} websocket */
async function terminated(websocket) {
  const closed = once(websocket, 'close');
  websocket.terminate();
  await closed;
}

/**
 * @param {any} websocket
 * @param {number} count
 * @returns {Promise<[Buffer, boolean][]>} its next messages
 */
function messages(websocket, count) {
  /** @type {[Buffer, boolean][]} */
  const got = [];
  return new Promise((resolve) => {
    websocket.on('message', function onMessage(/** @type {Buffer} */ data, /** @type {boolean} */ isBinary) {
      got.push([data, isBinary]);
      if (got.length < count) return;
      websocket.removeListener('message', onMessage);
      resolve(got);
    });
  });
}

module.exports = { native, messages, ours, pair, theirs, ways };
