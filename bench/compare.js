'use strict';

const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { isDeepStrictEqual } = require('node:util');
const { examine } = require('./verify');

/** Milliseconds after which a trial counts as hung. */
const TRIAL_TIMEOUT = 10 * 60 * 1000;
/** Slow rivals get this part of the input; so does every side in the untimed pass that digests all it produced. */
const SLICE = 1 / 8;

/**
 * What one trial cost. Sizes in bytes, delays in milliseconds beyond the monitor's resolution.
 *
 * @typedef {object} Cost
 * @property {number} seconds
 * @property {number} rate        in the case's unit
 * @property {number} cpuSeconds  user and system, all threads
 * @property {number} work        plain bytes, or calls, that this took
 * @property {number} peakRss
 * @property {number | null} delayP99
 * @property {number | null} delayMax
 * @property {number | null} size of the output
 */

/**
 * @typedef {object} Comparison
 * @property {string} name
 * @property {string} title
 * @property {string} input
 * @property {number} bytes
 * @property {'MB/s' | 'calls/s'} unit
 * @property {Record<string, { label: string, floor?: number, sizeFloor?: number, own?: boolean, costs: Cost[] }>} sides
 */

/**
 * Runs one trial in a fresh process.
 *
 * @param {import('./cases').Job} job
 * @returns {Promise<Omit<Cost, 'rate' | 'work' | 'size'> & { facts: object }>}
 */
async function trial(job) {
  const child = spawn(process.execPath, [path.join(__dirname, 'trial.js'), JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: TRIAL_TIMEOUT,
    killSignal: 'SIGKILL',
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  const [code, signal] = await once(child, 'close');
  if (code !== 0) throw new Error(`${job.case}, ${job.side}: the trial ended with ${signal ?? code}`);
  return JSON.parse(out);
}

/** Runs a case's sides on one input, alternately, and sees to it that they agree. */
class Comparer {
  /**
   * @param {object} options
   * @param {import('./inputs').Inputs} options.inputs
   * @param {string} options.folder   for outputs
   * @param {number} options.trials
   * @param {boolean} options.smoke   only the untimed pass, on little
   * @param {boolean} options.rivals  leave ours out
   */
  constructor(options) {
    this.options = options;
    /** @type {string[]} what did not agree, or did not end well */
    this.failures = [];
    /** @type {string[]} */
    this.notes = [];
  }

  /**
   * @param {import('./cases').Case} one
   * @param {string} inputName
   * @returns {Promise<Comparison | null>} null where the input is not at hand
   */
  async compare(one, inputName) {
    const { inputs, trials, smoke, rivals } = this.options;
    let whole = await inputs.get(inputName);
    if (!whole) {
      this.note(`${one.name} on ${inputName} is left out: that log is not at hand`);
      return null;
    }
    if (smoke) whole = await inputs.slice(whole, inputs.bytes);
    const slice = await inputs.slice(whole, Math.floor(whole.bytes * SLICE));

    const names = Object.keys(one.sides).filter((name) => {
      const { command } = one.sides[name];
      if (name === 'ours' && rivals) return false;
      if (!command || spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0) return true;
      this.note(`${one.name}: ${command} is left out, since it is not installed`);
      return false;
    });

    /** @type {Comparison} */
    const comparison = { name: one.name, title: one.title, input: inputName, bytes: whole.bytes, unit: one.unit, sides: {} };
    for (const name of names) {
      const { label, floor, sizeFloor } = one.sides[name];
      comparison.sides[name] = { label, floor, sizeFloor, costs: [] };
    }

    /** @type {Map<string, { side: string, facts: object }>} what the first side on an input found */
    const expected = new Map();
    /**
     * @param {string} side
     * @param {import('./inputs').Input} input
     * @param {boolean} check
     */
    const run = async (side, input, check) => {
      try {
        const { cost, facts } = await this.trial(one, side, input, check);
        const key = `${input.plain} ${check}`;
        const first = expected.get(key);
        if (!first) expected.set(key, { side, facts });
        else if (!isDeepStrictEqual(first.facts, facts)) {
          const said = `${side} ${JSON.stringify(facts)}, ${first.side} ${JSON.stringify(first.facts)}`;
          throw new Error(`${one.name} on ${inputName}: the sides disagree: ${said}`);
        }
        return cost;
      } catch (error) {
        const { message } = /** @type {Error} */ (error);
        this.failures.push(message);
        process.stderr.write(`FAILED ${message}\n`);
        return null;
      }
    };

    for (const name of names) {
      const cost = await run(name, smoke ? whole : slice, true);
      if (smoke && cost) comparison.sides[name].costs.push(cost);
      if (!cost) delete comparison.sides[name];
    }
    for (let turn = 0; turn < (smoke ? 0 : trials); turn++) {
      const order = Object.keys(comparison.sides);
      if (turn % 2 === 1) order.reverse();
      for (const name of order) {
        const cost = await run(name, one.sides[name].slice ? slice : whole, false);
        if (cost) comparison.sides[name].costs.push(cost);
      }
    }
    return comparison;
  }

  /**
   * @param {import('./cases').Case} one
   * @param {string} side
   * @param {import('./inputs').Input} input
   * @param {boolean} check
   * @returns {Promise<{ cost: Cost, facts: object }>}
   */
  async trial(one, side, input, check) {
    const { folder, smoke } = this.options;
    /** @type {import('./cases').Job} */
    const job = {
      case: one.name,
      side,
      input: one.reads === 'gzip' ? input.packed : input.plain,
      bytes: input.bytes,
      output: path.join(folder, `out-${process.pid}`),
      check,
      calls: smoke ? 200 : (one.calls ?? 0),
    };
    try {
      const { facts: told, ...cost } = await trial(job);
      const { size, facts: seen } = await examine(one, job, !one.respelled?.includes(input.name));
      if (one.agrees === 'input' && seen.plain !== input.sha256) {
        throw new Error(`${one.name}, ${side}: what was written is not what was read`);
      }
      if (seen.oneMember === false) throw new Error(`${one.name}, ${side}: the output is not one gzip member`);
      const work = one.unit === 'calls/s' ? job.calls : input.bytes;
      const rate = work / cost.seconds / (one.unit === 'calls/s' ? 1 : 1e6);
      const said = `${rate.toFixed(rate < 100 ? 1 : 0)} ${one.unit}`;
      process.stderr.write(`${one.name} on ${input.name}, ${side}${check ? ', checked' : ''}: ${said}\n`);
      return { cost: { ...cost, rate, work, size }, facts: { ...told, ...seen } };
    } finally {
      fs.rmSync(job.output, { force: true });
      fs.rmSync(`${job.output}.rejects`, { force: true });
    }
  }

  /** @param {string} text */
  note(text) {
    this.notes.push(text);
    process.stderr.write(`${text}\n`);
  }
}

module.exports = { Comparer, SLICE };
