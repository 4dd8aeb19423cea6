'use strict';

/** What the tests of `server.events()` share. */

const { closed, listening } = require('./raw-http.js');
const http = require('../../lib/http.js');

/** The head of a request for the stream, without its last line end. */
const EVENTS = 'GET /events HTTP/1.1\r\nHost: x';

/**
 * A server with one route of events at `/events`, closed with all its connections when the test ends.
 *
 * @param {import('node:test').TestContext} t
 * @param {any} options of the route
 * @param {any} [listener] for other requests
 */
async function serveEvents(t, options, listener) {
  const server = http.createServer(listener);
  const route = server.events('/events', options);
  const port = await listening(server);
  t.after(() => closed(server));
  return { server, route, hub: route.hub, port };
}

/**
 * @param {() => boolean | Promise<boolean>} condition
 * @returns {Promise<void>} once it holds, looked at in each turn of the loop
 */
async function eventually(condition) {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

module.exports = { EVENTS, serveEvents, eventually };
