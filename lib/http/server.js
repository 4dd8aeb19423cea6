'use strict';

/**
 * The server. It is a `node:http` server in all that programs see; connections that it accepts itself are read, parsed
 * and written in Rust. A connection that comes another way (`server.emit('connection', socket)`) is Node's to serve.
 */

const http = require('node:http');
const net = require('node:net');
const dns = require('node:dns');
const { getSystemErrorMap } = require('node:util');
const { Engine } = require('../internal/http-engine.js');
const { invalidArgValue, withCode } = require('../internal/errors.js');
const { optionsObject } = require('../internal/options.js');
const { Stops, kStops, stopOf } = require('../internal/server-stop.js');
const { getEventLoop } = require('../internal/event-loop.js');
const { wantsTls } = require('../internal/secure-context.js');
const { filesSpec, noFiles } = require('./files.js');
const { isShared, listenByPrimary } = require('./cluster.js');
const { AdoptingServer, intercept } = require('./grpc.js');
const { http2Settings } = require('./http2-options.js');
const { base, check, listenError, normalize } = require('./listen.js');
const { observeNode } = require('./observe.js');
const { watch } = require('./requests.js');
const { ServerResponse } = require('./response.js');
const { SecureSocket } = require('./secure-socket.js');
const { Socket } = require('./socket.js');
const { HTTP, HTTP2 } = require('./socket-face.js');

/** @typedef {import('./socket.js').Socket} OurSocket */

/** Node waits so much longer than it promises, so that a request on its way is not cut off. */
const KEEP_ALIVE_GRACE_MS = 1000;

class Server extends http.Server {
  /**
   * @param {any} [options]
   * @param {(req: any, res: any) => void} [listener]
   */
  constructor(options, listener) {
    if (typeof options === 'function') {
      listener = options;
      options = {};
    }
    // Node's own connections answer with our class, too; what is no object is Node's to refuse.
    const given = options ?? {};
    super(typeof given === 'object' ? { ServerResponse, ...given } : given, listener);
    // What is wrong with it is told now, and not when it closes.
    stopOf({}, given);
    /** @type {Engine | undefined} */
    this._engine = undefined;
    this._options = given;
    this._http2 = http2Settings(given.http2, given.maxHeaderSize ?? http.maxHeaderSize);
    /** @type {any[]} */
    this._files = [];
    /** @type {any} */
    this._grpc = undefined;
    /** Takes connections that begin with a call. @type {any} */
    this._grpcPort = undefined;
    /** Paths that serve events. @type {Map<string, any>} */
    this._routes = new Map();
    /** For those that name none. @type {any} */
    this._hub = undefined;
    /** @type {number | undefined} */
    this._highWaterMark = given.highWaterMark;
    /** @type {any} */
    this._bound = null;
    this._refused = false;
    /** Requests that Node parsed are told of, too. */
    this._tellsOfNode = false;
    /** What ends with the server. */
    this[kStops] = new Stops();
    /** Connections that another protocol took over, and those of Node. @type {Set<any>} */
    this._taken = new Set();
    this._IncomingMessage = given.IncomingMessage ?? http.IncomingMessage;
    this._ServerResponse = given.ServerResponse ?? ServerResponse;
    /** TLS, where it is spoken. @type {import('./secure.js').Tls | undefined} */
    this._tls = undefined;
    if (wantsTls(given)) {
      // Not before somebody wants it: most servers do without.
      const { Tls } = require('./secure.js');
      this._tls = new Tls(this, given);
    }
    const [serveByNode] = this.listeners('connection');
    this.removeAllListeners('connection');
    this.on('connection', (socket) => {
      if (socket instanceof Socket) return;
      if (!this._tellsOfNode) {
        this._tellsOfNode = true;
        observeNode(this);
      }
      this._taken.add(socket);
      socket.once('close', () => this._taken.delete(socket));
      if (this._tls === undefined) serveByNode.call(this, socket);
      else this._tls.serveByNode(socket, /** @type {any} */ (serveByNode));
    });
    const { metrics = false } = given;
    if (typeof metrics === 'object' && metrics !== null) this.metrics(metrics.path, metrics);
    else if (metrics !== false) this.metrics(metrics === true ? undefined : metrics);
    this.on('newListener', (event) => {
      if (event === 'upgrade') this._engine?.native.setTakesUpgrades(true);
    });
    this.on('removeListener', (event) => {
      if (event === 'upgrade') this._engine?.native.setTakesUpgrades(this.listenerCount('upgrade') > 0);
    });
  }

