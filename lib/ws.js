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

/** @type {any} */
const all = Object.assign(WebSocket, exports);

module.exports = all;
