'use strict';

/** `protobufjs`, an optional dependency: only who loads `.proto` files here needs it. Versions 7 and 8 will do. */

const { withCode } = require('../../internal/errors.js');

/** Protos of Google's that protobufjs has, and imports may name. */
const COMMON = ['api', 'descriptor', 'source_context', 'type'];

/** @type {{ protobuf: any, descriptor: any } | undefined} */
let loaded;

/**
 * @returns {{ protobuf: any, descriptor: any }}
 * @throws {Error} `ERR_MILLRACE_GRPC_PEER`
 */
function protobufjs() {
  if (loaded !== undefined) return loaded;
  try {
    const protobuf = require('protobufjs');
    for (const name of COMMON) {
      const { nested } = require(`protobufjs/google/protobuf/${name}.json`);
      protobuf.common(name, nested.google.nested.protobuf.nested);
    }
    loaded = { protobuf, descriptor: require('protobufjs/ext/descriptor') };
  } catch (cause) {
    const message = 'Loading .proto files is done by protobufjs, which is not installed: npm install protobufjs';
    throw withCode(new Error(message, { cause }), 'ERR_MILLRACE_GRPC_PEER');
  }
  return loaded;
}

module.exports = { protobufjs };
