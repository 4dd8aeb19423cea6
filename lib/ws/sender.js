'use strict';

/** The sending half of a connection: what users give becomes frames, in order, also behind a Blob that is being read. */

const { randomFillSync } = require('node:crypto');
const { isUint8Array } = require('node:util').types;
const { flag } = require('./engine.js');
const { EMPTY_BUFFER, NOOP, opcode } = require('./constants.js');
const { isBlob, isValidStatusCode, toBuffer } = require('./validation.js');

/** Bytes of a control frame's payload at the most (RFC 6455 section 5.5). */
const MAX_CONTROL = 125;

/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {(error?: Error) => void} Callback */

class Sender {
  /**
   * @param {Connection} connection
   * @param {import('./permessage-deflate.js') | undefined} deflate where it was negotiated
   * @param {((mask: Buffer) => void) | undefined} generateMask
   */
  constructor(connection, deflate, generateMask) {
    this._connection = connection;
    this._socket = connection.socket;
    this._deflate = deflate;
    /** Smaller messages go uncompressed where each is compressed alone. */
    this._threshold =
      deflate && deflate.params[deflate._isServer ? 'server_no_context_takeover' : 'client_no_context_takeover']
        ? deflate._threshold
        : 0;
    this._generateMask = generateMask;
    this._firstFragment = true;
    this._compress = false;
    /** Bytes of Blobs that are being read, of what waits behind them, and of what was sent too late. */
    this._bufferedBytes = 0;
    /**
     * What waits behind a Blob that is being read; null where none is.
     *
     * @type {{ bytes: number, run: () => void, cb?: Callback }[] | null}
     */
    this._queue = null;
    /** @type {(websocket: any, error: Error) => void} */
    this.onerror = NOOP;
  }

