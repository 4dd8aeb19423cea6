'use strict';

/** What the tests of HTTP servers share: a server for as long as a test uses it, and the same scenario on node:http's. */

const assert = require('node:assert/strict');
const nodeHttp = require('node:http');
const { it } = require('node:test');
const ourHttp = require('../../lib/http.js');
const { closed, listening } = require('./raw-http.js');

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const LAST = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

/**
 * Runs a scenario on both servers; what it noted must be the same.
 *
 * @param {string} name
 * @param {(http: typeof nodeHttp, note: (...what: any[]) => void) => Promise<void>} scenario
 */
function same(name, scenario) {
  it(name, async () => {
    const logs = [];
    for (const http of [nodeHttp, ourHttp]) {
      /** @type {any[]} */
      const log = [];
      await scenario(/** @type {any} */ (http), (...what) => log.push(what.length === 1 ? what[0] : what));
      logs.push(log);
    }
    assert.notEqual(logs[0].length, 0, 'nothing was noted');
    assert.deepEqual(logs[1], logs[0]);
  });
}

/** @param {string} text @returns {string} a response without its date */
function undated(text) {
  return text.replace(/Date: [^\r]*\r\n/g, '');
}

/**
 * @template T
 * @param {any} http
 * @param {any} handler
 * @param {(port: number, server: any) => Promise<T>} use
 * @param {any} [options]
 * @returns {Promise<T>}
 */
async function serving(http, handler, use, options = {}) {
  const server = http.createServer(options, handler);
  const port = await listening(server);
  try {
    return await use(port, server);
  } finally {
    await closed(server);
  }
}

module.exports = { GET, LAST, same, serving, undated };
