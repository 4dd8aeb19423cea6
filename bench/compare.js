'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { Rounds } = require('./rounds');
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

/** Runs a case's sides on one input, each trial in a process of its own. */
class Comparer extends Rounds {
  /**
   * @param {object} options
   * @param {import('./inputs').Inputs} options.inputs
   * @param {string} options.folder   for outputs
   * @param {number} options.trials
   * @param {boolean} options.smoke   only the untimed pass, on little
   * @param {boolean} options.rivals  leave ours out
   */
  constructor(options) {
    super(options);
    this.inputs = options.inputs;
    this.folder = options.folder;
  }

  /**
   * @param {import('./cases').Case} one
   * @param {string} inputName
   * @returns {Promise<Comparison | null>} null where the input is not at hand
   */
  async compare(one, inputName) {
    const { inputs, smoke } = this;
    const found = await inputs.get(inputName);
    if (!found) {
      this.note(`${one.name} on ${inputName} is left out: that log is not at hand`);
      return null;
    }
    const whole = smoke ? await inputs.slice(found, inputs.bytes) : found;
    const slice = await inputs.slice(whole, Math.floor(whole.bytes * SLICE));

    const costs = await this.run(`${one.name} on ${inputName}`, this.runnable(one.name, one.sides), async (side, check) => {
      const sliced = check ? !smoke : one.sides[side].slice;
      const input = sliced ? slice : whole;
      return { ...await this.trial(one, side, input, check), work: `${input.plain} ${check}` };
    });
    /** @type {Comparison} */
    const comparison = { name: one.name, title: one.title, input: inputName, bytes: whole.bytes, unit: one.unit, sides: {} };
    for (const [name, list] of Object.entries(costs)) {
      const { label, floor, sizeFloor } = one.sides[name];
      comparison.sides[name] = { label, floor, sizeFloor, costs: list };
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
    const { folder, smoke } = this;
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
}

module.exports = { Comparer, SLICE };
