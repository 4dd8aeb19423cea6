'use strict';

/**
 * Writables that take a native stream's output by themselves: a response takes the bytes of what is piped into it from one
 * native queue into another. JavaScript says when, and sees none of them.
 *
 * As with links between operators (`fusion.js`), only a pipe that nobody looks into is treated so, and each piece anew.
 */

const { isPipedUnseen } = require('./observed.js');

/**
 * The method of such a Writable: `(operator, most)` takes up to `most` bytes and returns `{ outcome, room }`, the outcome
 * as of the operator's `read` and whether there is room for more; or undefined where it has to be written to.
 */
const kTakeOutput = Symbol('millrace.takeOutput');

/**
 * @param {any} source a stream with a native output
 * @returns {any} where it is piped, if that takes its output and nobody looks; else null
 */
function sinkOf(source) {
  const sink = source._readableState.pipes[0];
  return sink?.[kTakeOutput] !== undefined && isPipedUnseen(source) ? sink : null;
}

module.exports = { kTakeOutput, sinkOf };
