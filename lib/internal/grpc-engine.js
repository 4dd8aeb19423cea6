'use strict';

/**
 * Joins one native gRPC server to its calls in JavaScript. It knows nothing of handlers and streams: calls do.
 */

const { withCode } = require('./errors.js');
const { getEventLoop } = require('./event-loop.js');
const { load } = require('./loader.js');
const { PackedEngine } = require('./packed-engine.js');

/** Kinds of record, as `src/net/grpc/batch.rs` has them. */
const record = {
  OPEN: 1,
  CALL: 2,
  MESSAGE: 3,
  END: 4,
  CANCELLED: 5,
  SENT: 6,
  FAULT: 7,
  CLOSED: 8,
  PONG: 9,
  OUTPUT: 10,
  LARGE: 11,
  EXCHANGE_HEAD: 12,
  EXCHANGE_BODY: 13,
  EXCHANGE_OVER: 14,
  EXCHANGE_WANTED: 15,
};

/** Kinds of command, as `src/net/grpc/command.rs` has them. */
const command = {
  HEAD: 1,
  MESSAGE: 2,
  MESSAGE_BUFFER: 3,
  STATUS: 4,
  TAKEN: 5,
  DROP: 6,
  DRAIN: 7,
  DESTROY: 8,
  PING: 9,
};
/** Set on the kind of a message that is not to be compressed. */
const UNCOMPRESSED = 1 << 8;

/** Set on the number of an exchange where that of a connection may stand. */
const EXCHANGE = 2 ** 31;

const NO_TIMEOUT = 2 ** 32 - 1;
const INVALID_TIMEOUT = 2 ** 32 - 2;

/**
 * @typedef {object} EngineCall what an engine asks of the calls that its owner makes
 * @property {(message: Buffer) => void} onMessage
 * @property {(truncated: boolean) => void} onEnd
 * @property {(reason: number) => void} onCancelled
 * @property {(bytes: number) => void} onSent
 * @property {(code: number, details: string) => void} onFault
 */

/**
 * @typedef {object} EngineExchange a call that comes as a request of an HTTP server
 * @property {(fields: string) => void} onHead
 * @property {(bytes: Buffer) => void} onBody
 * @property {(fields: string) => void} onOver
 * @property {() => void} onWanted
 */

/** Whom what comes of a call is told that its owner does not want. @type {EngineCall} */
const nobody = { onMessage() {}, onEnd() {}, onCancelled() {}, onSent() {}, onFault() {} };

/**
 * @typedef {object} EngineOwner
 * @property {(connection: number, listener: number) => void} onOpen
 * @property {(id: number, connection: number, timeout: number, path: string, authority: string, fields: string) =>
 *   void} onCall puts what it makes of it into `calls`; `fields` are name, NUL, value, NUL …
 * @property {(connection: number, errno: number, reason: number) => void} onClosed
 * @property {(connection: number) => void} onPong
 * @property {(connection: number) => void} onOutput
 */

class GrpcEngine extends PackedEngine {
  /**
   * @param {object} settings see `src/binding/grpc.rs`
   * @param {EngineOwner} owner
   */
  constructor(settings, owner) {
    super();
    this.owner = owner;
    /** @type {(EngineCall | undefined)[]} */
    this.calls = [];
    /** @type {Map<number, EngineExchange>} */
    this.exchanges = new Map();
    const eventLoop = getEventLoop();
    if (eventLoop === null) {
      throw withCode(new Error('There is no native event loop for a gRPC server here'), 'ERR_MILLRACE_GRPC_PLATFORM');
    }
    const { GrpcServer } = load();
    this.native = new GrpcServer(eventLoop, JSON.stringify(settings), () => this.receive());
  }

