'use strict';

/** Something that a server takes connections from: a listening socket of ours, a TLS server of Node's, or an injector. */

/** Its declaration is a module's, which it is not. @type {any} */
const cluster = require('node:cluster');
const tls = require('node:tls');
const { getSystemErrorMap } = require('node:util');
const { register, unregister } = require('./channelz.js');
const { logVerbosity } = require('./constants.js');
const { log } = require('./logging.js');

class Port {
  /**
   * @param {any} server
   * @param {any} credentials
   * @param {string} name for channelz
   */
  constructor(server, credentials, name) {
    this.server = server;
    this.credentials = credentials;
    /** Interceptors of its credentials come before the server's. */
    this.interceptors = [...credentials._getInterceptors(), ...server.interceptors];
    /** @type {Set<import('./connection.js').Connection>} */
    this.connections = new Set();
    this.listening = false;
    /** Of a native listener. */
    this.listener = 0;
    /** @type {any} */
    this.at = null;
    this.ref = register('socket', name, () => this.channelzInfo(), server.channelzEnabled);
    /** @type {import('node:tls').Server | null} */
    this.tlsServer = credentials._isSecure() ? this.secure() : null;
    server.ports.add(this);
  }

  /** @returns {import('node:tls').Server | null} gives the connections of sockets when they are secure */
  secure() {
    const { credentials, server } = this;
    let context = credentials._getSecureContextOptions();
    const tlsServer = tls.createServer({
      ...credentials._getConstructorOptions(),
      ...context,
      ALPNProtocols: ['h2'],
      handshakeTimeout: server.options['grpc.server_handshake_timeout_ms'] || undefined,
      enableTrace: server.options['grpc-node.tls_enable_trace'] === 1,
    });
    // Until there are certificates, or while there are none any more, nobody is let in.
    tlsServer.prependListener('connection', (/** @type {any} */ socket) => {
      if (context === null) socket.destroy();
    });
    tlsServer.on('tlsClientError', () => {});
    tlsServer.on('secureConnection', (socket) => {
      if (socket.alpnProtocol === 'h2') server.carry(this, socket);
      else socket.destroy();
    });
    this.watchCredentials((options) => {
      context = options;
      if (options === null) return;
      try {
        tlsServer.setSecureContext(options);
      } catch (error) {
        log(logVerbosity.ERROR, `Failed to set secure context with error ${/** @type {Error} */ (error).message}`);
        context = null;
      }
    });
    tlsServer.on('close', () => this.unwatch?.());
    return tlsServer;
  }

  /** @param {(options: any) => void} watcher gets the options of its credentials' context until it is closed */
  watchCredentials(watcher) {
    const { credentials } = this;
    credentials._addWatcher(watcher);
    this.unwatch = () => credentials._removeWatcher(watcher);
  }

  /** @returns {boolean} workers of a cluster share a port; others say so, since it lets a second program take one unnoticed */
  sharesPort() {
    return cluster.isWorker || this.server.options['grpc.so_reuseport'] === 1;
  }

  /**
   * @param {{ host: string, port: number } | { path: string }} address
   * @returns {Promise<number>} the port that it got, 1 for a Unix socket
   */
  async listen(address) {
    if (this.tlsServer !== null) await listenWithNode(this.tlsServer, address);
    else this.listenNatively(address);
    const at = this.tlsServer === null ? this.at : this.tlsServer.address();
    this.at = typeof at === 'string' ? { path: at } : at;
    this.listening = true;
    return this.at.port ?? 1;
  }

  /** @param {any} address */
  listenNatively(address) {
    const spec = {
      host: address.host ?? null,
      port: address.port ?? null,
      path: address.path ?? null,
      backlog: 511,
      ipv6Only: false,
      reusePort: this.sharesPort(),
    };
    const { id, at, syscall, errno } = JSON.parse(this.server.engine.native.listen(JSON.stringify(spec)));
    if (errno !== undefined) throw systemError(syscall, errno, address);
    this.listener = id;
    this.at = at;
    this.server.listeners.set(id, this);
  }

  /**
   * Takes connections that an HTTP server accepts, and that turn out to be gRPC's.
   *
   * @param {any} engine the native half of the HTTP server
   */
  adoptFrom(engine) {
    const { server } = this;
    server.listeners.delete(this.listener);
    this.listener = server.engine.native.adoptFrom(engine);
    server.listeners.set(this.listener, this);
  }

  /**
   * Takes a connection that somebody else accepted.
   *
   * @param {import('node:stream').Duplex} socket
   */
  inject(socket) {
    if (this.tlsServer !== null) this.tlsServer.emit('connection', socket);
    else this.server.carry(this, socket);
  }

  /**
   * Takes no more connections; those that are there stay.
   *
   * @param {() => void} [callback] when it is closed and, as with Node's servers, its connections are gone
   */
  close(callback) {
    this.unwatch?.();
    unregister(this.ref);
    let waiting = this.connections.size + 1;
    const done = () => {
      if (--waiting > 0) return;
      this.server.ports.delete(this);
      callback?.();
    };
    for (const connection of this.connections) connection.onClosed.push(done);
    if (this.listening) {
      this.listening = false;
      this.stopListening(done);
    } else {
      process.nextTick(done);
    }
  }

  /** @param {() => void} callback when connections that are not told of here are gone */
  stopListening(callback) {
    const { server } = this;
    if (this.tlsServer === null) {
      server.engine.native.closeListener(this.listener);
      server.listeners.delete(this.listener);
    } else {
      this.tlsServer.close();
    }
    process.nextTick(callback);
  }

  /** Drains all its connections. */
  closeConnections() {
    for (const connection of this.connections) connection.close();
  }

  /** Closes them now. */
  destroyConnections() {
    for (const connection of this.connections) connection.destroy();
  }

  channelzInfo() {
    return {
      local: this.at,
      remote: null,
      security: null,
      calls: { callsStarted: 0, callsSucceeded: 0, callsFailed: 0, lastCallStarted: 0 },
      messagesSent: 0,
      messagesReceived: 0,
      keepAlivesSent: 0,
    };
  }
}

/**
 * @param {import('node:net').Server} server
 * @param {any} address
 * @returns {Promise<void>}
 */
function listenWithNode(server, address) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/**
 * @param {string} syscall
 * @param {number} errno
 * @param {any} address
 * @returns {Error} in Node's words
 */
function systemError(syscall, errno, address) {
  const [code, text] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error'];
  const where = address.path ?? `${address.host}:${address.port}`;
  return Object.assign(new Error(`${syscall} ${code}: ${text} ${where}`), { code, errno: -errno, syscall, ...address });
}

module.exports = { Port };
