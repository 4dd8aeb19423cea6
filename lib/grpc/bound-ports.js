'use strict';

/** What a server is bound to: addresses, and the ports that each became. */

const { addressToString, joinHostPort, parseAddress, resolveAddress, splitHostPort } = require('./address.js');
const { logVerbosity } = require('./constants.js');
const { log } = require('./logging.js');

/** @typedef {import('./port.js').Port} Port */
/** @typedef {import('./connection.js').Connection} Connection */

/**
 * @param {Promise<number>} completion
 * @param {(error: Error | null, port: number) => void} callback what it throws is nobody's to catch
 */
function tell(completion, callback) {
  completion.then(
    (number) => process.nextTick(callback, null, number),
    (error) => process.nextTick(callback, error, 0),
  );
}

/**
 * @param {Set<Connection>} connections
 * @param {number} graceTimeMs
 */
function drainConnections(connections, graceTimeMs) {
  const open = [...connections];
  for (const connection of open) connection.close();
  setTimeout(() => {
    for (const connection of open) connection.destroy();
  }, graceTimeMs).unref();
}

class BoundPorts {
  /** @param {any} server */
  constructor(server) {
    this.server = server;
    /** By normalised address. @type {Map<string, any>} */
    this.all = new Map();
  }

  /**
   * @param {string} port `host:port`, `dns:`, `ipv4:`, `ipv6:` or `unix:`; port 0 is any that is free
   * @param {any} creds
   * @param {(error: Error | null, port: number) => void} callback
   */
  bind(port, creds, callback) {
    const uri = parseAddress(port);
    const key = addressToString(uri);
    const known = this.all.get(key);
    if (known !== undefined) {
      if (!creds._equals(known.credentials)) {
        process.nextTick(callback, new Error(`${port} already bound with incompatible credentials`), 0);
        return;
      }
      // Whoever unbound it while it was being bound is overruled.
      known.cancelled = false;
      if (known.completion === null) process.nextTick(callback, null, known.number);
      else tell(known.completion, callback);
      return;
    }
    const ports = /** @type {Set<Port>} */ (new Set());
    const bound = { key, credentials: creds, number: 0, cancelled: false, completion: /** @type {any} */ (null), ports };
    bound.completion = this.bindUri(uri, bound);
    const parts = splitHostPort(uri.path);
    const anyPort = uri.scheme !== 'unix' && parts?.port === 0;
    if (!anyPort) this.all.set(key, bound);
    const completion = bound.completion.then(
      (/** @type {number} */ number) => {
        bound.completion = null;
        bound.number = number;
        if (anyPort && parts !== null) {
          bound.key = addressToString({ ...uri, path: joinHostPort(parts.host, number) });
          this.all.set(bound.key, bound);
        }
        return number;
      },
      (/** @type {Error} */ error) => {
        // It may be tried again.
        if (this.all.get(bound.key) === bound) this.all.delete(bound.key);
        throw error;
      },
    );
    tell(completion, callback);
  }

  /**
   * @param {any} uri
   * @param {any} bound
   * @returns {Promise<number>}
   */
  async bindUri(uri, bound) {
    const cancelled = () => {
      this.completeUnbind(bound);
      throw new Error('bindAsync operation cancelled by unbind call');
    };
    const addresses = await resolveAddress(uri);
    if (addresses.length === 0) throw new Error(`No addresses resolved for port ${addressToString(uri)}`);
    if (bound.cancelled) cancelled();
    let number = 0;
    /** @type {string[]} */
    const errors = [];
    for (const address of addresses) {
      // All addresses of a name get the port that the first one got.
      const where = 'port' in address && address.port === 0 ? { ...address, port: number } : address;
      const name = 'path' in where ? where.path : joinHostPort(where.host, where.port);
      const port = this.server.newPort(bound.credentials, name);
      try {
        const got = await port.listen(where);
        if (number === 0) number = got;
        port.ref.name = 'path' in where ? where.path : joinHostPort(where.host, got);
        bound.ports.add(port);
      } catch (error) {
        port.close();
        errors.push(/** @type {Error} */ (error).message);
      }
    }
    if (bound.cancelled) cancelled();
    if (bound.ports.size === 0) {
      const message = `No address added out of total ${addresses.length} resolved`;
      log(logVerbosity.ERROR, message);
      throw new Error(`${message} errors: [${errors.join(',')}]`);
    }
    if (errors.length > 0) {
      log(logVerbosity.INFO, `WARNING Only ${bound.ports.size} addresses added out of total ${addresses.length} resolved`);
    }
    return number;
  }

  /** @param {any} bound */
  completeUnbind(bound) {
    for (const port of bound.ports) {
      port.close(() => bound.ports.delete(port));
      port.closeConnections();
    }
    this.all.delete(bound.key);
  }

  /**
   * @param {string} port
   * @param {string} what
   * @returns {any} what is bound there
   * @throws {Error} for port 0
   */
  boundTo(port, what) {
    const uri = parseAddress(port);
    if (uri.scheme !== 'unix' && splitHostPort(uri.path)?.port === 0) throw new Error(`Cannot ${what} port 0`);
    return this.all.get(addressToString(uri));
  }

  /** @param {string} port as it was bound, with the port that it got */
  unbind(port) {
    const bound = this.boundTo(port, 'unbind');
    if (bound === undefined) return;
    if (bound.completion === null) this.completeUnbind(bound);
    else bound.cancelled = true;
  }

  /**
   * @param {string} port as it was bound, with the port that it got
   * @param {number} graceTimeMs
   */
  drain(port, graceTimeMs) {
    const bound = this.boundTo(port, 'drain');
    if (bound === undefined) return;
    for (const { connections } of bound.ports) drainConnections(connections, graceTimeMs);
  }

  /** Forgets all, and breaks off what is under way. */
  clear() {
    for (const bound of this.all.values()) bound.cancelled = true;
    this.all.clear();
  }
}

module.exports = { BoundPorts, drainConnections };
