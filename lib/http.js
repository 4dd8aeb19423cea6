'use strict';

const http = require('node:http');
const { ServerResponse } = require('./http/response.js');
const { Server } = require('./http/server.js');

/**
 * @param {any} [options]
 * @param {any} [listener]
 */
function createServer(options, listener) {
  return new Server(options, listener);
}

/**
 * @param {any} [options]
 * @returns {any} certificates and keys, checked, for `SNICallback` and `addContext`
 */
function createSecureContext(options) {
  return require('./http/secure.js').createSecureContext(options);
}

module.exports = {
  createSecureContext,
  createServer,
  Server,
  ServerResponse,
  // The rest is Node's: a client, and what is common to both.
  METHODS: http.METHODS,
  STATUS_CODES: http.STATUS_CODES,
  Agent: http.Agent,
  ClientRequest: http.ClientRequest,
  IncomingMessage: http.IncomingMessage,
  OutgoingMessage: http.OutgoingMessage,
  get: http.get,
  request: http.request,
  globalAgent: http.globalAgent,
  maxHeaderSize: http.maxHeaderSize,
  validateHeaderName: http.validateHeaderName,
  validateHeaderValue: http.validateHeaderValue,
  setMaxIdleHTTPParsers: http.setMaxIdleHTTPParsers,
};
