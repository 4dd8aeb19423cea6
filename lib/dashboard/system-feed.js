'use strict';

/** The machine's meters, read natively twice a second and published to a hub. */

const { load } = require('../internal/loader.js');

const INTERVAL_MS = 500;
/** Five minutes. */
const HISTORY_SAMPLES = 600;
const TOPIC = 'system';

/**
 * @typedef {object} SystemSample
 * @property {number} n counts samples: who has all of them has no gap
 * @property {number} time milliseconds since 1970
 * @property {number[]} cores share of the time that each was busy, 0 to 1
 * @property {{ used: number, total: number, swapUsed: number, swapTotal: number }} memory bytes
 * @property {{ received: number, sent: number, loopback: number }} network bytes a second
 * @property {{ read: number | null, written: number | null }} disk bytes a second; null where no disk tells
 * @property {{ memory: number, cpu: number }} process this process: resident bytes, and cores in use
 */

class SystemFeed {
  /** @param {import('../hub/hub.js').Hub} hub that keeps `HISTORY_SAMPLES` events at least */
  constructor(hub) {
    this.hub = hub;
    this.sampler = new (/** @type {any} */ (load()).SystemSampler)();
    /** Bounded by `HISTORY_SAMPLES`. @type {{ id: string, sample: SystemSample }[]} */
    this.recent = [];
    this.count = 0;
    this.cpu = process.cpuUsage();
    this.cpuAt = performance.now();
    this.timer = setInterval(() => this.read(), INTERVAL_MS);
    // The server keeps the process alive, not its meters.
    this.timer.unref();
  }

  /** @returns {SystemSample} */
  read() {
    const now = this.sampler.sample();
    const at = performance.now();
    const { user, system } = process.cpuUsage(this.cpu);
    /** @type {SystemSample} */
    const sample = {
      n: ++this.count,
      time: Date.now(),
      cores: now.cores.map((/** @type {number} */ share) => Math.round(share * 1000) / 1000),
      memory: { used: now.memoryUsed, total: now.memoryTotal, swapUsed: now.swapUsed, swapTotal: now.swapTotal },
      network: { received: Math.round(now.received), sent: Math.round(now.sent), loopback: Math.round(now.loopback) },
      disk: { read: rounded(now.diskRead), written: rounded(now.diskWritten) },
      process: { memory: process.memoryUsage.rss(), cpu: Math.round((user + system) / (at - this.cpuAt)) / 1000 },
    };
    this.cpu = process.cpuUsage();
    this.cpuAt = at;
    const id = this.hub.publish(TOPIC, sample, { event: TOPIC, key: TOPIC });
    if (this.recent.push({ id, sample }) > HISTORY_SAMPLES) this.recent.shift();
    return sample;
  }

  /**
   * What a newcomer draws first: who follows the hub from `lastEventId` on gets what comes after, without a gap.
   *
   * @returns {{ samples: SystemSample[], lastEventId: string, intervalMs: number }}
   */
  history() {
    return {
      samples: this.recent.map(({ sample }) => sample),
      lastEventId: this.recent.at(-1)?.id ?? this.hub.lastId,
      intervalMs: INTERVAL_MS,
    };
  }

  close() {
    clearInterval(this.timer);
  }
}

/** @param {number | null} value @returns {number | null} */
const rounded = (value) => (value === null ? null : Math.round(value));

module.exports = { SystemFeed, HISTORY_SAMPLES };
