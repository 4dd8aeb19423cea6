'use strict';

/** The mailbox of this thread in a native hub, and the records that come out of it. */

const { load } = require('./loader.js');

/** Bytes that one crossing brings. */
const BATCH_BYTES = 64 * 1024;
/** As in `src/binding/hub.rs`. */
const RECORD_BYTES = 40;
const NONE = 0xffffffff;

/**
 * @typedef {object} HubEvent
 * @property {number} offset its number in the hub
 * @property {string} id `<epoch>-<offset>`
 * @property {number} time milliseconds since 1970
 * @property {string} topic
 * @property {string | undefined} event its name
 * @property {string | undefined} key
 * @property {string | undefined} scope
 * @property {string | Buffer} data as it was published: a string, or bytes
 */

class HubMailbox {
  /**
   * @param {number} bytes that may wait while this thread is busy
   * @param {() => void} onRing called when events wait
   */
  constructor(bytes, onRing) {
    const addon = /** @type {any} */ (load());
    this.native = new addon.HubMailbox(onRing, bytes);
    this.buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  }

  /**
   * @param {string} epoch
   * @returns {HubEvent[]} what waits, up to a batch; none where nothing does
   */
  take(epoch) {
    return this.fill(epoch, (buffer) => this.native.take(buffer));
  }

  /**
   * @param {string} epoch
   * @returns {HubEvent[]} all that the last `subscribe` or `latest` left here
   */
  takeMissed(epoch) {
    const all = [];
    for (;;) {
      const events = this.fill(epoch, (buffer) => this.native.takeMissed(buffer));
      if (events.length === 0) return all;
      for (const event of events) all.push(event);
    }
  }

  /**
   * @param {string} epoch
   * @param {(buffer: Buffer) => number} call
   * @returns {HubEvent[]}
   */
  fill(epoch, call) {
    let { buffer } = this;
    let filled = call(buffer);
    if (filled < 0) {
      // One event that is larger than a batch.
      buffer = Buffer.allocUnsafeSlow(-filled);
      filled = call(buffer);
    }
    const events = [];
    for (let at = 0; at < filled; ) {
      const { event, end } = read(buffer, at, epoch);
      events.push(event);
      at = end;
    }
    return events;
  }
}

/**
 * @param {Buffer} buffer
 * @param {number} start
 * @param {string} epoch
 * @returns {{ event: HubEvent, end: number }}
 */
function read(buffer, start, epoch) {
  const offset = buffer.readDoubleLE(start);
  const time = buffer.readDoubleLE(start + 8);
  let at = start + RECORD_BYTES;
  const text = (/** @type {number} */ index) => {
    const length = buffer.readUInt32LE(start + 16 + 4 * index);
    if (length === NONE) return undefined;
    const value = buffer.toString('utf8', at, at + length);
    at += length;
    return value;
  };
  const topic = /** @type {string} */ (text(0));
  const [event, key, scope] = [text(1), text(2), text(3)];
  const length = buffer.readUInt32LE(start + 32);
  const isText = buffer.readUInt32LE(start + 36) === 1;
  const end = at + length;
  // Copied: the batch is used again.
  const data = isText ? buffer.toString('utf8', at, end) : Buffer.from(buffer.subarray(at, end));
  return { event: { offset, id: `${epoch}-${offset}`, time, topic, event, key, scope, data }, end };
}

module.exports = { HubMailbox };
