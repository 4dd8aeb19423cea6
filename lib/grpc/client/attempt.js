'use strict';

/** One try of a call on one connection, as the native half knows it. */

const { NO_STATUS, command, ended } = require('../../internal/grpc-client-engine.js');
const { status } = require('../constants.js');
const { metadataOf } = require('../received-metadata.js');
const { ofHttp, ofReset, reason, statusOf } = require('./statuses.js');

/** Bytes of messages that were taken before the native half is told. */
const TELL_TAKEN_BYTES = 16 * 1024;
/** Bytes in front of a message. */
const PREFIX_BYTES = 5;

/** How far an attempt came, for whoever may begin another. */
const progress = {
  /** The server may have seen it. */
  PROCESSED: 0,
  /** The server says that it has not looked at it. */
  REFUSED: 1,
  /** It did not leave. */
  NOT_STARTED: 2,
};

/**
 * @typedef {object} AttemptOwner
 * @property {(attempt: Attempt, metadata: any) => void} onMetadata
 * @property {(attempt: Attempt, message: Buffer) => void} onMessage
 * @property {(attempt: Attempt, result: any, progress: number) => void} onEnd
 * @property {(attempt: Attempt, bytes: number) => void} onSent
 */

class Attempt {
  /**
   * @param {AttemptOwner} owner
   * @param {any} transport
   */
  constructor(owner, transport) {
    this.owner = owner;
    this.transport = transport;
    this.engine = transport.engine;
    this.id = 0;
    this.over = false;
    this.http = 200;
    /** Messages that nobody asked for yet. @type {Buffer[]} */
    this.queue = [];
    this.isReadPending = false;
    this.isDelivering = false;
    /** Bytes that were taken, and the native half was not told of. */
    this.taken = 0;
    /** What it came to, while messages still wait. @type {any} */
    this.result = null;
    this.transport.callStarted(this);
  }

  // To the server.

  /**
   * @param {string} path
   * @param {string} host
   * @param {string} coding
   * @param {string} fields
   */
  begin(path, host, coding, fields) {
    this.engine.start(this, `${this.transport.id}\0${path}\0${host}\0${coding}\0${fields}`);
  }

  /**
   * @param {Uint8Array} message
   * @param {boolean} compress
   */
  send(message, compress) {
    if (this.over || this.result !== null) return;
    this.transport.messagesSent++;
    this.engine.sendMessage(this.id, message, compress);
  }

  halfClose() {
    if (!this.over && this.result === null) this.engine.halfClose(this.id);
  }

  /** Gives it up; nothing more is heard of it. */
  cancel() {
    if (this.over) return;
    if (this.result === null) this.engine.cancel(this.id);
    this.finish(false);
  }

  // From the server.

  startRead() {
    this.isReadPending = true;
    if (this.queue.length > 0 || this.result !== null) this.deliverQueued();
  }

  /** @param {number} http @param {string} fields */
  onHead(http, fields) {
    this.http = http;
    this.owner.onMetadata(this, metadataOf(fields));
  }

  /** @param {Buffer} message */
  onMessage(message) {
    this.transport.messagesReceived++;
    this.queue.push(message);
    this.deliverQueued();
  }

  deliverQueued() {
    // Whoever asks for the next message from within one gets it by the loop that is under way.
    if (this.isDelivering) return;
    this.isDelivering = true;
    try {
      while (this.isReadPending && this.queue.length > 0 && !this.over) {
        const message = /** @type {Buffer} */ (this.queue.shift());
        this.isReadPending = false;
        this.take(message.length + PREFIX_BYTES);
        this.owner.onMessage(this, message);
      }
    } finally {
      this.isDelivering = false;
    }
    if (this.result !== null && this.queue.length === 0 && !this.over) this.end(this.result, progress.PROCESSED);
  }

  /** @param {number} bytes */
  take(bytes) {
    this.taken += bytes;
    if (this.taken < TELL_TAKEN_BYTES || this.result !== null) return;
    this.engine.push(command.TAKEN, this.id, this.taken);
    this.taken = 0;
  }

  /**
   * @param {number} code
   * @param {number} http
   * @param {string} message as it came
   * @param {string} fields
   */
  onTrailers(code, http, message, fields) {
    const metadata = metadataOf(fields);
    let result;
    if (code !== NO_STATUS) result = { code, details: decoded(message), metadata };
    else result = ofHttp(http, metadata);
    // It ended as if there was nothing to say.
    if (code === NO_STATUS && http === 200 && fields === '') result = ofReset(reason.NO_ERROR);
    this.result = result;
    // Messages before a failure are nobody's, unless they are being read.
    if (result.code !== status.OK && !this.isDelivering) this.end(result, progress.PROCESSED);
    else this.deliverQueued();
  }

  /** @param {number} why @param {number} by */
  onReset(why, by) {
    this.result = statusOf(status.UNAVAILABLE, 'Connection dropped');
    let came = progress.PROCESSED;
    if (by === ended.BEFORE_IT_BEGAN) {
      if (why === reason.REFUSED_STREAM) came = progress.NOT_STARTED;
      else this.result = statusOf(status.INTERNAL, 'Failed to start HTTP/2 stream');
    } else if (by === ended.BY_PEER || why === reason.CANCEL) {
      // A connection that is lost has another reason: this is a server's that cancelled its calls and left.
      this.result = why === reason.NO_ERROR && this.http !== 200 ? ofHttp(this.http) : ofReset(why);
      if (why === reason.REFUSED_STREAM) came = progress.REFUSED;
    }
    this.end(this.result, came);
  }

  /** @param {number} code @param {string} details */
  onFault(code, details) {
    // A server that is none sends a page of its own.
    const result = this.http === 200 ? statusOf(code, details) : ofHttp(this.http);
    this.engine.cancel(this.id);
    this.end(result, progress.PROCESSED);
  }

  /** @param {number} bytes */
  onSent(bytes) {
    this.owner.onSent(this, bytes);
  }

  /** A client hears the end as trailers. */
  onEnd() {}

  /** A client hears of it as a reset. */
  onCancelled() {}

  /** @param {any} result @param {number} came */
  end(result, came) {
    if (this.over) return;
    this.finish(result.code === status.OK);
    this.owner.onEnd(this, result, came);
  }

  /** @param {boolean} ok */
  finish(ok) {
    this.over = true;
    this.queue = [];
    this.transport.callEnded(this, ok);
  }
}

/** @param {string} message `grpc-message` @returns {string} */
function decoded(message) {
  if (!message.includes('%')) return message;
  try {
    return decodeURI(message);
  } catch {
    return message;
  }
}

module.exports = { Attempt, PREFIX_BYTES, progress };
