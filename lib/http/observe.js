'use strict';

/** Tells `node:diagnostics_channel` of requests: by our names, and by those under which Node's server tells of its own. */

const { channel } = require('node:diagnostics_channel');
const { Span, known, requestStart, requestEnd } = require('../internal/channels.js');

/** Node's, which publishes them for connections that it serves itself. */
const nodeStart = channel('http.server.request.start');
const nodeFinish = channel('http.server.response.finish');

/** Methods that OpenTelemetry knows (RFC 9110 and 5789); clients may send any. */
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/** A request and its response. */
class Request extends Span {
  /**
   * @param {any} server
   * @param {any} request
   * @param {any} response
   */
  constructor(server, request, response) {
    super();
    this.server = server;
    this.request = request;
    this.response = response;
    this.socket = request.socket;
  }

  /** @returns {string} bounded in number, whatever clients send */
  get method() {
    return KNOWN_METHODS.has(this.request.method) ? this.request.method : '_OTHER';
  }

  get attributes() {
    const { request, response, socket, method } = this;
    const { url, headers, httpVersion } = request;
    const mark = url.indexOf('?');
    const [, address, port] = /^(.*?)(?::(\d+))?$/.exec(headers[':authority'] ?? headers.host ?? '') ?? [];
    const status = response.headersSent ? response.statusCode : undefined;
    return known({
      'http.request.method': method,
      'http.request.method_original': method === '_OTHER' ? request.method : undefined,
      'url.scheme': socket?.encrypted ? 'https' : 'http',
      'url.path': mark === -1 ? url : url.slice(0, mark),
      'url.query': mark === -1 ? undefined : url.slice(mark + 1),
      'network.protocol.name': 'http',
      'network.protocol.version': httpVersion === '2.0' ? '2' : httpVersion,
      'network.peer.address': socket?.remoteAddress,
      'network.peer.port': socket?.remotePort,
      'server.address': address || undefined,
      'server.port': port === undefined ? undefined : Number(port),
      'user_agent.original': headers['user-agent'],
      'http.response.status_code': status,
      'error.type': this.errorType ?? (status !== undefined && status >= 500 ? String(status) : undefined),
    });
  }
}

/** @returns {boolean} whether anybody wants to hear of requests */
function isObserved() {
  return requestStart.hasSubscribers || requestEnd.hasSubscribers || nodeStart.hasSubscribers || nodeFinish.hasSubscribers;
}

/**
 * @param {any} server
 * @param {any} request
 * @param {any} response
 * @param {boolean} byNode the connection is Node's, which tells of it itself
 */
function observe(server, request, response, byNode) {
  const { socket } = request;
  if (!byNode) {
    if (nodeStart.hasSubscribers) nodeStart.publish({ request, response, socket, server });
    response.once('finish', () => {
      if (nodeFinish.hasSubscribers) nodeFinish.publish({ request, response, socket, server });
    });
  }
  if (!requestStart.hasSubscribers && !requestEnd.hasSubscribers) return;
  const message = new Request(server, request, response);
  requestStart.publish(message);
  response.once('close', () => {
    message.finish(response.writableFinished ? undefined : (response.errored ?? cutOff()));
    requestEnd.publish(message);
  });
}

/**
 * Tells of the requests, too, that Node parses, on connections that are its own to serve.
 *
 * @param {any} server
 */
function observeNode(server) {
  const { emit } = server;
  /** @this {any} @param {any[]} args */
  server.emit = function (...args) {
    const [event, req, res] = args;
    if (event === 'request' && req.socket?.engine === undefined && isObserved()) observe(server, req, res, true);
    return emit.apply(this, args);
  };
}

/** @returns {Error} for a response that was not sent to its end, as its request has it */
function cutOff() {
  return Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
}

module.exports = { isObserved, observe, observeNode };
