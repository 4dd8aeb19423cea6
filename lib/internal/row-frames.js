'use strict';

/**
 * Frames of rows, as `src/codec/json/frames.rs` lays them out: one `JSON.parse` a frame. Rows of a known shape (the keys of
 * an object, in order) come as their values alone, and a function made for the shape builds the object: keys that are known
 * beforehand are not parsed, looked up and added one by one for each row.
 */

/** A frame's text has one byte a character: a string of it is made at the price of a copy. */
const FLAG_ONE_BYTE = 1;
/** Numbers of shapes follow the text. */
const FLAG_SHAPED = 2;
/** The text's last element tells of shapes. */
const FLAG_TELLS = 4;

/** @typedef {(values: any[], at: number) => object} Build an object of the values from `at` on */

/** @returns {boolean} whether code may be made from strings (`--disallow-code-generation-from-strings`) */
function canBuild() {
  try {
    return new Function('return true')();
  } catch {
    return false;
  }
}

/**
 * @param {string[]} keys of printable ASCII, none of them `__proto__`, an array index, or doubled
 * @returns {Build}
 */
function builder(keys) {
  const members = keys.map((key, i) => `${JSON.stringify(key)}:values[at+${i}]`);
  try {
    return /** @type {any} */ (new Function('values', 'at', `return{${members.join(',')}}`));
  } catch {
    // Forbidden since the stream was made.
    return (values, at) => Object.fromEntries(keys.map((key, i) => [key, values[at + i]]));
  }
}

class RowUnframer {
  /** @param {number} batch rows in an array; 0 for rows one by one, Infinity for a frame's rows as they are */
  constructor(batch) {
    this.batch = batch;
    this.left = 0;
    this.flags = 0;
    this.count = 0;
    /** @type {any[]} */
    this.rows = [];
    this.at = 0;
    /** @type {Build[]} by the shape's number */
    this.builders = [];
    /** @type {number[]} how many values each takes */
    this.widths = [];
  }

  /** @param {DataView} header @returns {number} */
  open(header) {
    this.count = header.getUint32(4, true);
    this.flags = header.getUint32(8, true);
    return header.getUint32(0, true);
  }

  /** @param {any} body */
  load(body) {
    const { flags } = this;
    const shaped = (flags & FLAG_SHAPED) !== 0;
    const end = shaped ? body.length - this.count : body.length;
    const values = JSON.parse((flags & FLAG_ONE_BYTE) !== 0 ? body.latin1Slice(0, end) : body.utf8Slice(0, end));
    const rows = shaped ? this.build(values, body, end) : values;
    if (this.at === this.rows.length) this.rows = rows;
    else this.rows = this.rows.slice(this.at).concat(rows);
    this.at = 0;
    if (this.batch === Infinity) this.left = 1;
    else this.left = this.batch === 0 ? this.rows.length : Math.floor(this.rows.length / this.batch);
  }

  /**
   * @param {any[]} values
   * @param {Uint8Array} body holds the shapes of the rows
   * @param {number} shapes where they begin
   * @returns {any[]} the rows
   */
  build(values, body, shapes) {
    const { builders, widths, count } = this;
    if ((this.flags & FLAG_TELLS) !== 0) {
      for (const [number, ...keys] of values.pop()) {
        builders[number] = builder(keys);
        widths[number] = keys.length;
      }
    }
    const rows = [];
    let at = 0;
    for (let i = 0; i < count; i++) {
      const shape = body[shapes + i];
      if (shape === 0) {
        rows.push(values[at++]);
      } else {
        rows.push(builders[shape](values, at));
        at += widths[shape];
      }
    }
    return rows;
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

module.exports = { RowUnframer, canBuild };
