'use strict';

/**
 * A call of a channel: from its name and deadline to its status, over one attempt or, where a service config or the server
 * says so, several. Its methods are those of grpc-js's `Call`, which interceptors stand on.
 */

const { propagate, status } = require('../constants.js');
const { fieldsOf } = require('../received-metadata.js');
const { Metadata } = require('../metadata.js');
const { Attempt, PREFIX_BYTES, progress } = require('./attempt.js');
const { CallCredentials, isEmpty } = require('./call-credentials.js');
const { nearer, seconds, timeLeft, timeoutField, toMs } = require('./deadline.js');
const { policyOf, throttleOf } = require('./retry.js');
const { messageOf, ofControlPlane, statusOf } = require('./statuses.js');

const PREVIOUS_ATTEMPTS = 'grpc-previous-rpc-attempts';
/** Flag of a message that is not to be compressed. */
const NO_COMPRESS = 2;

/** @typedef {{ code: number, details: string, metadata: Metadata }} Status */
/** @typedef {{ bytes: Uint8Array, flags: number }} Message */

/** @param {Call} call */
function deadlinePassed(call) {
  call.deadlineTimer = null;
  call.cancelWithStatus(status.DEADLINE_EXCEEDED, call.describeDeadline());
}

/** @param {Call} call @param {Status} result */
function tellStatus(call, result) {
  call.listener?.onReceiveStatus(result);
}

class Call {
  /**
   * @param {any} channel
   * @param {string} method path
   * @param {number | Date} deadline
   * @param {string} host
   * @param {any} parent a server's call, or null
   * @param {number} flags of `propagate`
   */
  constructor(channel, method, deadline, host, parent, flags) {
    this.channel = channel;
    this.method = method;
    this.host = host;
    this.deadline = toMs(deadline);
    this.created = Date.now();
    /** @type {any} */
    this.listener = null;
    /** What its metadata says, taken when it starts. */
    this.fields = '';
    /** @type {any} */
    this.options = undefined;
    this.credentials = EMPTY;
    /** Of the service config. @type {any} */
    this.config = null;
    /** What further attempts are made by. @type {any} */
    this.policy = null;
    /** The last that was begun, or the one that counts. @type {Attempt | null} */
    this.attempt = null;
    /** Its connection, also when it is over. @type {any} */
    this.transport = null;
    /** Those beside it. @type {Attempt[]} */
    this.others = [];
    /** Attempts that wait for a connection. */
    this.unpicked = 0;
    this.attempts = 0;
    /** When the attempt that is under way began. */
    this.attemptStarted = 0;
    this.ended = false;
    this.isReadPending = false;
    this.halfClosed = false;
    /** Messages that a further attempt would send again; null where there will be none. @type {Message[] | null} */
    this.messages = [];
    this.keptBytes = 0;
    /** Bytes of messages that are not on their way. */
    this.queued = 0;
    /** Called when there is room again. @type {(() => void) | null} */
    this.waiting = null;
    this.compresses = true;
    this.hasMetadata = false;
    this.refusals = 0;
    /** @type {NodeJS.Timeout | null} */
    this.deadlineTimer = null;
    if (parent) this.follow(parent, flags);
    if (this.deadline !== Infinity) this.watchDeadline();
  }

  /** @param {any} parent @param {number} flags */
  follow(parent, flags) {
    if (flags & propagate.CANCELLATION) {
      parent.on('cancelled', () => this.cancelWithStatus(status.CANCELLED, 'Cancelled by parent call'));
    }
    if (flags & propagate.DEADLINE) this.deadline = nearer(this.deadline, parent.getDeadline());
  }

  watchDeadline() {
    if (this.deadlineTimer !== null) clearTimeout(this.deadlineTimer);
    this.deadlineTimer = null;
    const left = timeLeft(this.deadline);
    if (left === 0) process.nextTick(deadlinePassed, this);
    else if (left !== Infinity) this.deadlineTimer = setTimeout(deadlinePassed, left, this);
  }

  /** @returns {string} what it waited for until then */
  describeDeadline() {
    const now = Date.now();
    const parts = [`Deadline exceeded after ${seconds(this.created, now)}`];
    if (this.config === null) parts.push('waiting for name resolution');
    else if (this.attempt === null) {
      if (this.options?.waitForReady) parts.push('wait_for_ready');
      parts.push('Waiting for LB pick');
    } else {
      if (this.attempts > 1) parts.push(`previous attempts: ${this.attempts - 1}`);
      if (this.attemptStarted > this.created) parts.push(`LB pick: ${seconds(this.created, this.attemptStarted)}`);
      parts.push(`remote_addr=${this.getPeer()}`);
    }
    return parts.join(',');
  }

  // Its beginning.

  /** @param {CallCredentials} credentials */
  setCredentials(credentials) {
    this.credentials = credentials;
  }

  /**
   * @param {Metadata} metadata
   * @param {any} listener
   */
  start(metadata, listener) {
    this.listener = listener;
    this.fields = fieldsOf(metadata);
    this.options = metadata.getOptions();
    this.configure();
  }

