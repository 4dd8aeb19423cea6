'use strict';

/**
 * Server interceptors, as in grpc-js: each wraps the call before it, and sees and may hold up what passes in either
 * direction. Order is kept: metadata before messages, messages before the end or the status.
 */

const { Metadata } = require('./metadata.js');

class ServerListenerBuilder {
  constructor() {
    this.metadata = undefined;
    this.message = undefined;
    this.halfClose = undefined;
    this.cancel = undefined;
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

  /** @param {any} onReceiveHalfClose */
  withOnReceiveHalfClose(onReceiveHalfClose) {
    this.halfClose = onReceiveHalfClose;
    return this;
  }

  /** @param {any} onCancel */
  withOnCancel(onCancel) {
    this.cancel = onCancel;
    return this;
  }

  build() {
    return {
      onReceiveMetadata: this.metadata,
      onReceiveMessage: this.message,
      onReceiveHalfClose: this.halfClose,
      onCancel: this.cancel,
    };
  }
}

class ResponderBuilder {
  constructor() {
    this.start = undefined;
    this.metadata = undefined;
    this.message = undefined;
    this.status = undefined;
  }

  /** @param {any} start */
  withStart(start) {
    this.start = start;
    return this;
  }

  /** @param {any} sendMetadata */
  withSendMetadata(sendMetadata) {
    this.metadata = sendMetadata;
    return this;
  }

  /** @param {any} sendMessage */
  withSendMessage(sendMessage) {
    this.message = sendMessage;
    return this;
  }

  /** @param {any} sendStatus */
  withSendStatus(sendStatus) {
    this.status = sendStatus;
    return this;
  }

  build() {
    return { start: this.start, sendMetadata: this.metadata, sendMessage: this.message, sendStatus: this.status };
  }
}

const pass = (/** @type {any} */ value, /** @type {(value: any) => void} */ next) => next(value);

/** Between a call and the listener of the one around it. */
class InterceptingListener {
  /**
   * @param {any} listener with any of the four
   * @param {any} nextListener
   */
  constructor(listener, nextListener) {
    this.listener = {
      onReceiveMetadata: listener?.onReceiveMetadata ?? pass,
      onReceiveMessage: listener?.onReceiveMessage ?? pass,
      onReceiveHalfClose: listener?.onReceiveHalfClose ?? ((/** @type {() => void} */ next) => next()),
      onCancel: listener?.onCancel ?? (() => {}),
    };
    this.nextListener = nextListener;
    /** Nothing but the cancellation is told after it. */
    this.cancelled = false;
    this.processingMetadata = false;
    this.processingMessage = false;
    this.hasPendingMessage = false;
    /** @type {any} */
    this.pendingMessage = null;
    this.hasPendingHalfClose = false;
  }

  /** @param {any} metadata */
  onReceiveMetadata(metadata) {
    if (this.cancelled) return;
    this.processingMetadata = true;
    this.listener.onReceiveMetadata(metadata, (/** @type {any} */ intercepted) => {
      this.processingMetadata = false;
      if (this.cancelled) return;
      this.nextListener.onReceiveMetadata(intercepted);
      if (this.hasPendingMessage) {
        const message = this.pendingMessage;
        this.pendingMessage = null;
        this.hasPendingMessage = false;
        this.nextListener.onReceiveMessage(message);
      }
      this.passHalfClose();
    });
  }

  /** @param {any} message */
  onReceiveMessage(message) {
    if (this.cancelled) return;
    this.processingMessage = true;
    this.listener.onReceiveMessage(message, (/** @type {any} */ intercepted) => {
      this.processingMessage = false;
      if (this.cancelled) return;
      if (this.processingMetadata) {
        this.pendingMessage = intercepted;
        this.hasPendingMessage = true;
      } else {
        this.nextListener.onReceiveMessage(intercepted);
        this.passHalfClose();
      }
    });
  }

  onReceiveHalfClose() {
    if (this.cancelled) return;
    this.listener.onReceiveHalfClose(() => {
      if (this.cancelled) return;
      if (this.processingMetadata || this.processingMessage) this.hasPendingHalfClose = true;
      else this.nextListener.onReceiveHalfClose();
    });
  }

