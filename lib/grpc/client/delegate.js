'use strict';

/**
 * What is left to grpc-js, where it is installed: xDS and other resolvers and balancers that programs register, proxies, and
 * systems without a native event loop. Its channels take calls of ours.
 */

const { getEventLoop } = require('../../internal/event-loop.js');
const { parseAddress } = require('../address.js');
const { grpcJs } = require('../peer.js');
const { balancers } = require('./load-balancing.js');
const { wantsProxy } = require('./proxy.js');

/** Schemes that somebody registered with grpc-js, by way of us. @type {Set<string>} */
const theirSchemes = new Set(['xds']);

/** @param {string} target @returns {string | undefined} */
function schemeOf(target) {
  return /^([A-Za-z0-9+.-]+):/.exec(target)?.[1];
}

/** @param {any} options @returns {boolean} whether its service config asks for a balancer that is not ours alone */
function wantsOtherBalancer(options) {
  const { 'grpc.service_config': text } = options;
  if (!text) return false;
  const { loadBalancingConfig } = JSON.parse(text);
  if (!Array.isArray(loadBalancingConfig) || loadBalancingConfig.length === 0) return false;
  return !loadBalancingConfig.some((config) => Object.keys(config ?? {}).some((name) => name in balancers));
}

/**
 * @param {string} target
 * @param {any} options
 * @returns {string | undefined} why it is grpc-js's, for the error where that is not there
 */
function reasonToDelegate(target, options) {
  if (getEventLoop() === null) return 'A client without a native event loop';
  const scheme = schemeOf(target);
  if (scheme !== undefined && theirSchemes.has(scheme)) return `A channel to ${target}`;
  if (wantsOtherBalancer(options)) return 'The balancer of this service config';
  if (wantsProxy(parseAddress(target), options)) return 'A channel by way of a proxy';
  return undefined;
}

/** @param {any} credentials of calls, ours @returns {any} grpc-js's */
function theirCallCredentials(credentials) {
  return grpcJs('A channel').credentials.createFromMetadataGenerator((/** @type {any} */ about, /** @type {any} */ callback) => {
    credentials.generateMetadata(about).then(
      (/** @type {any} */ metadata) => callback(null, metadata),
      (/** @type {Error} */ error) => callback(error),
    );
  });
}

/** @param {any} ours @returns {any} grpc-js's of the same */
function theirCredentials(ours) {
  const { credentials } = grpcJs('A channel');
  if (!ours._isSecure()) return credentials.createInsecure();
  if (ours.call !== undefined) {
    return credentials.combineChannelCredentials(theirCredentials(ours.channel), theirCallCredentials(ours.call));
  }
  return credentials.createFromSecureContext(ours.context, ours.verifyOptions);
}

/** A channel of grpc-js, whose calls have credentials of ours. */
class DelegatedChannel {
  /** @param {string} target @param {any} credentials @param {any} options @param {string} why */
  constructor(target, credentials, options, why) {
    const { Channel } = grpcJs(why);
    this.theirs = new Channel(target, theirCredentials(credentials), options);
  }

  close() {
    this.theirs.close();
  }

  getTarget() {
    return this.theirs.getTarget();
  }

  /** @param {boolean} tryToConnect */
  getConnectivityState(tryToConnect) {
    return this.theirs.getConnectivityState(tryToConnect);
  }

  /** @param {any[]} args */
  watchConnectivityState(...args) {
    this.theirs.watchConnectivityState(...args);
  }

  getChannelzRef() {
    return this.theirs.getChannelzRef();
  }

  /** @param {any[]} args */
  createCall(...args) {
    const call = this.theirs.createCall(...args);
    const set = call.setCredentials.bind(call);
    call.setCredentials = (/** @type {any} */ credentials) => set(theirCallCredentials(credentials));
    return call;
  }
}

module.exports = { DelegatedChannel, reasonToDelegate, theirSchemes };
