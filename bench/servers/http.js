'use strict';

/** `millrace/http` beside `node:http`, `node:https`, `node:http2` and nginx. */

const { CA, IDENTITY } = require('./tls');

const HELLO = 'default_type text/plain; return 200 "Hello, world!\\n";';
const SENDFILE = 'sendfile on; tcp_nopush on;';

/**
 * @param {'millrace' | 'node'} who
 * @param {string} mode
 * @param {{ tls?: typeof IDENTITY, http2?: boolean }} [over]
 * @returns {import('.').ServerSide['start']}
 */
function program(who, mode, over = {}) {
  return { program: 'http', options: { who, mode, ...over } };
}

/**
 * @param {string} name
 * @param {string} title
 * @param {string} file
 * @param {number} connections
 * @param {number} floor  against `node:http`
 * @returns {import('.').ServerCase}
 */
function file(name, title, file, connections, floor) {
  return {
    name,
    title,
    unit: 'requests',
    load: { mode: 'request', connections, path: `/${file}` },
    sides: {
      ours: { label: 'millrace, `server.files()`', start: program('millrace', 'files') },
      node: {
        label: '`createReadStream().pipe(res)`',
        start: program('node', 'stream'),
        bounds: { rate: { atLeast: floor } },
      },
      nginx: {
        label: 'nginx, one worker, `sendfile`',
        start: { nginx: SENDFILE },
        bounds: { rate: { atLeast: 0.7 } },
        command: 'nginx',
      },
    },
  };
}

/** @type {import('.').ServerCase[]} */
module.exports = [
  {
    name: 'http-hello',
    title: 'hello by a JavaScript handler, 50 connections, keep-alive',
    unit: 'requests',
    load: { mode: 'request', connections: 50 },
    sides: {
      ours: { label: 'millrace', start: program('millrace', 'hello') },
      node: { label: '`node:http`', start: program('node', 'hello'), bounds: { rate: { atLeast: 1.5 } } },
      nginx: {
        label: 'nginx, `return`',
        start: { nginx: HELLO },
        bounds: { rate: {} },
        command: 'nginx',
      },
    },
  },
  {
    name: 'http-hello-pipelined',
    title: 'the same, 16 requests in flight on each connection',
    unit: 'requests',
    load: { mode: 'request', connections: 50, inFlight: 16 },
    sides: {
      ours: { label: 'millrace', start: program('millrace', 'hello') },
      node: { label: '`node:http`', start: program('node', 'hello'), bounds: { rate: {} } },
    },
  },
  file('http-file-16k', 'a file of 16 KiB, 50 connections', '16k', 50, 5),
  file('http-file-1m', 'a file of 1 MiB, 10 connections', '1m', 10, 2),
  {
    name: 'https-hello',
    title: 'hello over TLS by a JavaScript handler, 50 connections, keep-alive',
    unit: 'requests',
    load: { mode: 'request', connections: 50, ca: CA },
    sides: {
      ours: { label: 'millrace', start: program('millrace', 'hello', { tls: IDENTITY }) },
      node: {
        label: '`node:https`',
        start: program('node', 'hello', { tls: IDENTITY }),
        bounds: { rate: { atLeast: 1.5 } },
      },
      nginx: { label: 'nginx, `return`', start: { nginx: HELLO, tls: IDENTITY }, bounds: { rate: {} }, command: 'nginx' },
    },
  },
  {
    name: 'https-file-1m',
    title: 'a file of 1 MiB over TLS, 10 connections',
    unit: 'requests',
    load: { mode: 'request', connections: 10, path: '/1m', ca: CA },
    sides: {
      ours: { label: 'millrace, `server.files()`', start: program('millrace', 'files', { tls: IDENTITY }) },
      node: {
        label: '`createReadStream().pipe(res)` on `node:https`',
        start: program('node', 'stream', { tls: IDENTITY }),
        bounds: { rate: { atLeast: 2 } },
      },
      nginx: {
        label: 'nginx, one worker',
        start: { nginx: SENDFILE, tls: IDENTITY },
        bounds: { rate: {} },
        command: 'nginx',
      },
    },
  },
  {
    name: 'h2-hello',
    title: 'hello over HTTP/2 in the clear, 10 connections, 32 requests in flight on each',
    unit: 'requests',
    load: { mode: 'request', connections: 10, inFlight: 32, http2: true },
    sides: {
      ours: { label: 'millrace', start: program('millrace', 'hello') },
      node: {
        label: '`node:http2`',
        start: program('node', 'hello', { http2: true }),
        bounds: { rate: { atLeast: 1.5 } },
      },
    },
  },
  {
    name: 'http-upload-64k',
    title: 'a POST of 64 KiB to a JavaScript handler, 50 connections',
    unit: 'requests',
    load: { mode: 'request', connections: 50, bytes: 64 << 10 },
    sides: {
      ours: { label: 'millrace', start: program('millrace', 'upload') },
      node: { label: '`node:http`', start: program('node', 'upload'), bounds: { rate: {} } },
    },
  },
];
