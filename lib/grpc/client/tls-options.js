'use strict';

/** What Node's TLS is told of a channel's server. */

const tls = require('node:tls');
const { splitHostPort } = require('../address.js');
const { defaultAuthority } = require('./resolver.js');

/**
 * @param {import('./channel-credentials.js').ChannelCredentials} credentials
 * @param {import('../address.js').Uri} uri of the channel
 * @param {any} options of the channel
 * @returns {Promise<any>} for `tls.connect()`
 */
async function tlsOptionsOf(credentials, uri, options) {
  const given = /** @type {any} */ (await credentials._getConnectionOptions());
  const authority = defaultAuthority(uri);
  const host = splitHostPort(authority)?.host ?? authority;
  const override = options['grpc.ssl_target_name_override'];
  const result = { ...given, host, servername: override ?? host };
  if (override) {
    const check = given.checkServerIdentity ?? tls.checkServerIdentity;
    result.checkServerIdentity = (/** @type {string} */ _host, /** @type {any} */ certificate) => check(override, certificate);
  }
  if (options['grpc-node.tls_enable_trace']) result.enableTrace = true;
  return result;
}

module.exports = { tlsOptionsOf };