  passHalfClose() {
    if (!this.hasPendingHalfClose) return;
    this.hasPendingHalfClose = false;
    this.nextListener.onReceiveHalfClose();
  }

  onCancel() {
    this.cancelled = true;
    this.listener.onCancel();
    this.nextListener.onCancel();
  }
}

class ServerInterceptingCall {
  /**
   * @param {any} nextCall
   * @param {any} [responder] with any of `start`, `sendMetadata`, `sendMessage`, `sendStatus`
   */
  constructor(nextCall, responder) {
    this.nextCall = nextCall;
    this.responder = {
      start: responder?.start ?? ((/** @type {(listener?: any) => void} */ next) => next()),
      sendMetadata: responder?.sendMetadata ?? pass,
      sendMessage: responder?.sendMessage ?? pass,
      sendStatus: responder?.sendStatus ?? pass,
    };
    this.processingMetadata = false;
    this.sentMetadata = false;
    this.processingMessage = false;
    /** @type {any} */
    this.pendingMessage = null;
    /** @type {(() => void) | null} */
    this.pendingMessageCallback = null;
    /** @type {any} */
    this.pendingStatus = null;
  }

  /** @param {any} listener */
  start(listener) {
    this.responder.start((/** @type {any} */ intercepted) => {
      this.nextCall.start(new InterceptingListener(intercepted, listener));
    });
  }

  /** @param {any} metadata */
  sendMetadata(metadata) {
    this.processingMetadata = true;
    this.sentMetadata = true;
    this.responder.sendMetadata(metadata, (/** @type {any} */ intercepted) => {
      this.processingMetadata = false;
      this.nextCall.sendMetadata(intercepted);
      if (this.pendingMessageCallback !== null) {
        const { pendingMessage, pendingMessageCallback } = this;
        this.pendingMessage = null;
        this.pendingMessageCallback = null;
        this.nextCall.sendMessage(pendingMessage, pendingMessageCallback);
      }
      this.passStatus();
    });
  }

  /**
   * @param {any} message
   * @param {() => void} callback
   */
  sendMessage(message, callback) {
    this.processingMessage = true;
    if (!this.sentMetadata) this.sendMetadata(new Metadata());
    this.responder.sendMessage(message, (/** @type {any} */ intercepted) => {
      this.processingMessage = false;
      if (this.processingMetadata) {
        this.pendingMessage = intercepted;
        this.pendingMessageCallback = callback;
      } else {
        this.nextCall.sendMessage(intercepted, callback);
        this.passStatus();
      }
    });
  }

  /** @param {any} status */
  sendStatus(status) {
    this.responder.sendStatus(status, (/** @type {any} */ intercepted) => {
      if (this.processingMetadata || this.processingMessage) this.pendingStatus = intercepted;
      else this.nextCall.sendStatus(intercepted);
    });
  }

  passStatus() {
    // A message that still waits goes first.
    if (this.pendingStatus === null || this.pendingMessageCallback !== null) return;
    const status = this.pendingStatus;
    this.pendingStatus = null;
    this.nextCall.sendStatus(status);
  }

  startRead() {
    this.nextCall.startRead();
  }

  getPeer() {
    return this.nextCall.getPeer();
  }

  getDeadline() {
    return this.nextCall.getDeadline();
  }

  getHost() {
    return this.nextCall.getHost();
  }

  getAuthContext() {
    return this.nextCall.getAuthContext();
  }

  getConnectionInfo() {
    return this.nextCall.getConnectionInfo();
  }

  getMetricsRecorder() {
    return this.nextCall.getMetricsRecorder();
  }
}

/**
 * @param {Function[]} interceptors the first is nearest to the wire
 * @param {any} handler
 * @param {any} call
 * @returns {any} the outermost call
 */
function intercept(interceptors, handler, call) {
  const method = {
    path: handler.path,
    requestStream: handler.type === 'clientStream' || handler.type === 'bidi',
    responseStream: handler.type === 'serverStream' || handler.type === 'bidi',
    requestDeserialize: handler.deserialize,
    responseSerialize: handler.serialize,
  };
  return interceptors.reduce((inner, interceptor) => interceptor(method, inner), call);
}

module.exports = { ServerInterceptingCall, ServerListenerBuilder, ResponderBuilder, intercept };
