'use strict';

/** The live log: the last lines of the server and of its pipelines, bounded in bytes. */

const { EventEmitter } = require('node:events');

/** From the least to the most urgent. */
const LEVELS = Object.freeze(['debug', 'info', 'warn', 'error']);
const KEPT_BYTES = 1024 * 1024;
/** UTF-16 units of a line; what is longer is cut. */
const LINE_LENGTH = 8192;
/** What a line takes beside its text. */
const LINE_OVERHEAD = 100;

/**
 * @typedef {object} LogLine
 * @property {number} n counts lines
 * @property {number} time milliseconds since 1970
 * @property {'debug' | 'info' | 'warn' | 'error'} level
 * @property {string} source who says it: `access`, `server`, `pipeline`, `follow`, `page`, `files`
 * @property {string} text
 */

/** Emits `line`. */
class EventLog extends EventEmitter {
  /** @param {number} [keptBytes] the oldest lines go beyond it. Defaults to 1 MiB. */
  constructor(keptBytes = KEPT_BYTES) {
    super();
    // One listener for each follower.
    this.setMaxListeners(0);
    this.keptBytes = keptBytes;
    /** @type {LogLine[]} */
    this.lines = [];
    this.bytes = 0;
    this.count = 0;
  }

  /**
   * @param {LogLine['level']} level
   * @param {string} source
   * @param {string} text
   * @param {number} [time] milliseconds since 1970. Defaults to now.
   */
  add(level, source, text, time = Date.now()) {
    const cut = text.length > LINE_LENGTH ? `${text.slice(0, LINE_LENGTH)} …` : text;
    const line = { n: ++this.count, time, level, source, text: cut };
    this.lines.push(line);
    this.bytes += sizeOf(line);
    let gone = 0;
    while (this.bytes > this.keptBytes && gone < this.lines.length - 1) this.bytes -= sizeOf(this.lines[gone++]);
    if (gone > 0) this.lines.splice(0, gone);
    this.emit('line', line);
  }

  /** @returns {number} the number of the oldest line that is kept, or of the next one */
  get first() {
    return this.lines[0]?.n ?? this.count + 1;
  }

  /**
   * @param {number} n
   * @returns {LogLine | undefined}
   */
  at(n) {
    return this.lines[n - this.first];
  }
}

/** @param {LogLine} line @returns {number} bytes, about */
const sizeOf = ({ text }) => 2 * text.length + LINE_OVERHEAD;

module.exports = { EventLog, LEVELS };
