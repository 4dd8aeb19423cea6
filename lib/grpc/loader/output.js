'use strict';

/**
 * Where messages are written: into memory that many small ones share, one behind the other, so that a message needs no
 * buffer of its own and no list of what is to be written. Numbers are as Protocol Buffers' encoding has them.
 */

/** Messages are at most a fourth of it, or get memory of their own. */
const SLAB_BYTES = 32 * 1024;

/** The two halves of the last number of 64 bits that was looked at. */
let low = 0;
let high = 0;

/** @param {any} value a number, a bigint, a text of digits, or a Long */
function split(value) {
  if (typeof value === 'object' && value !== null) {
    low = value.low >>> 0;
    high = value.high >>> 0;
    return;
  }
  const number = Number(value);
  if (Number.isSafeInteger(number)) {
    const positive = Math.abs(number);
    low = positive >>> 0;
    high = ((positive - low) / 4294967296) >>> 0;
    if (number < 0) {
      low = (~low + 1) >>> 0;
      high = low === 0 ? (~high + 1) >>> 0 : ~high >>> 0;
    }
    return;
  }
  const bits = typeof value === 'number' ? BigInt(Math.trunc(value)) : BigInt(value);
  const whole = BigInt.asUintN(64, bits);
  low = Number(whole & 0xffffffffn);
  high = Number(whole >> 32n);
}

class Output {
  constructor() {
    /** @type {any} */
    this.bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.start = 0;
    this.at = 0;
  }

  begin() {
    if (this.bytes.length - this.at < SLAB_BYTES / 4) {
      this.bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.at = 0;
    }
    this.start = this.at;
  }

  /** @returns {Buffer} what was written since {@link begin} */
  finish() {
    const { bytes, start, at } = this;
    // What is that large is its reader's alone.
    if (bytes.length > SLAB_BYTES) this.at = bytes.length;
    return bytes.subarray(start, at);
  }

  /** What was begun is nobody's. */
  abandon() {
    this.at = this.start;
  }

  /** @param {number} more bytes that there must be room for */
  room(more) {
    const { bytes, start, at } = this;
    if (at + more <= bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max((at - start + more) * 2, SLAB_BYTES + 1));
    bytes.copy(larger, 0, start, at);
    this.bytes = larger;
    this.at = at - start;
    this.start = 0;
  }

  /** @param {number} value of 32 bits without a sign */
  varint(value) {
    this.room(5);
    const { bytes } = this;
    let { at } = this;
    while (value > 127) {
      bytes[at++] = (value & 127) | 128;
      value >>>= 7;
    }
    bytes[at++] = value;
    this.at = at;
  }

  /** Writes `low` and `high`. */
  varint64() {
    this.room(10);
    const { bytes } = this;
    let { at } = this;
    while (high > 0) {
      bytes[at++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    while (low > 127) {
      bytes[at++] = (low & 127) | 128;
      low >>>= 7;
    }
    bytes[at++] = low;
    this.at = at;
  }

  /** @param {number} word */
  word(word) {
    this.room(4);
    this.at = this.bytes.writeUInt32LE(word >>> 0, this.at);
  }

  // By the names of types.

  /** @param {any} value */
  int32(value) {
    value |= 0;
    if (value >= 0) this.varint(value);
    else {
      low = value >>> 0;
      high = 0xffffffff;
      this.varint64();
    }
  }

  /** @param {any} value */
  uint32(value) {
    this.varint(value >>> 0);
  }

  /** @param {any} value */
  sint32(value) {
    value |= 0;
    this.varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** @param {any} value */
  fixed32(value) {
    this.word(value >>> 0);
  }

  /** @param {any} value */
  sfixed32(value) {
    this.word(value | 0);
  }

  /** @param {any} value */
  int64(value) {
    split(value);
    this.varint64();
  }

  /** @param {any} value */
  uint64(value) {
    split(value);
    this.varint64();
  }

  /** @param {any} value */
  sint64(value) {
    split(value);
    const sign = (high | 0) < 0 ? 0xffffffff : 0;
    high = (((high << 1) | (low >>> 31)) ^ sign) >>> 0;
    low = ((low << 1) ^ sign) >>> 0;
    this.varint64();
  }

  /** @param {any} value */
  fixed64(value) {
    split(value);
    this.word(low);
    this.word(high);
  }

  /** @param {any} value */
  sfixed64(value) {
    this.fixed64(value);
  }

  /** @param {any} value */
  bool(value) {
    this.room(1);
    this.bytes[this.at++] = value ? 1 : 0;
  }

  /** @param {any} value */
  float(value) {
    this.room(4);
    this.at = this.bytes.writeFloatLE(Number(value), this.at);
  }

  /** @param {any} value */
  double(value) {
    this.room(8);
    this.at = this.bytes.writeDoubleLE(Number(value), this.at);
  }

  /** @param {any} value */
  string(value) {
    const text = String(value);
    const { length } = text;
    if (length < 40) {
      // Short and plain, as most are: copied here, without a call.
      this.room(length + 1);
      const { bytes } = this;
      const from = this.at;
      let index = 0;
      for (; index < length; index++) {
        const unit = text.charCodeAt(index);
        if (unit > 127) break;
        bytes[from + 1 + index] = unit;
      }
      if (index === length) {
        bytes[from] = length;
        this.at = from + 1 + length;
        return;
      }
    }
    const size = Buffer.byteLength(text);
    this.varint(size);
    this.room(size);
    this.at += this.bytes.utf8Write(text, this.at, size);
  }

  /** @param {any} value bytes, or base64 */
  bytesOf(value) {
    const data = typeof value === 'string' ? Buffer.from(value, 'base64') : value;
    this.varint(data.length);
    this.room(data.length);
    this.bytes.set(data, this.at);
    this.at += data.length;
  }

  /** @returns {number} where something with a length begins, for {@link close} */
  open() {
    this.room(1);
    return this.at++ - this.start;
  }

  /** @param {number} mark what {@link open} gave */
  close(mark) {
    const begin = this.start + mark + 1;
    const length = this.at - begin;
    if (length < 128) {
      this.bytes[begin - 1] = length;
      return;
    }
    // A longer length takes the place of what is behind it.
    let digits = 1;
    for (let left = length >>> 7; left > 0; left >>>= 7) digits++;
    this.room(digits - 1);
    const from = this.start + mark + 1;
    this.bytes.copyWithin(from + digits - 1, from, from + length);
    const end = this.at + digits - 1;
    this.at = from - 1;
    this.varint(length);
    this.at = end;
  }
}

module.exports = { Output };
