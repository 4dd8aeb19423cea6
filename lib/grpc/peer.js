'use strict';

/**
 * `@grpc/grpc-js`, an optional dependency: what millrace/grpc does not do itself yet is done by it, behind the same names.
 * Nothing of a server needs it, but the definition of the channelz service.
 */

const { withCode } = require('../internal/errors.js');

/** @type {any} */
let peer;

/**
 * @param {string} what is needed, for the message where it is not installed
 * @returns {any}
 * @throws {Error} `ERR_MILLRACE_GRPC_PEER`
 */
function grpcJs(what) {
  if (peer === undefined) {
    try {
      peer = require('@grpc/grpc-js');
    } catch (cause) {
      const message = `${what} is done by @grpc/grpc-js, which is not installed: npm install @grpc/grpc-js`;
      throw withCode(new Error(message, { cause }), 'ERR_MILLRACE_GRPC_PEER');
    }
  }
  return peer;
}

/** @returns {any} the same where it is installed, or undefined */
function grpcJsIfThere() {
  try {
    return grpcJs('');
  } catch {
    return undefined;
  }
}

module.exports = { grpcJs, grpcJsIfThere };
