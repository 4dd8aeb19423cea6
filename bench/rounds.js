'use strict';

const { spawnSync } = require('node:child_process');
const { isDeepStrictEqual } = require('node:util');

/**
 * What one trial gave: its cost, and facts that must be the same on all sides that did the same work.
 *
 * @template C
 * @typedef {{ cost: C, work: string, facts: object }} Outcome
 */

/** Lets the sides of cases run in turn, sees to it that they agree, and collects what went wrong. */
class Rounds {
  /**
   * @param {object} options
   * @param {number} options.trials
   * @param {boolean} options.smoke   only the checked pass
   * @param {boolean} options.rivals  leave ours out
   */
  constructor({ trials, smoke, rivals }) {
    this.trials = smoke ? 0 : trials;
    this.smoke = smoke;
    this.rivals = rivals;
    /** @type {string[]} what did not agree, or did not end well */
    this.failures = [];
    /** @type {string[]} */
    this.notes = [];
  }

  /** @param {string} text */
  note(text) {
    this.notes.push(text);
    process.stderr.write(`${text}\n`);
  }

  /** @param {string} message */
  fail(message) {
    this.failures.push(message);
    process.stderr.write(`FAILED ${message}\n`);
  }

  /**
   * @param {string} name  of the case
   * @param {Record<string, { command?: string, version?: string }>} sides
   * @returns {string[]} the sides that can run here
   */
  runnable(name, sides) {
    return Object.keys(sides).filter((side) => {
      const { command, version = '--version' } = sides[side];
      if (side === 'ours' && this.rivals) return false;
      if (!command || spawnSync(command, [version], { stdio: 'ignore' }).status === 0) return true;
      this.note(`${name}: ${command} is left out, since it is not installed`);
      return false;
    });
  }

  /**
   * Each side once, checked, outside the clock; those that pass then in turn, in reversed order every second round.
   *
   * @template C
   * @param {string} where  for messages
   * @param {string[]} names
   * @param {(side: string, check: boolean) => Promise<Outcome<C>>} perform
   * @returns {Promise<Record<string, C[]>>} the costs of each side that passed
   */
  async run(where, names, perform) {
    /** @type {Map<string, { side: string, facts: object }>} what the first side found */
    const expected = new Map();
    /** @type {Record<string, C[]>} */
    const costs = {};
    /**
     * @param {string} side
     * @param {boolean} check
     */
    const once = async (side, check) => {
      try {
        const { cost, work, facts } = await perform(side, check);
        const first = expected.get(work);
        if (!first) expected.set(work, { side, facts });
        else if (!isDeepStrictEqual(first.facts, facts)) {
          const said = `${side} ${JSON.stringify(facts)}, ${first.side} ${JSON.stringify(first.facts)}`;
          throw new Error(`${where}: the sides disagree: ${said}`);
        }
        return cost;
      } catch (error) {
        this.fail(/** @type {Error} */ (error).message);
        return null;
      }
    };
    for (const side of names) {
      const cost = await once(side, true);
      if (cost) costs[side] = this.smoke ? [cost] : [];
    }
    for (let turn = 0; turn < this.trials; turn++) {
      const order = Object.keys(costs);
      if (turn % 2 === 1) order.reverse();
      for (const side of order) {
        const cost = await once(side, false);
        if (cost) costs[side].push(cost);
      }
    }
    return costs;
  }
}

module.exports = { Rounds };
