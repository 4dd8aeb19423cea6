'use strict';

/** What both ends of a handshake share. */

const { createHash } = require('node:crypto');
const { GUID } = require('./constants.js');

const kAborted = Symbol('kAborted');

/**
 * @param {string} key of the request
 * @returns {string} `Sec-WebSocket-Accept` (RFC 6455 section 4.2.2)
 */
function acceptKey(key) {
  return createHash('sha1').update(key + GUID).digest('base64');
}

/**
 * A handshake that failed: `error`, then `close`.
 *
 * @param {any} websocket
 * @param {Error} error
 */
function emitErrorAndClose(websocket, error) {
  websocket._readyState = 2;
  websocket._errorEmitted = true;
  websocket.emit('error', error);
  websocket.emitClose();
}

/**
 * Gives a client's handshake up.
 *
 * @param {any} websocket
 * @param {any} stream its request, or the socket behind it
 * @param {string} message
 */
function abortHandshake(websocket, stream, message) {
  websocket._readyState = 2;
  const error = new Error(message);
  Error.captureStackTrace(error, abortHandshake);
  if (stream.setHeader) {
    stream[kAborted] = true;
    stream.abort();
    // A request that was completed leaves its socket alone.
    if (stream.socket && !stream.socket.destroyed) stream.socket.destroy();
    process.nextTick(emitErrorAndClose, websocket, error);
  } else {
    stream.destroy(error);
    stream.once('error', websocket.emit.bind(websocket, 'error'));
    stream.once('close', websocket.emitClose.bind(websocket));
  }
}

module.exports = { abortHandshake, acceptKey, emitErrorAndClose, kAborted };
