'use strict';

/**
 * Whether the peer still lives: pings when it is silent, and an end when it stays so. One timer for each connection that
 * wants it, set anew only when it rings: traffic costs nothing.
 */

const { READY_STATES } = require('./constants.js');
const engine = require('./engine.js');

/** @typedef {import('./websocket.js')} WebSocket */

class Heartbeat {
  /**
   * @param {WebSocket} websocket
   * @param {{ pingInterval?: number, pongTimeout?: number, idleTimeout?: number }} options milliseconds; 0 is off
   */
  constructor(websocket, { pingInterval = 0, pongTimeout = pingInterval, idleTimeout = 0 }) {
    this.websocket = websocket;
    this.pingInterval = pingInterval;
    this.pongTimeout = pongTimeout;
    this.idleTimeout = idleTimeout;
    /** When a ping was sent that nothing followed, by the clock of `performance.now()`. @type {number | null} */
    this.pinged = null;
    this.timer = this.ringIn(this.next(0));
  }

  stop() {
    clearTimeout(this.timer);
  }

  /** @param {number} delay milliseconds @returns {NodeJS.Timeout} the socket keeps the loop alive, not its heartbeat */
  ringIn(delay) {
    return setTimeout(() => this.ring(), Math.max(1, Math.ceil(delay))).unref();
  }

  /**
   * @param {number} silence milliseconds
   * @returns {number} milliseconds until there is something to do
   */
  next(silence) {
    const { pingInterval, idleTimeout } = this;
    let next = Infinity;
    if (pingInterval > 0) {
      next = this.pinged === null ? pingInterval - silence : this.pinged + this.pongTimeout - performance.now();
    }
    if (idleTimeout > 0) next = Math.min(next, idleTimeout - silence);
    return next;
  }

  ring() {
    const { websocket } = this;
    const connection = websocket._connection;
    if (connection === null || connection.closed || websocket.readyState !== READY_STATES.indexOf('OPEN')) return;
    // Who does not read cannot hear the peer either.
    const silence = websocket.isPaused ? 0 : engine.silence(connection);
    const now = performance.now();
    if (this.pinged !== null && silence < now - this.pinged) this.pinged = null;
    if (this.idleTimeout > 0 && silence >= this.idleTimeout) {
      websocket.close(1001, 'idle timeout');
      return;
    }
    if (this.pinged !== null && now - this.pinged >= this.pongTimeout) {
      websocket.terminate();
      return;
    }
    if (this.pingInterval > 0 && this.pinged === null && silence >= this.pingInterval) {
      websocket.ping();
      this.pinged = now;
    }
    this.timer = this.ringIn(this.next(silence));
  }
}

module.exports = { Heartbeat };
