'use strict';

/** What a server's options say, with their defaults. */

const { DEFAULT_MAX_RECEIVE_MESSAGE_LENGTH, compressionAlgorithms } = require('./constants.js');

const DEFAULT_HIGH_WATER = 64 * 1024;
const DEFAULT_MOST_WINDOW = 16 * 1024 * 1024;
const DEFAULT_KEEPALIVE_TIMEOUT_MS = 20_000;

/**
 * @param {any} options
 * @returns {string[]} what answers are compressed with, the best first
 */
function compressionOf(options) {
  const wanted = options['millrace.compression'];
  if (wanted !== undefined) return Array.isArray(wanted) ? wanted : [wanted];
  const algorithm = options['grpc.default_compression_algorithm'] ?? 0;
  return algorithm === 0 ? [] : [compressionAlgorithms[algorithm]];
}

/** @param {any} options of calls; in bytes, -1 for no limit */
function callLimits(options) {
  return {
    maxSend: options['grpc.max_send_message_length'] ?? -1,
    highWater: options['millrace.high_water_mark'] ?? DEFAULT_HIGH_WATER,
    sendsMetrics: Boolean(options['grpc.server_call_metric_recording']),
  };
}

/** @param {any} options of connections' lives; in ms, undefined for no limit */
function connectionTimes(options) {
  return {
    idleMs: options['grpc.max_connection_idle_ms'],
    ageMs: options['grpc.max_connection_age_ms'],
    graceMs: options['grpc.max_connection_age_grace_ms'],
    keepaliveMs: options['grpc.keepalive_time_ms'],
    keepaliveTimeoutMs: options['grpc.keepalive_timeout_ms'] ?? DEFAULT_KEEPALIVE_TIMEOUT_MS,
  };
}

/** @param {any} options @returns {object} settings of the native half, see `src/binding/grpc.rs` */
function nativeSettings(options) {
  const maxReceive = options['grpc.max_receive_message_length'] ?? DEFAULT_MAX_RECEIVE_MESSAGE_LENGTH;
  const window = options['grpc-node.flow_control_window'];
  return {
    maxReceive: maxReceive === -1 ? null : maxReceive,
    highWater: callLimits(options).highWater,
    compression: compressionOf(options),
    compressionThreshold: options['millrace.compression_threshold'],
    concurrentStreams: options['grpc.max_concurrent_streams'],
    streamWindow: window,
    // Who says how large it is has it so.
    mostWindow: options['millrace.max_flow_control_window'] ?? (window === undefined ? DEFAULT_MOST_WINDOW : 0),
    headerList: options['grpc.max_metadata_size'],
    handshakeTimeout: options['grpc.server_handshake_timeout_ms'],
    pingInterval: options['grpc.http2.min_ping_interval_without_data_ms'],
    pingStrikes: options['grpc.http2.max_ping_strikes'] === 0 ? 2 ** 32 - 1 : options['grpc.http2.max_ping_strikes'],
    pendingResets: options['millrace.max_pending_resets'],
    resetBurst: options['millrace.reset_burst'],
    resetRate: options['millrace.reset_rate'],
    controlFrameBurst: options['millrace.control_frame_burst'],
    controlFrameRate: options['millrace.control_frame_rate'],
  };
}

module.exports = { callLimits, connectionTimes, nativeSettings };
