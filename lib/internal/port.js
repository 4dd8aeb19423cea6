'use strict';

/**
 * A port joins one native operator to one Node stream: it turns news into pushes and callbacks, and reads and writes into
 * calls. It knows nothing of how a stream came to be, and streams know nothing of news.
 *
 * The operator is made when the stream is first used: written to, read, piped, ended. One that nobody uses costs what a
 * stream of JavaScript's costs, is nobody's pipeline, and can be collected at once.
 */

const { AsyncResource } = require('node:async_hooks');
const { ChunkRoom } = require('./chunk-room.js');
const { event, register, forget, touch, kickSoon, isLong } = require('./doorbell.js');
const { fromFailure } = require('./errors.js');
const { kTakeOutput, sinkOf } = require('./native-sink.js');

/**
 * Milliseconds for pushing before others have their turn: a listener that is slower than the native side would find new
 * output for ever, and the event loop would stand still.
 */
const TURN_MS = 2;
/** Bytes that a sink takes at a time. */
const TAKEN_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);
/** Bytes of writes after which the clock is looked at. */
const LOOK_BYTES = 64 * 1024;

/** The port of a stream's native input, where it has one. */
const kInput = Symbol('millrace.input');
/** The port of a stream's native output, where it has one. */
const kOutput = Symbol('millrace.output');

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
 * @property {typeof Port} [type] the port's class, where output is not to be pushed as bytes
 */

