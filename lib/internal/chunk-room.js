'use strict';

/** Memory for the chunks that one stream gives to JavaScript. */

/** Largest chunk, where a stream names none. */
const CHUNK_BYTES = 64 * 1024;
/** Chunks up to this size come from Node's pool, so that they pin no slab of their own. */
const POOLED_BYTES = 2048;
/** Memory that is held for small results. Untouched it costs what is told to V8, and one that is smaller pins less. */
const HELD_BYTES = 1024;

class ChunkRoom {
  /**
   * @param {object} options
   * @param {number} [options.chunkSize] bytes of the largest chunk. Defaults to 65,536.
   * @param {number} [options.firstChunk] bytes of the largest chunk at first; each full chunk doubles it, up to `chunkSize`,
   *   so that small results come in small pieces and large ones cost few events. Defaults to `chunkSize`.
   * @param {boolean} [options.holdsRoom] memory for small results is there from the beginning, as in `node:zlib`'s streams:
   *   V8 knows what they hold before they are used, and takes it back with them. Defaults to `false`.
   */
  constructor({ chunkSize = CHUNK_BYTES, firstChunk = chunkSize, holdsRoom = false }) {
    this.chunkSize = chunkSize;
    /** Bytes of the largest chunk now. */
    this.chunkBytes = firstChunk;
    /** @type {Buffer | null} */
    this.held = holdsRoom ? Buffer.allocUnsafeSlow(HELD_BYTES) : null;
    /** Bytes of it that are given away. */
    this.used = 0;
  }

  /**
   * @param {number} available bytes that wait, at least one
   * @param {boolean} whole they make one chunk, whatever their size
   * @returns {Buffer} memory for the next chunk
   */
  take(available, whole) {
    const bytes = whole ? available : Math.min(available, this.chunkBytes);
    if (bytes === this.chunkBytes && bytes < this.chunkSize) this.chunkBytes = Math.min(2 * bytes, this.chunkSize);
    if (this.held !== null) {
      const from = this.used;
      if (from + bytes <= HELD_BYTES) {
        this.used += bytes;
        return this.held.subarray(from, from + bytes);
      }
      this.held = null;
    }
    return bytes <= POOLED_BYTES ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes);
  }

  /** Nobody reads: what is held goes. */
  release() {
    this.held = null;
  }
}

module.exports = { ChunkRoom, CHUNK_BYTES };
