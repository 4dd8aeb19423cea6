'use strict';

/** `WebSocketServer`, with the options, members and answers of `ws`. */

const EventEmitter = require('node:events');
const http = require('node:http');
const { CLOSE_TIMEOUT, READY_STATES, kWebSocket, opcode } = require('./constants.js');
const engine = require('./engine.js');
const extension = require('./extension.js');
const { acceptKey } = require('./handshake.js');
const PerMessageDeflate = require('./permessage-deflate.js');
const { whenServerCloses } = require('../internal/server-stop.js');
const subprotocol = require('./subprotocol.js');
const { toBuffer } = require('./validation.js');
const WebSocket = require('./websocket.js');

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const OPEN = READY_STATES.indexOf('OPEN');
/** States of the server. */
const [RUNNING, CLOSING, CLOSED] = [0, 1, 2];

class WebSocketServer extends EventEmitter {
  /**
   * @param {any} options
   * @param {() => void} [callback] for `listening`
   */
  constructor(options, callback) {
    super();
    options = {
      allowSynchronousEvents: true,
      autoPong: true,
      maxBufferedChunks: 256 * 1024,
      maxFragments: 16 * 1024,
      maxPayload: 100 * 1024 * 1024,
      maxPendingAutoPongs: 60,
      skipUTF8Validation: false,
      perMessageDeflate: false,
      handleProtocols: null,
      clientTracking: true,
      maxBufferedAmount: 0,
      onSlow: 'disconnect',
      pingInterval: 0,
      idleTimeout: 0,
      closeTimeout: CLOSE_TIMEOUT,
      hub: null,
      verifyClient: null,
      noServer: false,
      backlog: null,
      server: null,
      host: null,
      path: null,
      port: null,
      WebSocket,
      ...options,
    };
    const ways = [options.port != null, !!options.server, !!options.noServer];
    if (ways.filter(Boolean).length !== 1) {
      throw new TypeError('One and only one of the "port", "server", or "noServer" options must be specified');
    }

    // The first client need not wait until it is loaded.
    engine.prepare();
    /** @type {any} */
    this._server = options.server;
    if (options.port != null) {
      this._server = http.createServer(askForUpgrade);
      this._server.listen(options.port, options.host, options.backlog, callback);
    }
    this._removeListeners = () => {};
    if (this._server) {
      const emitConnection = this.emit.bind(this, 'connection');
      this._removeListeners = addListeners(this._server, {
        listening: this.emit.bind(this, 'listening'),
        error: this.emit.bind(this, 'error'),
        upgrade: (/** @type {http.IncomingMessage} */ req, /** @type {any} */ socket, /** @type {Buffer} */ head) => {
          this.handleUpgrade(req, socket, head, emitConnection);
        },
      });
    }
    if (options.perMessageDeflate === true) options.perMessageDeflate = {};
    /** @type {Set<WebSocket> | undefined} */
    this.clients = undefined;
    if (options.clientTracking) {
      this.clients = new Set();
      this._shouldEmitClose = false;
    } else {
      delete this.clients;
    }
    this.options = options;
    /** Servers whose end is that of the clients who came by them. */
    this._ends = new WeakSet();
    /** @type {import('./topics.js').Topics | null} */
    this._topics = null;
    this._state = RUNNING;
  }

  /**
   * @returns {any} what `net.Server`'s says, or null once closed
   * @throws {Error} where there is no server
   */
  address() {
    if (this.options.noServer) throw new Error('The server is operating in "noServer" mode');
    return this._server ? this._server.address() : null;
  }

  /**
   * Takes no further connections, and emits `close` when those that there are have gone, or, with a server of the user's,
   * when all clients have.
   *
   * @param {(error?: Error) => void} [cb]
   */
  close(cb) {
    if (this._state === CLOSED) {
      if (cb) this.once('close', () => cb(new Error('The server is not running')));
      process.nextTick(emitClose, this);
      return;
    }
    if (cb) this.once('close', cb);
    if (this._state === CLOSING) return;
    this._state = CLOSING;
    const server = this._server;
    this._removeListeners();
    this._server = null;
    if (!this.options.noServer && !this.options.server) {
      // Our own tells when its sockets are gone.
      server.close(() => emitClose(this));
    } else if (this.clients && this.clients.size) {
      this._shouldEmitClose = true;
    } else {
      process.nextTick(emitClose, this);
    }
  }

