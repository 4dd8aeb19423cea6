'use strict';

/** What a channel is secured with. Mirrors grpc-js. */

const fs = require('node:fs');
const tls = require('node:tls');
const { CallCredentials } = require('./call-credentials.js');

/** PEM; read once. @type {Buffer | null} */
let defaultRoots = null;

/** @returns {Buffer | undefined} roots that the environment names */
function rootsOfEnvironment() {
  const file = process.env.GRPC_DEFAULT_SSL_ROOTS_FILE_PATH;
  if (!file) return undefined;
  defaultRoots ??= fs.readFileSync(file);
  return defaultRoots;
}

/** @param {any} value @param {string} name */
function checkBuffer(value, name) {
  if (value && !(value instanceof Buffer)) throw new TypeError(`${name}, if provided, must be a Buffer.`);
}

class ChannelCredentials {
  /**
   * @param {Buffer | null} [rootCerts] PEM; defaults to what Node trusts
   * @param {Buffer | null} [privateKey] PEM
   * @param {Buffer | null} [certChain] PEM
   * @param {{ checkServerIdentity?: any, rejectUnauthorized?: boolean }} [verifyOptions]
   * @returns {ChannelCredentials}
   */
  static createSsl(rootCerts, privateKey, certChain, verifyOptions) {
    checkBuffer(rootCerts, 'Root certificate');
    checkBuffer(privateKey, 'Private key');
    checkBuffer(certChain, 'Certificate chain');
    if (privateKey && !certChain) throw new Error('Private key must be given with accompanying certificate chain');
    if (!privateKey && certChain) throw new Error('Certificate chain must be given with accompanying private key');
    const context = tls.createSecureContext({
      ca: rootCerts ?? rootsOfEnvironment(),
      key: privateKey ?? undefined,
      cert: certChain ?? undefined,
      ciphers: process.env.GRPC_SSL_CIPHER_SUITES,
    });
    return new SecureChannelCredentials(context, verifyOptions ?? {});
  }

  /**
   * @param {import('node:tls').SecureContext} context
   * @param {{ checkServerIdentity?: any, rejectUnauthorized?: boolean }} [verifyOptions]
   * @returns {ChannelCredentials}
   */
  static createFromSecureContext(context, verifyOptions) {
    return new SecureChannelCredentials(context, verifyOptions ?? {});
  }

  /** @returns {ChannelCredentials} */
  static createInsecure() {
    return new InsecureChannelCredentials();
  }

  /** @param {CallCredentials} callCredentials of all calls of a channel @returns {ChannelCredentials} */
  compose(callCredentials) {
    return new ComposedChannelCredentials(this, callCredentials);
  }

  /** @returns {boolean} */
  _isSecure() {
    throw new Error('_isSecure() is the subclass\'s');
  }

  /** @param {ChannelCredentials} other @returns {boolean} whether connections can be shared */
  _equals(other) {
    return this === other;
  }

  /** @returns {CallCredentials} of all calls */
  _getCallCredentials() {
    return EMPTY;
  }

  /**
   * @returns {Promise<import('node:tls').ConnectionOptions | null>} for Node's TLS, once there are certificates; null where there
   *   is no TLS
   */
  _getConnectionOptions() {
    return Promise.resolve(null);
  }

  /** Whoever connects with them begins to. */
  _ref() {}

  _unref() {}
}

const EMPTY = CallCredentials.createEmpty();

class InsecureChannelCredentials extends ChannelCredentials {
  /** @returns {never} */
  compose() {
    throw new Error('Cannot compose insecure credentials');
  }

  _isSecure() {
    return false;
  }

  /** @param {ChannelCredentials} other */
  _equals(other) {
    return other instanceof InsecureChannelCredentials;
  }
}

class SecureChannelCredentials extends ChannelCredentials {
  /** @param {any} context @param {any} verifyOptions */
  constructor(context, verifyOptions) {
    super();
    this.context = context;
    this.verifyOptions = verifyOptions;
  }

  _isSecure() {
    return true;
  }

  /** @param {ChannelCredentials} other */
  _equals(other) {
    if (this === other) return true;
    return other instanceof SecureChannelCredentials && this.context === other.context &&
      this.verifyOptions.checkServerIdentity === other.verifyOptions.checkServerIdentity;
  }

  _getConnectionOptions() {
    return Promise.resolve({ secureContext: this.context, ...this.verifyOptions });
  }
}

