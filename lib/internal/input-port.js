'use strict';

/** The input of a port, from a stream's writes into its operator and back to their callbacks, and its place in a chain. */

const { AsyncResource } = require('node:async_hooks');
const { stageStarted } = require('./channels.js');
const { ChunkRoom } = require('./chunk-room.js');
const { register, forget, touch, kickSoon, isLong } = require('./doorbell.js');

/** Bytes of writes after which the clock is looked at. */
const LOOK_BYTES = 64 * 1024;

/**
 * @typedef {object} PortOptions
 * @property {string} name the stage, as people know it: `gzip`, `validate`
 * @property {object} spec the stage, as Rust knows it
 * @property {Uint8Array} [blob] path or dictionary. Where it is given the operator is made at once: its bytes may change.
 * @property {number} [inbox] bytes from JavaScript at which a write waits. Defaults to 262,144.
 * @property {number} [link] bytes from a linked stage at which that stage stops. Defaults to 2,097,152.
 * @property {number} [outbox] bytes for JavaScript at which the stage stops. Defaults to 131,072.
 * @property {boolean} [wholeRows] chunks end where rows end; a row longer than `chunkSize` is a chunk of its own. Defaults to
 *   `false`.
 * @property {number} [chunkSize] bytes of the largest chunk for JavaScript. Defaults to 65,536.
 * @property {number} [firstChunk] bytes of the largest chunk at first; see `ChunkRoom`. Defaults to `chunkSize`.
 * @property {boolean} [holdsRoom] memory for a small result is there from the beginning. Defaults to `false`.
 * @property {typeof import('./port.js').Port} [type] the port's class, where output is not to be pushed as bytes
 */

class InputPort {
  /**
   * @param {any} stream
   * @param {PortOptions} options
   */
  constructor(stream, options) {
    const { name, spec, blob, inbox = 256 * 1024, link = 2 * 1024 * 1024, outbox = 128 * 1024 } = options;
    this.stream = stream;
    this.name = name;
    /** What happens to the stream happens where it was made, whosever tick brings the news. */
    this.resource = new AsyncResource('MILLRACE');
    this.room = new ChunkRoom(options);
    this.wholeRows = options.wholeRows ?? false;
    /** What the operator is made of. @type {object} */
    this.spec = { inbox, link, outbox, ...spec };
    /** The operator's number in this thread; 0 while there is none. */
    this.id = 0;
    /** The operator, where the stream was used. @type {any} */
    this.made = null;
    /** Waiting for the kick at the end of this tick. */
    this.kicked = false;
    /** The stream asked for data (`_read`) and did not get enough yet. */
    this.wantsData = false;
    this.pulling = false;
    /** Goes on pulling in the loop's next turn. */
    this.yielding = false;
    /** Somebody waits for the end. */
    this.owesEnd = false;
    /** All output came. */
    this.ended = false;
    this.closed = false;
    this.gone = false;
    this.failed = false;
    /** Nobody looks at the output: it is dropped where it is made. */
    this.discarding = false;
    /** It is to be seen at the end of this tick whether anybody looks. */
    this.considering = false;
    /** Data is asked for then, where somebody does. */
    this.asksLater = false;
    /** @type {any} */
    this.next = null;
    /** @type {any} */
    this.previous = null;
    /** What feeds it where that is no operator. @type {import('./native-source.js').Feed | null} */
    this.feeder = null;
    this.inboxBound = inbox;
    /** @type {((error?: Error | null) => void) | null} */
    this.whenWritable = null;
    /** @type {(() => void) | null} */
    this.whenDrained = null;
    /** @type {(() => void) | null} */
    this.whenClosed = null;
    /** Who waits for which mark; few streams are ever flushed. @type {Map<number, () => void> | null} */
    this.whenMarked = null;
    /** Bytes written since the clock was looked at. */
    this.unlooked = 0;
    this.lastTicket = 0;
    /** The stream's own methods; a link holds only while nobody replaced them. @type {any} */
    this.ownRead = undefined;
    /** @type {any} */
    this.ownWrite = undefined;
    /** @type {any} */
    this.ownTransform = undefined;
    /** `write` as users call it, where it is not Node's own. @type {any} */
    this.ownAccept = undefined;
    /** The composed stream whose last stream this one is. @type {any} */
    this.outer = null;
    if (blob !== undefined) this.open(blob);
  }

  /** The native operator: asked for it, there is one. Who only looks asks for `made`. @returns {any} */
  get operator() {
    return this.made ?? this.open();
  }

