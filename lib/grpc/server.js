'use strict';

/**
 * The server, in the interface of grpc-js. Sockets, HTTP/2 and the framing of messages are native; handlers, Metadata and
 * protobuf are here.
 */

const { deprecate } = require('node:util');
const { EXCHANGE, GrpcEngine, command } = require('../internal/grpc-engine.js');
const { BoundPorts, drainConnections } = require('./bound-ports.js');
const { carry, sendOutput } = require('./carried.js');
const { CallTracker, Trace, register, unregister } = require('./channelz.js');
const { Connection } = require('./connection.js');
const { status } = require('./constants.js');
const { Exchange } = require('./exchange.js');
const { IncomingCall } = require('./incoming-call.js');
const { methodTypes } = require('./method-types.js');
const { callEnded, callStarted } = require('./observe.js');
const { Port } = require('./port.js');
const { ServerCredentials } = require('./server-credentials.js');
const { intercept } = require('./server-interceptors.js');
const { callLimits, connectionTimes, nativeSettings } = require('./server-options.js');
const { Web, carriageOf, isPreflight } = require('./web.js');

/** Each has the server bring a service along. */
const ADMIN_OPTIONS = ['millrace.health', 'millrace.reflection', 'millrace.channelz'];

/**
 * @param {string} methodName
 * @returns {{ code: number, details: string, metadata: null }}
 */
function unimplemented(methodName) {
  return { code: status.UNIMPLEMENTED, details: `The server does not implement the method ${methodName}`, metadata: null };
}

/**
 * @param {string} type
 * @param {string} name
 * @returns {Function} the handler of a method without one
 */
function defaultHandler(type, name) {
  const error = unimplemented(name);
  if (type === 'unary' || type === 'clientStream') {
    return (/** @type {any} */ _call, /** @type {any} */ callback) => callback(error, null);
  }
  return (/** @type {any} */ call) => call.emit('error', error);
}

/** @param {any} credentials */
function checkCredentials(credentials) {
  if (credentials === null || !(credentials instanceof ServerCredentials)) {
    throw new TypeError('creds must be a ServerCredentials object');
  }
}

/** Counts calls for channelz. */
class Tracker {
  /** @param {CallTracker} calls */
  constructor(calls) {
    this.calls = calls;
  }

  /** @param {any} connection */
  onStart(connection) {
    this.calls.started();
    connection.calls.started();
  }

  /**
   * @param {any} connection
   * @param {boolean} ok the call was
   * @param {boolean} answered with any status
   */
  onEnd(connection, ok, answered) {
    this.calls.ended(ok);
    connection.calls.ended(answered);
  }
}

class Server {
  /** @param {any} [options] `grpc.*` options, and `interceptors` */
  constructor(options = {}) {
    this.options = options ?? {};
    /** By path. Agents look here for what `register` was given. @type {Map<string, any>} */
    this.handlers = new Map();
    this.interceptors = this.options.interceptors ?? [];
    this.started = false;
    this.shutdown = false;
    this.bound = new BoundPorts(this);
    /** All that connections come from. @type {Set<Port>} */
    this.ports = new Set();
    /** By the numbers of native listeners. @type {Map<number, Port>} */
    this.listeners = new Map();
    /** By their numbers. @type {(Connection | undefined)[]} */
    this.connections = [];
    /** Calls that came as requests. @type {Set<Exchange>} */
    this.exchanges = new Set();
    /** Whom browsers may call for; null where they may not call. @type {Web | null} */
    this.web = this.options['millrace.web'] ? new Web(this.options) : null;
    /** Services that it brings along. @type {import('./admin/services.js').AdminServices | undefined} */
    this.admin = undefined;

    this.limits = callLimits(this.options);
    this.times = connectionTimes(this.options);
    this.channelzEnabled = this.options['grpc.enable_channelz'] !== 0;
    this.calls = new CallTracker();
    this.trace = new Trace();
    this.tracker = this.channelzEnabled ? new Tracker(this.calls) : undefined;
    this.channelzRef = register('server', 'server', () => this.channelzInfo(), this.channelzEnabled);
    this.trace.add('Server created');
    /** @type {GrpcEngine | undefined} */
    this.nativeEngine = undefined;
    if (ADMIN_OPTIONS.some((name) => this.options[name])) {
      // Most servers do without.
      const { AdminServices } = require('./admin/services.js');
      this.admin = new AdminServices(this, this.options);
    }
  }

  /** What it says of its services, with `millrace.health`. @returns {import('./admin/health.js').Health | undefined} */
  get health() {
    return this.admin?.health;
  }

  /** @returns {any} the native half, made with the first port */
  get engine() {
    this.nativeEngine ??= new GrpcEngine(nativeSettings(this.options), this);
    return this.nativeEngine;
  }

  // Services.

