'use strict';

/** `millrace/ws` beside `ws`. */

/**
 * @param {Pick<import('.').ServerCase, 'name' | 'title' | 'load' | 'silent'> & {
 *   options: object,
 *   bounds: import('.').ServerSide['bounds'],
 *   unit?: string,
 * }} one
 * @returns {import('.').ServerCase}
 */
function against({ name, title, load, silent, options, bounds, unit = 'messages' }) {
  const program = 'websocket';
  const deflate = load.deflate === true;
  return {
    name,
    title,
    unit,
    load,
    silent,
    sides: {
      ours: { label: 'millrace', start: { program, options: { who: 'millrace', deflate, ...options } } },
      ws: { label: '`ws`', start: { program, options: { who: 'ws', deflate, ...options } }, bounds },
    },
  };
}

const echo = { mode: 'echo' };

/** @type {import('.').ServerCase[]} */
module.exports = [
  against({
    name: 'ws-echo-pipelined',
    title: 'echo, 64 B, 50 connections, 16 in flight',
    load: { mode: 'echo', connections: 50, inFlight: 16 },
    options: echo,
    bounds: { rate: { atLeast: 7 } },
  }),
  against({
    name: 'ws-echo',
    title: 'echo, 64 B, 50 connections, 1 in flight',
    load: { mode: 'echo', connections: 50 },
    options: echo,
    bounds: { rate: { atLeast: 1.1 }, cpuMicros: { atMost: 1 } },
  }),
  against({
    name: 'ws-echo-alone',
    title: 'echo, 64 B, 1 connection, 1 in flight',
    load: { mode: 'echo', connections: 1 },
    options: echo,
    bounds: { rate: { atLeast: 0.9 } },
  }),
  against({
    name: 'ws-echo-16k',
    title: 'echo, 16 KiB, 50 connections, 1 in flight',
    load: { mode: 'echo', connections: 50, bytes: 16 << 10 },
    options: echo,
    bounds: { rate: { atLeast: 1.2 } },
  }),
  against({
    name: 'ws-echo-deflate',
    title: 'echo, 1 KiB of text, permessage-deflate, 50 connections, 1 in flight',
    load: { mode: 'echo', connections: 50, bytes: 1024, text: true, deflate: true },
    options: echo,
    bounds: { rate: { atLeast: 3 } },
  }),
  ...[1000, 5000].map((connections) => against({
    name: `ws-broadcast-${connections}`,
    title: `broadcast, 64 B to ${connections.toLocaleString('en-GB')} clients, as fast as it goes`,
    load: { mode: 'receive', connections },
    options: { mode: 'flood', bytes: 64 },
    bounds: { rate: { atLeast: 5 } },
    unit: 'deliveries',
  })),
  against({
    name: 'ws-broadcast-steady',
    title: 'broadcast, 64 B to 1,000 clients, 50 a second',
    load: { mode: 'receive', connections: 1000, stamped: true },
    options: { mode: 'steady', bytes: 64 },
    bounds: { cpuMicros: { atMost: 0.4 }, p99Micros: { atMost: 1 } },
    unit: 'deliveries',
  }),
  against({
    name: 'ws-broadcast-deflate',
    title: 'broadcast, 1 KiB to 1,000 clients, permessage-deflate, as fast as it goes',
    load: { mode: 'receive', connections: 1000, deflate: true },
    options: { mode: 'flood', bytes: 1024 },
    bounds: { rate: { atLeast: 20 } },
    unit: 'deliveries',
  }),
  against({
    name: 'ws-idle',
    title: '9,000 connections that say nothing',
    // What a process may have open ends at 20,000 on many machines, and the generator has as many.
    load: { mode: 'receive', connections: 9000 },
    silent: true,
    options: { mode: 'hold' },
    bounds: { rssEach: { atMost: 1 } },
  }),
];
