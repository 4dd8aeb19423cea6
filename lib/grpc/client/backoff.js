'use strict';

/** Waits that grow: by 1.6 each time, a fifth more or less, as gRPC's connection backoff has it. */

const INITIAL_MS = 1000;
const MOST_MS = 120_000;
const GROWTH = 1.6;
const JITTER = 0.2;

class Backoff {
  /**
   * @param {any} options of a channel
   * @param {() => void} onEnd
   */
  constructor(options, onEnd) {
    this.mostMs = options['grpc.max_reconnect_backoff_ms'] ?? MOST_MS;
    this.initialMs = Math.min(options['grpc.initial_reconnect_backoff_ms'] ?? INITIAL_MS, this.mostMs);
    this.nextMs = this.initialMs;
    this.onEnd = onEnd;
    /** @type {NodeJS.Timeout | null} */
    this.timer = null;
  }

  get isRunning() {
    return this.timer !== null;
  }

  start() {
    this.stop();
    const jitter = 1 + JITTER * (2 * Math.random() - 1);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.onEnd();
    }, this.nextMs * jitter).unref();
    this.nextMs = Math.min(this.nextMs * GROWTH, this.mostMs);
  }

  stop() {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** The next wait is the first again. */
  reset() {
    this.nextMs = this.initialMs;
  }
}

module.exports = { Backoff };
