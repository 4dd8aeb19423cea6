'use strict';

const { Channel: OwnChannel, checkArguments } = require('./channel.js');
const { DelegatedChannel, reasonToDelegate } = require('./delegate.js');

/** A channel of ours, or of grpc-js for what is left to that. */
class Channel {
  /** @param {any} target @param {any} credentials @param {any} [options] */
  constructor(target, credentials, options = {}) {
    checkArguments(target, credentials, options);
    const why = reasonToDelegate(target, options ?? {});
    /** @type {any} */
    this.channel = why === undefined
      ? new OwnChannel(target, credentials, options ?? {})
      : new DelegatedChannel(target, credentials, options, why);
  }

  /** Calls that are open go on; no more are made. */
  close() {
    this.channel.close();
  }

  getTarget() {
    return this.channel.getTarget();
  }

  /** @param {boolean} tryToConnect @returns {number} one of `connectivityState` */
  getConnectivityState(tryToConnect) {
    return this.channel.getConnectivityState(tryToConnect);
  }

  /**
   * @param {number} currentState
   * @param {Date | number} deadline
   * @param {(error?: Error) => void} callback without an error when the state is another
   */
  watchConnectivityState(currentState, deadline, callback) {
    this.channel.watchConnectivityState(currentState, deadline, callback);
  }

  getChannelzRef() {
    return this.channel.getChannelzRef();
  }

  /**
   * @param {string} method path
   * @param {number | Date} deadline
   * @param {string | null | undefined} host
   * @param {any} parentCall a server's call, or null
   * @param {number | null | undefined} propagateFlags of `propagate`
   */
  createCall(method, deadline, host, parentCall, propagateFlags) {
    return this.channel.createCall(method, deadline, host, parentCall, propagateFlags);
  }
}

module.exports = { Channel };