  /** Asks the channel how calls of this method are treated; it calls again where it does not know yet. */
  configure() {
    if (this.ended) return;
    const config = this.channel.configOf(this);
    if (config === null) return;
    this.config = config;
    if (config.timeoutMs !== undefined) {
      this.deadline = nearer(this.deadline, Date.now() + config.timeoutMs);
      this.watchDeadline();
    }
    if (config.retry !== undefined || config.hedging !== undefined) this.policy = policyOf(this);
    this.tryAgain();
    this.policy?.started();
  }

  /** Begins an attempt. */
  tryAgain() {
    this.unpicked++;
    this.pick();
  }

  /** Begins an attempt beside those that there are. */
  hedge() {
    if (this.attempt !== null) this.others.push(this.attempt);
    this.tryAgain();
  }

  /** Whether no attempt is under way, nor waits. */
  get isAlone() {
    return this.attempt === null && this.others.length === 0 && this.unpicked === 0;
  }

  /** Asks the channel for a connection for each attempt that waits; it calls again where there is none yet. */
  pick() {
    while (this.unpicked > 0 && !this.ended) {
      const picked = this.channel.pick(this);
      if (picked === null) return;
      this.unpicked--;
      this.go(picked);
    }
  }

  /** @param {any} picked */
  go(picked) {
    if (picked.transport === undefined) {
      // As if it had come from elsewhere: whoever asks has not returned yet.
      setImmediate(() => this.attemptEnded(picked.status, progress.PROCESSED));
      return;
    }
    const { transport } = picked;
    const credentials = this.credentials.compose(transport.getCallCredentials());
    if (isEmpty(credentials)) this.begin(transport, '');
    else this.authorize(credentials, transport);
  }

  /** @param {CallCredentials} credentials @param {any} transport */
  authorize(credentials, transport) {
    const about = { method_name: this.method, service_url: this.channel.serviceUrl(this.host, this.method) };
    credentials.generateMetadata(about).then((metadata) => {
      if (this.ended) return;
      const given = metadata ?? new Metadata();
      if (given.get('authorization').length > 1 || (this.hasField('authorization') && given.get('authorization').length > 0)) {
        this.finish(statusOf(status.INTERNAL, '"authorization" metadata cannot have multiple values'));
      } else if (transport.isUsable) this.begin(transport, fieldsOf(given));
      else this.tryAgain();
    }).catch((error) => {
      const code = typeof error?.code === 'number' ? error.code : status.UNKNOWN;
      const { code: allowed, details } = ofControlPlane(code, `Getting metadata from plugin failed with error: ${messageOf(error)}`);
      this.attemptEnded(statusOf(allowed, details), progress.PROCESSED);
    });
  }

  /** @param {string} name @returns {boolean} */
  hasField(name) {
    return this.fields.startsWith(`${name}\0`) || this.fields.includes(`\0${name}\0`);
  }

  /**
   * @param {any} transport
   * @param {string} given fields of credentials
   */
  begin(transport, given) {
    let fields = `${this.fields}${given}${this.channel.ownFields}`;
    if (this.deadline !== Infinity) {
      try {
        fields += `grpc-timeout\0${timeoutField(this.deadline)}\0`;
      } catch (error) {
        this.finish(statusOf(status.INTERNAL, messageOf(error)));
        return;
      }
    }
    if (this.policy !== null && this.policy.attempts > 1) fields += `${PREVIOUS_ATTEMPTS}\0${this.policy.attempts - 1}\0`;
    const attempt = new Attempt(this, transport);
    this.attempt = attempt;
    this.transport = transport;
    this.attempts++;
    this.attemptStarted = Date.now();
    const coding = this.channel.coding(this);
    this.compresses = coding !== '';
    attempt.begin(this.method, this.host, coding, fields);
    if (this.messages !== null) {
      for (const { bytes, flags } of this.messages) attempt.send(bytes, this.compresses && (flags & NO_COMPRESS) === 0);
      if (this.keptBytes > this.channel.retryBufferBytes || !this.channel.retries) this.commit(attempt);
    }
    if (this.halfClosed) attempt.halfClose();
    if (this.isReadPending) attempt.startRead();
  }

  /**
   * No other attempt is made any more, and those beside are given up.
   *
   * @param {Attempt | null} attempt
   */
  commit(attempt) {
    this.messages = null;
    this.keptBytes = 0;
    this.policy?.stop();
    if (this.others.length === 0) return;
    const all = [...this.others, this.attempt];
    this.others = [];
    this.attempt = attempt;
    this.transport = attempt?.transport ?? this.transport;
    this.unpicked = 0;
    for (const other of all) if (other !== null && other !== attempt) other.cancel();
  }

  // To the server.

  /** Whether a message that is written now has to wait for room. */
  get isFull() {
    return this.queued >= this.channel.highWater;
  }

