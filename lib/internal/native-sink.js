'use strict';

/**
 * Writables that take a native stream's output by themselves: a response takes the bytes of what is piped into it from one
 * native queue into another. JavaScript says when, and sees none of them.
 *
 * As with links between operators (`fusion.js`), only a pipe that nobody looks into is treated so, and each piece anew.
 */

const { Readable } = require('node:stream');

/**
 * The method of such a Writable: `(operator, most)` takes up to `most` bytes and returns `{ outcome, room }`, the outcome
 * as of the operator's `read` and whether there is room for more; or undefined where it has to be written to.
 */
const kTakeOutput = Symbol('millrace.takeOutput');

const enabled = process.env.MILLRACE_FUSE !== '0';
/** Methods of a Readable that a user may replace to see the bytes. */
const READ_METHODS = /** @type {const} */ (['push', 'read', 'emit', 'unshift']);

/**
 * @param {any} source a stream with a native output
 * @returns {any} where it is piped, if that takes its output and nobody looks; else null
 */
function sinkOf(source) {
  const state = source._readableState;
  if (!enabled || state.pipes.length !== 1) return null;
  const sink = state.pipes[0];
  if (sink[kTakeOutput] === undefined) return null;
  const unseen =
    state.length === 0 &&
    state.flowing === true &&
    !state.objectMode &&
    !state.decoder &&
    source.listenerCount('data') === 1 &&
    source.listenerCount('readable') === 0 &&
    READ_METHODS.every((name) => source[name] === Readable.prototype[name]);
  return unseen ? sink : null;
}

module.exports = { kTakeOutput, sinkOf };
