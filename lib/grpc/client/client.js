'use strict';

/** The client: four kinds of request on a channel. Mirrors grpc-js. */

const { connectivityState, status } = require('../constants.js');
const { Metadata } = require('../metadata.js');
const { interceptedCall } = require('./interceptors.js');
const { ClientDuplexStream, ClientReadableStream, ClientUnaryCall, ClientWritableStream, errorOf } = require('./surface-call.js');
const { Channel } = require('./open-channel.js');

/** @typedef {(error: any, value?: any) => void} UnaryCallback */

/** @param {any} value @returns {boolean} whether it is metadata, of ours or of grpc-js */
function isMetadata(value) {
  return value instanceof Metadata || (value?.internalRepr instanceof Map && typeof value.toHttp2Headers === 'function');
}

/** @param {any[]} args metadata, options and callback, the first two of which may be left out */
function argumentsOfUnary([first, second, third]) {
  if (typeof first === 'function') return { metadata: new Metadata(), options: {}, callback: first };
  if (typeof second === 'function') {
    if (isMetadata(first)) return { metadata: first, options: {}, callback: second };
    return { metadata: new Metadata(), options: first, callback: second };
  }
  if (!isMetadata(first) || !(second instanceof Object) || typeof third !== 'function') {
    throw new Error('Incorrect arguments passed');
  }
  return { metadata: first, options: second, callback: third };
}

/** @param {any[]} args metadata and options, either of which may be left out */
function argumentsOfStream([first, second]) {
  if (isMetadata(first)) return { metadata: first, options: second ?? {} };
  return { metadata: new Metadata(), options: first ?? {} };
}

/** Where a call was made: the first lines of an error's stack. */
class Caller {
  constructor() {
    /** @type {string | undefined} */
    this.stack = undefined;
    Error.captureStackTrace(this, makeRequest);
  }

  /** @returns {string} */
  lines() {
    return this.stack?.split('\n').slice(1).join('\n') || 'no stack trace available';
  }
}

/** Hears of a call with one answer. */
class OneAnswer {
  /** @param {any} emitter @param {UnaryCallback} callback @param {boolean} readsOn whether more than one is looked for */
  constructor(emitter, callback, readsOn) {
    this.emitter = emitter;
    this.callback = callback;
    this.readsOn = readsOn;
    this.caller = new Caller();
    /** @type {any} */
    this.answer = null;
    this.isOver = false;
  }

  /** @param {any} metadata */
  onReceiveMetadata(metadata) {
    this.emitter.emit('metadata', metadata);
  }

  /** @param {any} message */
  onReceiveMessage(message) {
    const { call } = this.emitter;
    if (this.answer !== null) call.cancelWithStatus(status.UNIMPLEMENTED, 'Too many responses received');
    this.answer = message;
    if (this.readsOn && message !== null) call.startRead();
  }

  /** @param {any} result */
  onReceiveStatus(result) {
    if (this.isOver) return;
    this.isOver = true;
    const { callback, caller, emitter } = this;
    if (result.code !== status.OK) callback(errorOf(result, caller.lines()));
    else if (this.answer === null) {
      const { metadata } = result;
      callback(errorOf({ code: status.UNIMPLEMENTED, details: 'No message received', metadata }, caller.lines()));
    } else callback(null, this.answer);
    emitter.emit('status', result);
  }
}

/** Hears of a call with many answers. */
class ManyAnswers {
  /** @param {any} stream */
  constructor(stream) {
    this.stream = stream;
    this.caller = new Caller();
    this.isOver = false;
  }

  /** @param {any} metadata */
  onReceiveMetadata(metadata) {
    this.stream.emit('metadata', metadata);
  }

  /** @param {any} message */
  onReceiveMessage(message) {
    // The next one may come right behind it, where there is room.
    if (this.stream.push(message)) this.stream.call.startRead();
  }

  /** @param {any} result */
  onReceiveStatus(result) {
    if (this.isOver) return;
    this.isOver = true;
    const { stream } = this;
    stream.push(null);
    if (result.code !== status.OK) stream.emit('error', errorOf(result, this.caller.lines()));
    stream.emit('status', result);
  }
}

/**
 * @param {Client} client
 * @param {any} definition of the method
 * @param {any} emitter
 * @param {any} given metadata, options, and a callback where there is one answer
 * @param {any} [argument] where there is one request
 * @returns {any} the emitter
 */
function makeRequest(client, definition, emitter, given, argument) {
  let properties = {
    argument,
    metadata: given.metadata,
    call: emitter,
    channel: client[CHANNEL],
    methodDefinition: definition,
    callOptions: given.options,
    callback: given.callback,
  };
  const transform = client[TRANSFORMER];
  if (transform !== undefined) properties = transform(properties);
  const { call: surface, callOptions, channel, methodDefinition } = properties;
  const call = interceptedCall(client[INTERCEPTORS], methodDefinition, callOptions, channel);
  // Before it is used; the transformer may have put another in its place.
  surface.call = call;
  const listener = methodDefinition.responseStream
    ? new ManyAnswers(surface)
    : new OneAnswer(surface, properties.callback, true);
  call.start(properties.metadata, listener);
  if (!methodDefinition.requestStream) {
    call.sendMessage(properties.argument);
    call.halfClose();
  }
  return surface;
}

