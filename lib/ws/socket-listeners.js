'use strict';

/** What a WebSocket hears from its socket: a `net.Socket`, taken over or not, or another Duplex. */

const { NOOP, READY_STATES, kWebSocket } = require('./constants.js');

const CLOSING = READY_STATES.indexOf('CLOSING');

/** @typedef {import('./connection.js').Connection} Connection */

/** @param {any} socket of a WebSocket, which stands in its `kWebSocket` */
function listen(socket) {
  socket.on('close', onSocketClose);
  socket.on('data', onSocketData);
  socket.on('end', onSocketEnd);
  socket.on('error', onSocketError);
}

/** @param {any} socket whose bytes are of no interest any more */
function stopReading(socket) {
  socket.removeListener('data', onSocketData);
}

/** @this {any} the socket */
function onSocketClose() {
  const websocket = this[kWebSocket];
  this.removeListener('close', onSocketClose);
  this.removeListener('data', onSocketData);
  this.removeListener('end', onSocketEnd);
  websocket._readyState = CLOSING;

  const connection = /** @type {Connection} */ (websocket._connection);
  const readable = this._readableState;
  // What came on a paused socket of Node's, and its user did not see.
  if (!readable.endEmitted && !websocket._closeFrameReceived && !websocket._breached && readable.length !== 0) {
    connection.feed(this.read(readable.length));
  }
  connection.detach(this.errored);
  this[kWebSocket] = undefined;
  clearTimeout(websocket._closeTimer);
  if (websocket._heartbeat !== null) websocket._heartbeat.stop();
  connection.whenTold(() => websocket.emitClose());
}

/** @this {any} the socket @param {Buffer} chunk */
function onSocketData(chunk) {
  this[kWebSocket]._connection.feed(chunk);
}

/** @this {any} the socket */
function onSocketEnd() {
  this[kWebSocket]._readyState = CLOSING;
  this[kWebSocket]._connection.pumpAll();
  this.end();
}

/** @this {any} the socket */
function onSocketError() {
  const websocket = this[kWebSocket];
  this.removeListener('error', onSocketError);
  this.on('error', NOOP);
  if (websocket) {
    websocket._readyState = CLOSING;
    this.destroy();
  }
}

module.exports = { listen, stopReading };
