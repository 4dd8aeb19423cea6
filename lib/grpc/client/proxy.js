'use strict';

/** Whether the environment names a proxy for a target, as grpc-js reads it. */

const net = require('node:net');
const { splitHostPort } = require('../address.js');

/** @param {string} ip @returns {number} */
function toNumber(ip) {
  return ip.split('.').reduce((all, byte) => (all << 8) + Number(byte), 0);
}

/** @param {string} host @param {string} entry of `no_proxy`: the end of a name, or a network @returns {boolean} */
function isExcepted(host, entry) {
  const [network, bits] = entry.split('/');
  if (bits !== undefined && net.isIPv4(network) && net.isIPv4(host)) {
    const mask = Number(bits) === 0 ? 0 : -1 << (32 - Number(bits));
    return (toNumber(host) & mask) === (toNumber(network) & mask);
  }
  return host.endsWith(entry);
}

/**
 * @param {import('../address.js').Uri} uri
 * @param {any} options of the channel
 * @returns {boolean}
 */
function wantsProxy(uri, options) {
  const { grpc_proxy: own, https_proxy: https, http_proxy: http } = process.env;
  if ((options['grpc.enable_http_proxy'] ?? 1) === 0 || uri.scheme.startsWith('unix') || !(own || https || http)) return false;
  const { no_grpc_proxy: ownExceptions, no_proxy: exceptions } = process.env;
  const host = splitHostPort(uri.path)?.host;
  if (host === undefined) return false;
  return !(ownExceptions || exceptions || '').split(',').filter(Boolean).some((entry) => isExcepted(host, entry));
}

module.exports = { wantsProxy };
