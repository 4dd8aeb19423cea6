'use strict';

/**
 * A call as it comes off the wire: what interceptors wrap, and what handlers' streams stand on. Its methods are those of
 * grpc-js's `ServerInterceptingCallInterface`.
 */

const { INVALID_TIMEOUT, NO_TIMEOUT, command } = require('../internal/grpc-engine.js');
const { status } = require('./constants.js');
const { Metadata } = require('./metadata.js');
const { MetricsRecorder } = require('./metrics.js');
const { callEnded } = require('./observe.js');
const { fieldsOf, metadataOf } = require('./received-metadata.js');

/** Bytes of messages that were taken before the native half is told. */
const TELL_TAKEN_BYTES = 16 * 1024;
/** Bytes in front of a message. */
const PREFIX_BYTES = 5;
/** The longest timer of Node. */
const MOST_TIMER_MS = 2 ** 31 - 1;

/** An end in the queue of what was received. */
const END = Symbol('end');

/** @param {IncomingCall} call */
function tellCancelled(call) {
  call.listener?.onCancel();
}

/** @param {IncomingCall} call */
function failDeadline(call) {
  call.sendStatus({ code: status.DEADLINE_EXCEEDED, details: 'Deadline exceeded', metadata: null });
}

class IncomingCall {
  /**
   * @param {any} server
   * @param {number} id
   * @param {any} connection
   * @param {any} handler
   * @param {number} timeout ms, or one of two marks
   * @param {string} host
   * @param {string} fields
   */
  constructor(server, id, connection, handler, timeout, host, fields) {
    this.engine = server.engine;
    this.limits = server.limits;
    this.tracker = server.tracker;
    /** Where somebody wants to hear of the call. @type {import('./observe.js').Call | undefined} */
    this.observed = undefined;
    this.id = id;
    this.connection = connection;
    this.handler = handler;
    this.host = host;
    this.fields = fields;
    /** @type {any} */
    this.listener = null;
    /** What was received and not asked for: raw messages, then the end. @type {any[]} */
    this.readQueue = [];
    this.isReadPending = false;
    this.isDelivering = false;
    /** Bytes that were taken, and the native half was not told of. */
    this.taken = 0;
    this.cancelled = false;
    this.metadataSent = false;
    /** Bytes of messages that the native half was given and that are not on their way. */
    this.queued = 0;
    /** Called when there is room again. @type {((error?: Error | null) => void) | null} */
    this.waiting = null;
    this.deadline = Infinity;
    /** @type {NodeJS.Timeout | null} */
    this.deadlineTimer = null;
    /** @type {MetricsRecorder | undefined} */
    this.metricsRecorder = undefined;
    if (timeout !== NO_TIMEOUT) this.setTimeout(timeout);
  }

  /** @param {number} timeout */
  setTimeout(timeout) {
    if (timeout === INVALID_TIMEOUT) {
      const [value] = metadataOf(this.fields).get('grpc-timeout');
      // The handler's call is made first, as with grpc-js.
      process.nextTick(() => {
        this.sendStatus({ code: status.INTERNAL, details: `Invalid grpc-timeout value "${value}"`, metadata: null });
      });
      return;
    }
    this.deadline = Date.now() + timeout;
    if (timeout <= MOST_TIMER_MS) this.deadlineTimer = setTimeout(failDeadline, timeout, this);
  }

  // From the engine.

  /** @param {Buffer} message */
  onMessage(message) {
    this.connection.messagesReceived++;
    this.readQueue.push(message);
    this.deliverQueued();
  }

  /** @param {boolean} truncated */
  onEnd(truncated) {
    if (truncated && (this.handler.type === 'clientStream' || this.handler.type === 'bidi')) {
      const details = 'The request ended in the midst of a message';
      this.sendStatus({ code: status.INTERNAL, details, metadata: null });
      return;
    }
    this.readQueue.push(END);
    this.deliverQueued();
  }

  /** @param {number} _reason of HTTP/2 */
  onCancelled(_reason) {
    callEnded(this.observed, status.CANCELLED);
    this.tracker?.onEnd(this.connection, false, false);
    this.finish();
  }

  /** @param {number} bytes */
  onSent(bytes) {
    this.queued -= bytes;
    const { waiting } = this;
    if (waiting === null || this.queued >= this.limits.highWater) return;
    this.waiting = null;
    waiting(null);
  }

  /**
   * @param {number} code
   * @param {string} details
   */
  onFault(code, details) {
    this.sendStatus({ code, details, metadata: null });
  }

  // Reading.

  /** @param {any} listener */
  start(listener) {
    if (this.cancelled) return;
    this.listener = listener;
    const metadata = metadataOf(this.fields);
    this.fields = '';
    listener.onReceiveMetadata(metadata);
  }

