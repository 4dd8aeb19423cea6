'use strict';

/**
 * What handlers get: an EventEmitter with the request, a Readable, a Writable or a Duplex. Mirrors grpc-js, but that a
 * Writable's room is counted in bytes.
 */

const { EventEmitter } = require('node:events');
const { Duplex, Readable, Writable } = require('node:stream');
const { status } = require('./constants.js');

/** @typedef {import('./metadata.js').Metadata} Metadata */
/** @typedef {{ code: number, details: string, metadata?: Metadata | null }} Status */

/**
 * @param {any} error what a handler failed with
 * @param {Metadata} [trailer]
 * @returns {Status} UNKNOWN with its message, unless it has an integer for a code
 */
function errorToStatus(error, trailer) {
  const isObject = typeof error === 'object' && error !== null;
  /** @type {Status} */
  const result = {
    code: status.UNKNOWN,
    details: isObject && 'message' in error ? String(error.message) : 'Unknown Error',
    metadata: trailer ?? (isObject ? error.metadata : null) ?? null,
  };
  if (isObject && typeof error.code === 'number' && Number.isInteger(error.code)) {
    result.code = error.code;
    if (typeof error.details === 'string') result.details = error.details;
  }
  return result;
}

/** What all four kinds have; put into each class. */
const methods = {
  /** @this {any} @returns {string} address and port of the client */
  getPeer() {
    return this.call.getPeer();
  },

  /**
   * Sends headers; without it they go with the first message.
   *
   * @this {any}
   * @param {Metadata} metadata
   */
  sendMetadata(metadata) {
    this.call.sendMetadata(metadata);
  },

  /** @this {any} @returns {number | Date} ms since 1970; Infinity for none */
  getDeadline() {
    return this.call.getDeadline();
  },

  /** @this {any} @returns {string} of the method */
  getPath() {
    return this.path;
  },

  /** @this {any} @returns {string} `:authority` */
  getHost() {
    return this.call.getHost();
  },

  /** @this {any} */
  getAuthContext() {
    return this.call.getAuthContext();
  },

  /** @this {any} */
  getMetricsRecorder() {
    return this.call.getMetricsRecorder();
  },
};

/** @param {any} target @param {object} own */
function mix(target, own) {
  for (const [name, value] of Object.entries(Object.getOwnPropertyDescriptors(own))) {
    Object.defineProperty(target.prototype, name, { ...value, enumerable: false });
  }
}

class ServerUnaryCall extends EventEmitter {
  /**
   * @param {string} path
   * @param {any} call
   * @param {any} metadata
   * @param {any} request
   */
  constructor(path, call, metadata, request) {
    super();
    this.path = path;
    this.call = call;
    this.metadata = metadata;
    this.request = request;
    this.cancelled = false;
  }
}
mix(ServerUnaryCall, methods);

class ServerReadableStream extends Readable {
  /**
   * @param {string} path
   * @param {any} call
   * @param {any} metadata
   */
  constructor(path, call, metadata) {
    super({ objectMode: true });
    this.path = path;
    this.call = call;
    this.metadata = metadata;
    this.cancelled = false;
  }

  _read() {
    this.call.startRead();
  }
}
mix(ServerReadableStream, methods);

/** What both kinds that write have. A Duplex's `write` and `end` are a Writable's. */
const writing = {
  /**
   * @this {any}
   * @param {any} message
   * @param {any} encoding
   * @param {any} callback
   * @returns {boolean} whether there is room, in bytes: false from the call's high-water mark on, until `drain`
   */
  write(message, encoding, callback) {
    const room = Writable.prototype.write.call(this, message, encoding, callback);
    if (room && this.call.isFull === true) {
      this._writableState.needDrain = true;
      return false;
    }
    return room;
  },

  /**
   * @this {any}
   * @param {any} message
   * @param {string} _encoding
   * @param {(error?: Error | null) => void} callback is called when there is room for another
   */
  _write(message, _encoding, callback) {
    this.call.sendMessage(message, callback);
  },

  /**
   * @this {any}
   * @param {(error?: Error | null) => void} callback
   */
  _final(callback) {
    callback(null);
    const { pendingStatus } = this;
    this.call.sendStatus({ ...pendingStatus, metadata: pendingStatus.metadata ?? this.trailingMetadata });
  },

  /**
   * @this {any}
   * @param {any} [metadata] trailers
   */
  end(metadata) {
    if (metadata) this.trailingMetadata = metadata;
    return /** @type {any} */ (Writable.prototype.end).call(this);
  },
};

/** @param {any} stream */
function setUpWriting(stream) {
  stream.trailingMetadata = undefined;
  stream.pendingStatus = OK;
  // A handler fails a call by this event or by `destroy(error)`.
  stream.on('error', failed);
}

const OK = { code: status.OK, details: 'OK', metadata: null };

/** @this {any} @param {any} error */
function failed(error) {
  this.pendingStatus = errorToStatus(error);
  if (this.destroyed) {
    // The stream finishes no more, so it is told here.
    this.call.sendStatus({ ...this.pendingStatus, metadata: this.pendingStatus.metadata ?? this.trailingMetadata });
  } else {
    this.end();
  }
}

class ServerWritableStream extends Writable {
  /**
   * @param {string} path
   * @param {any} call
   * @param {any} metadata
   * @param {any} request
   */
  constructor(path, call, metadata, request) {
    super({ objectMode: true });
    this.path = path;
    this.call = call;
    this.metadata = metadata;
    this.request = request;
    this.cancelled = false;
    setUpWriting(this);
  }
}
mix(ServerWritableStream, methods);
mix(ServerWritableStream, writing);

class ServerDuplexStream extends Duplex {
  /**
   * @param {string} path
   * @param {any} call
   * @param {any} metadata
   */
  constructor(path, call, metadata) {
    super({ objectMode: true });
    this.path = path;
    this.call = call;
    this.metadata = metadata;
    this.cancelled = false;
    setUpWriting(this);
  }

  _read() {
    this.call.startRead();
  }

  /** Node's own destroys a Duplex when its requests are at their end: the answers may go on. */
  [Symbol.asyncIterator]() {
    return this.iterator({ destroyOnReturn: false });
  }
}
mix(ServerDuplexStream, methods);
mix(ServerDuplexStream, writing);

module.exports = { ServerUnaryCall, ServerReadableStream, ServerWritableStream, ServerDuplexStream, errorToStatus };
