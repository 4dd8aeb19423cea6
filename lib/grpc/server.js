'use strict';

/**
 * The server, in the interface of grpc-js. Sockets, HTTP/2 and the framing of messages are native; handlers, Metadata and
 * protobuf are here.
 */

const { deprecate } = require('node:util');
const { EXCHANGE, GrpcEngine, command } = require('../internal/grpc-engine.js');
const { addressToString, joinHostPort, parseAddress, resolveAddress, splitHostPort } = require('./address.js');
const { carry, sendOutput } = require('./carried.js');
const { CallTracker, Trace, register, unregister } = require('./channelz.js');
const { Connection } = require('./connection.js');
const { DEFAULT_MAX_RECEIVE_MESSAGE_LENGTH, compressionAlgorithms, logVerbosity, status } = require('./constants.js');
const { Exchange } = require('./exchange.js');
const { IncomingCall } = require('./incoming-call.js');
const { log } = require('./logging.js');
const { methodTypes } = require('./method-types.js');
const { callEnded, callStarted } = require('./observe.js');
const { Port } = require('./port.js');
const { ServerCredentials } = require('./server-credentials.js');
const { intercept } = require('./server-interceptors.js');
const { Web, carriageOf, isPreflight } = require('./web.js');

/** Each has the server bring a service along. */
const ADMIN_OPTIONS = ['millrace.health', 'millrace.reflection', 'millrace.channelz'];
const DEFAULT_HIGH_WATER = 64 * 1024;
const DEFAULT_MOST_WINDOW = 16 * 1024 * 1024;
const DEFAULT_KEEPALIVE_TIMEOUT_MS = 20_000;

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

/**
 * @param {any} options
 * @returns {string[]} what answers are compressed with, the best first
 */