  /**
   * A frame, as `ws` makes it.
   *
   * @param {Buffer | string} data
   * @param {{ fin?: boolean, generateMask?: (mask: Buffer) => void, mask?: boolean, maskBuffer?: Buffer, opcode: number,
   *   readOnly?: boolean, rsv1?: boolean }} options `readOnly`: `data` must not be masked in place
   * @returns {(Buffer | string)[]} header and payload, or both in one
   */
  static frame(data, options) {
    let payload = typeof data === 'string' ? Buffer.from(data) : data;
    const { length } = payload;
    const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
    const head = Buffer.allocUnsafe(2 + extended + (options.mask ? 4 : 0));
    head[0] = options.opcode | (options.fin ? 0x80 : 0) | (options.rsv1 ? 0x40 : 0);
    head[1] = (options.mask ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
    if (extended === 2) head.writeUInt16BE(length, 2);
    else if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
    if (options.mask) {
      const mask = head.subarray(-4);
      if (options.generateMask) {
        const own = options.maskBuffer ?? Buffer.alloc(4);
        options.generateMask(own);
        mask.set(own);
      } else {
        randomFillSync(mask);
      }
      if (options.readOnly) payload = Buffer.from(payload);
      for (let i = 0; i < length; i++) payload[i] ^= mask[i & 3];
      return options.readOnly ? [Buffer.concat([head, payload])] : length > 0 ? [head, payload] : [head];
    }
    return length > 0 ? [head, typeof data === 'string' ? data : payload] : [head];
  }

  /**
   * @param {number | undefined} code
   * @param {string | Uint8Array | undefined} data
   * @param {boolean} mask
   * @param {Callback} [cb]
   * @throws {TypeError | RangeError} for a code that may not be sent, and a reason of over 123 bytes
   */
  close(code, data, mask, cb) {
    let payload = EMPTY_BUFFER;
    if (code !== undefined) {
      if (typeof code !== 'number' || !isValidStatusCode(code)) {
        throw new TypeError('First argument must be a valid error code number');
      }
      const reason = data === undefined || !data.length ? '' : data;
      const length = Buffer.byteLength(reason);
      if (length > MAX_CONTROL - 2) throw new RangeError('The message must not be greater than 123 bytes');
      if (typeof reason !== 'string' && !isUint8Array(reason)) {
        throw new TypeError('Second argument must be a string or a Uint8Array');
      }
      payload = Buffer.alloc(2 + length);
      payload.writeUInt16BE(code, 0);
      if (typeof reason === 'string') payload.write(reason, 2);
      else payload.set(reason, 2);
    }
    this._dispatch(payload, payload.length, opcode.CLOSE | flag.FIN | (mask ? flag.MASKED : 0), cb);
  }

  /** @param {any} data @param {boolean} mask @param {Callback} [cb] */
  ping(data, mask, cb) {
    this._control(opcode.PING, data, mask, cb);
  }

  /** @param {any} data @param {boolean} mask @param {Callback} [cb] */
  pong(data, mask, cb) {
    this._control(opcode.PONG, data, mask, cb);
  }

  /**
   * @param {number} code
   * @param {any} data
   * @param {boolean} mask
   * @param {Callback} [cb]
   */
  _control(code, data, mask, cb) {
    const flags = code | flag.FIN | (mask ? flag.MASKED : 0);
    if (typeof data !== 'string' && !isBlob(data)) data = toBuffer(data);
    const length = byteLength(data);
    if (length > MAX_CONTROL) throw new RangeError('The data size must not be greater than 125 bytes');
    this._dispatch(data, length, flags, cb);
  }

  /**
   * @param {any} data
   * @param {{ binary?: boolean, compress?: boolean, fin?: boolean, mask?: boolean }} options
   * @param {Callback} [cb]
   */
  send(data, options, cb) {
    if (typeof data !== 'string' && !isBlob(data)) data = toBuffer(data);
    const length = byteLength(data);
    /** @type {number} */
    let flags = options.binary ? opcode.BINARY : opcode.TEXT;
    if (this._firstFragment) {
      this._firstFragment = false;
      this._compress = !!options.compress && this._deflate !== undefined && length >= this._threshold;
    } else {
      flags = opcode.CONTINUATION;
    }
    if (options.fin) {
      this._firstFragment = true;
      flags |= flag.FIN;
    }
    if (options.mask) flags |= flag.MASKED;
    if (this._compress) flags |= flag.COMPRESS;
    this._dispatch(data, length, flags, cb);
  }

  /**
   * @param {any} data a string, bytes, or a Blob
   * @param {number} length in bytes
   * @param {number} flags
   * @param {Callback} [cb]
   */
  _dispatch(data, length, flags, cb) {
    if (this._queue !== null) {
      this._bufferedBytes += length;
      this._queue.push({ bytes: length, run: () => this._dispatch(data, length, flags, cb), cb });
    } else if (typeof data === 'string' || Buffer.isBuffer(data)) {
      let mask;
      if (flags & flag.MASKED && this._generateMask !== undefined) {
        mask = Buffer.alloc(4);
        this._generateMask(mask);
        flags |= flag.OWN_MASK;
      }
      this._connection.send(flags, data, length, mask, cb);
    } else {
      this._readBlob(data, length, flags, cb);
    }
  }

  /**
   * @param {Blob} blob
   * @param {number} length
   * @param {number} flags
   * @param {Callback} [cb]
   */
  _readBlob(blob, length, flags, cb) {
    this._bufferedBytes += length;
    this._queue = [];
    // What callbacks throw must not become a rejection: they run in ticks of their own.
    blob.arrayBuffer().then(
      (bytes) => {
        if (this._socket.destroyed) {
          const error = new Error('The socket was closed while the blob was being read');
          process.nextTick(() => this._failQueue(error, cb));
          return;
        }
        this._bufferedBytes -= length;
        const queue = this._queue ?? [];
        this._queue = null;
        this._dispatch(Buffer.from(bytes), bytes.byteLength, flags, cb);
        while (queue.length > 0 && this._queue === null) {
          const { bytes: waiting, run } = /** @type {{ bytes: number, run: () => void }} */ (queue.shift());
          this._bufferedBytes -= waiting;
          run();
        }
        // A further Blob: the rest waits behind that one.
        if (this._queue !== null) /** @type {any[]} */ (this._queue).push(...queue);
      },
      (error) => {
        process.nextTick(() => {
          this._failQueue(error, cb);
          this.onerror(this._connection.websocket, error);
        });
      },
    );
  }

  /**
   * @param {Error} error
   * @param {Callback} [cb]
   */
  _failQueue(error, cb) {
    if (typeof cb === 'function') cb(error);
    for (const { cb: waiting } of this._queue ?? []) if (typeof waiting === 'function') waiting(error);
  }

  /**
   * Sends a frame that was made by `Sender.frame`: socket.io frames once for many.
   *
   * @param {(Buffer | string)[]} list
   * @param {Callback} [cb]
   */
  sendFrame(list, cb) {
    const bytes = Buffer.concat(list.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)));
    this._connection.send(flag.RAW, bytes, bytes.length, undefined, cb);
  }
}

/** @param {any} data @returns {number} */
function byteLength(data) {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return isBlob(data) ? data.size : data.length;
}

module.exports = Sender;
