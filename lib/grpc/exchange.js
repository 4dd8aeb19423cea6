'use strict';

/**
 * A call that comes as a request of an HTTP server: gRPC-Web, or gRPC on a connection that began with something else. It
 * stands where a call has its connection.
 */

const { CallTracker } = require('./channelz.js');
const { authOf, endsOf, infoOf, peerOf } = require('./endpoint.js');

/** Fields that are between HTTP's two ends, and no metadata. */
const HOP_BY_HOP = new Set([
  'connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade',
]);
const NOTHING = Buffer.alloc(0);

/**
 * @param {any} request
 * @returns {Buffer} path, authority, names and values, each with a NUL behind it
 */
function headOf(request) {
  const { rawHeaders } = request;
  let text = `${request.url}\0${request.headers.host ?? ''}\0`;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase();
    if (!HOP_BY_HOP.has(name) && !name.startsWith(':')) text += `${name}\0${rawHeaders[i + 1]}\0`;
  }
  return Buffer.from(text, 'latin1');
}

/**
 * @param {string} text names and values, each with a NUL behind it
 * @returns {string[]}
 */
function listOf(text) {
  return text.split('\0').slice(0, -1);
}

class Exchange {
  /**
   * @param {any} server of gRPC
   * @param {any} port that it came by
   * @param {any} request
   * @param {any} response
   * @param {{ types: [string, string], fields: (names: string[]) => string[] }} how content types of request and answer, and
   *   what is added to the answer's head
   */
  constructor(server, port, request, response, { types, fields }) {
    this.server = server;
    this.port = port;
    this.request = request;
    this.response = response;
    this.fieldsFor = fields;
    this.ends = endsOf(request.socket);
    this.calls = new CallTracker();
    this.messagesSent = 0;
    this.messagesReceived = 0;
    /** The answer is complete, or nobody is there to get it. */
    this.over = false;
    const { engine } = server;
    this.engine = engine;
    this.id = engine.openExchange(this, types, headOf(request));
    server.exchanges.add(this);
    request.on('data', (/** @type {Buffer} */ bytes) => this.feed(bytes));
    request.on('end', () => this.feed(NOTHING));
    // What becomes of it is told by the response.
    request.on('error', () => {});
    response.on('error', () => {});
    response.on('close', () => this.cancel());
  }

  // The request.

  /** @param {Buffer} bytes none are the end */
  feed(bytes) {
    if (!this.over && !this.engine.feedExchange(this.id, bytes)) this.request.pause();
  }

  onWanted() {
    this.request.resume();
  }

  /** The peer is gone. */
  cancel() {
    if (this.over) return;
    this.end();
    this.engine.cancelExchange(this.id);
  }

  // The answer.

  /** @param {string} text */
  onHead(text) {
    const fields = listOf(text);
    const names = fields.filter((_, i) => i % 2 === 0);
    this.response.writeHead(200, [...fields, ...this.fieldsFor(names)]);
    this.response.flushHeaders();
  }

  /** @param {Buffer} bytes */
  onBody(bytes) {
    const { response } = this;
    if (response.write(bytes)) {
      this.engine.exchangeSent(this.id, 0);
      return;
    }
    this.engine.exchangeSent(this.id, response.writableLength);
    response.once('drain', () => this.engine.exchangeSent(this.id, 0));
  }

  /** @param {string} text of the trailers, where they are HTTP's */
  onOver(text) {
    this.end();
    const fields = listOf(text);
    if (fields.length > 0) {
      const pairs = [];
      for (let i = 0; i < fields.length; i += 2) pairs.push([fields[i], fields[i + 1]]);
      this.response.addTrailers(pairs);
    }
    this.response.end();
  }

  end() {
    this.over = true;
    this.server.exchanges.delete(this);
  }

  /** Closes it now; the call is cancelled. */
  destroy() {
    this.cancel();
    this.response.destroy();
  }

  // As a connection.

  callStarted() {}

  callEnded() {}

  getPeer() {
    return peerOf(this.ends);
  }

  getInfo() {
    return infoOf(this.ends);
  }

  getAuthContext() {
    return authOf(this.request.socket);
  }
}

module.exports = { Exchange };
