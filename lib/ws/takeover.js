'use strict';

/**
 * A plain TCP or unix socket of Node's, taken over: the engine reads and writes its descriptor, and the `net.Socket` stays
 * as the face of it. Its state machine is Node's still: `pause`, `resume`, `write`, `end`, `destroy` and all events act as
 * ever; only where bytes come from and go to is replaced. Node's own handle is closed, since an idle socket would carry it
 * for nothing; who asks for it gets a stand-in.
 *
 * The methods are replaced by a prototype between the socket and its own, so that ten thousand idle sockets carry nothing
 * more than a property.
 */

const fs = require('node:fs');
const net = require('node:net');
const { TAKE_DESCRIPTOR } = require('../internal/take-descriptor.js');
const engine = require('./engine.js');
const { closeHandle, giveBack, hidesHandle, reset, standIn } = require('./taken-handle.js');

/** The connection that reads and writes a socket. */
const kConnection = Symbol('kConnection');
/** A prototype that was put in front of another, by that one. @type {WeakMap<object, object>} */
const takenPrototypes = new WeakMap();

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
  return (
    hidesHandle &&
    Object.getPrototypeOf(socket) === net.Socket.prototype &&
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
 * @param {Connection} connection whose own listeners are on the socket
 * @param {any} socket
 * @returns {boolean} whether it was taken
 */
function takeOver(connection, socket) {
  if (typeof socket[TAKE_DESCRIPTOR] === 'function') {
    const own = socket[TAKE_DESCRIPTOR]();
    if (own === null) return false;
    if (!engine.attach(connection, own.fd, own.session)) {
      // It is out of its own loop, and not in ours: no descriptors are left.
      process.nextTick(() => socket.destroy());
      return false;
    }
    // The engine has its own.
    fs.closeSync(own.fd);
    socket.descriptor = -1;
    // Behind what came with the handshake.
    if (own.head.length > 0) process.nextTick(() => socket.push(own.head));
  } else {
    if (!engine.attach(connection, socket._handle.fd)) return false;
    closeHandle(socket);
    // One of millrace/http has no other way to read, and stays.
    socket.on('newListener', onNewListener);
  }
  const prototype = Object.getPrototypeOf(socket);
  let taken = takenPrototypes.get(prototype);
  if (taken === undefined) {
    taken = takenPrototype(prototype);
    takenPrototypes.set(prototype, taken);
  }
  socket[kConnection] = connection;
  Object.setPrototypeOf(socket, taken);
  if (socket.isPaused()) connection.setPaused(true);
  return true;
}

/**
 * Gives the socket back as soon as somebody wants to see its bytes.
 *
 * @this {any} the socket
 * @param {string | symbol} event that is listened to
 */
function onNewListener(event) {
  if ((event !== 'data' && event !== 'readable') || this.destroyed || this.writableEnded) return;
  this.removeListener('newListener', onNewListener);
  const connection = this[kConnection];
  Object.setPrototypeOf(this, net.Socket.prototype);
  this[kConnection] = undefined;
  giveBack(this, connection);
}

/**
 * @param {any} prototype of a socket
 * @returns {object} what stands in front of it
 */
function takenPrototype(prototype) {
  const { pause, resume, ref, unref, _final: final, _destroy: destroy } = prototype;
  // Node's would shut the handle down.
  const finish = prototype === net.Socket.prototype ? (/** @type {() => void} */ callback) => callback() : final;
  /** @type {ThisType<any> & Record<string, any>} */
  const methods = {
    _read() {},

    /** @param {any} chunk @param {BufferEncoding} encoding @param {() => void} callback */
    _write(chunk, encoding, callback) {
      sendRaw(this[kConnection], chunk, encoding, callback);
    },

    /** @param {{ chunk: any, encoding: BufferEncoding }[]} chunks @param {() => void} callback */
    _writev(chunks, callback) {
      const last = chunks.length - 1;
      chunks.forEach(({ chunk, encoding }, index) => {
        sendRaw(this[kConnection], chunk, encoding, index === last ? callback : undefined);
      });
    },

    /** @param {(error?: Error | null) => void} callback */
    _final(callback) {
      this[kConnection].whenWritten((/** @type {Error | null | undefined} */ error) => {
        if (error) return callback(error);
        engine.end(this[kConnection]);
        finish.call(this, callback);
      });
    },

    /** @param {Error | null} error @param {(error: Error | null) => void} callback */
    _destroy(error, callback) {
      this[kConnection].detach(error);
      destroy.call(this, error, callback);
    },

    pause() {
      this[kConnection].setPaused(true);
      return pause.call(this);
    },

    resume() {
      // It reads in the next turn: what lies in the socket comes before.
      this[kConnection].setPaused(false);
      return resume.call(this);
    },

    ref() {
      this[kConnection].setReferenced(true);
      return ref.call(this);
    },

    unref() {
      this[kConnection].setReferenced(false);
      return unref.call(this);
    },
  };
  if (prototype === net.Socket.prototype) Object.defineProperties(methods, nodeMethods(prototype));
  return Object.setPrototypeOf(methods, prototype);
}

/**
 * What is Node's alone. A socket of millrace/http has no handle, and no other way to read.
 *
 * @param {any} prototype of `net.Socket`
 * @returns {PropertyDescriptorMap}
 */
function nodeMethods(prototype) {
  return {
    _handle: {
      get() {
        const socket = /** @type {any} */ (this);
        return standIn(socket, socket[kConnection]);
      },
      set: /** @type {any} */ (Object.getOwnPropertyDescriptor(prototype, '_handle')).set,
    },
    resetAndDestroy: {
      value() {
        const socket = /** @type {any} */ (this);
        return reset(socket, socket[kConnection]);
      },
    },
  };
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
