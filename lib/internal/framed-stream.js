'use strict';

/**
 * Transforms whose output is JavaScript values instead of bytes. The native stage packs many values into one frame; one
 * crossing takes a frame, and its values are pushed one by one. Values that the reader does not take yet wait here, so
 * what waits is bounded by one frame.
 */

const { NativeTransform } = require('./native-stream.js');
const { Port } = require('./port.js');
const { kOutput } = require('./port-keys.js');

/** Bytes of a frame's header: three u32, little-endian, the first of which is the length of the frame's text. */
const HEADER_BYTES = 12;
/** Frames of up to this size share one buffer: their values are copies. */
const SLAB_BYTES = 128 * 1024;

/**
 * Takes values out of frames.
 *
 * @typedef {object} Unframer
 * @property {number} left values that wait to be taken
 * @property {(header: DataView) => number} open reads a header; returns how many bytes follow it
 * @property {(body: Buffer) => void} load takes what follows; the memory is reused once `left` is 0 again
 * @property {() => any} next the next of the values that are left
 * @property {() => void} settle no frame is there at the moment: values that waited for more need not wait longer
 */

/** @typedef {import('./port.js').PortOptions & { unframer: Unframer }} FramedPortOptions */

class FramedPort extends Port {
  /**
   * @param {any} stream
   * @param {FramedPortOptions} options
   */
  constructor(stream, options) {
    super(stream, options);
    this.unframer = options.unframer;
    this.header = Buffer.alloc(HEADER_BYTES);
    this.headerView = new DataView(this.header.buffer, this.header.byteOffset, HEADER_BYTES);
    /** @type {Buffer | null} */
    this.slab = null;
    this.wanting = false;
  }

  /**
   * The stream wants data, and is called from its `_read`.
   *
   * @override
   */
  want() {
    this.wantsData = true;
    if (this.pulling) return;
    const { stream } = this;
    if (stream.readableFlowing && stream.listenerCount('data') > 0) {
      // Outside of `_read` a push is an event at once, and not a detour through the stream's buffer.
      if (this.wanting) return;
      this.wanting = true;
      process.nextTick(() => {
        this.wanting = false;
        if (this.wantsData && !stream.destroyed) super.want();
      });
    } else if (this.unframer.left === 0 || !this.hand()) {
      super.want();
    }
  }

  /** @returns {boolean} whether the stream has enough now */
  hand() {
    const { stream, unframer } = this;
    this.pulling = true;
    try {
      this.give(unframer, stream);
    } finally {
      this.pulling = false;
    }
    return !this.wantsData || stream.destroyed;
  }

  /**
   * Pushes what is left, while the stream takes more.
   *
   * @param {Unframer} unframer
   * @param {import('node:stream').Readable} stream
   */
  give(unframer, stream) {
    while (unframer.left > 0 && this.wantsData && !stream.destroyed) {
      if (!stream.push(unframer.next())) this.wantsData = false;
    }
  }

  /**
   * Takes one frame and pushes its values.
   *
   * @override
   * @param {number} available bytes before the next mark
   * @returns {boolean} whether there may be more
   */
  take(available) {
    const { stream, unframer } = this;
    try {
      if (unframer.left === 0) {
        if (available > 0) {
          this.operator.read(this.header);
          unframer.load(this.body(unframer.open(this.headerView)));
        } else {
          unframer.settle();
          if (unframer.left === 0) return super.take(0);
        }
      }
    } catch (error) {
      stream.destroy(error);
      return false;
    }
    this.give(unframer, stream);
    return unframer.left === 0;
  }

  /**
   * @param {number} bytes
   * @returns {Buffer} that many bytes of output: a frame is given out whole, so they are all there
   */
  body(bytes) {
    let body;
    if (bytes > SLAB_BYTES) {
      body = Buffer.allocUnsafeSlow(bytes);
    } else {
      this.slab ??= Buffer.allocUnsafeSlow(SLAB_BYTES);
      body = this.slab.subarray(0, bytes);
    }
    if (bytes > 0) this.operator.read(body);
    return body;
  }
}

/** A transform from bytes to values. Its readable side is in object mode. */
class FramedTransform extends NativeTransform {
  /**
   * @param {Record<string, any>} options stream options
   * @param {FramedPortOptions} port
   */
  constructor(options, port) {
    super({ ...options, readableObjectMode: true }, { ...port, type: FramedPort });
  }

  /**
   * Never linked: values are for JavaScript.
   *
   * @override
   */
  _read() {
    /** @type {any} */ (this)[kOutput].want();
  }
}

module.exports = { FramedTransform };
