'use strict';

const { Duplex } = require('node:stream');
const { livePorts } = require('./internal/doorbell.js');
const { kInput, kOutput, kComposed, kParts } = require('./internal/port-keys.js');
const { read, unmeasured, bottleneck } = require('./internal/stats.js');

/** @typedef {import('./internal/stats.js').StageStats} StageStats */

/**
 * Every live pipeline that has a native stage. A stream that nobody piped or used yet is none.
 *
 * @returns {{ stages: StageStats[], bottleneck: string | null, bottleneckIndex: number }[]} the stages in the order in
 *   which bytes pass them; a stream of JavaScript's between native ones stands there with `native: false`
 */
function inspect() {
  /** @type {Set<any>} */
  const streams = new Set();
  /** Sources that are no operators. @type {Map<any, import('./internal/native-source.js').Feed>} */
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
  const pipelines = [];
  for (const stream of streams) {
    if (previous.has(stream)) continue;
    for (const path of paths(stream)) {
      const stages = path.flatMap((one) => one[kParts] ?? [one]).map((one) => feeds.get(one)?.stats() ?? stats(one));
      const index = bottleneck(stages);
      pipelines.push({ stages, bottleneck: index < 0 ? null : stages[index].stage, bottleneckIndex: index });
    }
  }
  return pipelines;
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

module.exports = { inspect, bottleneck };