  addProtoService() {
    throw new Error('Not implemented. Use addService() instead');
  }

  /**
   * @param {any} service its definition
   * @param {any} implementation handlers, by the names of methods in either spelling; those that are missing answer
   *   UNIMPLEMENTED
   * @throws {Error} where a method has a handler already
   */
  addService(service, implementation) {
    if (service === null || typeof service !== 'object' || implementation === null || typeof implementation !== 'object') {
      throw new Error('addService() requires two objects as arguments');
    }
    const names = Object.keys(service);
    if (names.length === 0) throw new Error('Cannot add an empty service to a server');
    for (const name of names) {
      const method = service[name];
      const type = method.requestStream
        ? (method.responseStream ? 'bidi' : 'clientStream')
        : (method.responseStream ? 'serverStream' : 'unary');
      let handler = implementation[name];
      if (handler === undefined && typeof method.originalName === 'string') handler = implementation[method.originalName];
      const bound = handler === undefined ? defaultHandler(type, name) : handler.bind(implementation);
      const added = this.register(method.path, bound, method.responseSerialize, method.requestDeserialize, type);
      if (added === false) throw new Error(`Method handler for ${method.path} already provided.`);
    }
    this.admin?.added(service);
  }

  /** @param {any} service its definition */
  removeService(service) {
    if (service === null || typeof service !== 'object') throw new Error('removeService() requires object as argument');
    for (const name of Object.keys(service)) this.unregister(service[name].path);
  }

  /**
   * @param {string} name path
   * @param {any} handler
   * @param {(value: any) => Uint8Array} serialize
   * @param {(bytes: Buffer) => any} deserialize
   * @param {string} type `unary`, `clientStream`, `serverStream` or `bidi`
   * @returns {boolean} false where there is one already
   */
  register(name, handler, serialize, deserialize, type) {
    if (this.handlers.has(name)) return false;
    this.handlers.set(name, { func: handler, serialize, deserialize, type, path: name });
    return true;
  }

  /** @param {string} name path @returns {boolean} whether there was one */
  unregister(name) {
    return this.handlers.delete(name);
  }

  // Ports.

  /** @param {any} _port @param {any} _creds */
  bind(_port, _creds) {
    throw new Error('Not implemented. Use bindAsync() instead');
  }

  addHttp2Port() {
    throw new Error('Not yet implemented');
  }

  /**
   * @param {string} port `host:port`, `dns:`, `ipv4:`, `ipv6:` or `unix:`; port 0 is any that is free
   * @param {ServerCredentials} creds
   * @param {(error: Error | null, port: number) => void} callback
   */
  bindAsync(port, creds, callback) {
    if (this.shutdown) throw new Error('bindAsync called after shutdown');
    if (typeof port !== 'string') throw new TypeError('port must be a string');
    checkCredentials(creds);
    if (typeof callback !== 'function') throw new TypeError('callback must be a function');
    this.bound.bind(port, creds, callback);
  }

  /**
   * @param {ServerCredentials} credentials
   * @param {string} name
   * @returns {Port}
   */
  newPort(credentials, name) {
    if (this.web === null) return new Port(this, credentials, name);
    // What browsers speak is HTTP's, which stands upon this; most servers do without.
    const { HttpPort } = require('../http/grpc-port.js');
    return new HttpPort(this, credentials, name);
  }

  /**
   * Listens there no more, or breaks off a `bindAsync` that is under way.
   *
   * @param {string} port as it was bound, with the port that it got
   */
  unbind(port) {
    this.bound.unbind(port);
  }

  /**
   * Closes the connections of a port, after a grace time with force.
   *
   * @param {string} port as it was bound, with the port that it got
   * @param {number} graceTimeMs
   */
  drain(port, graceTimeMs) {
    this.bound.drain(port, graceTimeMs);
  }

  /**
   * For connections that somebody else accepts.
   *
   * @param {ServerCredentials} credentials
   */
  createConnectionInjector(credentials) {
    checkCredentials(credentials);
    const port = new Port(this, credentials, 'injector');
    return {
      /** @param {import('node:stream').Duplex} connection */
      injectConnection: (connection) => port.inject(connection),
      /** @param {number} graceTimeMs */
      drain: (graceTimeMs) => drainConnections(port.connections, graceTimeMs),
      destroy: () => {
        port.close();
        port.closeConnections();
      },
    };
  }

  isBound() {
    return [...this.ports].some((port) => port.listening);
  }

  // The end.

  /**
   * Takes no more connections and calls; `callback` when those that are open are over.
   *
   * @param {(error?: Error) => void} callback
   */
  tryShutdown(callback) {
    this.shutdown = true;
    this.admin?.shutdown();
    let waiting = this.ports.size;
    const done = () => {
      unregister(this.channelzRef);
      callback();
    };
    if (waiting === 0) {
      done();
      return;
    }
    for (const port of this.ports) {
      port.close(() => {
        if (--waiting === 0) done();
      });
      port.closeConnections();
    }
  }

