'use strict';

/** `WebSocket`, with the members, events and order of events of `ws`. */

const EventEmitter = require('node:events');
const { Connection } = require('./connection.js');
const { connect } = require('./client.js');
const engine = require('./engine.js');
const PerMessageDeflate = require('./permessage-deflate.js');
const { Heartbeat } = require('./heartbeat.js');
const { closed, opened } = require('./observe.js');
const Sender = require('./sender.js');
const { slowPeerError } = require('../internal/errors.js');
const {
  BINARY_TYPES,
  EMPTY_BUFFER,
  READY_STATES,
  kWebSocket,
} = require('./constants.js');
const { addEventTarget } = require('./event-target.js');
const { abortHandshake } = require('./handshake.js');
const { listen, stopReading } = require('./socket-listeners.js');
const { isBlob, toBuffer } = require('./validation.js');

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3];

/** @typedef {(error?: Error) => void} Callback */

/** @param {WebSocket} websocket @returns {import('./topics.js').Topics} */
function topicsOf(websocket) {
  if (websocket._server === null) throw new Error('Only the WebSockets of a server have topics');
  return websocket._server.topics();
}

class WebSocket extends EventEmitter {
  /**
   * @param {string | URL | null} address null for a server's
   * @param {string | string[] | object} [protocols]
   * @param {any} [options]
   */
  constructor(address, protocols, options) {
    super();
    this._binaryType = BINARY_TYPES[0];
    this._closeCode = 1006;
    this._closeFrameReceived = false;
    this._closeFrameSent = false;
    this._closeMessage = EMPTY_BUFFER;
    /** @type {NodeJS.Timeout | null} */
    this._closeTimer = null;
    this._errorEmitted = false;
    /** What it failed with, for who observes it. @type {Error | undefined} */
    this._failure = undefined;
    /** The receiver failed. */
    this._breached = false;
    /** @type {Record<string, PerMessageDeflate>} */
    this._extensions = {};
    this._paused = false;
    this._protocol = '';
    /** @type {number} */
    this._readyState = CONNECTING;
    /** @type {Connection | null} */
    this._connection = null;
    /** See {@link WebSocket._sender}. @type {Sender | null} */
    this._ownSender = null;
    /** @type {any} */
    this._socket = null;
    /** @type {any} */
    this._req = null;
    /** @type {string | undefined} */
    this._url = undefined;
    /** Bytes that were sent too early or too late, where there never was a socket. */
    this._bufferedAmount = 0;
    this._isServer = address === null;
    this._redirects = 0;
    /** @type {Heartbeat | null} */
    this._heartbeat = null;
    this._autoPong = false;
    /** The `WebSocketServer` that accepted it. @type {any} */
    this._server = null;

    if (address !== null) {
      if (protocols !== undefined && protocols !== null && typeof protocols === 'object' && !Array.isArray(protocols)) {
        options = protocols;
        protocols = undefined;
      }
      if (protocols === undefined) protocols = options?.protocols;
      const list = protocols === undefined ? [] : Array.isArray(protocols) ? protocols : [protocols];
      options = connect(this, address, list, options);
    }

    if (options.autoPong) {
      this._autoPong = true;
      this._pendingAutoPongs = 0;
      this._maxPendingAutoPongs = options.maxPendingAutoPongs | 0;
      /** Made with the first ping: most peers never send one. @type {Callback | null} */
      this._autoPongComplete = null;
    }
    this._closeTimeout = options.closeTimeout;
  }

  /** Of what type binary messages are: `nodebuffer` (the default), `arraybuffer`, `fragments` or `blob`. */
  get binaryType() {
    return this._binaryType;
  }

  set binaryType(type) {
    if (!BINARY_TYPES.includes(type)) return;
    this._binaryType = type;
    if (this._connection !== null && !this._connection.closed) {
      engine.setFragments(this._connection, type === 'fragments');
    }
  }

  /** Bytes that were sent and not handed to the system, framing included. */
  get bufferedAmount() {
    if (this._connection === null) return this._bufferedAmount;
    const { _connection: connection, _ownSender: sender, _socket: socket } = this;
    return socket.writableLength + (sender === null ? 0 : sender._bufferedBytes) + connection.buffered;
  }