  startRead() {
    if (this.cancelled) return;
    this.isReadPending = true;
    if (this.readQueue.length > 0) this.deliverQueued();
  }

  deliverQueued() {
    // Whoever asks for the next message from within one gets it by the loop that is under way.
    if (this.isDelivering) return;
    this.isDelivering = true;
    try {
      while (this.isReadPending && this.listener !== null && this.readQueue.length > 0 && !this.cancelled) {
        const next = this.readQueue.shift();
        this.isReadPending = false;
        if (next === END) this.listener.onReceiveHalfClose();
        else this.deliver(next);
      }
    } finally {
      this.isDelivering = false;
    }
  }

  /** @param {Buffer} bytes */
  deliver(bytes) {
    this.taken += bytes.length + PREFIX_BYTES;
    if (this.taken >= TELL_TAKEN_BYTES) {
      this.engine.push(command.TAKEN, this.id, this.taken);
      this.taken = 0;
    }
    let message;
    try {
      message = this.handler.deserialize(bytes);
    } catch (error) {
      const details = `Error deserializing request: ${messageOf(error)}`;
      this.sendStatus({ code: status.INTERNAL, details, metadata: null });
      return;
    }
    this.listener.onReceiveMessage(message);
  }

  // Writing.

  /** Whether a message that is written now has to wait for room. */
  get isFull() {
    return this.queued >= this.limits.highWater;
  }

  /** @param {Metadata} metadata */
  sendMetadata(metadata) {
    if (this.cancelled || this.metadataSent) return;
    this.metadataSent = true;
    this.engine.sendHead(this.id, fieldsOf(metadata));
  }

  /**
   * @param {any} message
   * @param {(error?: Error | null) => void} callback is called at once where there is room for another
   * @param {number} [flags] 2 for a message that is not to be compressed
   */
  sendMessage(message, callback, flags = 0) {
    if (this.cancelled) return;
    let bytes;
    try {
      bytes = this.handler.serialize(message);
    } catch (error) {
      const details = `Error serializing response: ${messageOf(error)}`;
      this.sendStatus({ code: status.INTERNAL, details, metadata: null });
      return;
    }
    const size = bytes.byteLength + PREFIX_BYTES;
    const { maxSend } = this.limits;
    if (maxSend !== -1 && bytes.byteLength > maxSend) {
      const details = `Sent message larger than max (${size} vs. ${maxSend})`;
      this.sendStatus({ code: status.RESOURCE_EXHAUSTED, details, metadata: null });
      return;
    }
    // The head goes with the first message where nobody sent it.
    this.metadataSent = true;
    this.connection.messagesSent++;
    this.queued += size;
    this.engine.sendMessage(this.id, bytes, (flags & 2) === 0);
    if (this.queued < this.limits.highWater) callback(null);
    else this.waiting = callback;
  }

  /** @param {{ code: number, details: string, metadata?: Metadata | null }} result */
  sendStatus(result) {
    if (this.cancelled) return;
    const { code, details } = result;
    let metadata = result.metadata ?? null;
    if (this.limits.sendsMetrics && this.metricsRecorder !== undefined) {
      metadata = metadata === null ? new Metadata() : metadata.clone();
      metadata.set('endpoint-load-metrics-bin', this.metricsRecorder.serialize());
    }
    this.tracker?.onEnd(this.connection, code === status.OK, true);
    callEnded(this.observed, code);
    const fields = fieldsOf(metadata);
    const plain = code === status.OK && details === 'OK' && fields === '';
    this.engine.sendStatus(this.id, plain ? '' : `${code}\0${String(details ?? '').replaceAll('\0', ' ')}\0${fields}`);
    this.finish();
  }

  /** Nothing more comes or goes. As with grpc-js, `cancelled` is told of every call that is over. */
  finish() {
    this.cancelled = true;
    this.readQueue = [];
    if (this.deadlineTimer !== null) {
      clearTimeout(this.deadlineTimer);
      this.deadlineTimer = null;
    }
    this.waiting = null;
    this.connection.callEnded();
    process.nextTick(tellCancelled, this);
  }

  // About it.

  getPeer() {
    return this.connection.getPeer();
  }

  getDeadline() {
    return this.deadline;
  }

  getHost() {
    return this.host;
  }

  getAuthContext() {
    return this.connection.getAuthContext();
  }

  getConnectionInfo() {
    return this.connection.getInfo();
  }

  getMetricsRecorder() {
    this.metricsRecorder ??= new MetricsRecorder();
    return this.metricsRecorder;
  }
}

/** @param {any} error @returns {string} */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

module.exports = { IncomingCall };
