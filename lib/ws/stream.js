'use strict';

/** A WebSocket as a Duplex, as `ws` has it. Messages in come out as chunks; a chunk written goes out as a message. */

const { Duplex } = require('node:stream');

/** @param {Duplex} stream */
function emitClose(stream) {
  stream.emit('close');
}

/** @this {any} */
function onEnd() {
  if (!this.destroyed && this._writableState.finished) this.destroy();
}

/** @this {Duplex} @param {Error} error */
function onError(error) {
  this.removeListener('error', onError);
  this.destroy();
  // Nobody else listens: it must not pass unseen.
  if (this.listenerCount('error') === 0) this.emit('error', error);
}

/**
 * @param {any} ws
 * @param {import('node:stream').DuplexOptions} [options] `objectMode` and `writableObjectMode` are always false
 * @returns {Duplex}
 */
function createWebSocketStream(ws, options) {
  // A breach of the protocol is answered with a close frame, which `terminate()` would cut off.
  let terminateOnDestroy = true;
  /** @type {any} */
  const duplex = new Duplex({
    ...options,
    autoDestroy: false,
    emitClose: false,
    objectMode: false,
    writableObjectMode: false,
  });

  ws.on('message', (/** @type {Buffer} */ message, /** @type {boolean} */ isBinary) => {
    const data = !isBinary && duplex._readableState.objectMode ? message.toString() : message;
    if (!duplex.push(data)) ws.pause();
  });
  ws.once('error', (/** @type {Error} */ error) => {
    if (duplex.destroyed) return;
    terminateOnDestroy = false;
    duplex.destroy(error);
  });
  ws.once('close', () => {
    if (!duplex.destroyed) duplex.push(null);
  });

  duplex._destroy = (/** @type {Error | null} */ error, /** @type {(error?: Error | null) => void} */ callback) => {
    if (ws.readyState === ws.CLOSED) {
      callback(error);
      process.nextTick(emitClose, duplex);
      return;
    }
    let called = false;
    ws.once('error', (/** @type {Error} */ cause) => {
      called = true;
      callback(cause);
    });
    ws.once('close', () => {
      if (!called) callback(error);
      process.nextTick(emitClose, duplex);
    });
    if (terminateOnDestroy) ws.terminate();
  };

  duplex._final = (/** @type {() => void} */ callback) => {
    if (ws.readyState === ws.CONNECTING) {
      ws.once('open', () => duplex._final(callback));
      return;
    }
    // The handshake failed: the error is on its way.
    if (ws._socket === null) return;
    if (ws._socket.writableFinished) {
      callback();
      if (duplex._readableState.endEmitted) duplex.destroy();
    } else {
      // Not destroyed here: `end` follows this, when the WebSocket has closed.
      ws._socket.once('finish', () => callback());
      ws.close();
    }
  };

  duplex._read = () => {
    if (ws.isPaused) ws.resume();
  };

  duplex._write = (/** @type {any} */ chunk, /** @type {string} */ encoding, /** @type {() => void} */ callback) => {
    if (ws.readyState === ws.CONNECTING) {
      ws.once('open', () => duplex._write(chunk, encoding, callback));
      return;
    }
    ws.send(chunk, callback);
  };

  duplex.on('end', onEnd);
  duplex.on('error', onError);
  return duplex;
}

module.exports = createWebSocketStream;
