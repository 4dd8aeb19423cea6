'use strict';

/** Readings of the native meters, as people want them. */

/**
 * @typedef {object} StageStats
 * @property {string} stage its name
 * @property {boolean} native false for a stream of JavaScript's between native ones, which has no counters
 * @property {number} bytesIn bytes taken
 * @property {number} bytesOut bytes given out
 * @property {number} rowsIn rows taken, for stages that know rows
 * @property {number} rowsOut rows given out
 * @property {number} rejected rows left out
 * @property {number} busyMs time at work, all threads added up, in milliseconds
 * @property {number} starvedMs time without input, in milliseconds
 * @property {number} heldBackMs time held back by the consumer, in milliseconds
 * @property {number} lifeMs time since it was first used, or until it ended, in milliseconds
 * @property {number} queuedBytes bytes that wait in front of it and behind it
 * @property {number} queueLimit bytes there at which its producer or it waits
 * @property {boolean} fused its output goes straight to the next stage
 */

const COUNTERS = 13;
const bytes = Buffer.alloc(8 * COUNTERS);
const counters = new Float64Array(bytes.buffer, bytes.byteOffset, COUNTERS);

/**
 * @param {import('./port.js').Port} port
 * @returns {StageStats}
 */
function read(port) {
  if (port.made === null) return { ...unmeasured(port.name, 0), native: true };
  port.made.stats(bytes);
  const [bytesIn, bytesOut, rowsIn, rowsOut, rejected, busy, starved, held, life, ...queues] = counters;
  const [inbox, outbox, inboxLimit, outboxLimit] = queues;
  return {
    stage: port.name,
    native: true,
    bytesIn,
    bytesOut,
    rowsIn,
    rowsOut,
    rejected,
    busyMs: busy / 1e6,
    starvedMs: starved / 1e6,
    heldBackMs: held / 1e6,
    lifeMs: life / 1e6,
    queuedBytes: inbox + outbox,
    queueLimit: inboxLimit + outboxLimit,
    fused: port.next !== null,
  };
}

/**
 * The stage that holds the rest back: the one that waited least, for input or for room.
 *
 * @param {StageStats[]} stages
 * @returns {number} its index, or -1 where no stage has counters
 */
function bottleneck(stages) {
  let slowest = -1;
  let most = -1;
  stages.forEach((stage, index) => {
    if (!stage.native) return;
    const working = stage.lifeMs - stage.starvedMs - stage.heldBackMs;
    if (working > most) {
      most = working;
      slowest = index;
    }
  });
  return slowest;
}

/**
 * @param {string} stage
 * @param {number} queuedBytes
 * @param {number} [queueLimit] Defaults to 0: not known.
 * @returns {StageStats} of a stream that has no operator, or none yet
 */
function unmeasured(stage, queuedBytes, queueLimit = 0) {
  return {
    stage,
    native: false,
    bytesIn: 0,
    bytesOut: 0,
    rowsIn: 0,
    rowsOut: 0,
    rejected: 0,
    busyMs: 0,
    starvedMs: 0,
    heldBackMs: 0,
    lifeMs: 0,
    queuedBytes,
    queueLimit,
    fused: false,
  };
}

module.exports = { read, unmeasured, bottleneck };
