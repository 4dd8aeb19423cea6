'use strict';

/**
 * Client interceptors, as in grpc-js: each wraps the call that the next one makes, and sees and may hold up what passes in
 * either direction. At the bottom messages are serialised, and what comes is parsed.
 */

const { status } = require('../constants.js');
const { Metadata } = require('../metadata.js');
const { messageOf } = require('./statuses.js');

/** Interceptors and providers of them were both given. */
class InterceptorConfigurationError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'InterceptorConfigurationError';
    Error.captureStackTrace(this, InterceptorConfigurationError);
  }
}

class ListenerBuilder {
  constructor() {
    this.metadata = undefined;
    this.message = undefined;
    this.status = undefined;
  }

  /** @param {any} onReceiveMetadata */
  withOnReceiveMetadata(onReceiveMetadata) {
    this.metadata = onReceiveMetadata;
    return this;
  }

  /** @param {any} onReceiveMessage */
  withOnReceiveMessage(onReceiveMessage) {
    this.message = onReceiveMessage;
    return this;
  }

  /** @param {any} onReceiveStatus */
  withOnReceiveStatus(onReceiveStatus) {
    this.status = onReceiveStatus;
    return this;
  }

  build() {
    return { onReceiveMetadata: this.metadata, onReceiveMessage: this.message, onReceiveStatus: this.status };
  }
}

class RequesterBuilder {
  constructor() {
    this.start = undefined;
    this.message = undefined;
    this.halfClose = undefined;
    this.cancel = undefined;
  }

  /** @param {any} start */
  withStart(start) {
    this.start = start;
    return this;
  }

  /** @param {any} sendMessage */
  withSendMessage(sendMessage) {
    this.message = sendMessage;
    return this;
  }

  /** @param {any} halfClose */
  withHalfClose(halfClose) {
    this.halfClose = halfClose;
    return this;
  }

  /** @param {any} cancel */
  withCancel(cancel) {
    this.cancel = cancel;
    return this;
  }

  build() {
    return { start: this.start, sendMessage: this.message, halfClose: this.halfClose, cancel: this.cancel };
  }
}

/** What is handed on as it is where an interceptor does not look at it. */
const passing = {
  onReceiveMetadata: (/** @type {any} */ metadata, /** @type {any} */ next) => next(metadata),
  onReceiveMessage: (/** @type {any} */ message, /** @type {any} */ next) => next(message),
  onReceiveStatus: (/** @type {any} */ result, /** @type {any} */ next) => next(result),
  start: (/** @type {any} */ metadata, /** @type {any} */ listener, /** @type {any} */ next) => next(metadata, listener),
  sendMessage: (/** @type {any} */ message, /** @type {any} */ next) => next(message),
  halfClose: (/** @type {any} */ next) => next(),
  cancel: (/** @type {any} */ next) => next(),
};

/** @param {any} listener @returns {boolean} whether it calls nobody after itself */
function isLast(listener) {
  return listener.onReceiveMetadata !== undefined && listener.onReceiveMetadata.length === 1;
}

/** Runs an interceptor's listener before the next one, in order: what it holds up holds up what follows. */
class OrderedListener {
  /** @param {any} listener @param {any} next */
  constructor(listener, next) {
    this.listener = {
      onReceiveMetadata: listener.onReceiveMetadata ?? passing.onReceiveMetadata,
      onReceiveMessage: listener.onReceiveMessage ?? passing.onReceiveMessage,
      onReceiveStatus: listener.onReceiveStatus ?? passing.onReceiveStatus,
    };
    this.next = next;
    this.holdsMetadata = false;
    this.hasMessage = false;
    /** @type {any} */
    this.message = undefined;
    this.holdsMessage = false;
    /** @type {any} */
    this.status = null;
  }

  /** @param {any} metadata */
  onReceiveMetadata(metadata) {
    this.holdsMetadata = true;
    this.listener.onReceiveMetadata(metadata, (/** @type {any} */ changed) => {
      this.holdsMetadata = false;
      this.next.onReceiveMetadata(changed);
      this.passMessage();
      this.passStatus();
    });
  }

