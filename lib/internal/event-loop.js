'use strict';

/**
 * The reactor of this JavaScript thread: sockets that millrace reads and writes itself, in the thread's own loop. Where
 * there is none (another system than Linux, a runtime without libuv), sockets stay with Node.
 */

const { load } = require('./loader.js');

/** @type {any} */
let eventLoop;

/** @returns {any} the native event loop, or null where this system or runtime has none */
function getEventLoop() {
  if (eventLoop !== undefined) return eventLoop;
  const { EventLoop } = load();
  try {
    eventLoop = EventLoop === undefined || process.env.MILLRACE_REACTOR === '0' ? null : new EventLoop();
  } catch {
    // No libuv or no descriptors: the way over Node's sockets is slower, and right.
    eventLoop = null;
  }
  return eventLoop;
}

module.exports = { getEventLoop };