  /**
   * Sends one message to all open clients: it is framed once, and compressed once for those that agreed on compression.
   *
   * @param {any} data a string, or bytes
   * @param {{ except?: WebSocket | Iterable<WebSocket>, filter?: (client: WebSocket) => boolean, binary?: boolean,
   *   compress?: boolean, clients?: Iterable<WebSocket> }} [options] `clients` defaults to `server.clients`
   * @returns {number} to how many it went
   * @throws {Error} where the server does not keep its clients, and none are given
   */
  broadcast(data, { except, filter, binary = typeof data !== 'string', compress = true, clients = this.clients } = {}) {
    if (clients === undefined) throw new Error('The server does not track its clients: pass them as "clients"');
    const bytes = toBuffer(typeof data === 'number' ? data.toString() : data);
    const { perMessageDeflate } = this.options;
    const threshold = perMessageDeflate ? perMessageDeflate.threshold ?? 1024 : Infinity;
    const left = except === undefined ? undefined : except instanceof WebSocket ? new Set([except]) : new Set(except);
    const ids = [];
    for (const client of clients) {
      if (client.readyState !== OPEN || left?.has(client) || (filter && !filter(client))) continue;
      const sender = /** @type {import('./sender.js')} */ (client._sender);
      if (sender._queue === null && client._isServer) ids.push(/** @type {any} */ (client._connection).id);
      // Behind a Blob that is being read, and masked for a server.
      else client.send(bytes, { binary, compress });
    }
    if (ids.length > 0) {
      const kind = binary ? opcode.BINARY : opcode.TEXT;
      engine.broadcast(Uint32Array.from(ids), kind, compress && bytes.length >= threshold, bytes);
    }
    return ids.length;
  }

  /** @returns {import('../hub/hub.js').Hub} that of the options, or one of this server alone */
  get hub() {
    return this.topics().hub;
  }

  /**
   * Sends a message to all who subscribed to `topic` on this hub: `hub.publish()`.
   *
   * @param {string} topic
   * @param {unknown} data a string or bytes; anything else goes through `JSON.stringify`
   * @param {{ event?: string, key?: string, scope?: string }} [options]
   * @returns {string} its id
   */
  publish(topic, data, options) {
    return this.hub.publish(topic, data, options);
  }

  /**
   * Ends its clients when a server of ours closes that they came by.
   *
   * @private
   * @param {any} server
   */
  endWith(server) {
    if (server === undefined || this._ends.has(server)) return;
    this._ends.add(server);
    whenServerCloses(server, () => {
      for (const client of this.clients ?? []) if (client._socket?.server === server) client.close(1001);
    });
  }

  /** @private */
  topics() {
    if (this._topics === null) {
      // Not before somebody wants it: most servers do without.
      const { Topics } = require('./topics.js');
      this._topics = new Topics(this, this.options.hub);
    }
    return this._topics;
  }

  /**
   * Whether a request is for this server; may be overridden.
   *
   * @param {http.IncomingMessage} req
   * @returns {boolean | Promise<boolean>}
   */
  shouldHandle(req) {
    if (!this.options.path) return true;
    const url = /** @type {string} */ (req.url);
    const query = url.indexOf('?');
    return (query === -1 ? url : url.slice(0, query)) === this.options.path;
  }

  /**
   * Answers a request for an upgrade.
   *
   * @param {http.IncomingMessage} req
   * @param {any} socket
   * @param {Buffer} head
   * @param {(websocket: WebSocket, req: http.IncomingMessage) => void} cb
   */
  handleUpgrade(req, socket, head, cb) {
    socket.on('error', destroyOnError);
    const key = req.headers['sec-websocket-key'];
    const { upgrade } = req.headers;
    const version = Number(req.headers['sec-websocket-version']);

    if (req.method !== 'GET') return refuse(this, req, socket, 405, 'Invalid HTTP method');
    if (upgrade === undefined || upgrade.toLowerCase() !== 'websocket') {
      return refuse(this, req, socket, 400, 'Invalid Upgrade header');
    }
    if (key === undefined || !KEY.test(key)) {
      return refuse(this, req, socket, 400, 'Missing or invalid Sec-WebSocket-Key header');
    }
    if (version !== 13 && version !== 8) {
      const headers = { 'Sec-WebSocket-Version': '13, 8' };
      return refuse(this, req, socket, 400, 'Missing or invalid Sec-WebSocket-Version header', headers);
    }
    if (!this.shouldHandle(req)) return abortHandshake(socket, 400);

    const protocolHeader = req.headers['sec-websocket-protocol'];
    let protocols = new Set();
    if (protocolHeader !== undefined) {
      try {
        protocols = subprotocol.parse(protocolHeader);
      } catch {
        return refuse(this, req, socket, 400, 'Invalid Sec-WebSocket-Protocol header');
      }
    }

    /** @type {PerMessageDeflate | undefined} */
    let deflate;
    const extensionHeader = req.headers['sec-websocket-extensions'];
    if (this.options.perMessageDeflate && extensionHeader !== undefined) {
      try {
        const offers = extension.parse(extensionHeader)[PerMessageDeflate.extensionName];
        if (offers) {
          deflate = new PerMessageDeflate({
            ...this.options.perMessageDeflate,
            isServer: true,
            maxPayload: this.options.maxPayload,
          });
          deflate.accept(offers);
        }
      } catch {
        return refuse(this, req, socket, 400, 'Invalid or unacceptable Sec-WebSocket-Extensions header');
      }
    }

    const complete = () => this.completeUpgrade(deflate, key, protocols, req, socket, head, cb);
    const { verifyClient } = this.options;
    if (verifyClient) {
      const { socket: peer } = /** @type {any} */ (req);
      const info = {
        origin: req.headers[version === 8 ? 'sec-websocket-origin' : 'origin'],
        secure: !!(peer.authorized || peer.encrypted),
        req,
      };
      if (verifyClient.length === 2) {
        verifyClient(
          info,
          (
            /** @type {boolean} */ verified,
            /** @type {number} */ code,
            /** @type {string} */ message,
            /** @type {Record<string, string>} */ headers,
          ) => {
            if (verified) complete();
            else abortHandshake(socket, code || 401, message, headers);
          },
        );
        return;
      }
      if (!verifyClient(info)) return abortHandshake(socket, 401);
    }
    complete();
  }

