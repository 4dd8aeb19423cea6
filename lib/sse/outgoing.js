'use strict';

/**
 * What a session sends and its connection has no room for.
 *
 * Bound: `maxBufferedBytes`, the bytes that wait in the connection included; one event larger than that is accepted while
 * nothing waits. Nobody waits at the bound unless they look (`write()`, `ready()`); beyond it the policy decides.
 */

/** @typedef {'disconnect' | 'drop-oldest' | 'drop-newest' | 'keep-latest'} SlowPolicy */

class Outgoing {
  /**
   * @param {import('./connection.js').Connection} connection
   * @param {object} options
   * @param {number} options.maxBufferedBytes
   * @param {SlowPolicy} options.onSlow
   * @param {(bytes: number) => void} options.onDropped called for each event that is dropped
   * @param {() => void} options.onOverflow called where the policy is to disconnect
   */
  constructor(connection, { maxBufferedBytes, onSlow, onDropped, onOverflow }) {
    this.connection = connection;
    this.maxBufferedBytes = maxBufferedBytes;
    this.onSlow = onSlow;
    this.onDropped = onDropped;
    this.onOverflow = onOverflow;
    /** @type {{ chunk: string | Uint8Array, bytes: number, key: string | null | undefined }[]} */
    this.queue = [];
    this.bytes = 0;
    this.blocked = false;
    this.closed = false;
    /** @type {(() => void)[]} */
    this.waiting = [];
    connection.onDrain = () => this.drain();
  }

  /** @returns {boolean} whether what is sent now must wait */
  get isFull() {
    return this.blocked;
  }

  /** @returns {number} bytes that wait here and in the connection */
  get bufferedBytes() {
    return this.bytes + this.connection.bufferedBytes;
  }

  /**
   * @param {string | Uint8Array} chunk
   * @param {string | null} [key] for `keep-latest`: an event that waits and has the same key is replaced
   * @returns {boolean} whether there is room for more
   */
  send(chunk, key) {
    if (this.closed) return false;
    if (!this.blocked) {
      // A connection of `better-sse` answers nothing: then there is always room.
      this.blocked = this.connection.sendChunk(chunk) === false;
      return !this.blocked;
    }
    return this.enqueue(chunk, key);
  }

  /**
   * @param {import('../internal/shared-frame.js').SharedFrame} frame an event for many
   * @param {string | null} [key] see {@link send}
   * @returns {boolean} whether there is room for more
   */
  share(frame, key) {
    if (this.closed) return false;
    if (this.blocked) return this.enqueue(frame.bytes, key);
    this.blocked = this.connection.shareChunk(frame) === false;
    return !this.blocked;
  }

  /**
   * @param {string | Uint8Array} chunk
   * @param {string | null | undefined} key
   * @returns {false}
   */
  enqueue(chunk, key) {
    const bytes = typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length;
    this.makeRoom(bytes, key);
    if (this.closed) return false;
    if (this.bufferedBytes + bytes > this.maxBufferedBytes && this.onSlow !== 'disconnect') {
      this.onDropped(bytes);
      return false;
    }
    this.queue.push({ chunk, bytes, key });
    this.bytes += bytes;
    return false;
  }

  /**
   * @param {number} bytes
   * @param {string | null | undefined} key
   */
  makeRoom(bytes, key) {
    if (this.onSlow === 'keep-latest' && key != null) {
      const at = this.queue.findIndex((one) => one.key === key);
      if (at !== -1) this.drop(at);
    }
    if (this.bufferedBytes + bytes <= this.maxBufferedBytes) return;
    if (this.onSlow === 'disconnect') {
      this.close();
      this.onOverflow();
      return;
    }
    if (this.onSlow === 'drop-newest') return;
    while (this.queue.length > 0 && this.bufferedBytes + bytes > this.maxBufferedBytes) this.drop(0);
  }

  /** @param {number} at */
  drop(at) {
    const [{ bytes }] = this.queue.splice(at, 1);
    this.bytes -= bytes;
    this.onDropped(bytes);
  }

  /** The connection has room again. */
  drain() {
    this.blocked = false;
    while (this.queue.length > 0 && !this.blocked) {
      const one = /** @type {{ chunk: string | Uint8Array, bytes: number }} */ (this.queue.shift());
      this.bytes -= one.bytes;
      this.blocked = this.connection.sendChunk(one.chunk) === false;
    }
    if (!this.blocked) this.wake();
  }

  /** @param {() => void} callback once there is room, or the connection is closed */
  whenReady(callback) {
    if (!this.blocked || this.closed) callback();
    else this.waiting.push(callback);
  }

  wake() {
    const waiting = this.waiting;
    this.waiting = [];
    for (const callback of waiting) callback();
  }

  close() {
    this.closed = true;
    this.queue = [];
    this.bytes = 0;
    this.wake();
  }
}

module.exports = { Outgoing };
