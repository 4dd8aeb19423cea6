'use strict';

/** Event streams of `millrace/http` and `millrace/sse` beside `res.write` on `node:http` and `better-sse`. */

const CLIENTS = 1000;

/**
 * @param {string} who
 * @param {string} mode
 * @returns {import('.').ServerSide['start']}
 */
function program(who, mode) {
  return { program: 'events', options: { who, mode, bytes: 64 } };
}

/**
 * @param {string} mode
 * @param {import('.').ServerSide['bounds']} bounds
 * @param {string} [own]  who of ours
 * @returns {import('.').ServerCase['sides']}
 */
function sides(mode, bounds, own = 'hub') {
  return {
    ours: { label: own === 'hub' ? 'millrace, `server.events()`' : 'millrace, `createChannel()`', start: program(own, mode) },
    ...(own === 'hub' && { node: { label: '`node:http`, `res.write()`', start: program('node', mode), bounds } }),
    'better-sse': { label: '`better-sse`', start: program('better-sse', mode), bounds },
  };
}

/** @type {import('.').ServerCase[]} */
module.exports = [
  {
    name: 'sse-flood',
    title: 'an event of 64 B to 1,000 clients, as fast as it goes',
    unit: 'deliveries',
    load: { mode: 'events', connections: CLIENTS, path: '/events' },
    sides: sides('flood', { rate: { atLeast: 5 } }),
  },
  {
    name: 'sse-steady',
    title: 'the same, 50 a second',
    unit: 'deliveries',
    load: { mode: 'events', connections: CLIENTS, path: '/events', stamped: true },
    sides: sides('steady', { cpuMicros: {}, p99Micros: {} }),
  },
  {
    name: 'sse-channel-flood',
    title: 'an event of 64 B by a channel to 1,000 clients, as fast as it goes',
    unit: 'deliveries',
    load: { mode: 'events', connections: CLIENTS, path: '/events' },
    sides: sides('flood', { rate: { atLeast: 5 } }, 'channel'),
  },
];