function compressionOf(options) {
  const wanted = options['millrace.compression'];
  if (wanted !== undefined) return Array.isArray(wanted) ? wanted : [wanted];
  const algorithm = options['grpc.default_compression_algorithm'] ?? 0;
  return algorithm === 0 ? [] : [compressionAlgorithms[algorithm]];
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
    /** By normalised address. @type {Map<string, any>} */
    this.boundPorts = new Map();
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

    const option = (/** @type {string} */ name) => this.options[name];
    this.limits = {
      maxSend: option('grpc.max_send_message_length') ?? -1,
      highWater: option('millrace.high_water_mark') ?? DEFAULT_HIGH_WATER,
      sendsMetrics: Boolean(option('grpc.server_call_metric_recording')),
    };
    this.times = {
      idleMs: option('grpc.max_connection_idle_ms'),
      ageMs: option('grpc.max_connection_age_ms'),
      graceMs: option('grpc.max_connection_age_grace_ms'),
      keepaliveMs: option('grpc.keepalive_time_ms'),
      keepaliveTimeoutMs: option('grpc.keepalive_timeout_ms') ?? DEFAULT_KEEPALIVE_TIMEOUT_MS,
    };
    this.channelzEnabled = option('grpc.enable_channelz') !== 0;
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
    this.nativeEngine ??= new GrpcEngine(this.settings(), this);
    return this.nativeEngine;
  }

  settings() {
    const { options } = this;
    const maxReceive = options['grpc.max_receive_message_length'] ?? DEFAULT_MAX_RECEIVE_MESSAGE_LENGTH;
    const window = options['grpc-node.flow_control_window'];
    return {
      maxReceive: maxReceive === -1 ? null : maxReceive,
      highWater: this.limits.highWater,
      compression: compressionOf(options),
      compressionThreshold: options['millrace.compression_threshold'],
      concurrentStreams: options['grpc.max_concurrent_streams'],
      streamWindow: window,
      // Who says how large it is has it so.
      mostWindow: options['millrace.max_flow_control_window'] ?? (window === undefined ? DEFAULT_MOST_WINDOW : 0),
      headerList: options['grpc.max_metadata_size'],
      handshakeTimeout: options['grpc.server_handshake_timeout_ms'],
      pingInterval: options['grpc.http2.min_ping_interval_without_data_ms'],
      pingStrikes: options['grpc.http2.max_ping_strikes'] === 0 ? 2 ** 32 - 1 : options['grpc.http2.max_ping_strikes'],
      pendingResets: options['millrace.max_pending_resets'],
      resetBurst: options['millrace.reset_burst'],
      resetRate: options['millrace.reset_rate'],
      controlFrameBurst: options['millrace.control_frame_burst'],
      controlFrameRate: options['millrace.control_frame_rate'],
    };
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
    const uri = parseAddress(port);
    const key = addressToString(uri);
    const known = this.boundPorts.get(key);
    if (known !== undefined) {
      if (!creds._equals(known.credentials)) {
        process.nextTick(callback, new Error(`${port} already bound with incompatible credentials`), 0);
        return;
      }
      // Whoever unbound it while it was being bound is overruled.
      known.cancelled = false;
      if (known.completion === null) process.nextTick(callback, null, known.number);
      else tell(known.completion, callback);
      return;
    }
    const ports = /** @type {Set<Port>} */ (new Set());
    const bound = { key, credentials: creds, number: 0, cancelled: false, completion: /** @type {any} */ (null), ports };
    bound.completion = this.bindUri(uri, bound);
    const parts = splitHostPort(uri.path);
    const anyPort = uri.scheme !== 'unix' && parts?.port === 0;
    if (!anyPort) this.boundPorts.set(key, bound);
    const completion = bound.completion.then(
      (/** @type {number} */ number) => {
        bound.completion = null;
        bound.number = number;
        if (anyPort && parts !== null) {
          bound.key = addressToString({ ...uri, path: joinHostPort(parts.host, number) });
          this.boundPorts.set(bound.key, bound);
        }
        return number;
      },
      (/** @type {Error} */ error) => {
        // It may be tried again.
        if (this.boundPorts.get(bound.key) === bound) this.boundPorts.delete(bound.key);
        throw error;
      },
    );
    tell(completion, callback);
  }

  /**
   * @param {any} uri
   * @param {any} bound
   * @returns {Promise<number>}
   */
  async bindUri(uri, bound) {
    const cancelled = () => {
      this.completeUnbind(bound);
      throw new Error('bindAsync operation cancelled by unbind call');
    };
    const addresses = await resolveAddress(uri);
    if (addresses.length === 0) throw new Error(`No addresses resolved for port ${addressToString(uri)}`);
    if (bound.cancelled) cancelled();
    let number = 0;
    /** @type {string[]} */
    const errors = [];
    for (const address of addresses) {
      // All addresses of a name get the port that the first one got.
      const where = 'port' in address && address.port === 0 ? { ...address, port: number } : address;
      const name = 'path' in where ? where.path : joinHostPort(where.host, where.port);
      const port = this.newPort(bound.credentials, name);
      try {
        const got = await port.listen(where);
        if (number === 0) number = got;
        port.ref.name = 'path' in where ? where.path : joinHostPort(where.host, got);
        bound.ports.add(port);
      } catch (error) {
        port.close();
        errors.push(/** @type {Error} */ (error).message);
      }
    }
    if (bound.cancelled) cancelled();
    if (bound.ports.size === 0) {
      const message = `No address added out of total ${addresses.length} resolved`;
      log(logVerbosity.ERROR, message);
      throw new Error(`${message} errors: [${errors.join(',')}]`);
    }
    if (errors.length > 0) {
      log(logVerbosity.INFO, `WARNING Only ${bound.ports.size} addresses added out of total ${addresses.length} resolved`);
    }
    return number;
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

  /** @param {any} bound */
  completeUnbind(bound) {
    for (const port of bound.ports) {
      port.close(() => bound.ports.delete(port));
      port.closeConnections();
    }
    this.boundPorts.delete(bound.key);
  }

  /**
   * @param {string} port
   * @param {string} what
   * @returns {any} what is bound there
   * @throws {Error} for port 0
   */
  boundTo(port, what) {
    const uri = parseAddress(port);
    if (uri.scheme !== 'unix' && splitHostPort(uri.path)?.port === 0) throw new Error(`Cannot ${what} port 0`);
    return this.boundPorts.get(addressToString(uri));
  }

  /**
   * Listens there no more, or breaks off a `bindAsync` that is under way.
   *
   * @param {string} port as it was bound, with the port that it got
   */
  unbind(port) {
    const bound = this.boundTo(port, 'unbind');
    if (bound === undefined) return;
    if (bound.completion === null) this.completeUnbind(bound);
    else bound.cancelled = true;
  }

  /**
   * Closes the connections of a port, after a grace time with force.
   *
   * @param {string} port as it was bound, with the port that it got
   * @param {number} graceTimeMs
   */
  drain(port, graceTimeMs) {
    const bound = this.boundTo(port, 'drain');
    if (bound === undefined) return;
    for (const { connections } of bound.ports) drainConnections(connections, graceTimeMs);
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
    for (const bound of this.boundPorts.values()) bound.cancelled = true;
    this.boundPorts.clear();
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

/**
 * @param {Promise<number>} completion
 * @param {(error: Error | null, port: number) => void} callback what it throws is nobody's to catch
 */
function tell(completion, callback) {
  completion.then(
    (number) => process.nextTick(callback, null, number),
    (error) => process.nextTick(callback, error, 0),
  );
}

/**
 * @param {Set<Connection>} connections
 * @param {number} graceTimeMs
 */
function drainConnections(connections, graceTimeMs) {
  const open = [...connections];
  for (const connection of open) connection.close();
  setTimeout(() => {
    for (const connection of open) connection.destroy();
  }, graceTimeMs).unref();
}

module.exports = { Server };
