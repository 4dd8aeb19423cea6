'use strict';

const { logVerbosity } = require('./constants.js');

/** As in grpc-js: errors go to the console, unless `GRPC_VERBOSITY` or `GRPC_NODE_VERBOSITY` says otherwise. */
const DEFAULT_LOGGER = {
  error: (/** @type {any[]} */ ...args) => console.error(...args),
  info: (/** @type {any[]} */ ...args) => console.error(...args),
  debug: (/** @type {any[]} */ ...args) => console.error(...args),
};

/** @type {Record<string, any>} */
let logger = DEFAULT_LOGGER;
/** @type {number} */
let verbosity = levelOf(process.env.GRPC_NODE_VERBOSITY ?? process.env.GRPC_VERBOSITY);

/**
 * @param {string | undefined} name
 * @returns {number}
 */
function levelOf(name) {
  const level = logVerbosity[(name ?? '').toUpperCase()];
  return typeof level === 'number' ? level : logVerbosity.ERROR;
}

/**
 * @param {number} severity
 * @param {any[]} args
 */
function log(severity, ...args) {
  if (severity < verbosity) return;
  const name = severity === logVerbosity.DEBUG ? 'debug' : severity === logVerbosity.INFO ? 'info' : 'error';
  // A logger may have only some of the methods; `error` stands in for the others.
  const method = logger[name] ?? logger.error;
  if (typeof method === 'function') method.apply(logger, args);
}

/** @param {any} other with any of `error`, `info` and `debug` */
function setLogger(other) {
  logger = other;
}

/** @param {number} level one of `logVerbosity` */
function setLogVerbosity(level) {
  verbosity = level;
}

module.exports = { log, setLogger, setLogVerbosity };
