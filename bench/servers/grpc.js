'use strict';

/** `millrace/grpc` beside `@grpc/grpc-js`, with JavaScript handlers on both. */

const { CA, IDENTITY } = require('./tls');

/**
 * @param {string} name
 * @param {string} title
 * @param {Omit<import('.').Load, 'mode'> & { mode: 'unary' | 'server-stream' | 'client-stream' | 'bidi' }} load
 * @param {number} [floor]
 * @returns {import('.').ServerCase}
 */
function calls(name, title, load, floor) {
  const tls = load.ca ? IDENTITY : undefined;
  /** @param {'millrace' | 'grpc-js'} who */
  const start = (who) => ({ program: 'grpc', options: { who, tls } });
  return {
    name: `grpc-${name}`,
    title,
    unit: load.mode === 'unary' ? 'calls' : 'messages',
    load,
    sides: {
      ours: { label: 'millrace', start: start('millrace') },
      'grpc-js': { label: '`@grpc/grpc-js`', start: start('grpc-js'), bounds: { rate: { atLeast: floor } } },
    },
  };
}

/** Bytes of a small message. */
const SMALL = 32;

/** @type {import('.').ServerCase[]} */
module.exports = [
  calls('unary', 'a unary call, 32 B both ways, 4 connections, 32 streams on each',
    { mode: 'unary', connections: 4, inFlight: 32, bytes: SMALL }, 2.5),
  calls('unary-tls', 'the same over TLS',
    { mode: 'unary', connections: 4, inFlight: 32, bytes: SMALL, ca: CA }, 2),
  calls('server-stream', 'server streaming, calls of 1,000 messages of 32 B, 4 connections',
    { mode: 'server-stream', connections: 4, bytes: SMALL, messages: 1000 }, 6),
  calls('client-stream', 'client streaming, calls of 1,000 messages of 32 B, 4 connections',
    { mode: 'client-stream', connections: 4, bytes: SMALL, messages: 1000 }, 6),
  calls('ping-pong', 'bidirectional, 32 B, 100 streams on 4 connections, one message of each under way',
    { mode: 'bidi', connections: 4, inFlight: 25, bytes: SMALL, messages: 1000 }, 2),
  calls('flow', 'bidirectional, 32 B, one stream, 1,000 messages under way',
    { mode: 'bidi', connections: 1, bytes: SMALL, messages: 100_000, window: 1000 }, 5),
  calls('unary-1m', 'a unary call, 1 MiB both ways, 4 connections',
    { mode: 'unary', connections: 4, bytes: 1 << 20 }, 2),
  calls('unary-1m-tls', 'the same over TLS',
    { mode: 'unary', connections: 4, bytes: 1 << 20, ca: CA }, 2),
];
