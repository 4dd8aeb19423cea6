'use strict';

/**
 * `@grpc/grpc-js`, an optional dependency: what millrace/grpc does not do itself yet is done by it, behind the same names.
 * Nothing of a server needs it.
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
      const found = /** @type {any} */ (require('@grpc/grpc-js'));
      // Our own package of that name (compat/grpc-js) would ask us again.
      if (found.Server === require('./server.js').Server) throw new Error('@grpc/grpc-js is millrace/grpc here');
      peer = found;
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