  /**
   * Whether so much waits that a writer should: `drain` tells when nothing does any more. The bound is that of Node's
   * streams, 16 or 64 KiB.
   */
  get writableNeedDrain() {
    return this._connection !== null && this._connection.needsDrain;
  }

  /**
   * Sends the events of topics of the server's hub to this peer, as messages, until it is closed. Each comes once, whatever
   * number of patterns match.
   *
   * @param {string | string[]} topics patterns: `*` stands for one segment, `**` at the end for any number
   * @param {{ since?: string, scopes?: string[] }} [options] the id of the last event that was seen, and scopes to be seen
   *   beside what all may see
   */
  subscribe(topics, options) {
    topicsOf(this).subscribe(this, topics, options);
  }

  /** @param {string | string[]} [topics] as they were subscribed to. Defaults to all. */
  unsubscribe(topics) {
    topicsOf(this).unsubscribe(this, topics);
  }

  /**
   * Publishes to all who subscribed to `topic` on the server's hub, but not to this peer.
   *
   * @param {string} topic
   * @param {unknown} data a string or bytes; anything else goes through `JSON.stringify`
   * @param {{ event?: string, key?: string, scope?: string }} [options]
   * @returns {string} its id
   */
  publish(topic, data, options) {
    return topicsOf(this).publish(this, topic, data, options);
  }

  /** Patterns that it subscribed to. @returns {string[]} */
  get subscriptions() {
    return this._server?._topics?.followed(this) ?? [];
  }

  /** Messages to this peer that were left out, because it was too slow (`onSlow: 'drop-newest'`). */
  get droppedMessages() {
    return this._connection === null ? 0 : this._connection.dropped;
  }

  /** Made when something is sent: many peers only listen, or are silent. @returns {Sender | null} */
  get _sender() {
    const { _connection: connection } = this;
    if (this._ownSender === null && connection !== null) {
      this._ownSender = makeSender(connection, this._extensions[PerMessageDeflate.extensionName]);
    }
    return this._ownSender;
  }

  get extensions() {
    return Object.keys(this._extensions).join();
  }

  get isPaused() {
    return this._paused;
  }

  get protocol() {
    return this._protocol;
  }

  get readyState() {
    return this._readyState;
  }

  get url() {
    return this._url;
  }

  /**
   * The handshake is done: bytes are frames from here on.
   *
   * @param {any} socket
   * @param {Buffer} head what came behind the handshake
   * @param {any} options
   */
  setSocket(socket, head, options) {
    const deflate = this._extensions[PerMessageDeflate.extensionName];
    // These are not there where the socket is just a Duplex.
    if (socket.setTimeout) socket.setTimeout(0);
    if (socket.setNoDelay) socket.setNoDelay();

    this._socket = socket;
    this._connection = new Connection(this, socket, {
      allowSynchronousEvents: options.allowSynchronousEvents,
      isServer: this._isServer,
      maxFragments: options.maxFragments,
      maxPayload: options.maxPayload,
      skipUTF8Validation: options.skipUTF8Validation,
      deflate: deflate?.native(),
      maxBufferedAmount: options.maxBufferedAmount,
      onSlow: options.onSlow,
      compressFrom: deflate?._threshold,
    });
    if (this._binaryType === 'fragments') engine.setFragments(this._connection, true);
    if (options.generateMask) this._ownSender = makeSender(this._connection, deflate, options.generateMask);
    socket[kWebSocket] = this;

    // Before the listeners: a stream that flows would tell it at once.
    if (head.length > 0) socket.unshift(head);
    listen(socket);
    this._connection.takeOver();

    if (options.pingInterval || options.idleTimeout) this._heartbeat = new Heartbeat(this, options);
    this._readyState = OPEN;
    opened(this, socket);
    this.emit('open');
  }

  /** Emits `close`, last. */
  emitClose() {
    this._readyState = CLOSED;
    closed(this);
    this.emit('close', this._closeCode, this._closeMessage);
  }

