'use strict';

/**
 * A worker of `node:cluster` does not listen itself: its primary does, and hands connections on. They are Node's handles, whose
 * descriptors the engine takes over.
 */

/** Its types are those of a module with a default. @type {any} */
const cluster = require('node:cluster');

/**
 * @param {any} options of `listen`
 * @returns {boolean} whether the primary is to listen
 */
function isShared(options) {
  return cluster.isWorker && !options.exclusive && !options.reusePort;
}

/**
 * Has the primary listen.
 *
 * @param {any} server
 * @param {import('../internal/http-engine.js').Engine} engine takes the connections
 * @param {() => void} listen as Node does
 */
function listenByPrimary(server, engine, listen) {
  const onError = () => {
    server.removeListener('listening', onListening);
    server._engine = undefined;
  };
  const onListening = () => {
    server.removeListener('error', onError);
    server._handle.onconnection = (/** @type {number} */ error, /** @type {any} */ handle) => {
      // The primary's, which tells of it itself.
      if (error || !handle) return;
      engine.native.adopt(handle.fd);
      handle.close();
      // It may have come with bytes; there need be no other turn.
      engine.receiveSoon();
    };
  };
  server.prependOnceListener('listening', onListening);
  server.prependOnceListener('error', onError);
  listen();
}

module.exports = { isShared, listenByPrimary };
