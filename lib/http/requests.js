'use strict';

/** From what the engine tells of a connection to the events of a server, its requests and its responses. */

const http = require('node:http');
const { flag } = require('../internal/http-words.js');
const { prepare } = require('./http2-response.js');
const { isObserved, observe } = require('./observe.js');

/** What Node answers to a client that went wrong. @type {Record<string, number>} */
const FAULT_STATUS = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
/** What the engine gives as minor version for a request of HTTP/2. */
const HTTP2_MINOR = 20;
/** Node's own mark on a response that has to tell of room; its name is all that is known of it. */
const kNeedDrain = symbolOf(new http.OutgoingMessage(), 'kNeedDrain');

/** Where Node keeps that all of a response is sent, from 24 on. */
const kWritableFinished = symbolOf(new http.OutgoingMessage(), 'kWritableFinished');

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
  if (this._last || !socket.server.listening || socket.streamId !== undefined) socket.destroySoon();
}

/**
 * @param {any} server
 * @param {any} socket
 * @param {number} flags
 * @param {string} method
 * @param {number} minor
 * @param {string} url
 * @param {string[]} fields
 */
function onRequest(server, socket, flags, method, minor, url, fields) {
  const req = new server._IncomingMessage(socket);
  const isStream = minor === HTTP2_MINOR;
  req.httpVersionMajor = isStream ? 2 : 1;
  req.httpVersionMinor = isStream ? 0 : minor;
  req.httpVersion = isStream ? '2.0' : minor === 1 ? '1.1' : '1.0';
  req.joinDuplicateHeaders = server.joinDuplicateHeaders;
  req.url = url;
  req.method = method;
  const most = server.maxHeadersCount;
  const count = typeof most === 'number' && most > 0 ? Math.min(fields.length, most * 2) : fields.length;
  req._addHeaderLines(fields, count);
  req.upgrade = (flags & flag.UPGRADE) !== 0;
  if (req.upgrade) {
    onUpgrade(server, socket, req);
    return;
  }
  socket.incoming = req;

  const res = new server._ServerResponse(req, {
    highWaterMark: socket.writableHighWaterMark,
    rejectNonStandardBodyWrites: server.rejectNonStandardBodyWrites,
  });
  res._keepAliveTimeout = server.keepAliveTimeout;
  res._maxRequestsPerSocket = server.maxRequestsPerSocket;
  res.shouldKeepAlive = (flags & flag.KEEP_ALIVE) !== 0 && server.listening;
  res._finish = finishResponse;
  if (isStream) prepare(res);
  socket._httpMessage = res;
  res.socket = socket;
  if (isObserved()) observe(server, req, res, false);
  res.on('finish', onFinish);
  try {
    if (minor === 0 || !answersItself(server, socket, flags, req, res)) {
      // No file either: with files alone to serve, that is the answer.
      const filesAlone = server._files.length > 0 && server._routes.size === 0 && server._grpcPort === undefined;
      if (filesAlone && server.listenerCount('request') === 0) res.writeHead(404).end();
      else server.emit('request', req, res);
    }
  } finally {
    // Node's parser sees the end of a request without a body just after its head, too.
    if ((flags & flag.COMPLETE) !== 0) socket.complete(req, []);
  }
}

/**
 * @param {any} server
 * @param {any} socket
 * @param {number} flags
 * @param {any} req
 * @param {any} res
 * @returns {boolean} whether the request is no business of the `request` listener's
 */
