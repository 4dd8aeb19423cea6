'use strict';

/**
 * Parses an event stream (WHATWG HTML, "Interpreting an event stream"): text in, cut anywhere, events out.
 *
 * Bound: `maxEventBytes`, roughly: the characters of the line and the event under way.
 */
class EventStreamParser {
  /**
   * @param {object} handlers
   * @param {(event: { type: string, data: string, lastEventId: string }) => void} handlers.onEvent
   * @param {(milliseconds: number) => void} [handlers.onRetry]
   * @param {(text: string) => void} [handlers.onComment]
   * @param {object} [options]
   * @param {number} [options.maxEventBytes] Defaults to 16,777,216.
   * @param {string} [options.lastEventId] Defaults to none.
   */
  constructor({ onEvent, onRetry = () => {}, onComment = () => {} }, options = {}) {
    this.onEvent = onEvent;
    this.onRetry = onRetry;
    this.onComment = onComment;
    this.maxEventBytes = options.maxEventBytes ?? 16 * 1024 * 1024;
    /** The client's. */
    this.lastEventId = options.lastEventId ?? '';
    this.id = this.lastEventId;
    this.type = '';
    this.data = '';
    /** A line of which not all came, in pieces: joining them anew with each would take quadratic time. @type {string[]} */
    this.rest = [];
    this.restLength = 0;
    this.afterReturn = false;
    this.started = false;
  }

  /**
   * @param {string} text
   * @throws {RangeError} where an event is too large
   */
  push(text) {
    let at = 0;
    if (!this.started && text.length > 0) {
      this.started = true;
      if (text.charCodeAt(0) === 0xfeff) at = 1;
    }
    if (this.afterReturn && at < text.length) {
      if (text.charCodeAt(at) === 10) at += 1;
      this.afterReturn = false;
    }
    while (at < text.length) {
      const end = lineEnd(text, at);
      if (end === -1) break;
      const piece = text.slice(at, end);
      this.line(this.rest.length === 0 ? piece : this.joined(piece));
      at = end + 1;
      if (text.charCodeAt(end) === 13) {
        if (at === text.length) this.afterReturn = true;
        else if (text.charCodeAt(at) === 10) at += 1;
      }
    }
    if (at < text.length) {
      this.rest.push(text.slice(at));
      this.restLength += text.length - at;
    }
    if (this.restLength + this.data.length > this.maxEventBytes) {
      throw new RangeError(`An event is larger than maxEventBytes (${this.maxEventBytes})`);
    }
  }

  /**
   * @param {string} piece
   * @returns {string}
   */
  joined(piece) {
    const line = this.rest.join('') + piece;
    this.rest = [];
    this.restLength = 0;
    return line;
  }

  /** @param {string} line */
  line(line) {
    if (line === '') {
      this.dispatch();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.onComment(line.slice(line.charCodeAt(1) === 32 ? 2 : 1));
      return;
    }
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + (line.charCodeAt(colon + 1) === 32 ? 2 : 1));
    if (field === 'data') {
      this.data += `${value}\n`;
      if (this.data.length > this.maxEventBytes) {
        throw new RangeError(`An event is larger than maxEventBytes (${this.maxEventBytes})`);
      }
    } else if (field === 'event') this.type = value;
    else if (field === 'id') {
      if (!value.includes('\0')) this.id = value;
    } else if (field === 'retry' && /^\d+$/.test(value)) this.onRetry(Number(value));
  }

  dispatch() {
    this.lastEventId = this.id;
    const { data, type } = this;
    this.data = '';
    this.type = '';
    if (data !== '') this.onEvent({ type: type || 'message', data: data.slice(0, -1), lastEventId: this.lastEventId });
  }
}

/**
 * @param {string} text
 * @param {number} from
 * @returns {number} where the line ends, or -1
 */
function lineEnd(text, from) {
  const feed = text.indexOf('\n', from);
  const back = text.indexOf('\r', from);
  if (feed === -1) return back;
  return back === -1 ? feed : Math.min(feed, back);
}

module.exports = { EventStreamParser };