  /** @param {any} message */
  onReceiveMessage(message) {
    this.holdsMessage = true;
    this.listener.onReceiveMessage(message, (/** @type {any} */ changed) => {
      this.holdsMessage = false;
      if (this.holdsMetadata) {
        this.hasMessage = true;
        this.message = changed;
      } else {
        this.next.onReceiveMessage(changed);
        this.passStatus();
      }
    });
  }

  /** @param {any} result */
  onReceiveStatus(result) {
    this.listener.onReceiveStatus(result, (/** @type {any} */ changed) => {
      if (this.holdsMetadata || this.holdsMessage) this.status = changed;
      else this.next.onReceiveStatus(changed);
    });
  }

  passMessage() {
    if (!this.hasMessage) return;
    const { message } = this;
    this.hasMessage = false;
    this.message = undefined;
    this.next.onReceiveMessage(message);
  }

  passStatus() {
    if (this.status !== null) this.next.onReceiveStatus(this.status);
  }
}

class InterceptingCall {
  /** @param {any} nextCall @param {any} [requester] any of `start`, `sendMessage`, `halfClose` and `cancel` */
  constructor(nextCall, requester = {}) {
    this.nextCall = nextCall;
    this.requester = {
      start: requester.start ?? passing.start,
      sendMessage: requester.sendMessage ?? passing.sendMessage,
      halfClose: requester.halfClose ?? passing.halfClose,
      cancel: requester.cancel ?? passing.cancel,
    };
    this.holdsMetadata = false;
    this.holdsMessage = false;
    /** @type {any} */
    this.pendingContext = null;
    /** @type {any} */
    this.pendingMessage = null;
    this.pendingHalfClose = false;
  }

  /** @param {number} code @param {string} details */
  cancelWithStatus(code, details) {
    this.requester.cancel(() => this.nextCall.cancelWithStatus(code, details));
  }

  getPeer() {
    return this.nextCall.getPeer();
  }

  getAuthContext() {
    return this.nextCall.getAuthContext();
  }

  get isFull() {
    return this.nextCall.isFull;
  }

  /** @param {any} metadata @param {any} [given] */
  start(metadata, given = {}) {
    const last = {
      onReceiveMetadata: given.onReceiveMetadata?.bind(given) ?? ((/** @type {any} */ _metadata) => {}),
      onReceiveMessage: given.onReceiveMessage?.bind(given) ?? ((/** @type {any} */ _message) => {}),
      onReceiveStatus: given.onReceiveStatus?.bind(given) ?? ((/** @type {any} */ _status) => {}),
    };
    this.holdsMetadata = true;
    this.requester.start(metadata, last, (/** @type {any} */ changed, /** @type {any} */ listener) => {
      this.holdsMetadata = false;
      this.nextCall.start(changed, isLast(listener) ? listener : new OrderedListener(listener, last));
      if (this.pendingContext !== null) {
        this.nextCall.sendMessageWithContext(this.pendingContext, this.pendingMessage);
        this.pendingContext = null;
        this.pendingMessage = null;
      }
      if (this.pendingHalfClose) this.nextCall.halfClose();
    });
  }

  /** @param {any} context @param {any} message */
  sendMessageWithContext(context, message) {
    this.holdsMessage = true;
    this.requester.sendMessage(message, (/** @type {any} */ changed) => {
      this.holdsMessage = false;
      if (this.holdsMetadata) {
        this.pendingContext = context;
        this.pendingMessage = changed;
      } else {
        this.nextCall.sendMessageWithContext(context, changed);
        if (this.pendingHalfClose) this.nextCall.halfClose();
      }
    });
  }

  /** @param {any} message */
  sendMessage(message) {
    this.sendMessageWithContext({}, message);
  }

  startRead() {
    this.nextCall.startRead();
  }

  halfClose() {
    this.requester.halfClose(() => {
      if (this.holdsMetadata || this.holdsMessage) this.pendingHalfClose = true;
      else this.nextCall.halfClose();
    });
  }
}

/** The bottom: a channel's call, with messages as the program has them. */
class BaseCall {
  /** @param {any} call @param {any} definition of the method */
  constructor(call, definition) {
    this.call = call;
    this.definition = definition;
    /** @type {any} */
    this.listener = null;
    /** @type {any} */
    this.readError = null;
    this.hasMessage = false;
  }

