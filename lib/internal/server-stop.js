'use strict';

/**
 * What a server that closes has to end, since it would not end by itself: event streams, WebSockets, sessions of other
 * protocols. They are registered here, so that a server need not know them.
 */

const { integer } = require('./options.js');

/** On a server that ends what is registered. */
const kStops = Symbol('millrace.stops');

const DEADLINE_MS = 30_000;
const RETRY_MS = 1000;
const JITTER_MS = 4000;
const MAX_MS = 2 ** 31 - 1;

/**
 * How a server closes.
 *
 * @typedef {object} Stop
 * @property {number} deadline milliseconds after which what is left is cut off; 0 for never
 * @property {number} retry milliseconds for clients of event streams to wait before they come back
 * @property {number} jitter up to so many more, at random for each client
 */

/**
 * @param {Record<string, any>} options of `close`
 * @param {Record<string, any>} settings of the server
 * @returns {Stop}
 */
function stopOf(options, settings) {
  return {
    deadline: integer(options, 'deadline', 0, MAX_MS, integer(settings, 'closeDeadline', 0, MAX_MS, DEADLINE_MS)),
    retry: integer(options, 'retry', 0, MAX_MS, RETRY_MS),
    jitter: integer(options, 'jitter', 0, MAX_MS, JITTER_MS),
  };
}

/** What is registered with a server, and how that closes, once it does. */
class Stops {
  constructor() {
    /** @type {Set<(how: Stop) => void>} */
    this.all = new Set();
    /** @type {Stop | null} */
    this.how = null;
  }

  /** @param {Stop} how */
  stop(how) {
    this.how = how;
    for (const stop of [...this.all]) stop(how);
  }
}

/**
 * @param {any} server any, or none
 * @param {(how: Stop) => void} stop called when it closes; soon where it is about to
 * @returns {() => void} takes it back
 */
function whenServerCloses(server, stop) {
  /** @type {Stops | undefined} */
  const stops = server?.[kStops];
  if (stops === undefined) return () => {};
  stops.all.add(stop);
  const { how } = stops;
  if (how !== null) setImmediate(() => stops.all.has(stop) && stop(how));
  return () => void stops.all.delete(stop);
}

module.exports = { Stops, kStops, stopOf, whenServerCloses };
