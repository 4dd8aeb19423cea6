'use strict';

/** What the tests of servers share: raw connections, and servers that are closed again. */

const net = require('node:net');
const { once } = require('node:events');

/**
 * @param {any} server
 * @param {any[]} args of `listen`; none for a free port of loopback
 * @returns {Promise<number>} the port
 */
async function listening(server, ...args) {
  server.listen(...(args.length > 0 ? args : [0, '127.0.0.1']));
  await once(server, 'listening');
  return server.address().port;
}

/**
 * @param {any} server
 * @returns {Promise<void>} once it is closed, with all its connections
 */
async function closed(server) {
  const done = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await done;
}

/** A connection whose bytes a test writes and reads itself. */
class Raw {
  /** @param {number | string} place port of loopback, or path */
  constructor(place) {
    this.socket = typeof place === 'number' ? net.connect(place, '127.0.0.1') : net.connect(place);
    this.text = '';
    this.ended = false;
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('error', () => {});
    /** @type {Promise<string>} all that came, once the connection is gone */
    this.all = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.ended = true;
        this.socket.emit('more');
        resolve(this.text);
      });
    });
    this.socket.on('data', () => this.socket.emit('more'));
  }

  /** @param {string | Buffer} bytes */
  write(bytes) {
    this.socket.write(/** @type {any} */ (bytes), 'latin1');
    return this;
  }

  /**
   * @param {RegExp | string} what
   * @returns {Promise<string>} all that came so far, once `what` is among it
   */
  async until(what) {
    const there = () => (typeof what === 'string' ? this.text.includes(what) : what.test(this.text));
    while (!there()) {
      if (this.ended) throw new Error(`the connection ended after ${JSON.stringify(this.text)}`);
      await once(this.socket, 'more');
    }
    return this.text;
  }

  end() {
    this.socket.end();
    return this.all;
  }

  destroy() {
    this.socket.destroy();
  }
}

/**
 * @param {number} port
 * @param {string} bytes
 * @returns {Promise<string>} all that came until the server closed
 */
function exchange(port, bytes) {
  return new Raw(port).write(bytes).all;
}

module.exports = { listening, closed, Raw, exchange };
