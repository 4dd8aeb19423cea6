'use strict';

/** What `createServer({ http2 })` may be told. */

const { invalidArgType } = require('../internal/errors.js');
const { integer, optionsObject } = require('../internal/options.js');

const MAX_MS = 2 ** 31 - 1;
const MAX_WINDOW = 2 ** 31 - 1;
const MAX_COUNT = 2 ** 32 - 1;

/**
 * @param {unknown} given
 * @param {number} maxHeaderSize bytes of a head of HTTP/1
 * @returns {object | null} settings for `src/binding/http.rs`; null where HTTP/2 is not served
 */
function http2Settings(given, maxHeaderSize) {
  if (given === false) return null;
  if (given !== undefined && given !== true && (typeof given !== 'object' || given === null)) {
    throw invalidArgType('options.http2', ['boolean', 'Object'], given);
  }
  const options = optionsObject(given === true ? undefined : given);
  return {
    initialWindowSize: integer(options, 'initialWindowSize', 0, MAX_WINDOW, 1024 * 1024),
    connectionWindowSize: integer(options, 'connectionWindowSize', 65_535, MAX_WINDOW, 4 * 1024 * 1024),
    maxConcurrentStreams: integer(options, 'maxConcurrentStreams', 1, MAX_COUNT, 128),
    maxFrameSize: integer(options, 'maxFrameSize', 16_384, 2 ** 24 - 1, 16_384),
    maxHeaderListSize: integer(options, 'maxHeaderListSize', 1, MAX_COUNT, maxHeaderSize),
    maxPendingResets: integer(options, 'maxPendingResets', 0, MAX_COUNT, 20),
    maxErrorResets: integer(options, 'maxErrorResets', 0, MAX_COUNT, 1024),
    streamResetBurst: integer(options, 'streamResetBurst', 1, MAX_COUNT, 1000),
    streamResetRate: integer(options, 'streamResetRate', 0, MAX_COUNT, 33),
    controlFrameBurst: integer(options, 'controlFrameBurst', 1, MAX_COUNT, 1000),
    controlFrameRate: integer(options, 'controlFrameRate', 0, MAX_COUNT, 100),
    idleTimeout: integer(options, 'idleTimeout', 0, MAX_MS, 120_000),
    stallTimeout: integer(options, 'stallTimeout', 0, MAX_MS, 60_000),
    pingInterval: integer(options, 'pingInterval', 0, MAX_MS, 60_000),
    pingTimeout: integer(options, 'pingTimeout', 1, MAX_MS, 20_000),
  };
}

module.exports = { http2Settings };
