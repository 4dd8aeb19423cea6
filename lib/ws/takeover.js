'use strict';

/**
 * A plain TCP or unix socket of Node's, taken over: the engine reads and writes a duplicate of its descriptor, and the
 * `net.Socket` stays as the face of it. Its state machine is Node's still: `pause`, `resume`, `write`, `end`, `destroy`
 * and all events act as ever; only where bytes come from and go to is replaced.
 */

const net = require('node:net');
const { Duplex } = require('node:stream');
const { TAKE_DESCRIPTOR } = require('../internal/take-descriptor.js');
const engine = require('./engine.js');


/** @typedef {import('./connection.js').Connection} Connection */

/**
 * Whether nobody but Node itself has a hand in this socket.
 *
 * @param {any} socket
 * @returns {boolean}
 */
function isTakeable(socket) {
  if (!engine.canAttach() || socket.destroyed || socket.connecting) return false;
  if (typeof socket[TAKE_DESCRIPTOR] === 'function') return true;
  const prototype = net.Socket.prototype;
  return (
    Object.getPrototypeOf(socket) === prototype &&
    socket._handle != null &&
    socket._handle.fd >= 0 &&
    typeof socket._handle.readStop === 'function' &&
    // Something is on its way that must come before our first frame, or the end was seen.
    socket.writableLength === 0 &&
    socket.readable &&
    socket.writable &&
    // Whoever listens wants the bytes, and whoever replaced a method wants to be called.
    socket.listenerCount('data') === 0 &&
    socket.listenerCount('readable') === 0 &&
    ['write', 'push', 'read', '_read', '_write', '_writev'].every((name) => !Object.hasOwn(socket, name))
  );
}

/**
 * @param {Connection} connection
 * @param {any} socket
 * @returns {boolean} whether it was taken
 */
function takeOver(connection, socket) {
  const handle = socket._handle;
  const isOurs = typeof socket[TAKE_DESCRIPTOR] === 'function';
  if (isOurs) {
    const { descriptor, bytes } = socket[TAKE_DESCRIPTOR]();
    if (!engine.adopt(connection, descriptor)) {
      // The peer has gone, and there is nothing left to talk over.
      process.nextTick(() => socket.destroy());
      return false;
    }
    socket.write = Duplex.prototype.write;
    if (bytes.length > 0) socket.unshift(bytes);
  } else {
    if (!engine.attach(connection, handle.fd)) return false;
    handle.reading = false;
    handle.readStop();
  }

  const { _final: final, _destroy: destroy, ref, unref } = socket;
  socket._read = () => {};
  socket._write = (/** @type {any} */ chunk, /** @type {BufferEncoding} */ encoding, /** @type {any} */ callback) => {
    sendRaw(connection, chunk, encoding, callback);
  };
  socket._writev = (/** @type {{ chunk: any, encoding: BufferEncoding }[]} */ chunks, /** @type {any} */ callback) => {
    const last = chunks.length - 1;
    chunks.forEach(({ chunk, encoding }, index) => {
      sendRaw(connection, chunk, encoding, index === last ? callback : undefined);
    });
  };
  socket._final = (/** @type {any} */ callback) => {
    connection.whenWritten((error) => {
      if (error) return callback(error);
      if (isOurs) engine.shutDown(connection);
      final.call(socket, callback);
    });
  };
  socket._destroy = (/** @type {Error | null} */ error, /** @type {any} */ callback) => {
    // Before Node's: its descriptor is then the last one, and closing it says to the peer what it should.
    connection.detach(error);
    destroy.call(socket, error, callback);
  };
  socket.ref = () => {
    if (!connection.closed) engine.setReferenced(connection, true);
    return ref ? ref.call(socket) : socket;
  };
  socket.unref = () => {
    if (!connection.closed) engine.setReferenced(connection, false);
    return unref ? unref.call(socket) : socket;
  };
  const onPause = () => connection.setPaused(true);
  const onResume = () => connection.setPaused(false);
  onPause();
  socket.on('pause', onPause);
  socket.on('resume', onResume);

  /** Gives the socket back as soon as somebody wants to see its bytes. @param {string} name of the event */
  const onNewListener = (name) => {
    if ((name !== 'data' && name !== 'readable') || socket.destroyed || socket.writableEnded) return;
    socket.removeListener('newListener', onNewListener);
    socket.removeListener('pause', onPause);
    socket.removeListener('resume', onResume);
    for (const method of ['_read', '_write', '_writev', '_final', '_destroy', 'ref', 'unref']) delete socket[method];
    connection.release();
    // What `_read` would have begun.
    handle.reading = true;
    handle.readStart();
    if (socket.isPaused()) socket.pause();
  };
  // The engine's own listener comes first.
  if (!isOurs) connection.onListening = () => socket.on('newListener', onNewListener);
  return true;
}

/**
 * @param {Connection} connection
 * @param {string | Uint8Array} chunk
 * @param {BufferEncoding} encoding
 * @param {((error?: Error) => void)} [callback]
 */
function sendRaw(connection, chunk, encoding, callback) {
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
  connection.send(engine.flag.RAW, bytes, bytes.length, undefined, callback);
}

module.exports = { isTakeable, takeOver };