  /**
   * @param {PerMessageDeflate | undefined} deflate
   * @param {string} key
   * @param {Set<string>} protocols
   * @param {http.IncomingMessage} req
   * @param {any} socket
   * @param {Buffer} head
   * @param {(websocket: WebSocket, req: http.IncomingMessage) => void} cb
   */
  completeUpgrade(deflate, key, protocols, req, socket, head, cb) {
    // The peer has gone already.
    if (!socket.readable || !socket.writable) return socket.destroy();
    if (socket[kWebSocket]) {
      throw new Error(
        'server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration',
      );
    }
    if (this._state > RUNNING) return abortHandshake(socket, 503);

    const headers = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${acceptKey(key)}`,
    ];
    const websocket = new this.options.WebSocket(null, undefined, this.options);
    if (protocols.size) {
      const { handleProtocols } = this.options;
      const protocol = handleProtocols ? handleProtocols(protocols, req) : protocols.values().next().value;
      if (protocol) {
        headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
        websocket._protocol = protocol;
      }
    }
    if (deflate !== undefined) {
      const name = PerMessageDeflate.extensionName;
      headers.push(`Sec-WebSocket-Extensions: ${extension.format({ [name]: [deflate.params] })}`);
      websocket._extensions = { [name]: deflate };
    }
    this.emit('headers', headers, req);

    socket.write(headers.concat('\r\n').join('\r\n'));
    socket.removeListener('error', destroyOnError);
    websocket._server = this;
    this.endWith(socket.server);
    websocket.setSocket(socket, head, this.options);
    const { clients } = this;
    if (clients) {
      clients.add(websocket);
      websocket.on('close', () => {
        clients.delete(websocket);
        if (this._shouldEmitClose && !clients.size) process.nextTick(emitClose, this);
      });
    }
    cb(websocket, req);
  }
}

/**
 * The answer of a server of our own to a plain request.
 *
 * @param {http.IncomingMessage} _req
 * @param {http.ServerResponse} res
 */
function askForUpgrade(_req, res) {
  const body = /** @type {string} */ (http.STATUS_CODES[426]);
  res.writeHead(426, { 'Content-Length': body.length, 'Content-Type': 'text/plain' });
  res.end(body);
}

/**
 * @param {EventEmitter} emitter
 * @param {Record<string, (...args: any[]) => void>} listeners
 * @returns {() => void} takes them off again
 */
function addListeners(emitter, listeners) {
  for (const [event, listener] of Object.entries(listeners)) emitter.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) emitter.removeListener(event, listener);
  };
}

/** @param {WebSocketServer} server */
function emitClose(server) {
  server._state = CLOSED;
  server.emit('close');
}

/** @this {any} the socket */
function destroyOnError() {
  this.destroy();
}

/**
 * Answers with an error, and closes.
 *
 * @param {any} socket
 * @param {number} code HTTP status
 * @param {string} [message] the body; defaults to the status's text
 * @param {Record<string, string>} [headers]
 */
function abortHandshake(socket, code, message, headers) {
  message = message || /** @type {string} */ (http.STATUS_CODES[code]);
  const all = {
    Connection: 'close',
    'Content-Type': 'text/html',
    'Content-Length': Buffer.byteLength(message),
    ...headers,
  };
  socket.once('finish', socket.destroy);
  socket.end(
    [
      `HTTP/1.1 ${code} ${http.STATUS_CODES[code]}`,
      ...Object.entries(all).map(([name, value]) => `${name}: ${value}`),
      '',
      message,
    ].join('\r\n'),
  );
}

/**
 * Leaves it to the listeners of `wsClientError`, where there are any.
 *
 * @param {WebSocketServer} server
 * @param {http.IncomingMessage} req
 * @param {any} socket
 * @param {number} code
 * @param {string} message
 * @param {Record<string, string>} [headers]
 */
function refuse(server, req, socket, code, message, headers) {
  if (server.listenerCount('wsClientError')) {
    const error = new Error(message);
    Error.captureStackTrace(error, refuse);
    server.emit('wsClientError', error, socket, req);
  } else {
    abortHandshake(socket, code, message, headers);
  }
}

module.exports = WebSocketServer;
