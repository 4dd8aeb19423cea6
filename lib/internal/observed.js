'use strict';

/** Whether anybody may see the bytes of a pipe: what links and sinks that take bytes natively both ask. */

const { Readable } = require('node:stream');

/** Native streams are joined natively where nobody looks, unless this is turned off. */
const enabled = process.env.MILLRACE_FUSE !== '0';

/** Methods of the readable side that a user may replace to see the bytes. */
const READ_METHODS = /** @type {const} */ (['push', 'read', 'emit', 'unshift']);

/**
 * @param {any} source a Readable
 * @returns {boolean} whether its methods are those of Node
 */
function hasNodesMethods(source) {
  return READ_METHODS.every((name) => source[name] === Readable.prototype[name]);
}

/**
 * @param {any} source a Readable
 * @returns {boolean} whether it flows into one pipe, with nothing buffered, and nobody else looks
 */
function isPipedUnseen(source) {
  const state = source._readableState;
  return (
    enabled &&
    state.pipes.length === 1 &&
    state.length === 0 &&
    state.flowing === true &&
    !state.objectMode &&
    !state.decoder &&
    source.listenerCount('data') === 1 &&
    source.listenerCount('readable') === 0 &&
    hasNodesMethods(source)
  );
}

module.exports = { enabled, hasNodesMethods, isPipedUnseen };