const CHANNEL = Symbol('channel');
const INTERCEPTORS = Symbol('interceptors');
const TRANSFORMER = Symbol('transformer');

class Client {
  /**
   * @param {string} address
   * @param {any} credentials
   * @param {any} [options] `grpc.*`, `interceptors`, `interceptor_providers`, `callInvocationTransformer`, `channelOverride`,
   *   `channelFactoryOverride`
   */
  constructor(address, credentials, options = {}) {
    const { interceptors = [], interceptor_providers: providers = [], callInvocationTransformer, ...others } = options ?? {};
    if (interceptors.length > 0 && providers.length > 0) {
      throw new Error(
        'Both interceptors and interceptor_providers were passed as options ' +
          'to the client constructor. Only one of these is allowed.',
      );
    }
    this[INTERCEPTORS] = { interceptors, providers };
    this[TRANSFORMER] = callInvocationTransformer;
    if (others.channelOverride) this[CHANNEL] = others.channelOverride;
    else if (others.channelFactoryOverride) {
      const { channelFactoryOverride, ...rest } = others;
      this[CHANNEL] = channelFactoryOverride(address, credentials, rest);
    } else this[CHANNEL] = new Channel(address, credentials, others);
  }

  /** Calls that are open go on; no more are made. */
  close() {
    this[CHANNEL].close();
  }

  getChannel() {
    return this[CHANNEL];
  }

  /**
   * @param {Date | number} deadline
   * @param {(error?: Error) => void} callback without an error when there is a connection
   */
  waitForReady(deadline, callback) {
    const channel = this[CHANNEL];
    const check = (/** @type {any} */ error) => {
      if (error) {
        callback(new Error('Failed to connect before the deadline'));
        return;
      }
      let state;
      try {
        state = channel.getConnectivityState(true);
        if (state !== connectivityState.READY) {
          channel.watchConnectivityState(state, deadline, check);
          return;
        }
      } catch {
        callback(new Error('The channel has been closed'));
        return;
      }
      callback();
    };
    setImmediate(check);
  }

  /**
   * @param {string} path
   * @param {(value: any) => Uint8Array} requestSerialize
   * @param {(bytes: Buffer) => any} responseDeserialize
   * @param {any} argument
   * @param {any[]} rest metadata, options, callback
   * @returns {ClientUnaryCall}
   */
  makeUnaryRequest(path, requestSerialize, responseDeserialize, argument, ...rest) {
    const definition = { path, requestStream: false, responseStream: false, requestSerialize, responseDeserialize };
    return makeRequest(this, definition, new ClientUnaryCall(), argumentsOfUnary(rest), argument);
  }

  /**
   * @param {string} path
   * @param {(value: any) => Uint8Array} requestSerialize
   * @param {(bytes: Buffer) => any} responseDeserialize
   * @param {any[]} rest metadata, options, callback
   * @returns {ClientWritableStream}
   */
  makeClientStreamRequest(path, requestSerialize, responseDeserialize, ...rest) {
    const definition = { path, requestStream: true, responseStream: false, requestSerialize, responseDeserialize };
    return makeRequest(this, definition, new ClientWritableStream(requestSerialize), argumentsOfUnary(rest));
  }

  /**
   * @param {string} path
   * @param {(value: any) => Uint8Array} requestSerialize
   * @param {(bytes: Buffer) => any} responseDeserialize
   * @param {any} argument
   * @param {any[]} rest metadata, options
   * @returns {ClientReadableStream}
   */
  makeServerStreamRequest(path, requestSerialize, responseDeserialize, argument, ...rest) {
    const definition = { path, requestStream: false, responseStream: true, requestSerialize, responseDeserialize };
    return makeRequest(this, definition, new ClientReadableStream(responseDeserialize), argumentsOfStream(rest), argument);
  }

  /**
   * @param {string} path
   * @param {(value: any) => Uint8Array} requestSerialize
   * @param {(bytes: Buffer) => any} responseDeserialize
   * @param {any[]} rest metadata, options
   * @returns {ClientDuplexStream}
   */
  makeBidiStreamRequest(path, requestSerialize, responseDeserialize, ...rest) {
    const definition = { path, requestStream: true, responseStream: true, requestSerialize, responseDeserialize };
    return makeRequest(this, definition, new ClientDuplexStream(requestSerialize, responseDeserialize), argumentsOfStream(rest));
  }
}

module.exports = { Client };
