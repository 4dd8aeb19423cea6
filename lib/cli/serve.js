'use strict';

/** `millrace serve`: the dashboard, until it is interrupted. */

const { Dashboard } = require('../dashboard/dashboard.js');
const { isLoopback } = require('../internal/admission.js');
const { say } = require('./summary.js');

/** Where it is looked for first, so that a bookmark holds. */
const PORT = 8090;
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** @returns {Promise<void>} never kept */
const forever = () => new Promise(() => {});

/**
 * @param {any} options
 * @param {(address: string, dashboard: Dashboard) => Promise<void>} [visit] is called with the page's address, and ends it
 *   when it is done, or fails. Unless given a signal alone ends it.
 * @returns {Promise<number>} exit code: 0 also where it was interrupted, which is how it is meant to end
 */
async function serve(options, visit = forever) {
  const dashboard = await open(options);
  const interrupted = new Promise((resolve) => {
    for (const signal of SIGNALS) process.once(signal, resolve);
  });
  const address = dashboard.address();
  say(process.stdout, `millrace is at ${address}\n`);
  if (!isLoopback(dashboard.boundTo)) {
    say(process.stderr, 'millrace: others can reach it, and it asks nobody who he is. See docs/dashboard.md.\n');
  }
  try {
    await Promise.race([interrupted, visit(address, dashboard)]);
  } finally {
    await dashboard.close();
  }
  return 0;
}

/**
 * @param {any} options
 * @returns {Promise<Dashboard>} that listens
 */
async function open(options) {
  const { port = PORT } = options;
  const dashboard = new Dashboard({ ...options, port });
  try {
    await dashboard.listen();
  } catch (error) {
    await dashboard.close();
    if (/** @type {any} */ (error).code !== 'EADDRINUSE' || options.port !== undefined) throw error;
    return open({ ...options, port: 0 });
  }
  return dashboard;
}

module.exports = { serve };