  /** Closes everything now; calls that are open are cancelled. */
  forceShutdown() {
    this.admin?.shutdown();
    this.bound.clear();
    for (const port of this.ports) {
      port.close();
      port.destroyConnections();
    }
    for (const exchange of this.exchanges) exchange.destroy();
    this.nativeEngine?.flush();
    unregister(this.channelzRef);
    this.shutdown = true;
  }

  // What the engine tells.

  /**
   * @param {number} id
   * @param {number} listener
   */
  onOpen(id, listener) {
    const port = this.listeners.get(listener);
    if (port !== undefined) this.connections[id] = this.opened(new Connection(this, id, port, null));
    else this.engine.push(command.DESTROY, id);
  }

  /**
   * @param {number} id of a connection or an exchange
   * @returns {any}
   */
  carrierOf(id) {
    return id < EXCHANGE ? this.connections[id] : this.engine.exchanges.get(id - EXCHANGE);
  }

  /**
   * Serves a request of an HTTP server, where it is a call.
   *
   * @param {Port} port that it came by
   * @param {any} request
   * @param {any} response
   * @returns {boolean} whether it is
   */
  serveRequest(port, request, response) {
    const { web } = this;
    if (web !== null && isPreflight(request) && this.handlers.has(request.url)) {
      web.preflight(request, response);
      return true;
    }
    const carriage = this.shutdown ? null : carriageOf(web, request);
    if (carriage === null) return false;
    void new Exchange(this, port, request, response, carriage);
    return true;
  }

  /**
   * @param {Port} port
   * @param {any} socket of Node's, whose bytes are carried
   */
  carry(port, socket) {
    const id = this.engine.native.attach();
    const connection = this.opened(new Connection(this, id, port, socket));
    this.connections[id] = connection;
    carry(connection);
  }

  /** @param {Connection} connection */
  opened(connection) {
    if (this.channelzEnabled) this.trace.add(`Connection established by client ${connection.getPeer()}`);
    return connection;
  }

  /** @param {number} id */
  onClosed(id) {
    const connection = this.connections[id];
    this.connections[id] = undefined;
    connection?.gone();
  }

  /** @param {number} id */
  onPong(id) {
    this.connections[id]?.onPong();
  }

  /** @param {number} id */
  onOutput(id) {
    const connection = this.connections[id];
    if (connection !== undefined) sendOutput(connection);
  }

  /**
   * @param {number} id
   * @param {number} connectionId
   * @param {number} timeout
   * @param {string} path
   * @param {string} authority
   * @param {string} fields
   */
  onCall(id, connectionId, timeout, path, authority, fields) {
    const connection = this.carrierOf(connectionId);
    if (connection === undefined) {
      // Its listener was closed in the same turn, or its peer went away.
      this.engine.ignore(id);
      return;
    }
    connection.callStarted();
    this.tracker?.onStart(connection);
    const observed = callStarted(this, connection, path);
    const handler = this.handlers.get(path);
    if (handler === undefined) {
      this.tracker?.onEnd(connection, false, false);
      connection.callEnded();
      const { code, details } = unimplemented(path);
      callEnded(observed, code);
      this.engine.sendStatus(id, `${code}\0${details}\0`);
      return;
    }
    const base = new IncomingCall(this, id, connection, handler, timeout, authority, fields);
    base.observed = observed;
    this.engine.calls[id] = base;
    const { interceptors } = connection.port;
    const call = interceptors.length === 0 ? base : intercept(interceptors, handler, base);
    const Method = methodTypes[handler.type];
    if (Method === undefined) {
      call.sendStatus({ code: status.INTERNAL, details: `Unknown handler type: ${handler.type}`, metadata: null });
      return;
    }
    call.start(new Method(call, handler));
  }

  // Channelz.

  /** @returns {{ kind: string, id: number, name: string }} */
  getChannelzRef() {
    return this.channelzRef;
  }

  channelzInfo() {
    const connections = [...this.ports].flatMap((port) => [...port.connections].map(({ ref }) => ref));
    return {
      calls: this.calls,
      trace: this.trace,
      listeners: [...this.ports].map(({ ref }) => ref),
      connections: connections.sort((a, b) => a.id - b.id),
    };
  }
}

/** Needless since ports take calls as soon as they are bound; kept for programs that call it. */
Server.prototype.start = deprecate(
  /** @this {Server} */
  function start() {
    if (!this.isBound()) throw new Error('server must be bound in order to start');
    if (this.started === true) throw new Error('server is already started');
    this.started = true;
  },
  'Calling start() is no longer necessary. It can be safely omitted.',
);

module.exports = { Server };
