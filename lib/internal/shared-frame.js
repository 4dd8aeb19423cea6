'use strict';

/**
 * Bytes that many get: made once for each framing, and handed down with one call for all who get them. A response that can
 * take them so has a method `[kShare](frame)`.
 */

const kShare = Symbol('kShare');

/** Connections that are gathered before they go down. */
const MOST_IDS = 4096;

class SharedFrame {
  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    /** As a chunk of HTTP/1.1 (RFC 9112 section 7.1). @type {Buffer | null} */
    this.chunk = null;
    /** Whose connections are gathered, and what they get. @type {any} */
    this.engine = null;
    this.data = bytes;
    this.count = 0;
  }

  /**
   * @param {any} engine an `Engine` of `http-engine.js`
   * @param {number} id of its connection
   * @param {boolean} chunked
   * @returns {number} bytes that it gets
   */
  add(engine, id, chunked) {
    const data = chunked ? (this.chunk ??= chunkOf(this.bytes)) : this.bytes;
    if (engine.gathering !== this || data !== this.data || engine.commandCount > 0 || this.count === MOST_IDS) {
      this.begin(engine, data);
    }
    engine.broadcastIds[this.count++] = id;
    return data.length;
  }

  /**
   * @param {any} engine
   * @param {Buffer} data
   */
  begin(engine, data) {
    this.commit();
    engine.gathering?.commit();
    // What was written before goes before.
    engine.flushWithin();
    engine.broadcastIds ??= new Uint32Array(MOST_IDS);
    engine.gathering = this;
    this.engine = engine;
    this.data = data;
  }

  /** Hands down who was gathered. */
  commit() {
    const { engine, count } = this;
    if (count === 0) return;
    this.count = 0;
    engine.gathering = null;
    engine.native.broadcast(Buffer.from(engine.broadcastIds.buffer), count, this.data);
  }
}

/**
 * @param {Buffer} bytes
 * @returns {Buffer}
 */
function chunkOf(bytes) {
  const head = `${bytes.length.toString(16)}\r\n`;
  const chunk = Buffer.allocUnsafe(head.length + bytes.length + 2);
  chunk.write(head, 0, 'latin1');
  chunk.set(bytes, head.length);
  chunk.write('\r\n', head.length + bytes.length, 'latin1');
  return chunk;
}

module.exports = { SharedFrame, kShare };
