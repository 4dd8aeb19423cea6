'use strict';

/** `millrace/hub`: topics with history and replay that feed event streams, WebSockets and functions alike, across threads. */

const { Hub } = require('./hub/hub.js');

/**
 * @param {ConstructorParameters<typeof Hub>[0]} [options]
 * @returns {Hub}
 */
function createHub(options) {
  return new Hub(options);
}

module.exports = { createHub, Hub };