  /**
   * Starts, or goes on with, the closing handshake (RFC 6455 section 7.1.2): a close frame each way, then the socket's
   * ends.
   *
   * @param {number} [code]
   * @param {string | Buffer} [data] the reason
   */
  close(code, data) {
    if (this._readyState === CLOSED) return;
    if (this._readyState === CONNECTING) return this._abort();
    if (this._readyState === CLOSING) {
      if (this._closeFrameSent && (this._closeFrameReceived || this._breached)) this._socket.end();
      return;
    }
    /** @type {Sender} */ (this._sender).close(code, data, !this._isServer, (error) => {
      // An error comes on the socket as well; here it only matters whether the frame is out.
      if (error) return;
      this._closeFrameSent = true;
      if (this._closeFrameReceived || this._breached) this._socket.end();
    });
    engine.flush();
    this._readyState = CLOSING;
    this._setCloseTimer();
  }

  /** Reads no more from the socket: the peer's sends will wait. */
  pause() {
    if (this._readyState === CONNECTING || this._readyState === CLOSED) return;
    this._paused = true;
    this._socket.pause();
  }

  /** Goes on reading. */
  resume() {
    if (this._readyState === CONNECTING || this._readyState === CLOSED) return;
    this._paused = false;
    this._socket.resume();
  }

  /**
   * @param {any} [data]
   * @param {boolean} [mask]
   * @param {Callback} [cb]
   */
  ping(data, mask, cb) {
    this._control('ping', data, mask, cb);
  }

  /**
   * @param {any} [data]
   * @param {boolean} [mask]
   * @param {Callback} [cb]
   */
  pong(data, mask, cb) {
    this._control('pong', data, mask, cb);
  }

  /**
   * @param {'ping' | 'pong'} kind
   * @param {any} data
   * @param {any} mask
   * @param {Callback} [cb]
   */
  _control(kind, data, mask, cb) {
    if (this._readyState === CONNECTING) throw notOpen(this);
    if (typeof data === 'function') {
      cb = data;
      data = mask = undefined;
    } else if (typeof mask === 'function') {
      cb = mask;
      mask = undefined;
    }
    if (typeof data === 'number') data = data.toString();
    if (this._readyState !== OPEN) return sendAfterClose(this, data, cb);
    /** @type {Sender} */ (this._sender)[kind](data || EMPTY_BUFFER, mask === undefined ? !this._isServer : mask, cb);
  }

  /**
   * @param {any} data
   * @param {{ binary?: boolean, compress?: boolean, fin?: boolean, mask?: boolean } | Callback} [options]
   * @param {Callback} [cb] called when the data is handed to the system
   */
  send(data, options, cb) {
    if (this._readyState === CONNECTING) throw notOpen(this);
    if (typeof options === 'function') {
      cb = options;
      options = undefined;
    }
    if (typeof data === 'number') data = data.toString();
    if (this._readyState !== OPEN) return sendAfterClose(this, data, cb);
    /** @type {Sender} */ (this._sender).send(
      data || EMPTY_BUFFER,
      { binary: typeof data !== 'string', mask: !this._isServer, compress: true, fin: true, ...options },
      cb,
    );
  }

  /** Destroys the socket. */
  terminate() {
    if (this._readyState === CLOSED) return;
    if (this._readyState === CONNECTING) return this._abort();
    if (this._socket) {
      this._readyState = CLOSING;
      /** @type {Connection} */ (this._connection).sendRest();
      this._socket.destroy();
    }
  }

  _abort() {
    abortHandshake(this, this._req, 'WebSocket was closed before the connection was established');
  }

  _setCloseTimer() {
    this._closeTimer = setTimeout(() => this._socket.destroy(), this._closeTimeout);
  }

  /**
   * The peer's close frame came.
   *
   * @param {number} code
   * @param {Buffer} reason
   */
  _onConclude(code, reason) {
    this._closeFrameReceived = true;
    this._closeCode = code;
    // A copy of its own, for the object may live long.
    this._closeMessage = reason.length === 0 ? EMPTY_BUFFER : Buffer.from(new Uint8Array(reason).buffer);
    if (this._socket[kWebSocket] === undefined) return;
    this._drainSocket();
    if (code === 1005) this.close();
    else this.close(code, reason);
  }