  /**
   * Serves the files of a directory under a prefix, without JavaScript. What is not there is the `request` listener's to
   * answer, unless `fallthrough` is false.
   *
   * @param {string} prefix
   * @param {string} directory
   * @param {any} [options]
   * @returns {this}
   */
  files(prefix, directory, options) {
    const spec = filesSpec(prefix, directory, options);
    if (getEventLoop() === null) {
      throw noFiles();
    }
    this._files.push(spec);
    if (this._engine !== undefined) this._mount(this._engine, spec);
    return this;
  }

  /**
   * Serves topics of a hub as an event stream on GET requests for `path`; other methods are the `request` listener's.
   *
   * @param {string} path
   * @param {any} options
   * @returns {any} the route: its hub, `stats()` and `close()`
   */
  events(path, options) {
    // Not before somebody wants it: most servers do without.
    const { eventsRoute } = require('./events.js');
    return this._route(path, eventsRoute(path, options, this));
  }

  /**
   * Serves what the thread counts, in the text form of Prometheus, on GET requests for `path`.
   *
   * @param {string} [path]
   * @param {any} [options]
   * @returns {this}
   */
  metrics(path = '/metrics', options = undefined) {
    // Not before somebody wants it: from now on it is counted.
    const { metricsRoute } = require('./metrics.js');
    this._route(path, metricsRoute(path, options, this));
    return this;
  }

  /**
   * @template R
   * @param {string} path
   * @param {R} route answers GET requests for it
   * @returns {R}
   */
  _route(path, route) {
    const { intercept } = require('./events.js');
    if (this._routes.has(path)) throw invalidArgValue('path', path, 'serves something already');
    if (this._routes.size === 0) intercept(this, this._routes);
    this._routes.set(path, route);
    return route;
  }

  /**
   * @param {Engine} engine
   * @param {any} spec
   */
  _mount(engine, spec) {
    const errno = engine.native.addFiles(JSON.stringify(spec));
    if (errno === 0) return;
    const [code, text] = getSystemErrorMap().get(-errno) ?? ['EIO', 'i/o error'];
    const error = new Error(`${code}: ${text}, open '${spec.directory}'`);
    throw Object.assign(error, { code, errno: -errno, syscall: 'open', path: spec.directory });
  }

  /**
   * Handshakes from now on go by these certificates; connections that are there go on with theirs.
   *
   * @param {any} options as `tls.createSecureContext()` takes them
   */
  setSecureContext(options) {
    require('./secure.js').tlsOf(this).setSecureContext(options);
  }

  /**
   * Certificates for clients that ask for a name.
   *
   * @param {string} hostname in which `*` stands for characters of one label
   * @param {any} options as `tls.createSecureContext()` takes them
   */
  addContext(hostname, options) {
    require('./secure.js').tlsOf(this).addContext(hostname, options);
  }

  // Listening.

