'use strict';

/** The negotiation of permessage-deflate (RFC 7692 section 7.1); the work itself is native. */

const NAME = 'permessage-deflate';
const THRESHOLD_BYTES = 1024;

/**
 * @typedef {object} DeflateOptions as in `ws`
 * @property {boolean} [isServer]
 * @property {boolean} [serverNoContextTakeover]
 * @property {boolean} [clientNoContextTakeover]
 * @property {boolean | number} [serverMaxWindowBits]
 * @property {boolean | number} [clientMaxWindowBits]
 * @property {import('node:zlib').ZlibOptions} [zlibDeflateOptions]
 * @property {import('node:zlib').ZlibOptions} [zlibInflateOptions]
 * @property {number} [threshold] bytes from which a message is compressed where there is no context takeover
 * @property {number} [concurrencyLimit] taken and not needed: nothing waits for libuv's pool
 * @property {number} [maxPayload]
 */

/** @typedef {Record<string, any>} Params */

class PerMessageDeflate {
  /** @param {DeflateOptions} [options] */
  constructor(options) {
    this._options = options || {};
    this._threshold = this._options.threshold ?? THRESHOLD_BYTES;
    this._isServer = !!this._options.isServer;
    /** What was agreed on. @type {any} */
    this.params = null;
  }

  static get extensionName() {
    return NAME;
  }

  /** @returns {Params} what a client offers */
  offer() {
    const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } = this._options;
    /** @type {Params} */
    const params = {};
    if (serverNoContextTakeover) params.server_no_context_takeover = true;
    if (clientNoContextTakeover) params.client_no_context_takeover = true;
    if (serverMaxWindowBits) params.server_max_window_bits = serverMaxWindowBits;
    if (clientMaxWindowBits) params.client_max_window_bits = clientMaxWindowBits;
    else if (clientMaxWindowBits == null) params.client_max_window_bits = true;
    return params;
  }

  /**
   * @param {Params[]} configurations offers, to a server; the answer, to a client
   * @returns {Params} what was agreed on
   * @throws {Error} where nothing can be
   */
  accept(configurations) {
    const normal = configurations.map((params) => normalise(params, this._isServer));
    this.params = this._isServer ? acceptOffer(normal, this._options) : acceptAnswer(normal[0], this._options);
    return this.params;
  }

  /** Nothing to release: the engine's state goes with its connection. */
  cleanup() {}

  /** @returns {object} `WebSocketDeflate` of the native engine */
  native() {
    const { params } = this;
    const [own, peer] = this._isServer ? ['server', 'client'] : ['client', 'server'];
    const { level, memLevel, strategy, windowBits } = this._options.zlibDeflateOptions ?? {};
    const bits = (/** @type {string} */ side) => {
      const value = params[`${side}_max_window_bits`];
      return typeof value === 'number' ? value : 15;
    };
    return {
      ownNoContextTakeover: !!params[`${own}_no_context_takeover`],
      peerNoContextTakeover: !!params[`${peer}_no_context_takeover`],
      // A smaller window of our own needs nobody's consent.
      ownWindowBits: Math.min(bits(own), windowBits ?? 15),
      peerWindowBits: bits(peer),
      level: level ?? -1,
      memLevel: memLevel ?? 8,
      strategy: strategy ?? 0,
    };
  }
}

/**
 * @param {Params[]} offers
 * @param {DeflateOptions} options
 * @returns {Params}
 */
function acceptOffer(offers, options) {
  const { serverNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } = options;
  const offer = offers.find((params) => {
    if (serverNoContextTakeover === false && params.server_no_context_takeover) return false;
    if (params.server_max_window_bits) {
      if (serverMaxWindowBits === false) return false;
      if (typeof serverMaxWindowBits === 'number' && serverMaxWindowBits > params.server_max_window_bits) return false;
    }
    if (typeof clientMaxWindowBits === 'number') {
      const offered = params.client_max_window_bits;
      if (typeof offered === 'number' ? clientMaxWindowBits > offered : !offered) return false;
    }
    return true;
  });
  if (!offer) throw new Error('None of the extension offers can be accepted');
  if (serverNoContextTakeover) offer.server_no_context_takeover = true;
  if (options.clientNoContextTakeover) offer.client_no_context_takeover = true;
  if (typeof serverMaxWindowBits === 'number') offer.server_max_window_bits = serverMaxWindowBits;
  if (typeof clientMaxWindowBits === 'number') offer.client_max_window_bits = clientMaxWindowBits;
  else if (offer.client_max_window_bits === true || clientMaxWindowBits === false) delete offer.client_max_window_bits;
  return offer;
}

/**
 * @param {Params} params
 * @param {DeflateOptions} options
 * @returns {Params}
 */
function acceptAnswer(params, { clientNoContextTakeover, clientMaxWindowBits }) {
  if (clientNoContextTakeover === false && params.client_no_context_takeover) {
    throw new Error('Unexpected parameter "client_no_context_takeover"');
  }
  if (!params.client_max_window_bits) {
    if (typeof clientMaxWindowBits === 'number') params.client_max_window_bits = clientMaxWindowBits;
  } else if (
    clientMaxWindowBits === false ||
    (typeof clientMaxWindowBits === 'number' && params.client_max_window_bits > clientMaxWindowBits)
  ) {
    throw new Error('Unexpected or invalid parameter "client_max_window_bits"');
  }
  return params;
}

/**
 * Checks parameters, and gives their values types.
 *
 * @param {Params} params lists of values, as `extension.parse` gives them
 * @param {boolean} isServer
 * @returns {Params}
 */
function normalise(params, isServer) {
  for (const [key, values] of Object.entries(params)) {
    if (values.length > 1) throw new Error(`Parameter "${key}" must have only a single value`);
    const value = values[0];
    const invalid = () => new TypeError(`Invalid value for parameter "${key}": ${value}`);
    switch (key) {
      case 'client_max_window_bits':
      case 'server_max_window_bits':
        if (value === true) {
          // Only a client says that it could, and leaves the number open.
          if (key === 'server_max_window_bits' || !isServer) throw invalid();
          params[key] = true;
        } else {
          const bits = Number(value);
          if (!Number.isInteger(bits) || bits < 8 || bits > 15) throw invalid();
          params[key] = bits;
        }
        break;
      case 'client_no_context_takeover':
      case 'server_no_context_takeover':
        if (value !== true) throw invalid();
        params[key] = true;
        break;
      default:
        throw new Error(`Unknown parameter "${key}"`);
    }
  }
  return params;
}

module.exports = PerMessageDeflate;
