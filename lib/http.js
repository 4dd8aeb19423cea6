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

// Node finds the names for `import { STATUS_CODES } from 'millrace/http'` by reading this text.
exports.createSecureContext = createSecureContext;
exports.createServer = createServer;
exports.Server = Server;
exports.ServerResponse = ServerResponse;
// The rest is Node's: a client, and what is common to both.
exports.METHODS = http.METHODS;
exports.STATUS_CODES = http.STATUS_CODES;
exports.Agent = http.Agent;
exports.ClientRequest = http.ClientRequest;
exports.IncomingMessage = http.IncomingMessage;
exports.OutgoingMessage = http.OutgoingMessage;
exports.get = http.get;
exports.request = http.request;
exports.globalAgent = http.globalAgent;
exports.maxHeaderSize = http.maxHeaderSize;
exports.validateHeaderName = http.validateHeaderName;
exports.validateHeaderValue = http.validateHeaderValue;
exports.setMaxIdleHTTPParsers = http.setMaxIdleHTTPParsers;
