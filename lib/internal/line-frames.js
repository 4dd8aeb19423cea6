'use strict';

/** Frames of lines, as `src/codec/text/frame.rs` lays them out. */

/** All of a frame's text is ASCII: where a line ends in bytes, it ends in the string. */
const FLAG_ASCII = 1;
const U32 = 4;

/**
 * Makes strings of the lines of a frame. Of ASCII one string is made, and lines are slices of it, which V8 does not
 * copy; other lines are decoded one by one, invalid UTF-8 as U+FFFD.
 */
class LineUnframer {
  constructor() {
    this.left = 0;
    this.count = 0;
    this.ascii = false;
    /** Where the next line starts in the text. */
    this.start = 0;
    /** The text, where it is ASCII. */
    this.text = '';
    /** The text, where it is not. @type {any} */
    this.bytes = undefined;
    /** Where lines end. @type {DataView} */
    this.ends = new DataView(new ArrayBuffer(0));
  }

  /** @param {DataView} header @returns {number} */
  open(header) {
    this.count = header.getUint32(4, true);
    this.ascii = (header.getUint32(8, true) & FLAG_ASCII) !== 0;
    return this.count * U32 + header.getUint32(0, true);
  }

  /** @param {Buffer} body */
  load(body) {
    const text = this.count * U32;
    this.ends = new DataView(body.buffer, body.byteOffset, text);
    this.start = 0;
    this.left = this.count;
    if (this.ascii) {
      this.text = body.toString('latin1', text);
      this.bytes = undefined;
    } else {
      this.text = '';
      this.bytes = body.subarray(text);
    }
  }

  /** @returns {string} */
  next() {
    const { start } = this;
    const end = this.ends.getUint32((this.count - this.left) * U32, true);
    this.start = end;
    this.left -= 1;
    return this.ascii ? this.text.slice(start, end) : this.bytes.utf8Slice(start, end);
  }

  settle() {}
}

module.exports = { LineUnframer };
