'use strict';

/**
 * The bytes of a connection whose socket is Node's: TLS of Node's, or a socket that somebody else brought.
 *
 * @typedef {object} Carried
 * @property {any} engine
 * @property {number} id
 * @property {any} socket
 * @property {boolean} closed the engine has said so: its number is another's
 */

/** @param {Carried} connection */
function carry(connection) {
  const { socket, engine, id } = connection;
  const feed = (/** @type {Buffer} */ bytes) => {
    if (connection.closed) return;
    if (!engine.native.feed(id, bytes)) socket.pause();
    engine.receiveSoon();
  };
  socket.on('data', feed);
  socket.on('end', () => feed(Buffer.alloc(0)));
  // A socket that failed is at its end.
  socket.on('error', () => {});
  socket.on('close', () => feed(Buffer.alloc(0)));
  socket.on('drain', () => sendOutput(connection));
}

/**
 * Sends what the engine has, as fast as the socket takes it.
 *
 * @param {Carried} connection
 */
function sendOutput(connection) {
  const { socket, engine, id, closed } = connection;
  if (closed || socket.writableNeedDrain) return;
  socket.write(engine.native.takeOutput(id));
  if (socket.isPaused() && engine.native.wantsInput(id)) socket.resume();
  engine.receiveSoon();
}

module.exports = { carry, sendOutput };