function answersItself(server, socket, flags, req, res) {
  if ((flags & flag.HAS_HOST) === 0 && server.requireHostHeader) {
    res.writeHead(400, ['Connection', 'close']);
    res.end();
    return true;
  }
  const most = server.maxRequestsPerSocket ?? 0;
  if (most > 0) {
    res.maxRequestsOnConnectionReached = most <= socket.requests;
    if (most < socket.requests) {
      server.emit('dropRequest', req, socket);
      res.writeHead(503);
      res.end();
      return true;
    }
  }
  if ((flags & flag.EXPECTS_CONTINUE) !== 0) {
    res._expect_continue = true;
    if (server.listenerCount('checkContinue') > 0) {
      server.emit('checkContinue', req, res);
      return true;
    }
    res.writeContinue();
    return false;
  }
  if ((flags & flag.EXPECTS_OTHER) !== 0) {
    if (server.listenerCount('checkExpectation') > 0) server.emit('checkExpectation', req, res);
    else {
      res.writeHead(417);
      res.end();
    }
    return true;
  }
  return false;
}

/**
 * @param {any} server
 * @param {any} socket
 * @param {any} req
 */
function onUpgrade(server, socket, req) {
  const event = req.method === 'CONNECT' ? 'connect' : 'upgrade';
  socket.removeListener('timeout', onTimeout);
  socket.removeListener('drain', onDrain);
  socket.removeListener('close', onClose);
  socket.on('close', onRawClose);
  req.complete = true;
  req.push(null);
  socket.becomeRaw();
  if (server.listenerCount(event) === 0) {
    socket.destroy();
    return;
  }
  try {
    server.emit(event, req, socket, Buffer.alloc(0));
  } finally {
    socket.startRaw();
  }
}

/**
 * @param {any} server
 * @param {any} socket
 */
function onPeerEnd(server, socket) {
  socket.push(null);
  if (!server.httpAllowHalfOpen) {
    socket.end();
    socket.once('finish', socket.destroy);
  } else if (socket._httpMessage) socket._httpMessage._last = true;
  else socket.end();
}

/**
 * @param {any} server
 * @param {any} socket
 * @param {any} error
 */
function onClientError(server, socket, error) {
  if (socket.destroyed) return;
  if (socket.listenerCount('error') === 0) socket.on('error', () => {});
  if (server.emit('clientError', error, socket)) return;
  if (socket.writable && (!socket._httpMessage || !socket._httpMessage._headerSent)) {
    const status = FAULT_STATUS[error.code] ?? 400;
    socket.write(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`, 'latin1');
    socket.engine.flush();
  }
  socket.destroy(error);
}

/** @param {any} res was sent without its own methods */
function markFinished(res) {
  if (kWritableFinished !== undefined) res[kWritableFinished] = true;
}

/** @param {any} res is to tell when there is room again */
function expectDrain(res) {
  if (kNeedDrain !== undefined) res[kNeedDrain] = true;
}

/**
 * @param {any} server
 * @param {any} socket
 * @param {any} error
 */
function onSocketError(server, socket, error) {
  if (socket.mode === 0) onClientError(server, socket, error);
  else socket.destroy(error);
}

/** @this {any} */
function onTimeout() {
  const { incoming: req, _httpMessage: res, server } = this;
  const told = [req?.emit('timeout', this), res?.emit('timeout', this), server.emit('timeout', this)];
  if (!told.includes(true)) this.destroy();
}

/** @this {any} */
function onDrain() {
  drained(this);
}

/**
 * Tells the response under way that there is room, where it waits for that.
 *
 * @param {any} socket that has sent all
 */
function drained(socket) {
  const res = socket._httpMessage;
  if (res && !res.finished && kNeedDrain !== undefined && res[kNeedDrain]) {
    res[kNeedDrain] = false;
    res.emit('drain');
  }
}

/** @param {any} stream of HTTP/2 that is over before its time */
function onStreamClose(stream) {
  const { _httpMessage: res, incoming } = stream;
  stream.incoming = null;
  const req = res ? res.req : incoming;
  if (req) req.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
  if (res) emitClose(res);
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

/**
 * Listens to a connection as Node's server does to its own.
 *
 * @param {any} socket
 */
function watch(socket) {
  socket.on('timeout', onTimeout);
  socket.on('drain', onDrain);
  socket.on('close', onClose);
}

module.exports = {
  watch, onRequest, onStreamClose, onPeerEnd, onClientError, onSocketError, expectDrain, drained, markFinished,
};
