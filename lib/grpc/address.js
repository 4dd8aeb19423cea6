'use strict';

/** Where a server is to listen: `host:port`, `dns:`, `ipv4:`, `ipv6:`, `unix:`, in the forms that grpc-js takes. */

const dns = require('node:dns/promises');
const net = require('node:net');

const URI = /^(?:([A-Za-z0-9+.-]+):)?(?:\/\/([^/]*)\/)?(.+)$/;
const SCHEMES = new Set(['dns', 'ipv4', 'ipv6', 'unix', 'unix-abstract']);
const DEFAULT_PORT = 443;

/** @typedef {{ scheme: string, authority?: string, path: string }} Uri */
/** @typedef {{ host: string, port: number } | { path: string }} Address */

/**
 * @param {string} text
 * @returns {Uri} with the scheme `dns` where it has none that is known
 * @throws {Error} where it is no address
 */
function parseAddress(text) {
  const match = URI.exec(text);
  if (match === null) throw new Error(`Could not parse port "${text}"`);
  const [, scheme, authority, path] = match;
  if (scheme === undefined || !SCHEMES.has(scheme)) return { scheme: 'dns', path: text };
  return { scheme, authority, path };
}

/** @param {Uri} uri @returns {string} */
function addressToString({ scheme, authority, path }) {
  return `${scheme}:${authority === undefined ? '' : `//${authority}/`}${path}`;
}

/** @param {string} path @returns {{ host: string, port?: number } | null} */
function splitHostPort(path) {
  if (path.startsWith('[')) {
    const end = path.indexOf(']');
    if (end === -1) return null;
    const host = path.slice(1, end);
    if (net.isIPv6(host) === false) return null;
    if (path.length === end + 1) return { host };
    const port = path[end + 1] === ':' ? path.slice(end + 2) : '';
    return /^\d+$/.test(port) ? { host, port: Number(port) } : null;
  }
  const parts = path.split(':');
  if (parts.length !== 2) return { host: path };
  return /^\d+$/.test(parts[1]) ? { host: parts[0], port: Number(parts[1]) } : null;
}

/** @param {string} host @param {number} port @returns {string} */
function joinHostPort(host, port) {
  return net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * @param {Uri} uri
 * @returns {Promise<Address[]>} none are left out
 */
async function resolveAddress({ scheme, authority, path }) {
  if (scheme === 'unix') {
    if (authority !== undefined && authority !== '') throw new Error('Unix addresses have no authority');
    return [{ path: authority === undefined ? path : `/${path}` }];
  }
  if (scheme === 'unix-abstract') throw new Error('Servers do not listen on abstract Unix sockets');
  if (scheme === 'ipv4' || scheme === 'ipv6') {
    return path.split(',').map((one) => {
      const parts = splitHostPort(one);
      if (parts === null || net.isIP(parts.host) !== (scheme === 'ipv4' ? 4 : 6)) {
        throw new Error(`Unrecognized address ${one} in ${scheme} scheme`);
      }
      return { host: parts.host, port: parts.port ?? DEFAULT_PORT };
    });
  }
  const parts = splitHostPort(path);
  if (parts === null) throw new Error(`Failed to parse DNS address dns:${path}`);
  const port = parts.port ?? DEFAULT_PORT;
  if (net.isIP(parts.host) !== 0) return [{ host: parts.host, port }];
  const found = await dns.lookup(parts.host, { all: true });
  return found.map(({ address }) => ({ host: address, port }));
}

module.exports = { parseAddress, addressToString, splitHostPort, joinHostPort, resolveAddress };
