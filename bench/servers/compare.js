'use strict';

const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { Rounds } = require('../rounds');
const { buildGenerator, LoadGenerator } = require('./generator');
const { cpuSeconds, residentBytes } = require('./process');
const { startServer } = require('./start');

/** Of a smoke run: what is checked is that sides agree, not how fast they are. */
const SMOKE_CONNECTIONS = 50;
/** Seconds of a trial, and before it. */
const TIMES = { trial: { seconds: 2, warmUp: 0.5 }, check: { seconds: 0.3, warmUp: 0.1 } };

/**
 * What one trial measured.
 *
 * @typedef {object} ServerCost
 * @property {number} rate       messages a second
 * @property {number} cpuMicros  of the server, for each
 * @property {number | null} p50Micros  null where nothing was waited for
 * @property {number | null} p99Micros
 * @property {number} rss        bytes of the server at the end
 * @property {number} rssEach    bytes that each connection added
 */

/**
 * @typedef {object} ServerComparison
 * @property {string} name
 * @property {string} title
 * @property {string} unit
 * @property {Record<string, { label: string, bounds?: import('.').ServerSide['bounds'], costs: ServerCost[] }>} sides
 */

/** Loads the servers of a case in turn, each in a process of its own. */
class ServerComparer extends Rounds {
  /**
   * @param {object} options
   * @param {string} options.folder   for files to serve
   * @param {number} options.trials
   * @param {boolean} options.smoke   only the checked pass, with few clients
   * @param {boolean} options.rivals  leave ours out
   */
  constructor(options) {
    super(options);
    this.folder = path.resolve(options.folder, 'served');
    fs.mkdirSync(this.folder, { recursive: true });
    for (const [name, bytes] of Object.entries({ '16k': 16 << 10, '1m': 1 << 20 })) {
      fs.writeFileSync(path.join(this.folder, name), Buffer.alloc(bytes, 'The mill grinds as the water runs. '));
    }
    this.generator = buildGenerator(this.smoke ? 'dev' : 'release');
  }

  /**
   * @param {import('.').ServerCase} one
   * @returns {Promise<ServerComparison>}
   */
  async compare(one) {
    const sides = Object.fromEntries(Object.entries(one.sides).map(([name, side]) => [name, { ...side, version: '-v' }]));
    const costs = await this.run(one.name, this.runnable(one.name, sides), (side, check) => this.trial(one, side, check));
    /** @type {ServerComparison} */
    const comparison = { name: one.name, title: one.title, unit: one.unit, sides: {} };
    for (const [name, list] of Object.entries(costs)) {
      const { label, bounds } = one.sides[name];
      comparison.sides[name] = { label, bounds, costs: list };
    }
    return comparison;
  }

  /**
   * @param {import('.').ServerCase} one
   * @param {string} side
   * @param {boolean} check
   * @returns {Promise<import('../rounds').Outcome<ServerCost>>}
   */
  async trial(one, side, check) {
    const connections = check ? Math.min(SMOKE_CONNECTIONS, one.load.connections) : one.load.connections;
    const server = await startServer(one.sides[side].start, { clients: connections }, this.folder);
    // On a busy machine the first may take longer than a trial.
    const atLeast = one.silent ? 0 : 1;
    const how = { port: server.port, check, atLeast, ...TIMES[check ? 'check' : 'trial'] };
    const before = residentBytes(server.pid);
    const load = new LoadGenerator(this.generator, { ...one.load, connections }, how);
    try {
      // Who fails before it measures rejects, and nobody waits.
      await Promise.race([once(load, 'measuring'), load.measured]);
      const rssEach = (residentBytes(server.pid) - before) / connections;
      const cpuBefore = cpuSeconds(server.pid);
      const measured = await load.measured;
      const cpu = cpuSeconds(server.pid) - cpuBefore;
      if (measured.closed > 0) throw new Error(`the server ended ${measured.closed} connections`);
      const { silent = false } = one;
      const timed = !silent && measured.p99Micros > 0;
      const cost = {
        rate: measured.messages / measured.seconds,
        cpuMicros: silent ? 0 : (cpu * 1e6) / measured.messages,
        p50Micros: timed ? measured.p50Micros : null,
        p99Micros: timed ? measured.p99Micros : null,
        rss: residentBytes(server.pid),
        rssEach,
      };
      const busy = `the generator ${Math.round(measured.busy * 100)} % busy`;
      process.stderr.write(`${one.name}, ${side}${check ? ', checked' : ''}: ${describe(cost, one)}, ${busy}\n`);
      // Compressed payloads are looked into in the checked pass alone.
      const counted = !silent && (check || !one.load.deflate);
      const { bytes, messages, digest, tls } = measured;
      const facts = { bytesEach: counted ? bytes / messages : null, digest, tls };
      return { cost, work: String(check), facts };
    } catch (error) {
      throw new Error(`${one.name}, ${side}: ${/** @type {Error} */ (error).message}`, { cause: error });
    } finally {
      load.stop();
      await server.stop();
    }
  }
}

/**
 * @param {ServerCost} cost
 * @param {import('.').ServerCase} one
 */
function describe(cost, { unit }) {
  if (cost.rate === 0) return `${Math.round(cost.rssEach)} bytes a connection`;
  return `${Math.round(cost.rate)} ${unit}/s, ${cost.cpuMicros.toFixed(2)} µs of CPU each`;
}

module.exports = { ServerComparer };
