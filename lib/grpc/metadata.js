'use strict';

const { logVerbosity } = require('./constants.js');
const { log } = require('./logging.js');

const LEGAL_KEY = /^[:0-9a-z_.-]+$/;
const LEGAL_VALUE = /^[ -~]*$/;

/** @typedef {string | Buffer} MetadataValue */

/**
 * @param {string} key
 * @param {any} [value]
 */
function validate(key, value) {
  if (!LEGAL_KEY.test(key)) throw new Error(`Metadata key "${key}" contains illegal characters`);
  if (value === null || value === undefined) return;
  if (key.endsWith('-bin')) {
    if (!Buffer.isBuffer(value)) throw new Error("keys that end with '-bin' must have Buffer values");
  } else if (Buffer.isBuffer(value)) {
    throw new Error("keys that don't end with '-bin' must have String values");
  } else if (!LEGAL_VALUE.test(value)) {
    throw new Error(`Metadata string value "${value}" contains illegal characters`);
  }
}

/**
 * What is sent beside messages: lower-case keys, each with a list of values, which are Buffers where the key ends with
 * `-bin` and else strings of printable ASCII. Mirrors grpc-js, `internalRepr` included, which others read.
 */
class Metadata {
  /** @param {object} [options] `waitForReady` and others of a client's call */
  constructor(options = {}) {
    /** @type {Map<string, MetadataValue[]>} */
    this.internalRepr = new Map();
    this.options = options;
    /** @type {Map<string, unknown> | undefined} */
    this.opaqueData = undefined;
  }

  /**
   * Replaces the values of a key.
   *
   * @param {string} key
   * @param {MetadataValue} value
   * @throws {Error} for an illegal key or value
   */
  set(key, value) {
    key = key.toLowerCase();
    validate(key, value);
    this.internalRepr.set(key, [value]);
  }

  /**
   * Adds to the values of a key.
   *
   * @param {string} key
   * @param {MetadataValue} value
   * @throws {Error} for an illegal key or value
   */
  add(key, value) {
    key = key.toLowerCase();
    validate(key, value);
    const values = this.internalRepr.get(key);
    if (values === undefined) this.internalRepr.set(key, [value]);
    else values.push(value);
  }

  /** @param {string} key */
  remove(key) {
    this.internalRepr.delete(key.toLowerCase());
  }

  /**
   * @param {string} key
   * @returns {MetadataValue[]}
   */
  get(key) {
    return this.internalRepr.get(key.toLowerCase()) || [];
  }

  /** @returns {Record<string, MetadataValue>} the first value of each key */
  getMap() {
    /** @type {Record<string, MetadataValue>} */
    const map = {};
    for (const [key, values] of this.internalRepr) {
      if (values.length === 0) continue;
      const [first] = values;
      const value = Buffer.isBuffer(first) ? Buffer.from(first) : first;
      if (key === '__proto__') Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
      else map[key] = value;
    }
    return map;
  }

  /** @returns {Metadata} */
  clone() {
    const copy = new Metadata(this.options);
    for (const [key, values] of this.internalRepr) {
      copy.internalRepr.set(key, values.map((value) => (Buffer.isBuffer(value) ? Buffer.from(value) : value)));
    }
    return copy;
  }

  /** @param {Metadata} other its values are added to these */
  merge(other) {
    for (const [key, values] of other.internalRepr) {
      this.internalRepr.set(key, (this.internalRepr.get(key) || []).concat(values));
    }
  }

  /** @param {object} options */
  setOptions(options) {
    this.options = options;
  }

  getOptions() {
    return this.options;
  }

  /** @returns {Record<string, string[]>} header fields, with Buffers in base64 */
  toHttp2Headers() {
    /** @type {Record<string, string[]>} */
    const headers = {};
    for (const [key, values] of this.internalRepr) {
      if (key.startsWith(':')) continue;
      headers[key] = values.map((value) => (Buffer.isBuffer(value) ? value.toString('base64') : value));
    }
    return headers;
  }

  toJSON() {
    /** @type {Record<string, MetadataValue[]>} */
    const all = {};
    for (const [key, values] of this.internalRepr) all[key] = values;
    return all;
  }

  /**
   * Attaches something that is not sent.
   *
   * @param {string} key
   * @param {unknown} value
   */
  setOpaque(key, value) {
    this.opaqueData ??= new Map();
    this.opaqueData.set(key, value);
  }

  /** @param {string} key */
  getOpaque(key) {
    return this.opaqueData?.get(key);
  }

  /**
   * @param {Record<string, any>} headers as `node:http2` gives them; what is not legal is left out
   * @returns {Metadata}
   */
  static fromHttp2Headers(headers) {
    const metadata = new Metadata();
    for (const key of Object.keys(headers)) {
      if (key.charAt(0) === ':') continue;
      const values = headers[key];
      if (Array.isArray(values)) values.forEach((value) => metadata.addReceived(key, value));
      else if (values !== undefined) metadata.addReceived(key, values);
    }
    return metadata;
  }

  /**
   * Adds a field as it came; one that is not legal is left out, and logged.
   *
   * @param {string} key
   * @param {string} value
   */
  addReceived(key, value) {
    try {
      if (!key.endsWith('-bin')) this.add(key, value);
      // Several binary values may have been joined on their way.
      else if (key.startsWith('grpc-')) this.add(key, Buffer.from(value, 'base64'));
      else value.split(',').forEach((one) => this.add(key, Buffer.from(one.trim(), 'base64')));
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      log(
        logVerbosity.ERROR,
        `Failed to add metadata entry ${key}: ${value}. ${message}. ` +
          'For more information see https://github.com/grpc/grpc-node/issues/1173',
      );
    }
  }
}

module.exports = { Metadata };
