'use strict';

/**
 * The server. It is a `node:http` server in all that programs see; connections that it accepts itself are read, parsed
 * and written in Rust. A connection that comes another way (`server.emit('connection', socket)`) is Node's to serve.
 */

const http = require('node:http');
const net = require('node:net');
const dns = require('node:dns');
const { getSystemErrorMap } = require('node:util');
const { Engine, flag } = require('../internal/http-engine.js');
const { invalidArgValue, withCode } = require('../internal/errors.js');
const { getEventLoop } = require('../internal/event-loop.js');
const { filesSpec } = require('./files.js');
const { ServerResponse } = require('./response.js');
const { Socket } = require('./socket.js');

/** @typedef {import('./socket.js').Socket} OurSocket */

/** What Node answers to a client that went wrong. @type {Record<string, number>} */
const FAULT_STATUS = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
/** Node waits so much longer than it promises, so that a request on its way is not cut off. */
const KEEP_ALIVE_GRACE_MS = 1000;

/** Node's own mark on a response that has to tell of room; its name is all that is known of it. */
const kNeedDrain = symbolOf(new http.OutgoingMessage(), 'kNeedDrain');

/**
 * @param {object} object
 * @param {string} name
 * @returns {symbol | undefined} the object's own symbol of that name
 */
function symbolOf(object, name) {
  return Object.getOwnPropertySymbols(object).find(({ description }) => description === name);
}

/**
 * A response that is complete says so at once, and not only when its bytes are sent. Set on each response, because
 * frameworks change its prototype.
 *
 * @this {any}
 */
function finishResponse() {
  const { socket } = this;
  if (socket !== null && socket.respond !== undefined) socket.respond(this);
  this.emit('prefinish');
}

/** @param {any} res */
function emitClose(res) {
  if (res._closed) return;
  res.destroyed = true;
  res._closed = true;
  res.emit('close');
}

