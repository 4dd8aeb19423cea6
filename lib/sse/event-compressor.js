'use strict';

const { constants, createGzip } = require('../zlib.js');

/** gzip of an event stream: what was written in one tick is flushed at its end, so that no event waits for the next. */
class EventCompressor {
  /**
   * @param {import('node:stream').Writable} target
   * @param {{ level?: number }} options
   */
  constructor(target, { level } = {}) {
    this.target = target;
    this.stream = createGzip({ level, flush: constants.Z_NO_FLUSH });
    this.flushing = false;
  }

  /** The target's head is sent. */
  start() {
    this.stream.on('error', (/** @type {Error} */ error) => this.target.destroy(error));
    this.stream.pipe(this.target);
  }

  /** @param {string | Uint8Array} chunk */
  write(chunk) {
    this.stream.write(chunk);
    if (this.flushing) return;
    this.flushing = true;
    process.nextTick(() => {
      this.flushing = false;
      if (!this.stream.destroyed && !this.stream.writableEnded) this.stream.flush(constants.Z_SYNC_FLUSH);
    });
  }

  end() {
    this.stream.end();
  }

  destroy() {
    this.stream.destroy();
  }
}

/**
 * RFC 9110 section 12.5.3, for the one coding that is offered.
 *
 * @param {string | string[] | undefined} accept the header's value
 * @returns {'gzip' | 'identity'}
 */
function negotiate(accept) {
  let any = false;
  for (const item of String(accept ?? '').split(',')) {
    const [coding, ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    const wanted = quality === undefined || Number(quality.slice(2)) > 0;
    if (coding === 'gzip' || coding === 'x-gzip') return wanted ? 'gzip' : 'identity';
    if (coding === '*') any = wanted;
  }
  return any ? 'gzip' : 'identity';
}

module.exports = { EventCompressor, negotiate };