  /** @param {any[]} args as `net.Server` takes them */
  listen(...args) {
    const { options, callback } = normalize(args);
    this[kStops].how = null;
    const own = options.fd === undefined && options.handle === undefined && options._handle === undefined;
    if (this._tls !== undefined && getEventLoop() === null) {
      const message = 'TLS is spoken by the native event loop, which is not to be had here';
      throw withCode(new Error(message), 'ERR_MILLRACE_TLS_LOOP');
    }
    if (!own || getEventLoop() === null) return super.listen(...args);
    if (this._bound !== null || this._engine !== undefined) {
      throw Object.assign(new Error('Listen method has been called more than once without closing.'), {
        code: 'ERR_SERVER_ALREADY_LISTEN',
      });
    }
    const shared = isShared(options);
    if (callback && !shared) this.once('listening', callback);
    check(options);
    const engine = new Engine(this._settings(), (id) => this._onConnection(id));
    engine.native.setTakesUpgrades(this.listenerCount('upgrade') > 0);
    for (const spec of this._files) this._mount(engine, spec);
    this._tls?.hand(engine);
    this._grpcPort?.adoptFrom(engine.native);
    this._engine = engine;
    if (shared) {
      listenByPrimary(this, engine, () => super.listen(...args));
      return this;
    }
    if (options.signal) {
      const close = () => this.close();
      if (options.signal.aborted) process.nextTick(close);
      else options.signal.addEventListener('abort', close, { once: true });
    }
    if (options.path !== undefined) this._bind(engine, { ...base(options), path: String(options.path) });
    else if (!options.host) this._bindAny(engine, options);
    else this._bindHost(engine, options);
    return this;
  }

  /**
   * @param {Engine} engine
   * @param {any} options
   */
  _bindAny(engine, options) {
    const port = Number(options.port ?? 0);
    // All addresses of both families; where there is no IPv6, those of IPv4.
    const any = { ...base(options), port, host: '::' };
    const outcome = JSON.parse(engine.native.listen(JSON.stringify(any)));
    if (outcome.errno !== undefined && (outcome.errno === 97 || outcome.errno === 99)) {
      this._bind(engine, { ...base(options), port, host: '0.0.0.0' });
    } else this._settle(engine, outcome, any);
  }

  /**
   * @param {Engine} engine
   * @param {any} options
   */
  _bindHost(engine, options) {
    const { host } = options;
    const spec = { ...base(options), port: Number(options.port ?? 0), host };
    if (net.isIP(host)) {
      this._bind(engine, spec);
      return;
    }
    dns.lookup(host, (error, address) => {
      if (this._engine !== engine) return;
      if (error) {
        this._engine = undefined;
        this.emit('error', error);
      } else this._bind(engine, { ...spec, host: address });
    });
  }

  /**
   * @param {Engine} engine
   * @param {any} spec
   */
  _bind(engine, spec) {
    this._settle(engine, JSON.parse(engine.native.listen(JSON.stringify(spec))), spec);
  }

  /**
   * @param {Engine} engine
   * @param {any} outcome
   * @param {any} spec
   */
  _settle(engine, outcome, spec) {
    if (outcome.errno !== undefined) {
      this._engine = undefined;
      const error = listenError(outcome, spec);
      process.nextTick(() => this.emit('error', error));
      return;
    }
    this._bound = outcome.path ?? outcome;
    if (this._refused) engine.native.setReferenced(false);
    process.nextTick(() => {
      if (this._engine === engine) this.emit('listening');
    });
  }

  address() {
    return this._bound ?? super.address();
  }

  // @ts-expect-error: an accessor in Node, too, whatever its types say
  get listening() {
    return this._bound !== null || Boolean(/** @type {any} */ (this)._handle);
  }

  ref() {
    this._refused = false;
    this._engine?.native.setReferenced(true);
    return super.ref();
  }

  unref() {
    this._refused = true;
    this._engine?.native.setReferenced(false);
    return super.unref();
  }

  /** @param {(error: Error | null, count: number) => void} callback */
  getConnections(callback) {
    if (this._engine === undefined) return super.getConnections(callback);
    process.nextTick(callback, null, this._engine.connections);
    return this;
  }

  // Closing.

