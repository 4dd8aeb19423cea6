'use strict';

/** What a client's methods return: an EventEmitter, a Readable, a Writable or a Duplex. Mirrors grpc-js. */

const { EventEmitter } = require('node:events');
const { Duplex, Readable, Writable } = require('node:stream');
const { status } = require('../constants.js');

/**
 * @param {any} result a status
 * @param {string} stack of who made the call
 * @returns {any} an error of it
 */
function errorOf(result, stack) {
  const error = new Error(`${result.code} ${status[result.code]}: ${result.details}`);
  return Object.assign(error, result, { stack: `${error.stack}\nfor call at\n${stack}` });
}

/** What all four kinds have; put into each class. */
const methods = {
  /** @this {any} */
  cancel() {
    this.call?.cancelWithStatus(status.CANCELLED, 'Cancelled on client');
  },

  /** @this {any} @returns {string} address and port of the server */
  getPeer() {
    return this.call?.getPeer() ?? 'unknown';
  },

  /** @this {any} */
  getAuthContext() {
    return this.call?.getAuthContext() ?? null;
  },
};

/** What both kinds that write have. */
const writing = {
  /**
   * @this {any}
   * @param {any} message
   * @param {any} encoding flags of the message, where it is a number
   * @param {any} callback
   * @returns {boolean} whether there is room, in bytes: false from the call's high-water mark on, until `drain`
   */
  write(message, encoding, callback) {
    const room = this.writeObject(message, encoding, callback);
    if (room && this.call?.isFull === true) {
      this._writableState.needDrain = true;
      return false;
    }
    return room;
  },

  /**
   * @this {any}
   * @param {any} message
   * @param {any} encoding
   * @param {(error?: Error | null) => void} callback is called when there is room for another
   */
  _write(message, encoding, callback) {
    const flags = Number(encoding);
    this.call?.sendMessageWithContext(Number.isNaN(flags) ? { callback } : { callback, flags }, message);
  },

  /**
   * @this {any}
   * @param {(error?: Error | null) => void} callback
   */
  _final(callback) {
    this.call?.halfClose();
    callback();
  },
};

/** @param {any} target @param {...object} all */
function mix(target, ...all) {
  for (const own of all) {
    for (const [name, value] of Object.entries(Object.getOwnPropertyDescriptors(own))) {
      Object.defineProperty(target.prototype, name, { ...value, enumerable: false });
    }
  }
}

class ClientUnaryCall extends EventEmitter {
  constructor() {
    super();
    /** @type {any} */
    this.call = undefined;
  }
}
mix(ClientUnaryCall, methods);

class ClientReadableStream extends Readable {
  /** @param {any} deserialize */
  constructor(deserialize) {
    super({ objectMode: true });
    this.deserialize = deserialize;
    /** @type {any} */
    this.call = undefined;
  }

  _read() {
    this.call?.startRead();
  }
}
mix(ClientReadableStream, methods);

class ClientWritableStream extends Writable {
  /** @param {any} serialize */
  constructor(serialize) {
    super({ objectMode: true });
    this.serialize = serialize;
    /** @type {any} */
    this.call = undefined;
  }

  /** @param {any} message @param {any} encoding @param {any} callback */
  writeObject(message, encoding, callback) {
    return super.write(message, encoding, callback);
  }
}
mix(ClientWritableStream, methods, writing);

class ClientDuplexStream extends Duplex {
  /** @param {any} serialize @param {any} deserialize */
  constructor(serialize, deserialize) {
    super({ objectMode: true });
    this.serialize = serialize;
    this.deserialize = deserialize;
    /** @type {any} */
    this.call = undefined;
  }

  _read() {
    this.call?.startRead();
  }

  /** @param {any} message @param {any} encoding @param {any} callback */
  writeObject(message, encoding, callback) {
    return super.write(message, encoding, callback);
  }
}
mix(ClientDuplexStream, methods, writing);

module.exports = { ClientDuplexStream, ClientReadableStream, ClientUnaryCall, ClientWritableStream, errorOf };
