'use strict';

const { spawn } = require('node:child_process');
const { constants } = require('node:os');

/**
 * Runs a command with its output on ours, after saying what it is.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env] adds to our own, and what is undefined there is taken away
 * @param {number} [options.timeoutMs] a command that runs longer is ended
 * @param {(text: string) => void} [options.onOutput] is told what it writes to standard output, too
 * @returns {Promise<number>} its exit code; 127 where it could not be started, 128 and the signal's number where a
 *   signal ended it, as in a shell
 */
function run(command, args, { cwd, env, timeoutMs, onOutput } = {}) {
  const set = Object.entries(env ?? {}).filter(([, value]) => value !== undefined);
  const shown = set.map(([name, value]) => `${name}=${value} `);
  console.log(`$ ${shown.join('')}${[command, ...args].join(' ')}`);
  return new Promise((resolve) => {
    // npm is a .cmd file on Windows, which only a shell can start.
    const shell = process.platform === 'win32' && command === 'npm';
    const stdio = /** @type {const} */ (['inherit', onOutput ? 'pipe' : 'inherit', 'inherit']);
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: [...stdio], shell });
    child.stdout?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      process.stdout.write(text);
      onOutput?.(text);
    });
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(127);
    });
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
      console.error(`${command} has run for ${timeoutMs / 60_000} minutes: ending it.`);
      child.kill();
    }, timeoutMs);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}

module.exports = { run };
