'use strict';

/**
 * The timeout of a socket, as `net.Socket` has it: `idled` is called after `ms` without a byte in either direction.
 *
 * @param {any} socket has `timeout`, `timer` and `idled`
 * @param {number} ms 0 for no limit
 * @param {(() => void) | undefined} callback for the next `timeout`
 */
function setIdleTimeout(socket, ms, callback) {
  if (socket.destroyed) return;
  socket.timeout = ms;
  clearTimeout(socket.timer);
  socket.timer = undefined;
  if (ms > 0) {
    socket.timer = setTimeout(() => socket.idled(), ms);
    socket.timer.unref();
    if (callback) socket.once('timeout', callback);
  } else if (callback) socket.removeListener('timeout', callback);
}

module.exports = { setIdleTimeout };
