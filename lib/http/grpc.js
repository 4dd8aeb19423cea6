'use strict';

/** gRPC on the port of an HTTP server. */

const { Server } = require('../grpc/server.js');
const { ServerCredentials } = require('../grpc/server-credentials.js');
const { Port } = require('../grpc/port.js');

/** A gRPC server that takes its calls from an HTTP server. */
class AdoptingServer extends Server {
  /** @param {any} [options] */
  constructor(options) {
    // A browser may call whatever else it may ask the HTTP server for.
    super({ 'millrace.web': true, ...options });
    this.httpPort = new Port(this, ServerCredentials.createInsecure(), 'http');
  }

  /**
   * @param {any} request
   * @param {any} response
   * @returns {boolean} whether it is a call
   */
  serve(request, response) {
    return this.serveRequest(this.httpPort, request, response);
  }
}

/**
 * Lets gRPC have its requests before anybody else sees them.
 *
 * @param {any} server of HTTP
 * @param {(request: any, response: any) => boolean} serve returns whether it is a call
 */
function intercept(server, serve) {
  const { emit } = server;
  /** @this {any} @param {any[]} args */
  server.emit = function (...args) {
    const [event, request, response] = args;
    if (event !== 'request') return emit.apply(this, args);
    if (serve(request, response) || emit.apply(this, args)) return true;
    if (this._routes.size > 0) return false;
    // With calls alone to serve, that is the answer.
    response.writeHead(404, { 'Content-Length': 0 });
    response.end();
    return true;
  };
}

module.exports = { AdoptingServer, intercept };
