'use strict';

/**
 * The four kinds of method: how a call's messages become a handler's argument, and its answers the call's. Beside grpc-js's
 * callbacks and streams, a handler may return a promise of its answer or an async iterable of its answers.
 */

const { status } = require('./constants.js');
const {
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  errorToStatus,
} = require('./server-call.js');

const OK = { code: status.OK, details: 'OK', metadata: null };

/** @param {any} error */
function thrown(error) {
  const details = `Server method handler threw error ${error?.message ?? error}`;
  return { code: status.UNKNOWN, details, metadata: null };
}

/** What listens to a call of any kind, and runs its handler. */
class Method {
  /**
   * @param {any} call
   * @param {any} handler
   */
  constructor(call, handler) {
    this.call = call;
    this.handler = handler;
    /** What the handler was given. @type {any} */
    this.stream = undefined;
  }

  /** Runs the handler; it is looked up now, since others may have wrapped it meanwhile. */
  run() {
    let result;
    try {
      result = this.handler.func(this.stream, this.respond);
    } catch (error) {
      this.call.sendStatus(thrown(error));
      return;
    }
    if (result !== null && typeof result === 'object') {
      if (typeof result.then === 'function') result.then(this.resolved.bind(this), this.rejected.bind(this));
      else this.returned(result);
    }
  }

  /** How a handler with one answer gives it. @type {any} */
  get respond() {
    return undefined;
  }

  /** @param {any} _result what a handler returned that is no promise */
  returned(_result) {}

  /** @param {any} result what its promise came to */
  resolved(result) {
    if (result !== null && typeof result === 'object') this.returned(result);
  }

  /** @param {any} error */
  rejected(error) {
    this.call.sendStatus(errorToStatus(error));
  }

  onCancel() {
    const { stream } = this;
    if (stream === undefined) return;
    stream.cancelled = true;
    stream.emit('cancelled', 'cancelled');
    stream.destroy?.();
  }
}

/** One answer. */
class SingleAnswer extends Method {
  get respond() {
    return this.answer.bind(this);
  }

  /**
   * @param {any} error
   * @param {any} [value]
   * @param {any} [trailer]
   * @param {number} [flags]
   */
  answer(error, value, trailer, flags) {
    if (error) {
      this.call.sendStatus(errorToStatus(error, trailer));
      return;
    }
    this.call.sendMessage(value, () => {
      this.call.sendStatus(trailer ? { code: status.OK, details: 'OK', metadata: trailer } : OK);
    }, flags);
  }

  /** @param {any} result */
  resolved(result) {
    // A handler with a callback may be an async function, too, and answers by that.
    if (result !== undefined) this.answer(null, result);
  }
}

/**
 * @param {any} stream
 * @returns {Promise<void>} until there is room in it again, or it is closed
 */
function drained(stream) {
  return new Promise((resolve) => {
    const done = () => {
      stream.removeListener('drain', done);
      stream.removeListener('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}

/**
 * Writes what an async iterable gives, as fast as the peer takes it.
 *
 * @param {Method} method
 * @param {any} iterable
 */
async function writeAll(method, iterable) {
  const { stream } = method;
  try {
    // A loop over it tells the iterable, too, that no more is wanted.
    for await (const message of iterable) {
      if (stream.destroyed || stream.cancelled) return;
      if (!stream.write(message)) await drained(stream);
    }
    stream.end();
  } catch (error) {
    if (!stream.destroyed) stream.emit('error', error);
  }
}

class ManyAnswers extends Method {
  /** @param {any} result */
  returned(result) {
    if (typeof result[Symbol.asyncIterator] === 'function' && result !== this.stream) void writeAll(this, result);
  }

  /** @param {any} error */
  rejected(error) {
    if (!this.stream.destroyed) this.stream.emit('error', error);
  }
}

/**
 * @param {typeof Method} Answers how it answers
 * @param {any} Call what its handler gets
 * @returns {new (call: any, handler: any) => Method} a method that takes one request
 */
function takesOne(Answers, Call) {
  return class extends Answers {
    /** @param {any} call @param {any} handler */
    constructor(call, handler) {
      super(call, handler);
      this.requestMetadata = /** @type {any} */ (undefined);
      this.request = /** @type {any} */ (undefined);
      this.hasRequest = false;
    }

    /** @param {any} metadata */
    onReceiveMetadata(metadata) {
      this.requestMetadata = metadata;
      this.call.startRead();
    }

    /** @param {any} message */
    onReceiveMessage(message) {
      if (this.hasRequest) {
        this.refuse('Received a second request message');
        return;
      }
      this.hasRequest = true;
      this.request = message;
      this.call.startRead();
    }

    onReceiveHalfClose() {
      if (!this.hasRequest) {
        this.refuse('Received no request message');
        return;
      }
      this.stream = new Call(this.handler.path, this.call, this.requestMetadata, this.request);
      this.run();
    }

    /** @param {string} why in the words of grpc-js, which has them for unary methods, too */
    refuse(why) {
      const details = `${why} for server streaming method ${this.handler.path}`;
      this.call.sendStatus({ code: status.UNIMPLEMENTED, details, metadata: null });
    }
  };
}

/**
 * @param {typeof Method} Answers how it answers
 * @param {any} Call what its handler gets
 * @returns {new (call: any, handler: any) => Method} a method that takes a stream of requests
 */
function takesMany(Answers, Call) {
  return class extends Answers {
    /** @param {any} metadata */
    onReceiveMetadata(metadata) {
      this.stream = new Call(this.handler.path, this.call, metadata);
      this.run();
    }

    /** @param {any} message */
    onReceiveMessage(message) {
      // The next one may come right behind it, where there is room.
      if (this.stream.push(message)) this.call.startRead();
    }

    onReceiveHalfClose() {
      this.stream.push(null);
    }
  };
}

/** @type {Record<string, new (call: any, handler: any) => Method>} */
const methodTypes = Object.assign(Object.create(null), {
  unary: takesOne(SingleAnswer, ServerUnaryCall),
  clientStream: takesMany(SingleAnswer, ServerReadableStream),
  serverStream: takesOne(ManyAnswers, ServerWritableStream),
  bidi: takesMany(ManyAnswers, ServerDuplexStream),
});

module.exports = { methodTypes };