  /**
   * Makes the operator; from now on `inspect()` knows the stream.
   *
   * @param {Uint8Array} [blob]
   * @returns {any} the operator
   */
  open(blob) {
    const { id, operator } = register(this, this.spec, blob);
    this.id = id;
    this.made = operator;
    if (this.gone) {
      operator.destroy();
      forget(this);
    } else stageStarted(/** @type {any} */ (this));
    return operator;
  }

  /**
   * @param {Uint8Array} chunk
   * @param {(error?: Error | null) => void} callback once there is room for more
   */
  write(chunk, callback) {
    const room = this.operator.write(chunk);
    kickSoon(this);
    if (room && !this.isGreedy(chunk.length)) {
      callback();
      return;
    }
    touch(this);
    this.whenWritable = callback;
    if (!room) return;
    // The pool keeps up with a loop of writes: without a pause here `write()` would never say no, and the event loop stand still.
    setImmediate(() => {
      if (this.whenWritable !== callback) return;
      this.whenWritable = null;
      callback();
    });
  }

  /** @param {Uint8Array} bytes of a source that waits for nobody: it knows the inbox's bound */
  feed(bytes) {
    this.operator.write(bytes);
    kickSoon(this);
  }

  /**
   * @param {number} bytes that are written now
   * @returns {boolean} whether JavaScript has worked for so long without a turn of the loop that a writer should wait for one
   */
  isGreedy(bytes) {
    this.unlooked += bytes;
    if (this.unlooked < LOOK_BYTES) return false;
    this.unlooked = 0;
    return isLong();
  }

  /**
   * @param {{ chunk: Uint8Array }[]} chunks
   * @param {(error?: Error | null) => void} callback once there is room for more
   */
  writeAll(chunks, callback) {
    for (let i = 0; i < chunks.length - 1; i++) this.operator.write(chunks[i].chunk);
    this.write(chunks[chunks.length - 1].chunk, callback);
  }

  /**
   * @param {{ chunk: Uint8Array }[]} chunks
   * @param {(error?: Error | null) => void} callback once they are worked off
   */
  writeThrough(chunks, callback) {
    for (const { chunk } of chunks) this.operator.write(chunk);
    this.drain(callback);
  }

  /** @returns {((error?: Error | null) => void) | undefined} the callback of the write under way, which is now the caller's */
  takeCallback() {
    const callback = this.whenWritable ?? this.whenDrained ?? undefined;
    this.whenWritable = null;
    this.whenDrained = null;
    return callback;
  }

  /** @param {() => void} callback once all input so far is worked off */
  drain(callback) {
    this.whenDrained = callback;
    this.operator.drain();
    kickSoon(this);
  }

  /** A file operator may open its file. */
  begin() {
    touch(this);
    this.operator.kick();
  }

  /** No more input. */
  end() {
    this.operator.end();
    kickSoon(this);
  }

  /** No more input; what is left comes out though nobody reads, up to the stream's `highWaterMark`. */
  endAtOnce() {
    this.owesEnd = true;
    this.end();
  }

  /**
   * @param {(ticket: number) => void} send hands the operator a control that comes back as a mark
   * @param {() => void} callback once it did, behind all output before it
   */
  control(send, callback) {
    const ticket = (this.lastTicket = (this.lastTicket + 1) >>> 0);
    this.whenMarked ??= new Map();
    this.whenMarked.set(ticket, callback);
    send(ticket);
    kickSoon(this);
  }

  /** Input comes from JavaScript again. */
  unlinkInput() {
    this.previous?.unlink();
    this.feeder?.unlink();
  }

  /** @returns {boolean} whether this operator or one that it is linked to is at work */
  isChainActive() {
    for (const port of this.chain()) if (port.made?.isActive()) return true;
    return false;
  }

  /** @returns {InputPort[]} the linked ports from the first to the last */
  chain() {
    /** @type {InputPort} */
    let first = this;
    while (first.previous !== null) first = first.previous;
    const all = [first];
    for (let port = first.next; port !== null; port = port.next) all.push(port);
    return all;
  }

  /** Nothing is worked off any more: writes and flushes under way are over, and Node tells those behind them. */
  releaseWriters() {
    const callbacks = [...(this.whenMarked?.values() ?? [])];
    this.whenMarked = null;
    if (this.whenWritable !== null) callbacks.push(this.whenWritable);
    this.whenWritable = null;
    for (const waiting of callbacks) process.nextTick(waiting);
  }
}

module.exports = { InputPort };