  /**
   * @param {{ callback?: (error?: Error | null) => void, flags?: number }} context its callback is called at once where
   *   there is room for another message
   * @param {Uint8Array} bytes
   */
  sendMessageWithContext(context, bytes) {
    const { callback, flags = 0 } = context;
    if (this.ended) {
      if (callback !== undefined) process.nextTick(callback);
      return;
    }
    const { maxSend } = this.channel;
    if (maxSend !== -1 && bytes.length > maxSend) {
      this.cancelWithStatus(status.RESOURCE_EXHAUSTED, `Attempted to send message with a size larger than ${maxSend}`);
      if (callback !== undefined) process.nextTick(callback);
      return;
    }
    this.queued += bytes.length + PREFIX_BYTES;
    if (this.messages !== null) {
      this.messages.push({ bytes, flags });
      this.keptBytes += bytes.length + PREFIX_BYTES;
    }
    if (this.attempt !== null) {
      const compress = this.compresses && (flags & NO_COMPRESS) === 0;
      this.attempt.send(bytes, compress);
      for (const other of this.others) other.send(bytes, compress);
      if (this.keptBytes > this.channel.retryBufferBytes) this.commit(this.attempt);
    }
    if (callback === undefined) return;
    if (this.queued < this.channel.highWater) callback();
    else this.waiting = callback;
  }

  halfClose() {
    if (this.ended || this.halfClosed) return;
    this.halfClosed = true;
    this.attempt?.halfClose();
    for (const other of this.others) other.halfClose();
  }

  startRead() {
    if (this.ended) return;
    this.isReadPending = true;
    this.attempt?.startRead();
    for (const other of this.others) other.startRead();
  }

  /** @param {number} code @param {string} details */
  cancelWithStatus(code, details) {
    if (this.ended) return;
    this.attempt?.cancel();
    for (const other of this.others) other.cancel();
    this.finish(statusOf(code, details), true);
  }

  // From the server.

  /** @param {Attempt} attempt @param {Metadata} metadata */
  onMetadata(attempt, metadata) {
    this.commit(attempt);
    this.channel.received(metadata);
    if (this.compresses && !this.channel.accepts) this.compresses = false;
    this.hasMetadata = true;
    this.noteAttempts(metadata);
    this.listener.onReceiveMetadata(metadata);
  }

  /** @param {Metadata} metadata as grpc-js has it, says how many were made before */
  noteAttempts(metadata) {
    if (this.policy !== null && this.policy.attempts > 1) metadata.set(PREVIOUS_ATTEMPTS, `${this.policy.attempts - 1}`);
  }

  /** @param {Attempt} _attempt @param {Buffer} message */
  onMessage(_attempt, message) {
    this.isReadPending = false;
    this.listener.onReceiveMessage(message);
  }

  /** @param {Attempt} attempt @param {number} bytes */
  onSent(attempt, bytes) {
    if (attempt !== this.attempt) return;
    this.queued -= bytes;
    this.callWaiting();
  }

  callWaiting() {
    const { waiting } = this;
    if (waiting === null || this.queued >= this.channel.highWater) return;
    this.waiting = null;
    waiting();
  }

  /** @param {Attempt} attempt @param {Status} result @param {number} came */
  onEnd(attempt, result, came) {
    if (attempt === this.attempt) this.attempt = this.others.pop() ?? null;
    else this.others = this.others.filter((other) => other !== attempt);
    this.attemptEnded(result, came);
  }

  /**
   * @param {Status} result
   * @param {number} came how far the attempt did
   */
  attemptEnded(result, came) {
    if (this.ended) return;
    if (this.messages !== null && this.mayTryAgain(came)) {
      this.queued = this.keptBytes;
      this.tryAgain();
      return;
    }
    if (!this.hasMetadata) this.noteAttempts(result.metadata);
    if (this.messages !== null && this.policy?.ended(result)) {
      this.queued = this.keptBytes;
      return;
    }
    this.finish(result);
  }

  /** @param {number} came @returns {boolean} whether nobody has seen the call */
  mayTryAgain(came) {
    if (came === progress.NOT_STARTED) return true;
    // Once: a server that refuses all calls is not asked for ever.
    return came === progress.REFUSED && this.channel.retries && this.refusals++ === 0;
  }

  /**
   * @param {Status} result
   * @param {boolean} [later] its listener is told when whoever asks has returned
   */
  finish(result, later = false) {
    this.ended = true;
    if (this.deadlineTimer !== null) clearTimeout(this.deadlineTimer);
    this.deadlineTimer = null;
    this.unpicked = 0;
    this.commit(null);
    if (result.code === status.OK) throttleOf(this.channel.target)?.succeeded();
    this.channel.callEnded(this, result);
    const { waiting } = this;
    this.waiting = null;
    if (waiting !== null) process.nextTick(waiting);
    if (later) process.nextTick(tellStatus, this, result);
    else tellStatus(this, result);
  }

  // About it.

  getPeer() {
    return this.transport?.getPeer() ?? this.channel.getTarget();
  }

  getAuthContext() {
    return this.transport?.getAuthContext() ?? null;
  }
}

const EMPTY = CallCredentials.createEmpty();

module.exports = { Call };
