'use strict';

/** A port of a gRPC server that browsers may call, too: an HTTP server of ours, which hands it what is gRPC's. */

const { Port } = require('../grpc/port.js');
const { intercept } = require('./grpc.js');
const { Server } = require('./server.js');

class HttpPort extends Port {
  /**
   * @param {any} server
   * @param {any} credentials
   * @param {string} name for channelz
   */
  constructor(server, credentials, name) {
    super(server, credentials, name);
    this.httpServer = new Server(this.settings());
    this.httpServer._grpcPort = this;
    intercept(this.httpServer, (request, response) => server.serveRequest(this, request, response));
  }

  settings() {
    const { credentials } = this;
    const { options } = this.server;
    const http2 = {
      maxConcurrentStreams: options['grpc.max_concurrent_streams'] ?? 2 ** 32 - 1,
      initialWindowSize: options['grpc-node.flow_control_window'],
    };
    return { http2, ...credentials._getConstructorOptions(), ...credentials._getSecureContextOptions() };
  }

  /** Certificates that come later are the HTTP server's. */
  secure() {
    return null;
  }

  /**
   * @param {{ host: string, port: number } | { path: string }} address
   * @returns {Promise<number>}
   */
  listen(address) {
    const { httpServer, credentials } = this;
    return new Promise((resolve, reject) => {
      httpServer.once('error', reject);
      httpServer.listen({ ...address, reusePort: this.sharesPort() }, () => {
        httpServer.removeListener('error', reject);
        if (credentials._isSecure()) this.watchCredentials((options) => httpServer.setSecureContext(options));
        this.at = httpServer.address();
        this.listening = true;
        resolve(this.at.port ?? 1);
      });
    });
  }

  /** @param {() => void} callback when requests are answered */
  stopListening(callback) {
    this.httpServer.close(callback);
  }

  destroyConnections() {
    super.destroyConnections();
    this.httpServer.closeAllConnections();
  }
}

module.exports = { HttpPort };
