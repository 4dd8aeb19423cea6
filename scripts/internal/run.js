'use strict';

const { spawn } = require('node:child_process');
const { constants } = require('node:os');

/**
 * Runs a command with its output on ours, after saying what it is.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options] `env` adds to our own
 * @returns {Promise<number>} its exit code; 127 where it could not be started, 128 and the signal's number where a
 *   signal ended it, as in a shell
 */
function run(command, args, { cwd, env } = {}) {
  const shown = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value} `);
  console.log(`$ ${shown.join('')}${[command, ...args].join(' ')}`);
  return new Promise((resolve) => {
    // npm is a .cmd file on Windows, which only a shell can start.
    const shell = process.platform === 'win32' && command === 'npm';
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'inherit', shell });
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(127);
    });
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

module.exports = { run };
