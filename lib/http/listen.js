'use strict';

/** What `listen` takes and tells, as `net.Server` does. */

const net = require('node:net');
const { getSystemErrorMap } = require('node:util');

/** @param {any} options @returns {object} */
function base(options) {
  return {
    backlog: Number(options.backlog) > 0 ? Number(options.backlog) : 511,
    ipv6Only: Boolean(options.ipv6Only),
    reusePort: Boolean(options.reusePort),
  };
}

/**
 * @param {any[]} args
 * @returns {{ options: any, callback: (() => void) | null }}
 */
function normalize(args) {
  const [options, callback] = /** @type {any} */ (net)._normalizeArgs(args);
  const last = args[args.length - 1];
  // listen(port, backlog), listen(port, host, backlog), listen(path, backlog)
  for (const value of args.slice(1, 3)) if (typeof value === 'number' && options.backlog === undefined) options.backlog = value;
  return { options, callback: typeof last === 'function' ? last : callback };
}

/** @param {any} options */
function check(options) {
  const { port, path } = options;
  if (path !== undefined) return;
  if (port === undefined || port === null) return;
  const number = typeof port === 'string' && port.trim() === '' ? NaN : Number(port);
  if (!['number', 'string'].includes(typeof port) || number !== number >>> 0 || number > 0xffff) {
    throw Object.assign(new RangeError(`options.port should be >= 0 and < 65536. Received ${String(port)}.`), {
      code: 'ERR_SOCKET_BAD_PORT',
    });
  }
}

/**
 * As Node words it: `listen EADDRINUSE: address already in use :::80`.
 *
 * @param {{ errno: number, syscall: string }} outcome
 * @param {any} spec
 */
function listenError({ errno }, spec) {
  const [code, text] = getSystemErrorMap().get(-errno) ?? ['EIO', 'i/o error'];
  const place = spec.path ?? (spec.port > 0 ? `${spec.host}:${spec.port}` : spec.host);
  return Object.assign(new Error(`listen ${code}: ${text} ${place}`), {
    code,
    errno: -errno,
    syscall: 'listen',
    address: spec.path ?? spec.host,
    ...(spec.path === undefined ? { port: spec.port } : {}),
  });
}

module.exports = { base, normalize, check, listenError };
