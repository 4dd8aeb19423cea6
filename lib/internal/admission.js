'use strict';

/**
 * Whose requests are taken. A page on another site can make a browser send requests to a server on loopback, and with a name
 * that it lets point to 127.0.0.1 (DNS rebinding) even read the answers. So what is asked by a page must come from our own,
 * and on loopback the host must be named as loopback is.
 */

const net = require('node:net');

/**
 * @param {string} host a `Host` field: a name or an address, and perhaps a port
 * @returns {string} without the port and brackets, in lower case
 */
function hostName(host) {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host);
  return (bracketed === null ? host.replace(/:\d+$/, '') : bracketed[1]).toLowerCase();
}

/**
 * @param {string} name
 * @returns {boolean}
 */
function isLoopback(name) {
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  if (net.isIPv4(name)) return name.startsWith('127.');
  return name === '::1' || name === '::ffff:127.0.0.1';
}

/**
 * @param {any} req
 * @param {string} boundTo the address that the server listens on
 * @returns {string | null} why it is refused; null where it is not
 */
function refusal(req, boundTo) {
  const { host = '', origin } = req.headers;
  if (isLoopback(boundTo) && !isLoopback(hostName(host))) return 'this server is for its own machine';
  if (origin === undefined) return null;
  // Behind a proxy that ends TLS the scheme is another one, and the host the same.
  const asked = URL.canParse(origin) ? new URL(origin).host : '';
  return asked === host.toLowerCase() ? null : 'a page of another site asks';
}

module.exports = { refusal, isLoopback };
