'use strict';

/**
 * The live log over WebSockets. A follower names a level and a text, and gets the lines that fit, those that are kept first. Each
 * follower goes through the log at its own pace: what its peer does not read waits in the log, not in its socket, and what the
 * log let go of meanwhile is counted.
 *
 * From the page: `{"type":"filter","level","text"}`, `{"type":"pause","paused"}`, `{"type":"say","text"}`. To it:
 * `{"type":"begin"}` before the first line of a filter, `{"type":"lines","lines","missed"}`.
 */

const { WebSocketServer } = require('../ws.js');
const { LEVELS } = require('./event-log.js');

/** Of what a page sends. */
const MESSAGE_BYTES = 8 * 1024;
const FILTER_LENGTH = 200;
const SAID_LENGTH = 2000;
/** Lines that a page may say in a second. */
const SAID_PER_S = 10;
/** Lines of the past that fit, for a new filter. */
const PAST_LINES = 500;
/** Lines in a message, and lines that are looked at in a turn. */
const BATCH = 200;
const TURN = 2000;
/** Unread by the peer: beyond it, nothing more is sent. */
const UNREAD_BYTES = 256 * 1024;
const MOST_FOLLOWERS = 64;

class Follower {
  /**
   * @param {any} socket
   * @param {import('./event-log.js').EventLog} log
   */
  constructor(socket, log) {
    this.socket = socket;
    this.log = log;
    this.level = 0;
    this.text = '';
    this.paused = false;
    /** The next line to be looked at. */
    this.next = log.first;
    this.waiting = false;
    this.said = 0;
    this.saidSince = 0;
    this.onLine = () => this.pumpSoon();
    log.on('line', this.onLine);
    socket.on('message', (/** @type {any} */ data, /** @type {boolean} */ isBinary) => this.receive(data, isBinary));
    socket.on('drain', () => this.pumpSoon());
    // Breaches of the protocol close it, and that is all there is to say.
    socket.on('error', () => {});
    socket.once('close', () => log.off('line', this.onLine));
    this.filter(0, '');
  }

  /**
   * @param {any} data
   * @param {boolean} isBinary
   */
  receive(data, isBinary) {
    /** @type {any} */
    let message;
    try {
      message = isBinary ? null : JSON.parse(String(data));
    } catch {
      message = null;
    }
    if (message?.type === 'filter' && LEVELS.includes(message.level) && typeof message.text === 'string') {
      this.filter(LEVELS.indexOf(message.level), message.text.slice(0, FILTER_LENGTH).toLowerCase());
    } else if (message?.type === 'pause' && typeof message.paused === 'boolean') {
      this.paused = message.paused;
      this.pumpSoon();
    } else if (message?.type === 'say' && typeof message.text === 'string') this.say(message.text);
    else this.socket.close(1008, 'not understood');
  }

  /** @param {string} text */
  say(text) {
    const now = performance.now();
    if (now - this.saidSince > 1000) {
      this.saidSince = now;
      this.said = 0;
    }
    this.said += 1;
    if (this.said > SAID_PER_S) this.socket.close(1008, 'too many lines');
    else this.log.add('info', 'page', text.slice(0, SAID_LENGTH));
  }

  /**
   * @param {number} level
   * @param {string} text in lower case
   */
  filter(level, text) {
    this.level = level;
    this.text = text;
    // The last lines that fit: looked for from the end.
    let found = 0;
    let n = this.log.count + 1;
    while (n > this.log.first && found < PAST_LINES) if (this.fits(/** @type {any} */ (this.log.at(--n)))) found += 1;
    this.next = n;
    this.socket.send(JSON.stringify({ type: 'begin' }));
    this.pumpSoon();
  }

  /** @param {import('./event-log.js').LogLine} line */
  fits({ level, source, text }) {
    if (LEVELS.indexOf(level) < this.level) return false;
    return this.text === '' || `${source} ${text}`.toLowerCase().includes(this.text);
  }

  /** Lines of a turn go together. */
  pumpSoon() {
    if (this.waiting || this.paused) return;
    this.waiting = true;
    setImmediate(() => {
      this.waiting = false;
      this.pump();
    });
  }

  pump() {
    const { log, socket } = this;
    let looked = 0;
    while (!this.paused && this.next <= log.count && socket.readyState === socket.OPEN) {
      // `drain` goes on.
      if (socket.bufferedAmount > UNREAD_BYTES) return;
      if (looked >= TURN) {
        this.pumpSoon();
        return;
      }
      const missed = Math.max(log.first - this.next, 0);
      this.next += missed;
      const lines = [];
      for (; this.next <= log.count && lines.length < BATCH && looked < TURN; this.next++) {
        looked += 1;
        const line = /** @type {any} */ (log.at(this.next));
        if (this.fits(line)) lines.push(line);
      }
      if (lines.length > 0 || missed > 0) socket.send(JSON.stringify({ type: 'lines', lines, missed }));
    }
  }
}

/**
 * @param {any} server
 * @param {import('./event-log.js').EventLog} log
 * @param {(req: any) => string | null} refusal
 * @returns {any} the WebSocket server
 */
function logSockets(server, log, refusal) {
  const sockets = new WebSocketServer({
    server,
    path: '/logs',
    maxPayload: MESSAGE_BYTES,
    pingInterval: 30_000,
    verifyClient: ({ req }, /** @type {any} */ done) => {
      const status = refusal(req) !== null ? 403 : sockets.clients.size >= MOST_FOLLOWERS ? 503 : 0;
      done(status === 0, status);
    },
  });
  sockets.on('connection', (/** @type {any} */ socket) => new Follower(socket, log));
  return sockets;
}

module.exports = { logSockets };