  /**
   * The peer broke the protocol, or a limit.
   *
   * @param {Error & { closeCode: number }} error
   */
  _onBreach(error) {
    this._failure ??= error;
    this._breached = true;
    if (this._socket[kWebSocket] !== undefined) {
      this._drainSocket();
      this.close(error.closeCode);
    }
    if (!this._errorEmitted) {
      this._errorEmitted = true;
      this.emit('error', error);
    }
  }

  /** What still comes is read and dropped, so that the peer's end is seen. */
  _drainSocket() {
    const socket = this._socket;
    stopReading(socket);
    process.nextTick(() => socket.resume());
  }

  /** More waits for this peer than may. @param {number} most bytes */
  _onOverflow(most) {
    if (this._socket[kWebSocket] === undefined) return;
    const error = slowPeerError(most);
    this._failure ??= error;
    this._errorEmitted = true;
    // Its queue is full: a close frame would not reach it.
    this._socket.destroy();
    this._readyState = CLOSING;
    // That a peer is slow must not end the process of somebody who subscribed it and does not listen.
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }

  /** @param {Buffer} data */
  _onPing(data) {
    if (this._autoPong && this._readyState === OPEN) {
      const pending = /** @type {number} */ (this._pendingAutoPongs);
      const most = /** @type {number} */ (this._maxPendingAutoPongs);
      if (most > 0 && pending >= most) {
        this.terminate();
      } else {
        this._pendingAutoPongs = pending + 1;
        this._autoPongComplete ??= () => {
          /** @type {number} */ (this._pendingAutoPongs)--;
        };
        this.pong(data, !this._isServer, this._autoPongComplete);
      }
    }
    this.emit('ping', data);
  }

  /** @param {Buffer} data */
  _onPong(data) {
    this.emit('pong', data);
  }
}

READY_STATES.forEach((name, value) => {
  for (const target of [WebSocket, WebSocket.prototype]) Object.defineProperty(target, name, { enumerable: true, value });
});

for (const name of [
  'binaryType',
  'bufferedAmount',
  'droppedMessages',
  'extensions',
  'isPaused',
  'protocol',
  'readyState',
  'url',
  'writableNeedDrain',
]) {
  Object.defineProperty(WebSocket.prototype, name, { enumerable: true });
}

addEventTarget(WebSocket.prototype);

/**
 * @param {WebSocket} websocket
 * @returns {Error}
 */
function notOpen(websocket) {
  const state = websocket.readyState;
  return new Error(`WebSocket is not open: readyState ${state} (${READY_STATES[state]})`);
}

/**
 * A send on a closing or closed WebSocket: counted, and its callback gets the error.
 *
 * @param {WebSocket} websocket
 * @param {any} data
 * @param {Callback} [cb]
 */
function sendAfterClose(websocket, data, cb) {
  if (data) {
    const length = isBlob(data) ? data.size : toBuffer(data).length;
    if (websocket._sender !== null) websocket._sender._bufferedBytes += length;
    else websocket._bufferedAmount += length;
  }
  if (cb) process.nextTick(cb, notOpen(websocket));
}

/**
 * @param {Connection} connection
 * @param {PerMessageDeflate | undefined} deflate
 * @param {(mask: Buffer) => void} [generateMask]
 * @returns {Sender}
 */
function makeSender(connection, deflate, generateMask) {
  const sender = new Sender(connection, deflate, generateMask);
  sender.onerror = onSenderError;
  return sender;
}

/**
 * A Blob could not be read.
 *
 * @param {WebSocket} websocket
 * @param {Error} error
 */
function onSenderError(websocket, error) {
  if (websocket.readyState === CLOSED) return;
  websocket._failure ??= error;
  if (websocket.readyState === OPEN) {
    websocket._readyState = CLOSING;
    websocket._setCloseTimer();
  }
  // `end`, so that the peer can finish what it is sending; the close timer runs.
  websocket._socket.end();
  if (!websocket._errorEmitted) {
    websocket._errorEmitted = true;
    websocket.emit('error', error);
  }
}

module.exports = WebSocket;
