'use strict';

const { Server } = require('../grpc/server.js');
const { ServerCredentials } = require('../grpc/server-credentials.js');
const { Port } = require('../grpc/port.js');

/** A gRPC server that takes its connections from an HTTP server: those whose first request is gRPC's. */
class AdoptingServer extends Server {
  /** @param {any} httpServer the native half */
  adoptFrom(httpServer) {
    if (!this.listeners.has(0)) this.listeners.set(0, new Port(this, ServerCredentials.createInsecure(), 'http'));
    this.engine.native.adoptFrom(httpServer);
  }
}

/** @param {any} [options] of a gRPC server */
function adoptingServer(options) {
  return new AdoptingServer(options);
}

module.exports = { adoptingServer };
