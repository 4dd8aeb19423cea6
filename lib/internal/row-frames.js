'use strict';

/** Frames of rows, as `src/codec/json/frames.rs` lays them out: one `JSON.parse` a frame. */

/** A frame's text has one byte a character: a string of it is made at the price of a copy. */
const FLAG_ONE_BYTE = 1;

class RowUnframer {
  /** @param {number} batch rows in an array; 0 for rows one by one, Infinity for a frame's rows as they are */
  constructor(batch) {
    this.batch = batch;
    this.left = 0;
    this.oneByte = false;
    /** @type {any[]} */
    this.rows = [];
    this.at = 0;
  }

  /** @param {DataView} header @returns {number} */
  open(header) {
    this.oneByte = (header.getUint32(8, true) & FLAG_ONE_BYTE) !== 0;
    return header.getUint32(0, true);
  }

  /** @param {any} body */
  load(body) {
    const rows = JSON.parse(this.oneByte ? body.latin1Slice() : body.utf8Slice());
    if (this.at === this.rows.length) this.rows = rows;
    else this.rows = this.rows.slice(this.at).concat(rows);
    this.at = 0;
    if (this.batch === Infinity) this.left = 1;
    else this.left = this.batch === 0 ? this.rows.length : Math.floor(this.rows.length / this.batch);
  }

  /** @returns {any} */
  next() {
    this.left -= 1;
    if (this.batch === 0) return this.rows[this.at++];
    const from = this.at;
    this.at = Math.min(from + this.batch, this.rows.length);
    return this.rows.slice(from, this.at);
  }

  /** Rows of an array that is not full go out as they are. */
  settle() {
    if (this.batch !== 0 && this.at < this.rows.length) this.left = 1;
  }
}

module.exports = { RowUnframer };
