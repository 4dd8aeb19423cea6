'use strict';

const { DeadLetters } = require('./dead-letters.js');
const { NativeTransform } = require('./native-stream.js');
const { kOutput, kSideReady } = require('./port-keys.js');

/** @typedef {(error?: Error | null) => void} Callback */

/** A transform that may leave rows out, and hands them to a Writable of the user's. */
class RowStage extends NativeTransform {
  /**
   * @param {Record<string, any>} options stream options
   * @param {import('./port.js').PortOptions} port
   * @param {{ rejects?: import('node:stream').Writable, endRejects: boolean }} policy
   */
  constructor(options, port, { rejects, endRejects }) {
    super(options, port);
    const joined = /** @type {any} */ (this)[kOutput];
    this._letters = rejects === undefined ? null : new DeadLetters(this, joined, rejects, endRejects);
  }

  [kSideReady]() {
    this._letters?.pump();
  }

  /**
   * @override
   * @param {Callback} callback once all whole rows so far are worked off and their rejects are written
   */
  _final(callback) {
    super._final((error) => {
      if (error || this._letters === null) callback(error);
      else this._letters.settle(callback);
    });
  }

  /**
   * @override
   * @param {Callback} callback once all output came and all rejects are written
   */
  _flush(callback) {
    super._flush((error) => {
      if (error || this._letters === null) {
        callback(error);
        return;
      }
      this._letters.finish(() => {
        callback();
        // The port told the composed stream of the end before it was pushed.
        /** @type {any} */ (this)[kOutput].outer?.outputEnded();
      });
    });
  }

  /**
   * @override
   * @param {Error | null} error
   * @param {Callback} callback
   */
  _destroy(error, callback) {
    this._letters?.destroy(error);
    super._destroy(error, callback);
  }
}

module.exports = { RowStage };