/** What came of a response's `finish`. @this {any} */
function onFinish() {
  const { req, socket } = this;
  if (socket === null) return;
  // Nobody reads the body: it is taken off the wire all the same.
  if (!req._consuming && !req._readableState.resumeScheduled) req._dump();
  socket._httpMessage = null;
  this.socket = null;
  process.nextTick(emitClose, this);
  if (this._last || !socket.server.listening) socket.destroySoon();
}

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
    /** @type {Engine | undefined} */
    this._engine = undefined;
    this._options = given;
    /** @type {any[]} */
    this._files = [];
    /** Paths that serve events. @type {Map<string, any>} */
    this._routes = new Map();
    /** For those that name none. @type {any} */
    this._hub = undefined;
    /** @type {number | undefined} */
    this._highWaterMark = given.highWaterMark;
    /** @type {any} */
    this._bound = null;
    this._refused = false;
    this._IncomingMessage = given.IncomingMessage ?? http.IncomingMessage;
    this._ServerResponse = given.ServerResponse ?? ServerResponse;
    const [serveByNode] = this.listeners('connection');
    this.removeAllListeners('connection');
    this.on('connection', (socket) => {
      if (!(socket instanceof Socket)) serveByNode.call(this, socket);
    });
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
      const message = 'Files are served by the native event loop, which is not to be had here';
      throw withCode(new Error(message), 'ERR_MILLRACE_HTTP_FILES');
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
    const { eventsRoute, intercept } = require('./events.js');
    const route = eventsRoute(path, options, this);
    if (this._routes.has(path)) throw invalidArgValue('path', path, 'serves events already');
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

  // Listening.

  /** @param {any[]} args as `net.Server` takes them */
  listen(...args) {
    const { options, callback } = normalize(args);
    const own = options.fd === undefined && options.handle === undefined && options._handle === undefined;
    if (!own || getEventLoop() === null) return super.listen(...args);
    if (this._bound !== null || this._engine !== undefined) {
      throw Object.assign(new Error('Listen method has been called more than once without closing.'), {
        code: 'ERR_SERVER_ALREADY_LISTEN',
      });
    }
    if (callback) this.once('listening', callback);
    check(options);
    const engine = new Engine(this._settings(), (id) => this._onConnection(id));
    engine.native.setTakesUpgrades(this.listenerCount('upgrade') > 0);
    for (const spec of this._files) this._mount(engine, spec);
    this._engine = engine;
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
    this._bound = outcome;
    if (this._refused) engine.native.setReferenced(false);
    process.nextTick(() => {
      if (this._engine === engine) this.emit('listening');
    });
  }

  address() {
    return this._engine === undefined ? super.address() : this._bound;
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

  /** @param {(error?: Error) => void} [callback] */
  close(callback) {
    const engine = this._engine;
    if (engine === undefined || this._bound === null) return super.close(callback);
    if (typeof callback === 'function') this.once('close', callback);
    this._bound = null;
    engine.native.closeListeners();
    return super.close();
  }

  /** Node's own step towards `close`: it has its say for connections that were handed to it. */
  _emitCloseIfDrained() {
    const engine = this._engine;
    if (engine !== undefined && (this._bound !== null || engine.connections > 0)) return;
    this._engine = undefined;
    /** @type {any} */ (net.Server.prototype)._emitCloseIfDrained.call(this);
  }

  closeIdleConnections() {
    super.closeIdleConnections();
    if (this._engine === undefined) return;
    this._engine.native.closeIdle();
    this._engine.receive();
  }

  closeAllConnections() {
    super.closeAllConnections();
    for (const socket of this._sockets()) if (socket.mode === 0) socket.destroy();
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
      noDelay: _options.noDelay ?? true,
      keepAlive: Boolean(_options.keepAlive),
      keepAliveInitialDelay: _options.keepAliveInitialDelay ?? 0,
      maxConnections: this.maxConnections > 0 ? this.maxConnections : null,
    };
  }

  /** @param {number} id */
  _onConnection(id) {
    const socket = new Socket(this, /** @type {Engine} */ (this._engine), id);
    if (this.timeout) socket.setTimeout(this.timeout);
    socket.on('timeout', onTimeout);
    socket.on('drain', onDrain);
    socket.on('close', onClose);
    this.emit('connection', socket);
    return socket;
  }

  /**
   * @param {any} socket
   * @param {number} flags
   * @param {string} method
   * @param {number} minor
   * @param {string} url
   * @param {string[]} fields
   */
  _onRequest(socket, flags, method, minor, url, fields) {
    const server = /** @type {any} */ (this);
    const req = new this._IncomingMessage(socket);
    req.httpVersionMajor = 1;
    req.httpVersionMinor = minor;
    req.httpVersion = minor === 1 ? '1.1' : '1.0';
    req.joinDuplicateHeaders = server.joinDuplicateHeaders;
    req.url = url;
    req.method = method;
    const most = this.maxHeadersCount;
    const count = typeof most === 'number' && most > 0 ? Math.min(fields.length, most * 2) : fields.length;
    req._addHeaderLines(fields, count);
    req.upgrade = (flags & flag.UPGRADE) !== 0;
    if (req.upgrade) {
      this._onUpgrade(socket, req);
      return;
    }
    socket.incoming = req;

    const res = new this._ServerResponse(req, {
      highWaterMark: socket.writableHighWaterMark,
      rejectNonStandardBodyWrites: server.rejectNonStandardBodyWrites,
    });
    res._keepAliveTimeout = this.keepAliveTimeout;
    res._maxRequestsPerSocket = this.maxRequestsPerSocket;
    res.shouldKeepAlive = (flags & flag.KEEP_ALIVE) !== 0 && this.listening;
    res._finish = finishResponse;
    socket._httpMessage = res;
    res.socket = socket;
    res.on('finish', onFinish);
    try {
      if (minor === 0 || !this._answersItself(socket, flags, req, res)) {
        // No file either: with files alone to serve, that is the answer.
        if (this._files.length > 0 && this._routes.size === 0 && this.listenerCount('request') === 0) res.writeHead(404).end();
        else this.emit('request', req, res);
      }
    } finally {
      // Node's parser sees the end of a request without a body just after its head, too.
      if ((flags & flag.COMPLETE) !== 0) socket.complete(req, []);
    }
  }

  /**
   * @param {any} socket
   * @param {number} flags
   * @param {any} req
   * @param {any} res
   * @returns {boolean} whether the request is no business of the `request` listener's
   */
  _answersItself(socket, flags, req, res) {
    if ((flags & flag.HAS_HOST) === 0 && /** @type {any} */ (this).requireHostHeader) {
      res.writeHead(400, ['Connection', 'close']);
      res.end();
      return true;
    }
    const most = this.maxRequestsPerSocket ?? 0;
    if (most > 0) {
      res.maxRequestsOnConnectionReached = most <= socket.requests;
      if (most < socket.requests) {
        this.emit('dropRequest', req, socket);
        res.writeHead(503);
        res.end();
        return true;
      }
    }
    if ((flags & flag.EXPECTS_CONTINUE) !== 0) {
      res._expect_continue = true;
      if (this.listenerCount('checkContinue') > 0) {
        this.emit('checkContinue', req, res);
        return true;
      }
      res.writeContinue();
      return false;
    }
    if ((flags & flag.EXPECTS_OTHER) !== 0) {
      if (this.listenerCount('checkExpectation') > 0) this.emit('checkExpectation', req, res);
      else {
        res.writeHead(417);
        res.end();
      }
      return true;
    }
    return false;
  }

  /**
   * @param {any} socket
   * @param {any} req
   */
  _onUpgrade(socket, req) {
    const event = req.method === 'CONNECT' ? 'connect' : 'upgrade';
    socket.removeListener('timeout', onTimeout);
    socket.removeListener('drain', onDrain);
    socket.removeListener('close', onClose);
    socket.on('close', onRawClose);
    req.complete = true;
    req.push(null);
    socket.becomeRaw();
    if (this.listenerCount(event) === 0) {
      socket.destroy();
      return;
    }
    try {
      this.emit(event, req, socket, Buffer.alloc(0));
    } finally {
      socket.startRaw();
    }
  }

  /** @param {any} socket */
  _onPeerEnd(socket) {
    socket.push(null);
    if (!(/** @type {any} */ (this).httpAllowHalfOpen)) {
      socket.end();
      socket.once('finish', socket.destroy);
    } else if (socket._httpMessage) socket._httpMessage._last = true;
    else socket.end();
  }

  /**
   * @param {any} socket
   * @param {any} error
   */
  _onClientError(socket, error) {
    if (socket.destroyed) return;
    if (socket.listenerCount('error') === 0) socket.on('error', () => {});
    if (this.emit('clientError', error, socket)) return;
    if (socket.writable && (!socket._httpMessage || !socket._httpMessage._headerSent)) {
      const status = FAULT_STATUS[error.code] ?? 400;
      socket.write(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`, 'latin1');
      socket.engine.flush();
    }
    socket.destroy(error);
  }

  /** @param {any} res is to tell when there is room again */
  _expectDrain(res) {
    if (kNeedDrain !== undefined) res[kNeedDrain] = true;
  }

  /**
   * @param {any} socket
   * @param {any} error
   */
  _onSocketError(socket, error) {
    if (socket.mode === 0) this._onClientError(socket, error);
    else socket.destroy(error);
  }
}

/** @this {any} */
function onTimeout() {
  const { incoming: req, _httpMessage: res, server } = this;
  const told = [req?.emit('timeout', this), res?.emit('timeout', this), server.emit('timeout', this)];
  if (!told.includes(true)) this.destroy();
}

/** @this {any} */
function onDrain() {
  const res = this._httpMessage;
  if (res && !res.finished && kNeedDrain !== undefined && res[kNeedDrain]) {
    res[kNeedDrain] = false;
    res.emit('drain');
  }
}

/** @this {any} */
function onClose() {
  const { _httpMessage: res, server } = this;
  this.incoming = null;
  if (res) {
    res.req.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    emitClose(res);
  }
  if (!server.listening) server._emitCloseIfDrained();
}

/** @this {any} */
function onRawClose() {
  if (!this.server.listening) this.server._emitCloseIfDrained();
}

/** @param {any} options @returns {object} */
function base(options) {
  return {
    backlog: Number(options.backlog) > 0 ? Number(options.backlog) : 511,
    ipv6Only: Boolean(options.ipv6Only),
    reusePort: Boolean(options.reusePort),
  };
}

/**
 * @param {any[]} args
 * @returns {{ options: any, callback: (() => void) | null }}
 */
function normalize(args) {
  const [options, callback] = /** @type {any} */ (net)._normalizeArgs(args);
  const last = args[args.length - 1];
  // listen(port, backlog), listen(port, host, backlog), listen(path, backlog)
  for (const value of args.slice(1, 3)) if (typeof value === 'number' && options.backlog === undefined) options.backlog = value;
  return { options, callback: typeof last === 'function' ? last : callback };
}

/** @param {any} options */
function check(options) {
  const { port, path } = options;
  if (path !== undefined) return;
  if (port === undefined || port === null) return;
  const number = typeof port === 'string' && port.trim() === '' ? NaN : Number(port);
  if (!['number', 'string'].includes(typeof port) || number !== number >>> 0 || number > 0xffff) {
    throw Object.assign(new RangeError(`options.port should be >= 0 and < 65536. Received ${String(port)}.`), {
      code: 'ERR_SOCKET_BAD_PORT',
    });
  }
}

/**
 * As Node words it: `listen EADDRINUSE: address already in use :::80`.
 *
 * @param {{ errno: number, syscall: string }} outcome
 * @param {any} spec
 */
function listenError({ errno }, spec) {
  const [code, text] = getSystemErrorMap().get(-errno) ?? ['EIO', 'i/o error'];
  const place = spec.path ?? (spec.port > 0 ? `${spec.host}:${spec.port}` : spec.host);
  return Object.assign(new Error(`listen ${code}: ${text} ${place}`), {
    code,
    errno: -errno,
    syscall: 'listen',
    address: spec.path ?? spec.host,
    ...(spec.path === undefined ? { port: spec.port } : {}),
  });
}

module.exports = { Server };
