'use strict';

/** Statuses that are made on this side, in grpc-js's words. */

const { getSystemErrorMap } = require('node:util');
const { status } = require('../constants.js');
const { Metadata } = require('../metadata.js');

/** @typedef {{ code: number, details: string, metadata: Metadata }} Status */

/** Reasons of HTTP/2 (RFC 9113 §7). */
const reason = {
  NO_ERROR: 0,
  INTERNAL_ERROR: 2,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
};

/** @type {Record<number, number>} */
const OF_HTTP = {
  400: status.INTERNAL,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.UNIMPLEMENTED,
  429: status.UNAVAILABLE,
  502: status.UNAVAILABLE,
  503: status.UNAVAILABLE,
  504: status.UNAVAILABLE,
};

/** What a resolver or a balancer may not answer with: only servers say such things. */
const NOT_OF_THE_CONTROL_PLANE = new Set([
  status.OK,
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.FAILED_PRECONDITION,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.DATA_LOSS,
]);

/**
 * @param {number} code
 * @param {string} details
 * @param {Metadata} [metadata]
 * @returns {Status}
 */
function statusOf(code, details, metadata = new Metadata()) {
  return { code, details, metadata };
}

/**
 * @param {number} http a status of HTTP
 * @param {Metadata} [metadata]
 * @returns {Status}
 */
function ofHttp(http, metadata) {
  return statusOf(OF_HTTP[http] ?? status.UNKNOWN, `Received HTTP status code ${http}`, metadata);
}

/**
 * @param {number} why a reason of HTTP/2
 * @returns {Status} of a call whose stream the peer reset
 */
function ofReset(why) {
  switch (why) {
    case reason.NO_ERROR:
      return statusOf(status.INTERNAL, `Received RST_STREAM with code ${why} (Call ended without gRPC status)`);
    case reason.REFUSED_STREAM:
      return statusOf(status.UNAVAILABLE, 'Stream refused by server');
    case reason.CANCEL:
      return statusOf(status.CANCELLED, 'Call cancelled');
    case reason.ENHANCE_YOUR_CALM:
      return statusOf(status.RESOURCE_EXHAUSTED, 'Bandwidth exhausted or memory limit exceeded');
    case reason.INADEQUATE_SECURITY:
      return statusOf(status.PERMISSION_DENIED, 'Protocol not secure enough');
    case reason.INTERNAL_ERROR:
      return statusOf(status.INTERNAL, `Received RST_STREAM with code ${why} (Internal server error)`);
    default:
      return statusOf(status.INTERNAL, `Received RST_STREAM with code ${why}`);
  }
}

/**
 * @param {number} code
 * @param {string} details
 * @returns {{ code: number, details: string }} with INTERNAL in place of what only a server may say
 */
function ofControlPlane(code, details) {
  if (!NOT_OF_THE_CONTROL_PLANE.has(code)) return { code, details };
  return { code: status.INTERNAL, details: `Invalid status from control plane: ${code} ${status[code]} ${details}` };
}

/**
 * @param {number} errno positive
 * @param {string} where
 * @param {string} [syscall]
 * @returns {Error} in Node's words
 */
function connectError(errno, where, syscall = 'connect') {
  const [code] = getSystemErrorMap().get(-errno) ?? [`E${errno}`];
  return Object.assign(new Error(`${syscall} ${code} ${where}`), { code, errno: -errno, syscall });
}

/** @param {unknown} error @returns {string} */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

module.exports = { connectError, messageOf, ofControlPlane, ofHttp, ofReset, reason, statusOf };
