'use strict';

/**
 * `millrace/sse`: server-sent events. Sessions and channels in the shape of `better-sse`, on `node:http`, `node:http2`, the
 * Fetch API and `millrace/http`; and the `EventSource` of the WHATWG standard.
 */

const { Channel } = require('./sse/channel.js');
const { Connection } = require('./sse/connection.js');
const { SseError } = require('./sse/error.js');
const { EventBuffer } = require('./sse/event-buffer.js');
const { EventSource, EventSourceErrorEvent } = require('./sse/event-source.js');
const { EventStreamParser } = require('./sse/event-stream.js');
const { FetchConnection } = require('./sse/fetch-connection.js');
const { NodeHttp1Connection, NodeHttp2CompatConnection } = require('./sse/node-connection.js');
const { Session } = require('./sse/session.js');

/**
 * @param {any} req `IncomingMessage`, `Http2ServerRequest`, `Request` or `Connection`
 * @param {any} [res] the response that goes with it, or the options
 * @param {import('./sse/session.js').SessionOptions} [options]
 * @returns {Promise<Session>} once it is connected; with the Fetch API at once. Where the client has gone meanwhile, a session
 *   that is not connected, and whose `push` does nothing
 */
function createSession(req, res, options) {
  return new Promise((resolve) => {
    const session = new Session(req, res, options);
    if (req instanceof Request) resolve(session);
    else for (const event of ['connected', 'disconnected']) session.once(event, () => resolve(session));
  });
}

/**
 * A session of the Fetch API, and the response that carries it.
 *
 * @param {any} request `Request` or `Connection`
 * @param {...any} rest a `Response`, options, and at last the callback that gets the connected session
 * @returns {Response}
 */
function createResponse(request, ...rest) {
  while (rest.length > 0 && !rest[rest.length - 1]) rest.pop();
  const callback = rest.pop();
  if (typeof callback !== 'function') {
    throw new SseError('Last argument given to createResponse must be a callback function.');
  }
  const session = new Session(request, rest[0], rest[1]);
  session.once('connected', () => callback(session));
  return session.getResponse();
}

/**
 * @param {ConstructorParameters<typeof Channel>[0]} [options]
 * @returns {Channel}
 */
function createChannel(options) {
  return new Channel(options);
}

/**
 * @param {ConstructorParameters<typeof EventBuffer>[0]} [options]
 * @returns {EventBuffer}
 */
function createEventBuffer(options) {
  return new EventBuffer(options);
}

module.exports = {
  createSession,
  createResponse,
  createChannel,
  createEventBuffer,
  Session,
  Channel,
  EventBuffer,
  Connection,
  NodeHttp1Connection,
  NodeHttp2CompatConnection,
  FetchConnection,
  SseError,
  EventSource,
  EventSourceErrorEvent,
  EventStreamParser,
};
