'use strict';

/** Tells `node:diagnostics_channel` of WebSockets, from the end of the handshake until `close`. */

const { Span, known, socketClose, socketOpen } = require('../internal/channels.js');

class Connection extends Span {
  /**
   * @param {any} websocket
   * @param {any} socket whose addresses are gone when it is closed
   */
  constructor(websocket, socket) {
    super();
    this.websocket = websocket;
    this.address = socket.remoteAddress;
    this.port = socket.remotePort;
  }

  get attributes() {
    const { websocket } = this;
    return known({
      'network.protocol.name': 'websocket',
      'network.peer.address': this.address,
      'network.peer.port': this.port,
      'url.full': websocket._isServer ? undefined : websocket.url,
      'millrace.ws.role': websocket._isServer ? 'server' : 'client',
      'millrace.ws.subprotocol': websocket.protocol || undefined,
      'millrace.ws.close.code': this.duration === undefined ? undefined : websocket._closeCode,
      'error.type': this.errorType,
    });
  }
}

/** Those whose start somebody heard of. @type {WeakMap<object, Connection>} */
const connections = new WeakMap();

/** @param {any} websocket @param {any} socket */
function opened(websocket, socket) {
  if (!socketOpen.hasSubscribers && !socketClose.hasSubscribers) return;
  const connection = new Connection(websocket, socket);
  connections.set(websocket, connection);
  socketOpen.publish(connection);
}

/** @param {any} websocket */
function closed(websocket) {
  const connection = connections.get(websocket);
  if (connection === undefined || connection.duration !== undefined) return;
  connection.finish(websocket._failure);
  socketClose.publish(connection);
}

module.exports = { opened, closed };
