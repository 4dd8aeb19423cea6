'use strict';

/** The machine's meters and the log as calls of gRPC, with reflection: for other programs, and for pages by gRPC-Web. */

const { file } = require('../grpc/admin/proto.js');
const { LEVELS } = require('./event-log.js');

const PACKAGE = 'millrace.dashboard.v1';
/** Log lines that are looked at in a turn of the loop. */
const TURN_LINES = 1000;

/** Shares are in thousandths, times in milliseconds since 1970, the rest in bytes and bytes a second. */
const { services, descriptor } = file('millrace/dashboard/v1/dashboard.proto', PACKAGE, {
  messages: {
    GetSystemRequest: {},
    WatchSystemRequest: {},
    System: {
      number: [1, 'int64'],
      time: [2, 'int64'],
      core_permille: [3, 'int32', 'repeated'],
      memory_used: [4, 'int64'],
      memory_total: [5, 'int64'],
      received_per_second: [6, 'int64'],
      sent_per_second: [7, 'int64'],
      loopback_per_second: [8, 'int64'],
      disk_read_per_second: [9, 'int64'],
      disk_written_per_second: [10, 'int64'],
    },
    WatchLogRequest: { level: [1, 'string'], text: [2, 'string'] },
    LogLine: {
      number: [1, 'int64'],
      time: [2, 'int64'],
      level: [3, 'string'],
      source: [4, 'string'],
      text: [5, 'string'],
      missed: [6, 'int64'],
    },
  },
  services: {
    Dashboard: {
      GetSystem: ['GetSystemRequest', 'System'],
      WatchSystem: ['WatchSystemRequest', 'stream System'],
      WatchLog: ['WatchLogRequest', 'stream LogLine'],
    },
  },
});

/** @param {import('./system-feed.js').SystemSample} sample */
const systemMessage = ({ n, time, cores, memory, network, disk }) => ({
  number: n,
  time,
  core_permille: cores.map((share) => Math.round(1000 * share)),
  memory_used: memory.used,
  memory_total: memory.total,
  received_per_second: network.received,
  sent_per_second: network.sent,
  loopback_per_second: network.loopback,
  disk_read_per_second: disk.read ?? 0,
  disk_written_per_second: disk.written ?? 0,
});

/** Lets a call wait for the next thing to happen, or for its end. */
class Waiter {
  /** @param {any} call */
  constructor(call) {
    this.isOver = false;
    this.wake = () => {};
    call.on('cancelled', () => {
      this.isOver = true;
      this.wake();
    });
  }

  /** @returns {Promise<void>} */
  next() {
    return new Promise((resolve) => (this.wake = resolve));
  }
}

/**
 * @param {any} server of `millrace/http`
 * @param {{ system: import('./system-feed.js').SystemFeed, log: import('./event-log.js').EventLog }} sources
 * @returns {any} the gRPC server
 */
function serveCalls(server, { system, log }) {
  const handlers = {
    getSystem: async () => systemMessage(system.recent.at(-1)?.sample ?? system.read()),

    /** Who is slower than the meters gets the latest: `number` tells. @param {any} call */
    async *watchSystem(call) {
      const waiter = new Waiter(call);
      let last = 0;
      const { hub } = system;
      const subscription = hub.subscribe('system', () => waiter.wake());
      try {
        while (!waiter.isOver) {
          const sample = system.recent.at(-1)?.sample;
          if (sample === undefined || sample.n === last) await waiter.next();
          else {
            last = sample.n;
            yield systemMessage(sample);
          }
        }
      } finally {
        subscription.close();
      }
    },

    /** What waits, waits in the log; what it lets go of is counted. @param {any} call */
    async *watchLog(call) {
      const waiter = new Waiter(call);
      const { level = '', text = '' } = call.request;
      const least = Math.max(LEVELS.indexOf(level), 0);
      const wanted = text.toLowerCase();
      const onLine = () => waiter.wake();
      log.on('line', onLine);
      try {
        let next = log.first;
        let missed = 0;
        let looked = 0;
        while (!waiter.isOver) {
          const line = log.at(next);
          if (next > log.count) await waiter.next();
          else if (line === undefined) {
            missed += log.first - next;
            next = log.first;
          } else {
            next += 1;
            if (++looked % TURN_LINES === 0) await new Promise((resolve) => setImmediate(resolve));
            if (LEVELS.indexOf(line.level) < least || !`${line.source} ${line.text}`.toLowerCase().includes(wanted)) continue;
            const { n, time, source } = line;
            yield { number: n, time, level: line.level, source, text: line.text, missed };
            missed = 0;
          }
        }
      } finally {
        log.off('line', onLine);
      }
    },
  };
  return server.grpc(services.Dashboard, handlers, { 'millrace.reflection': [descriptor()], 'millrace.health': true });
}

module.exports = { serveCalls, Dashboard: services.Dashboard };