class Port {
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
    /** @type {Port | null} */
    this.next = null;
    /** @type {Port | null} */
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
    }
    return operator;
  }

  // Input.

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

  // Output.

  /** The stream wants data; what is there is pushed at once. */
  want() {
    this.wantsData = true;
    touch(this);
    this.operator.want();
    this.pull();
  }

  /** Pushes while there is output and the stream takes more. */
  pull() {
    if (this.pulling || this.next !== null) return;
    // Who calls `read()` by himself gets what is there: he is not the listener that finds new output for ever.
    if (this.yielding && this.stream.readableFlowing) return;
    // Reading makes room, and so work.
    touch(this);
    this.pulling = true;
    const began = performance.now();
    try {
      while (!this.ended && !this.stream.destroyed && this.next === null) {
        const { operator, wholeRows } = this;
        const available = wholeRows ? operator.readableRows(this.room.chunkSize) : operator.readableBytes();
        if (available > 0 && !this.wantsData && !this.owesOutput()) return;
        if (!this.take(available)) return;
        if (performance.now() - began > TURN_MS) {
          this.yield();
          return;
        }
      }
    } finally {
      this.pulling = false;
    }
  }

  /** Goes on pulling in the loop's next turn. */
  yield() {
    if (this.yielding) return;
    this.yielding = true;
    setImmediate(() => {
      this.yielding = false;
      this.pull();
    });
  }

  /**
   * Whether somebody waits for what comes behind the bytes here, a mark or the end, and the stream has room for them.
   * Nobody need read for a flush to be done, up to the stream's `highWaterMark`, as in `node:zlib`.
   *
   * @returns {boolean}
   */
  owesOutput() {
    if (!this.owesEnd && (this.whenMarked === null || this.whenMarked.size === 0)) return false;
    const { readableLength, readableHighWaterMark } = this.stream;
    return readableLength < readableHighWaterMark;
  }

  /**
   * Takes one piece of output.
   *
   * @param {number} available bytes before the next mark
   * @returns {boolean} whether there may be more
   */
  take(available) {
    const sink = available > 0 ? sinkOf(this.stream) : null;
    const taken = sink === null ? undefined : sink[kTakeOutput](this.operator, Math.min(available, TAKEN_BYTES));
    if (taken !== undefined) return this.takenBy(sink, taken);
    const chunk = available > 0 ? this.room.take(available, this.wholeRows) : NOTHING;
    const outcome = this.operator.read(chunk);
    if (outcome > 0) {
      this.deliver(outcome === chunk.length ? chunk : chunk.subarray(0, outcome));
      return true;
    }
    return this.takeSpecial(outcome);
  }

  /**
   * @param {any} sink took a piece of output without JavaScript
   * @param {{ outcome: number, room: boolean }} taken
   * @returns {boolean} whether there may be more
   */
  takenBy(sink, { outcome, room: hasRoom }) {
    if (outcome <= 0) return this.takeSpecial(outcome);
    if (hasRoom) return true;
    this.wantsData = false;
    const again = () => {
      sink.removeListener('drain', again);
      sink.removeListener('close', again);
      // Node still waits for what it asked for, whoever gets it.
      if (!this.stream.destroyed) this.want();
    };
    sink.on('drain', again);
    sink.on('close', again);
    return false;
  }

  /**
   * @param {number} outcome of `read` when it gave no bytes
   * @returns {boolean} whether there may be more
   */
  takeSpecial(outcome) {
    if (outcome === 0) return false;
    if (outcome === -1) this.finish();
    else this.marked(-2 - outcome);
    return true;
  }

  /** @param {Buffer} chunk */
  deliver(chunk) {
    if (!this.stream.push(chunk)) this.wantsData = false;
  }

  finish() {
    if (this.ended) return;
    this.ended = true;
    this.unlink();
    this.stream[kOutputEnded]();
    this.outer?.outputEnded();
  }

  /** @param {number} ticket */
  marked(ticket) {
    const callback = this.whenMarked?.get(ticket);
    this.whenMarked?.delete(ticket);
    // Callbacks of writes before it, which were done at once, wait for their tick.
    if (callback !== undefined) process.nextTick(callback);
  }

  // Links.

  /** @param {Port} next takes this one's output from now on, without JavaScript */
  link(next) {
    this.next = next;
    next.previous = this;
    this.room.release();
    touch(this);
    touch(next);
    this.operator.link(next.operator);
  }

  /** Output comes to JavaScript again. */
  unlink() {
    const { next } = this;
    if (next === null) return;
    this.next = null;
    next.previous = null;
    touch(this);
    this.operator.unlink();
    if (!this.ended && !this.stream.destroyed) {
      // `_read` was called, and nothing was pushed since.
      this.wantsData = true;
      process.nextTick(() => this.pull());
      this.outer?.outputUnlinked();
    }
  }

  /** Input comes from JavaScript again. */
  unlinkInput() {
    this.previous?.unlink();
    this.feeder?.unlink();
  }

  /** Output is dropped from now on, and only counted. */
  discard() {
    this.discarding = true;
    this.room.release();
    touch(this);
    this.operator.discard(true);
    this.operator.want();
    // The end may be there already.
    this.pull();
  }

  /** Somebody looks: output comes to JavaScript again. */
  keep() {
    if (!this.discarding) return;
    this.discarding = false;
    touch(this);
    this.operator.discard(false);
    if (!this.ended && !this.stream.destroyed) {
      // `_read` was called, and nothing was pushed since.
      this.wantsData = true;
      process.nextTick(() => this.pull());
    }
  }

  /** @returns {boolean} whether this operator or one that it is linked to is at work */
  isChainActive() {
    for (const port of this.chain()) if (port.made?.isActive()) return true;
    return false;
  }

  /** @returns {Port[]} the linked ports from the first to the last */
  chain() {
    /** @type {Port} */
    let first = this;
    while (first.previous !== null) first = first.previous;
    const all = [first];
    for (let port = first.next; port !== null; port = port.next) all.push(port);
    return all;
  }

  /** @returns {number} bytes that left the operator: those that wait for JavaScript do not count */
  bytesGiven() {
    return this.made?.given() ?? 0;
  }

  /** @returns {number} input bytes that the operator did not work off yet */
  bytesWaiting() {
    return this.made?.inboxBytes() ?? 0;
  }

  // Life.

  /** @param {number} bits news of the operator */
  onNews(bits) {
    if (bits & event.CLOSED) this.closed = true;
    if (!this.stream.destroyed) this.tellStream(bits);
    // Node waits for the file to be open before it closes it.
    else if (bits & (event.OPEN | event.FAILED)) this.stream[kSettled]?.(bits);
    if (this.closed && this.whenClosed) {
      const callback = this.whenClosed;
      this.whenClosed = null;
      callback();
    }
  }

  /** @param {number} bits */
  tellStream(bits) {
    if (bits & event.OPEN) this.stream[kOpened]?.();
    if (bits & event.SIDE) this.stream[kSideReady]?.();
    if (bits & event.MARK) {
      for (let ticket = this.operator.takeMark(); ticket >= 0; ticket = this.operator.takeMark()) this.marked(ticket);
    }
    if (bits & event.WRITABLE && this.whenWritable !== null) {
      const callback = this.whenWritable;
      this.whenWritable = null;
      // Callbacks of writes before it, which were done at once, wait for their tick.
      process.nextTick(callback);
    }
    if (bits & event.READABLE) this.pull();
    if (bits & event.DRAINED && this.whenDrained !== null && !(bits & event.FAILED)) {
      const callback = this.whenDrained;
      this.whenDrained = null;
      callback();
    }
    if (bits & event.FAILED) this.fail();
    else if (bits & event.ENDED) {
      if (this.next !== null) this.finish();
      else this.pull();
    }
  }

  fail() {
    if (this.failed) return;
    this.failed = true;
    const failure = this.operator.failure();
    if (failure === null) return;
    const error = fromFailure(failure, this.name);
    if (this.stream[kFailed] !== undefined) this.stream[kFailed](error);
    else this.stream.destroy(error);
  }

  /** Nothing is worked off any more: writes and flushes under way are over, and Node tells those behind them. */
  releaseWriters() {
    const callbacks = [...(this.whenMarked?.values() ?? [])];
    this.whenMarked = null;
    if (this.whenWritable !== null) callbacks.push(this.whenWritable);
    this.whenWritable = null;
    for (const waiting of callbacks) process.nextTick(waiting);
  }

  /** @returns {Error | undefined} what closing the file failed with, once it is closed and where nothing failed before */
  closeError() {
    const failure = this.failed ? null : (this.made?.failure() ?? null);
    const error = failure === null ? undefined : fromFailure(failure, this.name);
    return error?.syscall === 'close' ? error : undefined;
  }

  /**
   * Drops all work. The operator stays for its counters until the stream is collected.
   *
   * @param {boolean} hasFile wait until the operator let go of its file
   * @param {() => void} callback
   */
  destroy(hasFile, callback) {
    this.unlinkInput();
    if (this.next !== null) {
      this.next.previous = null;
      this.next = null;
    }
    const done = () => {
      if (this.made !== null) forget(this);
      if (!this.gone) this.resource.emitDestroy();
      this.gone = true;
      callback();
      this.releaseWriters();
    };
    this.room.release();
    if (hasFile && !this.closed && this.made !== null) {
      this.whenClosed = done;
      touch(this);
      this.made.destroy();
    } else {
      this.made?.destroy();
      done();
    }
  }
}

/** The composed stream that a stream is part of. */
const kComposed = Symbol('millrace.composed');
/** The streams of a composed one. */
const kParts = Symbol('millrace.parts');
/** A stream's own `read` and `write` methods, where they are not its port's. */
const kOwnMethods = Symbol('millrace.ownMethods');
/** Called on the stream when all output came. */
const kOutputEnded = Symbol('millrace.outputEnded');
/** Called on the stream when its file is open. */
const kOpened = Symbol('millrace.opened');
/** Called on the stream when its operator failed, instead of `destroy`. */
const kFailed = Symbol('millrace.failed');
/** Called on the stream when its file is open, or cannot be opened, and the stream is destroyed already. */
const kSettled = Symbol('millrace.settled');
/** Called on the stream when rejected rows wait. */
const kSideReady = Symbol('millrace.sideReady');

module.exports = {
  Port,
  kInput,
  kOutput,
  kComposed,
  kParts,
  kOwnMethods,
  kOutputEnded,
  kOpened,
  kFailed,
  kSettled,
  kSideReady,
};
