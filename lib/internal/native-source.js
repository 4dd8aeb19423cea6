'use strict';

/**
 * Readables of Node's whose bytes come from a native source that is no operator: the body of a request. Where one is piped
 * into a native stream and nobody looks, its bytes go straight into that stream's operator.
 *
 * As with links between operators (`fusion.js`), whatever may be observed ends it, at any time. The class is Node's own, or
 * a framework's, so what would let somebody look is watched on the object itself, and only while it is linked.
 */

const { inputOf } = require('./fusion.js');
const { isPipedUnseen } = require('./observed.js');

/** Methods after which somebody may see the bytes. `once` and `prependOnceListener` call these. */
const WATCHED = /** @type {const} */ ([
  'on',
  'addListener',
  'prependListener',
  'removeListener',
  'off',
  'removeAllListeners',
  'pipe',
  'unpipe',
  'pause',
  'setEncoding',
]);

/**
 * @param {any} source
 * @returns {import('./port.js').Port | null} the port that its bytes may go to without becoming chunks
 */
function feedTarget(source) {
  return source._readableState.pipes.length === 1 && isPipedUnseen(source) ? inputOf(source._readableState.pipes[0]) : null;
}

/** A link from such a source to a port. */
class Feed {
  /**
   * @param {any} stream
   * @param {import('./port.js').Port} port
   * @param {{ unlink: () => void, bytes: () => number }} native ends the link natively; counts the body's bytes
   */
  constructor(stream, port, native) {
    this.stream = stream;
    this.port = port;
    this.native = native;
    this.began = performance.now();
    /** The methods that were there. @type {Map<string, { before: PropertyDescriptor | undefined, ours: any }>} */
    this.methods = new Map();
    port.feeder = this;
    for (const name of WATCHED) this.watch(name);
  }

  /** @param {string} name of a method */
  watch(name) {
    const { stream } = this;
    const feed = this;
    const method = stream[name];
    const before = Object.getOwnPropertyDescriptor(stream, name);
    /** @this {any} @param {any[]} args */
    const ours = function (...args) {
      const result = method.apply(this, args);
      feed.reconsider();
      return result;
    };
    Object.defineProperty(stream, name, { value: ours, configurable: true, writable: true, enumerable: false });
    this.methods.set(name, { before, ours });
  }

  /** Someone may look now. */
  reconsider() {
    if (this.port.feeder !== this) return;
    const { stream, port } = this;
    const target = stream._readableState.pipes[0];
    if (!isPipedUnseen(stream) || target === undefined || inputOf(target, this) !== port) this.unlink();
  }

  /** Bytes become chunks again. */
  unlink() {
    if (this.port.feeder !== this) return;
    this.port.feeder = null;
    for (const [name, { before, ours }] of this.methods) {
      // Who replaced it meanwhile keeps what he set.
      if (this.stream[name] !== ours) continue;
      if (before === undefined) delete this.stream[name];
      else Object.defineProperty(this.stream, name, before);
    }
    this.native.unlink();
  }

  /** @returns {import('./stats.js').StageStats} */
  stats() {
    const bytes = this.native.bytes();
    return {
      stage: 'request',
      native: true,
      bytesIn: bytes,
      bytesOut: bytes,
      rowsIn: 0,
      rowsOut: 0,
      rejected: 0,
      busyMs: 0,
      // It works within the turns of the loop, and waits for its peer or for the stage behind it all of the time.
      starvedMs: performance.now() - this.began,
      heldBackMs: 0,
      lifeMs: performance.now() - this.began,
      queuedBytes: 0,
      queueLimit: 0,
      fused: true,
    };
  }
}

module.exports = { Feed, feedTarget };
