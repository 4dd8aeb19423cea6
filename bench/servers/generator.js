'use strict';

/** The native load generator in `bench/load`. */

const { execFileSync, spawn } = require('node:child_process');
const { EventEmitter, once } = require('node:events');
const path = require('node:path');
const { loadCrate } = require('../../scripts/internal/load-crate');

const ROOT = path.join(__dirname, '..', '..');

/**
 * What it measured. Sizes in bytes.
 *
 * @typedef {object} Measured
 * @property {number} messages
 * @property {number} seconds
 * @property {number} bytes      of payloads
 * @property {number} closed     connections that the server ended
 * @property {number} p50Micros
 * @property {number} p99Micros
 * @property {string} digest     of every payload, where they were checked
 * @property {string} tls        version and cipher suite, where there is TLS
 * @property {number} busy       its own share of a core: near 1 it was the bound, and not the server
 */

/**
 * Builds it.
 *
 * @param {'dev' | 'release'} profile
 * @returns {string} path of the program
 */
function buildGenerator(profile) {
  execFileSync('cargo', ['build', '--quiet', '--profile', profile, ...loadCrate()], { stdio: 'inherit' });
  return path.join(ROOT, 'target', profile === 'dev' ? 'debug' : profile, 'millrace-load');
}

/**
 * Runs it once.
 *
 * @fires EventEmitter#connected  all clients are
 * @fires EventEmitter#measuring  the warm-up is over
 */
class LoadGenerator extends EventEmitter {
  /**
   * @param {string} program
   * @param {import('.').Load} load
   * @param {{ port: number, seconds: number, warmUp: number, check: boolean, atLeast: number }} how  `atLeast`: messages that
   *   are waited for
   */
  constructor(program, load, { port, seconds, warmUp, check, atLeast }) {
    super();
    const args = [load.mode, '--port', port, '--seconds', seconds, '--warm-up', warmUp, '--at-least', atLeast];
    const { connections, inFlight, bytes, path: target, messages, window, ca } = load;
    const values = { connections, 'in-flight': inFlight, bytes, path: target, messages, window, ca };
    for (const [name, value] of Object.entries(values)) if (value !== undefined) args.push(`--${name}`, value);
    const { text, deflate, stamped, http2 } = load;
    for (const [name, is] of Object.entries({ text, deflate, stamped, http2, check })) if (is) args.push(`--${name}`);
    this.child = spawn(program, args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.said = '';
    let printed = '';
    this.child.stdout.setEncoding('utf8').on('data', (piece) => (printed += piece));
    this.child.stderr.setEncoding('utf8').on('data', (piece) => {
      for (const news of ['connected', 'measuring']) if (piece.includes(news)) this.emit(news);
      this.said += piece;
    });
    /** @type {Promise<Measured>} */
    this.measured = once(this.child, 'close').then(([code]) => {
      if (code !== 0) throw new Error(`the load generator ended with ${code}: ${this.said.trim().split('\n').at(-1)}`);
      return JSON.parse(printed);
    });
  }

  stop() {
    this.child.kill('SIGKILL');
  }
}

module.exports = { buildGenerator, LoadGenerator };
