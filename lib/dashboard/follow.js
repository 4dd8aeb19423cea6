'use strict';

/** Follows a JSON Lines file as it grows, as `tail -F` does: rows become lines of the live log. */

const fs = require('node:fs');
const { LEVELS } = require('./event-log.js');

const LOOK_MS = 300;
/** Of the file's end, at the beginning; and read in one look. What is written faster than that is skipped and counted. */
const READ_BYTES = 256 * 1024;
/** The longest row; what is longer is taken as rows of that length. */
const ROW_BYTES = 64 * 1024;
/** Names that loggers give to the same thing. */
const TEXT_NAMES = ['message', 'msg', 'text', 'event'];
const LEVEL_NAMES = ['level', 'severity', 'lvl'];
const TIME_NAMES = ['time', 'timestamp', 'ts', '@timestamp'];
/** Of pino and bunyan. @type {Record<number, string>} */
const LEVEL_NUMBERS = { 10: 'debug', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'error' };

class FileFollower {
  /**
   * @param {string} file
   * @param {import('./event-log.js').EventLog} log
   */
  constructor(file, log) {
    this.file = file;
    this.log = log;
    /** Of the file that is open: another one of the same name is a new file. */
    this.inode = -1;
    this.position = 0;
    this.rest = Buffer.alloc(0);
    this.closed = false;
    this.isThere = true;
    void this.look(true);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** @param {boolean} isFirst */
  async look(isFirst = false) {
    try {
      await this.read(isFirst);
      this.isThere = true;
    } catch (error) {
      // Told once, until it is there again: it may be rotated right now.
      if (this.isThere) this.log.add('warn', 'follow', `${this.file}: ${/** @type {Error} */ (error).message}`);
      this.isThere = false;
      this.inode = -1;
    }
    if (this.closed) return;
    this.timer = setTimeout(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  /** @param {boolean} isFirst */
  async read(isFirst) {
    const handle = await fs.promises.open(this.file, 'r');
    try {
      const { ino, size } = await handle.stat();
      if (ino !== this.inode || size < this.position) {
        this.inode = ino;
        this.position = 0;
        this.rest = Buffer.alloc(0);
      }
      const skipped = size - this.position - READ_BYTES;
      if (skipped > 0) {
        this.position += skipped;
        this.rest = Buffer.alloc(0);
        if (!isFirst) this.log.add('warn', 'follow', `${this.file}: ${skipped} bytes came too fast and were left out`);
      }
      const buffer = Buffer.alloc(Math.min(size - this.position, READ_BYTES));
      if (buffer.length === 0) return;
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.position);
      this.position += bytesRead;
      this.take(buffer.subarray(0, bytesRead), skipped > 0);
    } finally {
      await handle.close();
    }
  }

  /**
   * @param {Buffer} bytes
   * @param {boolean} isCut the first row began before them
   */
  take(bytes, isCut) {
    let all = Buffer.concat([this.rest, bytes]);
    if (isCut) all = all.subarray(all.indexOf(10) + 1);
    const end = all.lastIndexOf(10);
    this.rest = all.subarray(end + 1);
    for (const row of all.subarray(0, Math.max(end, 0)).toString().split('\n')) if (row.trim() !== '') this.add(row);
    if (this.rest.length <= ROW_BYTES) return;
    this.add(this.rest.toString());
    this.rest = Buffer.alloc(0);
  }

  /** @param {string} row */
  add(row) {
    /** @type {any} */
    let value = null;
    try {
      value = JSON.parse(row);
    } catch {
      // A line of text is as good.
    }
    if (typeof value !== 'object' || value === null) {
      this.log.add('info', 'follow', row);
      return;
    }
    const name = TEXT_NAMES.find((one) => typeof value[one] === 'string');
    const time = new Date(TIME_NAMES.map((one) => value[one]).find((one) => one !== undefined)).getTime();
    const text = name === undefined ? row : textOf(value, name);
    this.log.add(levelOf(value), 'follow', text, Number.isNaN(time) ? Date.now() : time);
  }
}

/** @param {any} value @returns {import('./event-log.js').LogLine['level']} */
function levelOf(value) {
  const given = LEVEL_NAMES.map((one) => value[one]).find((one) => one !== undefined);
  const level = typeof given === 'number' ? LEVEL_NUMBERS[given] : String(given).toLowerCase();
  if (level === 'fatal' || level === 'critical') return 'error';
  if (level === 'warning') return 'warn';
  if (level === 'trace') return 'debug';
  return /** @type {any} */ (LEVELS.includes(level) ? level : 'info');
}

/** @param {any} value @param {string} name @returns {string} its text, and behind it what else the row says */
function textOf(value, name) {
  const known = [name, ...LEVEL_NAMES, ...TIME_NAMES];
  const others = Object.entries(value).filter(([key]) => !known.includes(key));
  return [value[name], ...others.map(([key, one]) => `${key}=${typeof one === 'string' ? one : JSON.stringify(one)}`)].join('  ');
}

module.exports = { FileFollower };