  one() {
    const { words, at } = this;
    const id = words[at + 1];
    switch (words[at]) {
      case record.CALL: {
        this.at = at + 8;
        const text = this.bytes.latin1Slice(words[at + 4], words[at + 4] + words[at + 7]);
        const path = words[at + 5];
        const authority = path + words[at + 6];
        this.owner.onCall(
          id,
          words[at + 2],
          words[at + 3],
          text.substring(0, path),
          text.substring(path, authority),
          text.substring(authority),
        );
        break;
      }
      case record.MESSAGE: {
        this.at = at + 4;
        const start = words[at + 2];
        this.calls[id]?.onMessage(this.chunk(start, start + words[at + 3]));
        break;
      }
      case record.LARGE: {
        this.at = at + 4;
        const call = this.calls[id];
        if (call === undefined) break;
        const message = Buffer.allocUnsafeSlow(words[at + 3]);
        this.native.takeLarge(words[at + 2], message);
        call.onMessage(message);
        break;
      }
      case record.END:
        this.at = at + 3;
        this.calls[id]?.onEnd(words[at + 2] === 1);
        break;
      case record.CANCELLED:
        this.at = at + 3;
        this.cancelled(id, words[at + 2]);
        break;
      case record.SENT:
        this.at = at + 3;
        this.calls[id]?.onSent(words[at + 2]);
        break;
      case record.FAULT: {
        this.at = at + 5;
        const start = words[at + 3];
        const text = this.bytes.toString('utf8', start, start + words[at + 4]);
        this.calls[id]?.onFault(words[at + 2], text);
        break;
      }
      case record.EXCHANGE_HEAD:
        this.at = at + 4;
        this.exchanges.get(id)?.onHead(this.bytes.latin1Slice(words[at + 2], words[at + 2] + words[at + 3]));
        break;
      case record.EXCHANGE_BODY:
        this.at = at + 4;
        this.exchanges.get(id)?.onBody(this.chunk(words[at + 2], words[at + 2] + words[at + 3]));
        break;
      case record.EXCHANGE_OVER: {
        this.at = at + 4;
        const exchange = this.exchanges.get(id);
        this.exchanges.delete(id);
        exchange?.onOver(this.bytes.latin1Slice(words[at + 2], words[at + 2] + words[at + 3]));
        break;
      }
      case record.EXCHANGE_WANTED:
        this.at = at + 2;
        this.exchanges.get(id)?.onWanted();
        break;
      case record.OPEN:
        this.at = at + 3;
        this.owner.onOpen(id, words[at + 2]);
        break;
      case record.CLOSED:
        this.at = at + 4;
        this.owner.onClosed(id, words[at + 2], words[at + 3]);
        break;
      case record.PONG:
        this.at = at + 2;
        this.owner.onPong(id);
        break;
      case record.OUTPUT:
        this.at = at + 2;
        this.owner.onOutput(id);
        break;
      default:
        this.at = this.count;
        throw new Error(`record of kind ${words[at]}`);
    }
  }

  /**
   * @param {number} id
   * @param {number} reason
   */
  cancelled(id, reason) {
    const call = this.calls[id];
    if (call === undefined) return;
    this.calls[id] = undefined;
    this.push(command.DROP, id);
    call.onCancelled(reason);
  }

  /**
   * Nobody wants a call: it stays until it is cancelled.
   *
   * @param {number} id
   */
  ignore(id) {
    this.calls[id] = nobody;
  }

  // Exchanges.

  /**
   * @param {EngineExchange} exchange
   * @param {[string, string]} types content types of request and answer
   * @param {Buffer} head path, authority, names and values, each with a NUL behind it
   * @returns {number} its number
   */
  openExchange(exchange, [request, answer], head) {
    const id = this.native.openExchange(request, answer, head);
    this.exchanges.set(id, exchange);
    this.receiveSoon();
    return id;
  }

  /**
   * @param {number} id
   * @param {Buffer} bytes of the request; none are its end
   * @returns {boolean} whether more are wanted now
   */
  feedExchange(id, bytes) {
    const wantsMore = this.native.feedExchange(id, bytes);
    this.receiveSoon();
    return wantsMore;
  }

  /**
   * @param {number} id
   * @param {number} pending bytes of the answer that wait for the peer
   */
  exchangeSent(id, pending) {
    this.native.exchangeSent(id, pending);
    this.receiveSoon();
  }

  /** @param {number} id whose peer is gone */
  cancelExchange(id) {
    this.exchanges.delete(id);
    this.native.cancelExchange(id);
    this.receiveSoon();
  }

  // Calls.

  /**
   * @param {number} id
   * @param {string} fields
   */
  sendHead(id, fields) {
    this.pushText(command.HEAD, id, fields);
  }

  /**
   * @param {number} id
   * @param {Uint8Array} message
   * @param {boolean} compress
   */
  sendMessage(id, message, compress) {
    const flags = compress ? 0 : UNCOMPRESSED;
    this.pushBytes(command.MESSAGE | flags, command.MESSAGE_BUFFER | flags, id, message);
  }

  /**
   * The call is over, and its number another's.
   *
   * @param {number} id
   * @param {string} text code, NUL, message, NUL, fields; empty for OK
   */
  sendStatus(id, text) {
    this.calls[id] = undefined;
    if (text === '') this.push(command.STATUS, id);
    else this.pushText(command.STATUS, id, text);
  }
}

module.exports = { GrpcEngine, EXCHANGE, command, NO_TIMEOUT, INVALID_TIMEOUT };
