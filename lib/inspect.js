'use strict';

const { livePaths } = require('./internal/live-paths.js');
const { bottleneck } = require('./internal/stats.js');

/** @typedef {import('./internal/stats.js').StageStats} StageStats */

/**
 * Every live pipeline that has a native stage. A stream that nobody piped or used yet is none.
 *
 * @returns {{ stages: StageStats[], bottleneck: string | null, bottleneckIndex: number }[]} the stages in the order in
 *   which bytes pass them; a stream of JavaScript's between native ones stands there with `native: false`
 */
function inspect() {
  return [...livePaths()].map((path) => {
    const stages = path.map(({ stats }) => stats);
    const index = bottleneck(stages);
    return { stages, bottleneck: index < 0 ? null : stages[index].stage, bottleneckIndex: index };
  });
}

module.exports = { inspect, bottleneck };
