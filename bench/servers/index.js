'use strict';

/**
 * How the native generator loads a server.
 *
 * @typedef {object} Load
 * @property {'echo' | 'receive' | 'request' | 'events' | 'unary' | 'server-stream' | 'client-stream' | 'bidi'} mode
 * @property {number} connections
 * @property {number} [inFlight]   messages, requests or calls of a connection that are under way at once
 * @property {number} [messages]   of a gRPC call
 * @property {number} [window]     of these, how many are under way at once in both directions
 * @property {boolean} [http2]
 * @property {string} [ca]         over TLS: file of the certificate that the server's leads to
 * @property {number} [bytes]      of a message, or of a request's body
 * @property {boolean} [text]
 * @property {boolean} [deflate]
 * @property {boolean} [stamped]   what comes says when it was sent
 * @property {string} [path]
 */

/**
 * What ours must reach beside a rival: the ratio of a measure of ours to the rival's.
 *
 * @typedef {{ atLeast?: number, atMost?: number }} Bound
 */

/**
 * A measure of a trial: messages a second, microseconds of the server's processor time for each, the 99th percentile of the
 * latency, or the server's memory for each connection.
 *
 * @typedef {'rate' | 'cpuMicros' | 'p99Micros' | 'rssEach'} Measure
 */

/**
 * One server that does a case's work.
 *
 * @typedef {object} ServerSide
 * @property {string} label
 * @property {{ program: string, options: object } | { nginx: string, tls?: { key: string, cert: string } }} start  one of
 *   `programs/` and its options, or what stands in the location of an nginx, and the files of its key and certificate
 * @property {Partial<Record<Measure, Bound>>} [bounds]  for a rival: what is compared with it, and what must be reached
 * @property {string} [command]  a program that must be installed, or the rival is left out with a note
 */

/**
 * @typedef {object} ServerCase
 * @property {string} name
 * @property {string} title
 * @property {string} unit  what is counted, such as `messages`
 * @property {Load} load
 * @property {boolean} [silent]  nobody says anything: there is no rate
 * @property {Record<string, ServerSide>} sides `ours` first
 */

/** @type {ServerCase[]} */
const serverCases = [...require('./websocket'), ...require('./http'), ...require('./events'), ...require('./grpc')];

module.exports = { serverCases };
