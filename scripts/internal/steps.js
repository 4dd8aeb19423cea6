'use strict';

/** @typedef {{ name: string, run: () => Promise<number> }} Step `run` gives an exit code */
/** @typedef {{ name: string, code: number, seconds: number }} Outcome */

/**
 * Runs every step, whatever the ones before it came to, and closes with a table of the outcomes.
 *
 * @param {string} title
 * @param {Step[]} steps
 * @returns {Promise<number>} exit code: 0 where every step ended with 0, else 1
 */
async function runSteps(title, steps) {
  /** @type {Outcome[]} */
  const outcomes = [];
  for (const { name, run } of steps) {
    console.log(`\n== ${title}: ${name}`);
    const begun = performance.now();
    const code = await run();
    outcomes.push({ name, code, seconds: (performance.now() - begun) / 1000 });
  }
  console.log(`\n${table(title, outcomes)}`);
  return outcomes.every(({ code }) => code === 0) ? 0 : 1;
}

/**
 * @param {string} title
 * @param {Outcome[]} outcomes
 * @returns {string}
 */
function table(title, outcomes) {
  const width = Math.max(...outcomes.map(({ name }) => name.length), title.length);
  const lines = outcomes.map(({ name, code, seconds }) => {
    const verdict = code === 0 ? 'ok' : `FAILED with code ${code}`;
    return `${name.padEnd(width)}  ${seconds.toFixed(1).padStart(7)} s  ${verdict}`;
  });
  const failed = outcomes.filter(({ code }) => code !== 0).length;
  const total = failed === 0 ? `all ${outcomes.length} steps ok` : `${failed} of ${outcomes.length} steps failed`;
  return [title, '-'.repeat(width + 14), ...lines, '-'.repeat(width + 14), total].join('\n');
}

module.exports = { runSteps };
