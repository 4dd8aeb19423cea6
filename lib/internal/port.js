'use strict';

/**
 * A port joins one native operator to one Node stream: it turns news into pushes and callbacks, and reads and writes into
 * calls. It knows nothing of how a stream came to be, and streams know nothing of news.
 *
 * The operator is made when the stream is first used: written to, read, piped, ended. One that nobody uses costs what a
 * stream of JavaScript's costs, is nobody's pipeline, and can be collected at once.
 */

const { stageEnded } = require('./channels.js');
const { event, forget, touch } = require('./doorbell.js');
const { fromFailure } = require('./errors.js');
const { InputPort } = require('./input-port.js');
const { kTakeOutput, sinkOf } = require('./native-sink.js');
const { kFailed, kOpened, kOutputEnded, kSettled, kSideReady } = require('./port-keys.js');

/**
 * Milliseconds for pushing before others have their turn: a listener that is slower than the native side would find new
 * output for ever, and the event loop would stand still.
 */
const TURN_MS = 2;
/** Bytes that a sink takes at a time. */
const TAKEN_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** @typedef {import('./input-port.js').PortOptions} PortOptions */

class Port extends InputPort {
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
      if (this.made !== null) stageEnded(/** @type {any} */ (this));
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

module.exports = { Port };
