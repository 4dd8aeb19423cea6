'use strict';

/** Where a stage's time went between two readings of its counters. */

/** @typedef {import('../internal/stats.js').StageStats} StageStats */
/** @typedef {{ busy: number, starved: number, heldBack: number, inPerSecond: number, outPerSecond: number }} Rates */

/** Of a stage that was read once. @type {Rates} */
const UNKNOWN = Object.freeze({ busy: 0, starved: 0, heldBack: 0, inPerSecond: 0, outPerSecond: 0 });
/** A stage that is busy for less of its time holds nobody back. */
const HARDLY = 0.05;

/** @param {number} value @returns {number} from 0 to 1, to a thousandth */
const share = (value) => Math.round(Math.min(Math.max(value, 0), 1) * 1000) / 1000;

/**
 * @param {StageStats[]} now the stages of a pipeline
 * @param {(StageStats | null)[]} before those of an earlier reading, or null for all of its life
 * @param {number} [elapsedMs] between the two
 * @returns {Rates[]}
 */
function shares(now, before, elapsedMs = 0) {
  const rates = now.map((stats, index) => {
    const past = before[index];
    const ms = past === null ? stats.lifeMs : elapsedMs;
    if (!stats.native || ms <= 0) return { ...UNKNOWN };
    const starved = share((stats.starvedMs - (past?.starvedMs ?? 0)) / ms);
    const heldBack = share((stats.heldBackMs - (past?.heldBackMs ?? 0)) / ms);
    return {
      // At work, or waiting for a thread.
      busy: isOver(stats, past) ? 0 : share(1 - starved - heldBack),
      starved,
      heldBack,
      inPerSecond: Math.round((1000 * (stats.bytesIn - (past?.bytesIn ?? 0))) / ms),
      outPerSecond: Math.round((1000 * (stats.bytesOut - (past?.bytesOut ?? 0))) / ms),
    };
  });
  // A stream of JavaScript's has no counters; it is at work while both its neighbours wait for it.
  now.forEach((stats, index) => {
    if (stats.native) return;
    const waits = [rates[index - 1]?.heldBack, rates[index + 1]?.starved].filter((wait) => wait !== undefined);
    rates[index].busy = waits.length === 0 ? 0 : Math.min(...waits);
  });
  return rates;
}

/**
 * @param {StageStats} stats
 * @param {StageStats | null} past
 * @returns {boolean} whether it had ended by then: its life did not go on
 */
const isOver = (stats, past) => past !== null && stats.lifeMs === past.lifeMs;

/**
 * @param {Rates[]} rates
 * @returns {number} the stage that holds the rest back, or -1 where none is at work
 */
function bottleneckOf(rates) {
  let most = HARDLY;
  let index = -1;
  rates.forEach(({ busy }, at) => {
    if (busy <= most) return;
    most = busy;
    index = at;
  });
  return index;
}

module.exports = { shares, bottleneckOf, UNKNOWN };