  /**
   * Accepts no more, lets requests finish, ends event streams and WebSockets, and cuts off what is left at a deadline.
   *
   * @param {any} [options] see `Stop`
   * @param {(error?: Error) => void} [callback]
   */
  close(options, callback) {
    if (typeof options === 'function') {
      callback = options;
      options = {};
    }
    const how = stopOf(optionsObject(options), this._options);
    const engine = this._engine;
    const isOpen = this.listening;
    engine?.native.closeListeners();
    if (engine === undefined || this._bound === null) super.close(callback);
    else {
      if (typeof callback === 'function') this.once('close', callback);
      this._bound = null;
      super.close();
    }
    if (!isOpen) return this;
    // Answers that did not begin may still say that there will be no other.
    for (const { _httpMessage: res } of [...this._sockets(), ...this._taken]) {
      if (res && !res._header) res.shouldKeepAlive = false;
    }
    this[kStops].stop(how);
    if (how.deadline > 0) {
      const timer = setTimeout(() => this._cutOff(), how.deadline);
      // What is left keeps the loop alive, unless nobody wants it to.
      timer.unref();
      this.once('close', () => clearTimeout(timer));
    }
    return this;
  }

  /** Closes all connections, whatever they speak. */
  _cutOff() {
    super.closeAllConnections();
    for (const socket of [...this._sockets(), ...this._taken]) socket.destroy();
  }

  /** Node's own step towards `close`: it has its say for connections that were handed to it. */
  _emitCloseIfDrained() {
    const engine = this._engine;
    if (engine !== undefined && (this._bound !== null || engine.connections > 0)) return;
    this._engine = undefined;
    /** @type {any} */ (net.Server.prototype)._emitCloseIfDrained.call(this);
  }

  /**
   * Serves gRPC on this port, too.
   *
   * @param {any} service its definition
   * @param {any} implementation
   * @param {any} [options] of the gRPC server, with the first service
   * @returns {any} the gRPC server, for further services
   */
  grpc(service, implementation, options) {
    if (this._grpc === undefined) {
      this._grpc = new AdoptingServer(options);
      this._grpcPort = this._grpc.httpPort;
      intercept(this, (request, response) => this._grpc.serve(request, response));
      if (this._engine !== undefined) this._grpcPort.adoptFrom(this._engine.native);
      // Its connections are drained with the server's own, and cut off with them.
      this.once('close', () => this._grpc.tryShutdown(() => {}));
    }
    this._grpc.addService(service, implementation);
    return this._grpc;
  }

  closeIdleConnections() {
    super.closeIdleConnections();
    if (this._engine === undefined) return;
    this._engine.native.closeIdle();
    this._engine.receive();
  }

  closeAllConnections() {
    super.closeAllConnections();
    this._grpc?.forceShutdown();
    for (const socket of this._sockets()) if (socket.mode === HTTP || socket.mode === HTTP2) socket.destroy();
  }

  /** @returns {any[]} sockets of our own */
  _sockets() {
    return this._engine === undefined ? [] : this._engine.sockets.filter((socket) => socket !== undefined);
  }

  // What the engine tells.

  /** @returns {object} */
  _settings() {
    const { keepAliveTimeout, headersTimeout, requestTimeout, _options } = this;
    return {
      maxHeaderSize: /** @type {any} */ (this).maxHeaderSize ?? http.maxHeaderSize,
      maxHeaders: 2000,
      headersTimeout,
      requestTimeout,
      keepAliveTimeout: keepAliveTimeout > 0 ? keepAliveTimeout + KEEP_ALIVE_GRACE_MS : 0,
      handshakeTimeout: this._tls?.handshakeTimeout ?? 0,
      noDelay: _options.noDelay ?? true,
      keepAlive: Boolean(_options.keepAlive),
      keepAliveInitialDelay: _options.keepAliveInitialDelay ?? 0,
      maxConnections: this.maxConnections > 0 ? this.maxConnections : null,
      http2: this._http2,
    };
  }

  /** @param {number} id */
  _onConnection(id) {
    const OwnSocket = this._tls === undefined ? Socket : SecureSocket;
    const socket = new OwnSocket(this, /** @type {Engine} */ (this._engine), id);
    if (this.timeout) socket.setTimeout(this.timeout);
    watch(socket);
    this.emit('connection', socket);
    return socket;
  }
}

module.exports = { Server };
