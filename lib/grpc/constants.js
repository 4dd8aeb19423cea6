'use strict';

/**
 * @param {string[]} names
 * @returns {Record<string, any>} both ways, as TypeScript's enums are: grpc-js exports those
 */
function enumOf(names) {
  /** @type {Record<string, any>} */
  const all = {};
  names.forEach((name, number) => {
    all[name] = number;
    all[number] = name;
  });
  return all;
}

/** gRPC's status codes. */
const status = enumOf([
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]);

const logVerbosity = enumOf(['DEBUG', 'INFO', 'ERROR', 'NONE']);

const connectivityState = enumOf(['IDLE', 'CONNECTING', 'READY', 'TRANSIENT_FAILURE', 'SHUTDOWN']);

const compressionAlgorithms = enumOf(['identity', 'deflate', 'gzip']);

/** What a call takes over from its parent; bits. */
const propagate = {
  DEADLINE: 1,
  CENSUS_STATS_CONTEXT: 2,
  CENSUS_TRACING_CONTEXT: 4,
  CANCELLATION: 8,
  DEFAULTS: 0xffff,
  1: 'DEADLINE',
  2: 'CENSUS_STATS_CONTEXT',
  4: 'CENSUS_TRACING_CONTEXT',
  8: 'CANCELLATION',
  65535: 'DEFAULTS',
};

/** Bytes of a message that a peer may send, unless it is said otherwise. */
const DEFAULT_MAX_RECEIVE_MESSAGE_LENGTH = 4 * 1024 * 1024;

module.exports = {
  status,
  logVerbosity,
  connectivityState,
  compressionAlgorithms,
  propagate,
  DEFAULT_MAX_RECEIVE_MESSAGE_LENGTH,
};
