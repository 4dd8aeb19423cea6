'use strict';

/** The streams of the live pipelines of this thread, and what each of them counts. */

const { Duplex } = require('node:stream');
const { livePorts } = require('./doorbell.js');
const { kInput, kOutput, kComposed, kParts } = require('./port-keys.js');
const { read, unmeasured } = require('./stats.js');

/** @typedef {import('./stats.js').StageStats} StageStats */

/** @returns {Generator<{ stream: any, stats: StageStats }[]>} the streams of each live pipeline, in order */
function* livePaths() {
  /** @type {Set<any>} */
  const streams = new Set();
  /** Sources that are no operators. @type {Map<any, import('./native-source.js').Feed>} */
  const feeds = new Map();
  for (const port of livePorts()) {
    if (port.stream.destroyed) continue;
    streams.add(port.stream[kComposed] ?? port.stream);
    if (port.feeder === null) continue;
    streams.add(port.feeder.stream);
    feeds.set(port.feeder.stream, port.feeder);
  }
  /** @type {Map<any, any>} */
  const previous = new Map();
  for (const stream of streams) {
    // Grows while it is walked: a stream of JavaScript's may lead to another native one.
    for (const target of stream._readableState?.pipes ?? []) {
      previous.set(target, stream);
      streams.add(target);
    }
  }
  for (const stream of streams) {
    if (previous.has(stream)) continue;
    for (const path of paths(stream)) {
      const parts = path.flatMap((one) => one[kParts] ?? [one]);
      yield parts.map((one) => ({ stream: one, stats: feeds.get(one)?.stats() ?? stats(one) }));
    }
  }
}

/**
 * The ways from `stream` to the ends of what it is piped into: one, unless it is piped twice.
 *
 * @param {any} stream
 * @returns {Generator<any[]>}
 */
function* paths(stream) {
  const targets = stream._readableState?.pipes ?? [];
  if (targets.length === 0) yield [stream];
  for (const target of targets) for (const path of paths(target)) yield [stream, ...path];
}

/**
 * @param {any} stream
 * @returns {StageStats}
 */
function stats(stream) {
  const port = stream[kInput] ?? stream[kOutput];
  if (port !== undefined && port.stream === stream) return read(port);
  const queued = (stream.writableLength ?? 0) + (stream instanceof Duplex ? stream.readableLength : 0);
  return unmeasured(stream.constructor?.name ?? 'stream', stream.writableObjectMode ? 0 : queued);
}

module.exports = { livePaths };
