'use strict';

/**
 * Rejected rows on their way from an operator's side box to the user's Writable, with backpressure: while that has
 * enough, the side box is left as it is, and the operator stops once it is full.
 */

const { finished } = require('node:stream');
const { touch } = require('./doorbell.js');

const LF = 0x0a;

/**
 * Who is in the midst of a line that it writes to a target: a long row comes in parts, and no other stage with the same
 * target may write in between. The others wait in the list.
 *
 * @type {WeakMap<import('node:stream').Writable, { owner: DeadLetters, waiting: Set<DeadLetters> }>}
 */
const lines = new WeakMap();

/** @typedef {(error?: Error | null) => void} Callback */

class DeadLetters {
  /**
   * @param {import('node:stream').Transform} stream the row stage
   * @param {import('./port.js').Port} port the stage's
   * @param {import('node:stream').Writable} target
   * @param {boolean} endsTarget whether `target` ends with the stage
   */
  constructor(stream, port, target, endsTarget) {
    this.stream = stream;
    this.port = port;
    this.target = target;
    // They outlive any stream; Node does not let them end, either.
    const standard = /** @type {unknown[]} */ ([process.stdout, process.stderr]).includes(target);
    this.owned = endsTarget && !standard;
    this.objects = target.writableObjectMode;
    /** JSON texts that an object-mode target did not take yet; the next is the last. @type {string[]} */
    this.rows = [];
    /** What came of lines that are not whole yet. @type {Buffer[]} */
    this.parts = [];
    /** The target has enough. */
    this.blocked = false;
    /** Writes that did not call back yet. */
    this.writing = 0;
    /** All rows are written, and the target is ended where that is ours to do. */
    this.complete = false;
    this.ending = false;
    /** @type {Callback | null} */
    this.whenSettled = null;
    /** @type {Callback | null} */
    this.whenFinished = null;
    this.resume = () => {
      this.blocked = false;
      this.pump();
    };
    this.forget = finished(target, { readable: false }, (error) => this.targetDone(error));
  }

  /** @param {Error | null | undefined} error */
  targetDone(error) {
    if (this.complete) return;
    if (error) {
      this.complete = true;
      this.stream.destroy(error);
    } else if (this.ending) {
      this.done(this.whenFinished);
    }
  }

  /** Writes what is there, while the target takes more. */
  pump() {
    while (!this.blocked && !this.complete && !this.stream.destroyed) {
      if (this.mustWait()) return;
      const row = this.rows.pop();
      if (row !== undefined) {
        this.write(JSON.parse(row));
        continue;
      }
      // The operator may have waited for room.
      touch(this.port);
      /** @type {Buffer} */
      const side = this.port.operator.takeSide();
      if (side.length === 0) break;
      if (this.objects) this.takeRows(side);
      else this.takeBytes(side);
    }
    this.settled();
  }

  /** @returns {boolean} whether another stage is in the midst of a line; `pump` is called once it is whole */
  mustWait() {
    const line = lines.get(this.target);
    if (line === undefined || line.owner === this) return false;
    line.waiting.add(this);
    return true;
  }

  /** @param {Buffer} side perhaps the start of a line, or how one goes on */
  takeBytes(side) {
    if (side[side.length - 1] === LF) this.lineDone();
    else if (!lines.has(this.target)) lines.set(this.target, { owner: this, waiting: new Set() });
    this.write(side);
  }

  /** @param {Buffer} side */
  takeRows(side) {
    this.parts.push(side);
    // Of a long row there is only the first part, but its line ends with it.
    if (side[side.length - 1] !== LF) return;
    try {
      this.rows = Buffer.concat(this.parts).toString().trimEnd().split('\n').reverse();
    } catch (error) {
      // A row of which no JavaScript string can be made.
      this.stream.destroy(/** @type {Error} */ (error));
    }
    this.parts = [];
  }

  /** Others may write to the target. */
  lineDone() {
    const line = lines.get(this.target);
    if (line?.owner !== this) return;
    lines.delete(this.target);
    for (const letters of line.waiting) {
      process.nextTick(() => letters.port.resource.runInAsyncScope(letters.pump, letters));
    }
  }

  /** @param {unknown} chunk */
  write(chunk) {
    this.writing += 1;
    const takesMore = this.target.write(chunk, (error) => {
      this.writing -= 1;
      if (error) this.stream.destroy(error);
      else this.settled();
    });
    if (!takesMore) {
      this.blocked = true;
      this.target.once('drain', this.resume);
    }
  }

  settled() {
    const callback = this.whenSettled;
    if (callback === null || this.writing > 0 || this.blocked || this.rows.length > 0 || this.mustWait()) return;
    this.whenSettled = null;
    callback();
  }

  /** @param {Callback} callback once all rejects so far are written */
  settle(callback) {
    this.whenSettled = callback;
    this.pump();
  }

  /** @param {Callback} callback once all rejects are written, and the target took its end */
  finish(callback) {
    this.settle(() => {
      if (this.owned) {
        this.ending = true;
        this.whenFinished = callback;
        this.target.end();
      } else {
        this.done(callback);
      }
    });
  }

  /** @param {Callback | null} callback */
  done(callback) {
    this.complete = true;
    this.forget();
    callback?.();
  }

  /** @param {Error | null} error why the stage is destroyed */
  destroy(error) {
    this.target.removeListener('drain', this.resume);
    this.lineDone();
    if (this.complete) return;
    this.complete = true;
    // Its listeners stay where the target is destroyed: that may tell of its error once more.
    if (this.owned) this.target.destroy(error ?? undefined);
    else this.forget();
  }
}

module.exports = { DeadLetters };