class ComposedChannelCredentials extends ChannelCredentials {
  /** @param {ChannelCredentials} channel @param {CallCredentials} call */
  constructor(channel, call) {
    super();
    this.channel = channel;
    this.call = call;
    if (!channel._isSecure()) throw new Error('Cannot compose insecure credentials');
  }

  /** @param {CallCredentials} other */
  compose(other) {
    return new ComposedChannelCredentials(this.channel, this.call.compose(other));
  }

  _isSecure() {
    return true;
  }

  /** @param {ChannelCredentials} other */
  _equals(other) {
    if (this === other) return true;
    return other instanceof ComposedChannelCredentials && this.channel._equals(other.channel) && this.call._equals(other.call);
  }

  _getCallCredentials() {
    return this.call;
  }

  _getConnectionOptions() {
    return this.channel._getConnectionOptions();
  }

  _ref() {
    this.channel._ref();
  }

  _unref() {
    this.channel._unref();
  }
}

/** Certificates that change while the channel is open; they are waited for before the first connection. */
class CertificateProviderChannelCredentials extends ChannelCredentials {
  /** @param {any} roots @param {any} identities or null @param {any} verifyOptions */
  constructor(roots, identities, verifyOptions) {
    super();
    this.roots = roots;
    this.identities = identities;
    this.verifyOptions = verifyOptions;
    this.users = 0;
    /** What the providers said last: undefined until they did, null where there are none. @type {any} */
    this.latestRoots = undefined;
    /** @type {any} */
    this.latestIdentity = identities === null ? null : undefined;
    /** @type {((options: any) => void)[]} */
    this.waiting = [];
    this.onRoots = (/** @type {any} */ update) => {
      this.latestRoots = update;
      this.updated();
    };
    this.onIdentity = (/** @type {any} */ update) => {
      this.latestIdentity = update;
      this.updated();
    };
  }

  _isSecure() {
    return true;
  }

  /** @param {ChannelCredentials} other */
  _equals(other) {
    if (this === other) return true;
    return other instanceof CertificateProviderChannelCredentials && this.roots === other.roots &&
      this.identities === other.identities &&
      this.verifyOptions.checkServerIdentity === other.verifyOptions.checkServerIdentity;
  }

  _ref() {
    if (this.users++ > 0) return;
    this.roots.addCaCertificateListener(this.onRoots);
    this.identities?.addIdentityCertificateListener(this.onIdentity);
  }

  _unref() {
    if (--this.users > 0) return;
    this.roots.removeCaCertificateListener(this.onRoots);
    this.identities?.removeIdentityCertificateListener(this.onIdentity);
  }

  get isLoaded() {
    return this.latestRoots !== undefined && this.latestIdentity !== undefined;
  }

  updated() {
    if (!this.isLoaded) return;
    for (const resolve of this.waiting.splice(0)) resolve(undefined);
  }

  /** @returns {Promise<any>} */
  async _getConnectionOptions() {
    if (!this.isLoaded) await new Promise((resolve) => this.waiting.push(resolve));
    const { latestRoots: roots, latestIdentity: identity } = this;
    if (roots === null || (this.identities !== null && identity === null)) throw new Error('Failed to load credentials');
    const secureContext = tls.createSecureContext({
      ca: roots.caCertificate,
      key: identity?.privateKey,
      cert: identity?.certificate,
      ciphers: process.env.GRPC_SSL_CIPHER_SUITES,
    });
    return { secureContext, ...this.verifyOptions };
  }
}

/**
 * @param {any} caCertificateProvider
 * @param {any} identityCertificateProvider or null
 * @param {{ checkServerIdentity?: any, rejectUnauthorized?: boolean }} [verifyOptions]
 * @returns {ChannelCredentials}
 */
function createCertificateProviderChannelCredentials(caCertificateProvider, identityCertificateProvider, verifyOptions = {}) {
  return new CertificateProviderChannelCredentials(caCertificateProvider, identityCertificateProvider, verifyOptions);
}

/**
 * @param {ChannelCredentials} channel
 * @param {...CallCredentials} calls
 * @returns {ChannelCredentials}
 */
function combineChannelCredentials(channel, ...calls) {
  return calls.reduce((all, one) => all.compose(one), channel);
}

/**
 * @param {CallCredentials} first
 * @param {...CallCredentials} others
 * @returns {CallCredentials}
 */
function combineCallCredentials(first, ...others) {
  return others.reduce((all, one) => all.compose(one), first);
}

module.exports = {
  ChannelCredentials,
  combineCallCredentials,
  combineChannelCredentials,
  createCertificateProviderChannelCredentials,
};
