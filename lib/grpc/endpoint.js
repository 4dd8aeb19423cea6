'use strict';

/** What is known of the two ends of a connection. */

/** @typedef {{ address?: string, port?: number, path?: string } | null} End */
/** @typedef {{ local: End, remote: End }} Ends */

/**
 * @param {any} socket of Node's, or one that looks like it
 * @returns {Ends}
 */
function endsOf({ localAddress, localPort, remoteAddress, remotePort }) {
  return {
    local: localAddress === undefined ? null : { address: localAddress, port: localPort },
    remote: remoteAddress === undefined ? null : { address: remoteAddress, port: remotePort },
  };
}

/**
 * @param {Ends} ends
 * @returns {string} as `call.getPeer()` gives it
 */
function peerOf({ remote }) {
  if (remote === null) return 'unknown';
  if (remote.path !== undefined) return remote.path;
  return remote.port === undefined ? String(remote.address) : `${remote.address}:${remote.port}`;
}

/** @param {Ends} ends */
function infoOf({ local, remote }) {
  return {
    localAddress: local?.address,
    localPort: local?.port,
    remoteAddress: remote?.address,
    remotePort: remote?.port,
  };
}

/**
 * @param {any} socket
 * @returns {{ transportSecurityType?: string, sslPeerCertificate?: any }}
 */
function authOf(socket) {
  if (socket?.encrypted !== true) return {};
  const certificate = socket.getPeerCertificate();
  return { transportSecurityType: 'ssl', sslPeerCertificate: certificate?.raw ? certificate : undefined };
}

module.exports = { endsOf, peerOf, infoOf, authOf };
