'use strict';

/** What a `net.Socket` has for a handle while the engine has its descriptor, and how it gets one of its own again. */

const net = require('node:net');
const engine = require('./engine.js');

/** Where a socket keeps its handle: an accessor that the taken prototype hides. */
const handleOf = /** @type {any} */ (Object.getOwnPropertyDescriptor(net.Socket.prototype, '_handle'));

/** In place of the handle of a socket that is taken over. */
const TAKEN = Object.freeze({});

/** @typedef {import('./connection.js').Connection} Connection */

/** What `net.Socket` calls on its handle; made for each call, since an idle socket makes none. */
class TakenHandle {
  /** @param {Connection} connection */
  constructor(connection) {
    this.connection = connection;
    this.reading = false;
    this.bytesRead = 0;
    this.bytesWritten = 0;
    this.writeQueueSize = 0;
  }

  /** @param {object} out */
  getpeername(out) {
    return this.name(1, out);
  }

  /** @param {object} out */
  getsockname(out) {
    return this.name(0, out);
  }

  /**
   * @param {0 | 1} which
   * @param {object} out gets the name's fields
   * @returns {number} an error number, or 0
   */
  name(which, out) {
    const text = this.connection.closed ? null : engine.sockets().addresses(this.connection.id);
    if (text === null || text === undefined) return -1;
    const name = JSON.parse(text)[which];
    // The name of a unix socket is no address.
    if (typeof name === 'object') Object.assign(out, name);
    return 0;
  }

  /** @param {boolean} on */
  setNoDelay(on) {
    if (!this.connection.closed) engine.sockets().setNoDelay(this.connection.id, on);
    return 0;
  }

  /**
   * @param {boolean} on
   * @param {number} delay in seconds
   */
  setKeepAlive(on, delay) {
    if (!this.connection.closed) engine.sockets().setKeepAlive(this.connection.id, on, delay);
    return 0;
  }

  /** @param {() => void} callback */
  close(callback) {
    setImmediate(callback);
  }

  // The reactor keeps the loop alive, or not.
  ref() {}
  unref() {}
}

/** @param {any} socket whose descriptor the engine has, too: Node's own goes */
function closeHandle(socket) {
  const { _handle: handle } = socket;
  handle.reading = false;
  handle.readStop();
  handle.close();
  socket._handle = TAKEN;
}

/**
 * @param {any} socket that is taken over
 * @param {Connection} connection
 * @returns {TakenHandle | null} null where it is destroyed
 */
function standIn(socket, connection) {
  const handle = handleOf.get.call(socket);
  return handle === TAKEN ? new TakenHandle(connection) : handle;
}

/**
 * Node reads and writes the socket from here on.
 *
 * @param {any} socket with its own prototype again
 * @param {Connection} connection
 */
function giveBack(socket, connection) {
  const fd = connection.release();
  if (fd < 0) return;
  // Only Node can make a handle; that it makes one for a socket of its own is what it is asked for here.
  const other = /** @type {any} */ (new net.Socket(/** @type {any} */ ({ fd, manualStart: true })));
  const { _handle: handle } = other;
  other._handle = null;
  const owner = Object.getOwnPropertySymbols(handle).find(({ description }) => description === 'owner_symbol');
  handle[/** @type {symbol} */ (owner)] = socket;
  socket._handle = handle;
  // What `_read` would have begun.
  handle.reading = true;
  handle.readStart();
}

/**
 * @param {any} socket that is taken over, and is to be closed with RST
 * @param {Connection} connection
 */
function reset(socket, connection) {
  if (!connection.closed) engine.sockets().setResets(connection.id);
  socket.destroy();
  return socket;
}

/** Whether sockets keep their handles as they do in all versions of Node that are known. */
const hidesHandle = handleOf?.set !== undefined;

module.exports = { closeHandle, giveBack, hidesHandle, reset, standIn };
