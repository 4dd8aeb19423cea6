'use strict';

/**
 * Callbacks of writes, each behind the place that it waits for. A socket counts the bytes that it took (`bytesWritten`), those
 * of them that are in the engine's slab (`unsent`), and those that wait in the engine (`waiting`).
 */

const { withCode } = require('../internal/errors.js');

/**
 * @param {any} socket
 * @param {(error?: Error) => void} callback once all that was written so far is sent
 */
function callWhenSent(socket, callback) {
  if (socket.unsent + socket.waiting === 0) process.nextTick(callback);
  else socket.callbacks.push(socket.bytesWritten, callback);
}

/** @param {any} socket calls back whoever waited for bytes that are sent now */
function callSent(socket) {
  const { callbacks } = socket;
  if (callbacks.length === 0) return;
  const sent = socket.bytesWritten - socket.unsent - socket.waiting;
  let count = 0;
  while (count < callbacks.length && callbacks[count] <= sent) count += 2;
  if (count === 0) return;
  const due = callbacks.splice(0, count);
  for (let i = 1; i < due.length; i += 2) due[i]();
}

/**
 * @param {any} socket is gone
 * @param {Error | null | undefined} error that it went for
 */
function callUnsent(socket, error) {
  const { callbacks } = socket;
  socket.callbacks = [];
  for (let i = 1; i < callbacks.length; i += 2) {
    const failure = error ?? withCode(new Error('Socket was closed before its bytes were sent'), 'ERR_STREAM_DESTROYED');
    process.nextTick(callbacks[i], failure);
  }
}

/**
 * @param {any} socket took a write
 * @returns {boolean} whether it takes more; otherwise it owes a `drain`
 */
function takesMore(socket) {
  const mark = socket.writableHighWaterMark;
  if (socket.unsent + socket.waiting < mark) return true;
  if (socket.unsent > 0 && socket.waiting < mark) {
    // Only the engine can tell whether there is room.
    socket.engine.flushWithin();
    if (socket.waiting < mark) return true;
  }
  socket.needsDrain = true;
  return false;
}

module.exports = { callWhenSent, callSent, callUnsent, takesMore };
