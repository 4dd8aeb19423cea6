'use strict';

const { randomBytes } = require('node:crypto');
const { integer } = require('../internal/options.js');

/** @typedef {{ id: string, name: string, data: unknown, frame: Buffer, time: number, offset: number }} PastEvent */

/**
 * The last events of a channel, for clients that come back.
 *
 * Ids are `<epoch>-<offset>`: an epoch is one life of the channel, so a cursor of another one is known to be of no use. An id
 * of the user's own is found as long as its event is held.
 *
 * Bound: `count` events, `bytes` of their frames, and `maxAge`; the oldest go first.
 */
class EventHistory {
  /**
   * @param {object} [options]
   * @param {number} [options.count] Defaults to 1,000 events.
   * @param {number} [options.bytes] Defaults to 1,048,576.
   * @param {number} [options.maxAge] milliseconds. Defaults to none.
   */
  constructor(options = {}) {
    this.most = integer(options, 'count', 0, 2 ** 31, 1000);
    this.mostBytes = integer(options, 'bytes', 0, Number.MAX_SAFE_INTEGER, 1024 * 1024);
    this.maxAge = integer(options, 'maxAge', 1, Number.MAX_SAFE_INTEGER, Infinity);
    this.epoch = randomBytes(6).toString('base64url');
    /** The next event's. */
    this.offset = 1;
    /** @type {PastEvent[]} */
    this.events = [];
    /** The first one held; what is before it is gone. */
    this.start = 0;
    this.bytes = 0;
    /** @type {Map<string, number>} offsets of the events held that have an id of the user's */
    this.own = new Map();
  }

  /** @returns {string} the id of the next event */
  nextId() {
    return `${this.epoch}-${this.offset}`;
  }

  /** @returns {number} events held */
  get size() {
    return this.events.length - this.start;
  }

  /** @param {Omit<PastEvent, 'offset' | 'time'>} event */
  add(event) {
    const offset = this.offset++;
    if (event.id !== `${this.epoch}-${offset}`) this.own.set(event.id, offset);
    this.events.push({ ...event, offset, time: Date.now() });
    this.bytes += event.frame.length;
    this.trim();
  }

  /** Lets go of what is beyond the bounds. */
  trim() {
    const oldest = Date.now() - this.maxAge;
    while (this.size > 0) {
      const first = this.events[this.start];
      if (this.size <= this.most && this.bytes <= this.mostBytes && first.time >= oldest) break;
      this.start += 1;
      this.bytes -= first.frame.length;
      if (this.own.get(first.id) === first.offset) this.own.delete(first.id);
      // Not yet reused memory must not hold what was let go of.
      this.events[this.start - 1] = /** @type {any} */ (undefined);
    }
    if (this.start > 64 && this.start > this.size) {
      this.events.splice(0, this.start);
      this.start = 0;
    }
  }

  /**
   * @param {string} id the last that a client saw
   * @returns {PastEvent[] | null} what came after it; `null` where that is not known any more
   */
  after(id) {
    this.trim();
    const seen = this.own.get(id) ?? this.offsetOf(id);
    const held = this.size > 0 ? this.events[this.start].offset : this.offset;
    if (seen === null || seen + 1 < held || seen >= this.offset) return null;
    return this.events.slice(this.start + (seen + 1 - held));
  }

  /**
   * @param {string} id
   * @returns {number | null} its offset, where it is of this epoch
   */
  offsetOf(id) {
    const at = id.lastIndexOf('-');
    if (id.slice(0, at) !== this.epoch || !/^\d{1,15}$/.test(id.slice(at + 1))) return null;
    return Number(id.slice(at + 1));
  }
}

module.exports = { EventHistory };