  /** @param {number} code @param {string} details */
  cancelWithStatus(code, details) {
    this.call.cancelWithStatus(code, details);
  }

  getPeer() {
    return this.call.getPeer();
  }

  getAuthContext() {
    return this.call.getAuthContext();
  }

  get isFull() {
    return this.call.isFull;
  }

  /** @param {any} metadata @param {any} [listener] */
  start(metadata, listener = {}) {
    this.listener = listener;
    this.call.start(metadata, this);
    if (!this.definition.responseStream) this.call.startRead();
  }

  /** @param {any} context @param {any} message */
  sendMessageWithContext(context, message) {
    let bytes;
    try {
      bytes = this.definition.requestSerialize(message);
    } catch (error) {
      this.call.cancelWithStatus(status.INTERNAL, `Request message serialization failure: ${messageOf(error)}`);
      return;
    }
    this.call.sendMessageWithContext(context, bytes);
  }

  /** @param {any} message */
  sendMessage(message) {
    this.sendMessageWithContext(NO_CONTEXT, message);
  }

  startRead() {
    this.call.startRead();
  }

  halfClose() {
    this.call.halfClose();
  }

  // From the channel's call.

  /** @param {any} metadata */
  onReceiveMetadata(metadata) {
    this.listener.onReceiveMetadata?.(metadata);
  }

  /** @param {Buffer} bytes */
  onReceiveMessage(bytes) {
    let message;
    try {
      message = this.definition.responseDeserialize(bytes);
    } catch (error) {
      const details = `Response message parsing error: ${messageOf(error)}`;
      this.readError = { code: status.INTERNAL, details, metadata: new Metadata() };
      this.call.cancelWithStatus(status.INTERNAL, details);
      return;
    }
    this.hasMessage = true;
    this.listener.onReceiveMessage?.(message);
  }

  /** @param {any} result */
  onReceiveStatus(result) {
    if (!this.hasMessage && !this.definition.responseStream) this.listener.onReceiveMessage?.(null);
    this.listener.onReceiveStatus?.(this.readError ?? result);
  }
}

const NO_CONTEXT = {};

/**
 * @param {any} channel
 * @param {any} definition
 * @param {any} options of the call
 * @returns {BaseCall}
 */
function baseCall(channel, definition, options) {
  const { deadline = Infinity, host, parent = null, propagate_flags: flags, credentials } = options;
  const call = channel.createCall(definition.path, deadline, host, parent, flags);
  if (credentials) call.setCredentials(credentials);
  return new BaseCall(call, definition);
}

/**
 * @param {any[]} interceptors
 * @param {any[]} providers of interceptors
 * @param {string} where
 */
function checkOneKind(interceptors, providers, where) {
  if (interceptors.length === 0 || providers.length === 0) return;
  throw new InterceptorConfigurationError(
    `Both interceptors and interceptor_providers were passed as ${where}. Only one of these is allowed.`,
  );
}

/**
 * @param {{ interceptors: any[], providers: any[] }} client
 * @param {any} definition
 * @param {any} options of the call; its interceptors take the place of the client's
 * @param {any} channel
 * @returns {any} the outermost call
 */
function interceptedCall(client, definition, options, channel) {
  const { interceptors = [], interceptor_providers: providers = [] } = options;
  if (interceptors.length + providers.length + client.interceptors.length + client.providers.length === 0) {
    return baseCall(channel, definition, options);
  }
  checkOneKind(client.interceptors, client.providers, 'options to the client constructor');
  checkOneKind(interceptors, providers, 'call options');
  const own = interceptors.length + providers.length > 0;
  const chosen = own ? { interceptors, providers } : client;
  const provided = chosen.providers.map((/** @type {any} */ provider) => provider(definition));
  const all = [...chosen.interceptors, ...provided].filter(Boolean);
  /** @type {(options: any) => any} */
  let next = (last) => baseCall(channel, definition, last);
  for (const interceptor of all.reverse()) {
    const inner = next;
    next = (current) => interceptor(current, inner);
  }
  return next({ ...options, method_definition: definition });
}

module.exports = { InterceptingCall, InterceptorConfigurationError, ListenerBuilder, RequesterBuilder, interceptedCall };
