'use strict';

/**
 * The crossing of a native engine whose turns come as one table of words with the bytes that it speaks of, and which is
 * asked by a list of commands of four words each with a slab. What is asked within a tick, or by handlers of a turn, goes
 * down in one call.
 */

/** Bytes that are gathered before they go down; a tick that writes more sends in between. */
const SLAB_BYTES = 64 * 1024;
/** A batch with more bytes has bodies in it, most likely. */
const OWN_BYTES = 32 * 1024;
/** Commands that are gathered before they go down. */
const MOST_COMMANDS = 1024;
/** A buffer of at least so many bytes is read in place instead of copied. */
const IN_PLACE_BYTES = 4 * 1024;

class PackedEngine {
  constructor() {
    /** The native half; set by the subclass. @type {any} */
    this.native = undefined;
    this.words = new Uint32Array(4096);
    this.wordBytes = Buffer.from(this.words.buffer);
    /** Its fast ways to text are not declared. @type {any} */
    this.shared = Buffer.allocUnsafeSlow(OWN_BYTES);
    /** The bytes of the batch that is worked off. @type {any} */
    this.bytes = this.shared;
    /** Words of the batch that is worked off, and where. */
    this.count = 0;
    this.at = 0;

    this.commands = new Uint32Array(MOST_COMMANDS * 4);
    this.commandBytes = Buffer.from(this.commands.buffer);
    this.commandCount = 0;
    /** @type {any} */
    this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.slabUsed = 0;
    /** @type {Uint8Array[]} */
    this.buffers = [];
    this.scheduled = false;
    this.dispatching = false;
    this.receiving = false;
    this.submitOnce = () => {
      this.scheduled = false;
      this.flush();
    };
  }

  // Up.

  /** Works off one record at `this.at`, which it passes before it calls anybody. */
  one() {
    throw new Error('one() is the subclass\'s');
  }

  /** Takes the batch and works it off. */
  receive() {
    // A handler that throws leaves the rest to a later turn; what comes meanwhile waits behind it.
    if (this.at < this.count) {
      this.receiveSoon();
      return;
    }
    const { native } = this;
    const waiting = native.waiting();
    if (waiting === 0) return;
    const wordBytes = Math.floor(waiting / 2 ** 32);
    const byteCount = waiting % 2 ** 32;
    if (wordBytes > this.wordBytes.length) {
      this.words = new Uint32Array(wordBytes / 2);
      this.wordBytes = Buffer.from(this.words.buffer);
    }
    // Bodies get memory of their own, and need not be copied out of what the next turn writes to.
    this.bytes = byteCount > OWN_BYTES ? Buffer.allocUnsafeSlow(byteCount) : this.shared;
    this.count = native.take(this.wordBytes, this.bytes);
    this.at = 0;
    this.dispatch();
  }

  /** Takes what a call down brought, in this iteration of the loop, where no turn of the reactor may follow. */
  receiveSoon() {
    if (this.receiving) return;
    this.receiving = true;
    setImmediate(() => {
      this.receiving = false;
      this.receive();
    });
  }

  dispatch() {
    this.dispatching = true;
    try {
      while (this.at < this.count) this.one();
    } finally {
      this.dispatching = false;
      if (this.at < this.count) setImmediate(() => this.dispatch());
      this.dispatched();
    }
  }

  /** A batch is worked off, or its rest waits: what was answered at once goes at once. */
  dispatched() {
    this.flush();
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {Buffer} these bytes, for good; they pin no more than four times their size
   */
  chunk(start, end) {
    const { bytes } = this;
    const length = end - start;
    if (bytes !== this.shared && length * 4 >= bytes.length) return bytes.subarray(start, end);
    const chunk = length <= 2048 ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    bytes.copy(chunk, 0, start, end);
    return chunk;
  }

  // Down.

  /**
   * @param {number} kind
   * @param {number} id
   * @param {number} [first]
   * @param {number} [second]
   */
  push(kind, id, first = 0, second = 0) {
    if (this.commandCount === MOST_COMMANDS) this.makeRoom();
    const { commands } = this;
    const at = this.commandCount++ * 4;
    commands[at] = kind;
    commands[at + 1] = id;
    commands[at + 2] = first;
    commands[at + 3] = second;
    if (!this.scheduled && !this.dispatching) {
      this.scheduled = true;
      setImmediate(this.submitOnce);
    }
  }

  /**
   * A command with bytes.
   *
   * @param {number} kind for bytes in the slab
   * @param {number} bufferKind for a buffer that is read in place
   * @param {number} id
   * @param {Uint8Array} data
   */
  pushBytes(kind, bufferKind, id, data) {
    const { length } = data;
    if (length >= IN_PLACE_BYTES) {
      this.pushBuffer(bufferKind, id, data);
      return;
    }
    const start = this.room(length);
    this.slab.set(data, start);
    this.push(kind, id, start, length);
  }

  /**
   * A command with a buffer that is read in place.
   *
   * @param {number} kind
   * @param {number} id
   * @param {Uint8Array} data
   */
  pushBuffer(kind, id, data) {
    // The command must not be what sends the buffer away without it.
    if (this.commandCount === MOST_COMMANDS) this.makeRoom();
    this.buffers.push(data);
    this.push(kind, id, this.buffers.length - 1);
  }

  /**
   * A command with a text, in UTF-8.
   *
   * @param {number} kind
   * @param {number} id
   * @param {string} text
   */
  pushText(kind, id, text) {
    const most = text.length * 3;
    if (most > SLAB_BYTES) {
      // Metadata of so many bytes is more than peers take; it has to lie in one piece all the same.
      this.flush();
      this.slab = Buffer.from(text);
      this.slabUsed = this.slab.length;
      this.push(kind, id, 0, this.slab.length);
      this.flush();
      this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      return;
    }
    const start = this.room(most);
    const length = this.slab.utf8Write(text, start, most);
    this.slabUsed = start + length;
    this.push(kind, id, start, length);
  }

  /**
   * @param {number} bytes at most as many as the slab has
   * @returns {number} where they go
   */
  room(bytes) {
    // The command that they are for must not be what sends them away without it.
    if (this.slabUsed + bytes > SLAB_BYTES || this.commandCount === MOST_COMMANDS) this.makeRoom();
    const start = this.slabUsed;
    this.slabUsed = start + bytes;
    return start;
  }

  /** The slab or the list is full: what is gathered goes down in the midst of a tick. */
  makeRoom() {
    this.flush();
  }

  /**
   * Hands down what is gathered. What comes of it waits for the next iteration of the loop: a handler that goes on writing
   * as soon as there is room must not hold up all others.
   */
  flush() {
    if (this.commandCount > 0 && this.submit()) this.receiveSoon();
  }

  /** @returns {boolean} whether there are records to take */
  submit() {
    const { commandCount, buffers } = this;
    this.commandCount = 0;
    this.slabUsed = 0;
    if (buffers.length === 0) return this.native.submit(this.commandBytes, commandCount, this.slab, null);
    this.buffers = [];
    return this.native.submit(this.commandBytes, commandCount, this.slab, buffers);
  }
}

module.exports = { PackedEngine, IN_PLACE_BYTES, SLAB_BYTES };
