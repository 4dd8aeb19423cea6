'use strict';

/**
 * The client's half of a native gRPC engine: calls that JavaScript numbers, on connections that it asks for. It is one for
 * all channels whose settings are the same.
 */

const { GrpcEngine, command } = require('./grpc-engine.js');

/** Kinds of record, as `src/net/grpc/batch.rs` has them. */
const record = {
  HEAD: 32,
  TRAILERS: 33,
  RESET: 34,
  FREED: 35,
  GREETED: 36,
  LEAVING: 37,
  LOST: 38,
};

/** Kinds of command, as `src/net/grpc/command.rs` has them. */
const ask = { START: 32, HALF_CLOSE: 33, CANCEL: 34 };

/** Stands for a `grpc-status` that did not come. */
const NO_STATUS = 2 ** 32 - 1;

/** Who ended a call. */
const ended = { BY_PEER: 0, WITH_CONNECTION: 1, BEFORE_IT_BEGAN: 2 };

/**
 * @typedef {object} EngineConnection
 * @property {() => void} onGreeted
 * @property {() => void} onLeaving
 * @property {(errno: number, reason: number, why: string) => void} onLost
 * @property {() => void} onPong
 * @property {() => void} onOutput
 */

/** @typedef {import('./grpc-engine.js').EngineCall} EngineCall */

/**
 * @typedef {object} Answered what a client's call hears beside messages
 * @property {number} id
 * @property {(http: number, fields: string) => void} onHead
 * @property {(code: number, http: number, message: string, fields: string) => void} onTrailers
 * @property {(reason: number, ended: number) => void} onReset
 */

class GrpcClientEngine extends GrpcEngine {
  /** @param {object} settings see `src/binding/grpc.rs` */
  constructor(settings) {
    super(settings, /** @type {any} */ (null));
    /** By their numbers. @type {(EngineConnection | undefined)[]} */
    this.connections = [];
    /** Numbers of calls that are nobody's. @type {number[]} */
    this.free = [];
    this.owner = /** @type {any} */ ({
      onPong: (/** @type {number} */ id) => this.connections[id]?.onPong(),
      onOutput: (/** @type {number} */ id) => this.connections[id]?.onOutput(),
    });
  }

  one() {
    const { words, at } = this;
    const id = words[at + 1];
    switch (words[at]) {
      case record.HEAD:
        this.at = at + 5;
        /** @type {any} */ (this.calls[id])?.onHead(words[at + 2], this.text(words[at + 3], words[at + 4]));
        break;
      case record.TRAILERS: {
        this.at = at + 7;
        const call = this.release(id);
        if (call === undefined) break;
        const text = this.text(words[at + 4], words[at + 6]);
        const length = words[at + 5];
        call.onTrailers(words[at + 2], words[at + 3], text.substring(0, length), text.substring(length));
        break;
      }
      case record.RESET:
        this.at = at + 4;
        this.release(id)?.onReset(words[at + 2], words[at + 3]);
        break;
      case record.FREED:
        this.at = at + 2;
        this.release(id);
        break;
      case record.GREETED:
        this.at = at + 2;
        this.connections[id]?.onGreeted();
        break;
      case record.LEAVING:
        this.at = at + 2;
        this.connections[id]?.onLeaving();
        break;
      case record.LOST: {
        this.at = at + 6;
        const connection = this.connections[id];
        this.connections[id] = undefined;
        const why = this.bytes.toString('utf8', words[at + 4], words[at + 4] + words[at + 5]);
        connection?.onLost(words[at + 2], words[at + 3], why);
        break;
      }
      default:
        super.one();
    }
  }

  /**
   * @param {number} start
   * @param {number} length
   * @returns {string}
   */
  text(start, length) {
    return length === 0 ? '' : this.bytes.latin1Slice(start, start + length);
  }

  /** @param {number} id @returns {any} the call that had it */
  release(id) {
    const call = this.calls[id];
    this.calls[id] = undefined;
    this.free.push(id);
    return call;
  }

  /**
   * @param {EngineCall & Answered} call gets a number
   * @param {string} text connection, path, authority, coding and fields, as `src/net/grpc/command.rs` has it
   */
  start(call, text) {
    const id = this.free.pop() ?? this.calls.length;
    call.id = id;
    this.calls[id] = call;
    this.pushText(ask.START, id, text);
  }

  /** @param {number} id */
  halfClose(id) {
    this.push(ask.HALF_CLOSE, id);
  }

  /** @param {number} id of a call that hears nothing more */
  cancel(id) {
    this.calls[id] = undefined;
    this.push(ask.CANCEL, id);
  }

  /**
   * @param {{ host: string, port: number } | { path: string }} address
   * @param {EngineConnection} connection
   * @returns {{ id: number } | { syscall: string, errno: number }}
   */
  dial(address, connection) {
    const outcome = JSON.parse(this.native.dial(JSON.stringify(address)));
    if (outcome.id !== undefined) this.connections[outcome.id] = connection;
    return outcome;
  }

  /**
   * A connection whose bytes are carried here.
   *
   * @param {EngineConnection} connection
   * @returns {number}
   */
  attach(connection) {
    const id = this.native.attachOutbound();
    this.connections[id] = connection;
    this.receiveSoon();
    return id;
  }
}

module.exports = { GrpcClientEngine, NO_STATUS, ended, command };
