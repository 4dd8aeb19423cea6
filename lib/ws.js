'use strict';

const WebSocket = require('./ws/websocket.js');

// Node finds the names for `import { WebSocketServer } from 'millrace/ws'` by reading this text.
exports.WebSocket = WebSocket;
exports.Server = require('./ws/websocket-server.js');
exports.WebSocketServer = require('./ws/websocket-server.js');
exports.createWebSocketStream = require('./ws/stream.js');
exports.extension = require('./ws/extension.js');
exports.subprotocol = require('./ws/subprotocol.js');
exports.PerMessageDeflate = require('./ws/permessage-deflate.js');
exports.Sender = require('./ws/sender.js');
exports.CONNECTING = WebSocket.CONNECTING;
exports.OPEN = WebSocket.OPEN;
exports.CLOSING = WebSocket.CLOSING;
exports.CLOSED = WebSocket.CLOSED;

/** @type {any} */
const all = WebSocket;
// The states it has already, and nobody can write to them.
for (const [name, value] of Object.entries(exports)) if (!Object.hasOwn(all, name)) all[name] = value;

module.exports = all;
