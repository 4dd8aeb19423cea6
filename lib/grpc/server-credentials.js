'use strict';

/**
 * How a server's port is secured. The methods with an underscore are those of grpc-js: subclasses of programs and tests
 * use them.
 */

const fs = require('node:fs');
const { isDeepStrictEqual } = require('node:util');

/** @typedef {(options: import('node:tls').SecureContextOptions | null) => void} Watcher */

const CIPHERS = process.env.GRPC_SSL_CIPHER_SUITES;

/** @returns {Buffer | undefined} */
function defaultRoots() {
  const file = process.env.GRPC_DEFAULT_SSL_ROOTS_FILE_PATH;
  return file ? fs.readFileSync(file) : undefined;
}

class ServerCredentials {
  /**
   * @param {object | null} constructorOptions of the TLS server; null for none
   * @param {import('node:tls').SecureContextOptions} [contextOptions] of its context; without them the credentials wait
   *   for `updateSecureContextOptions`
   */
  constructor(constructorOptions, contextOptions) {
    this.serverConstructorOptions = constructorOptions;
    /** @type {import('node:tls').SecureContextOptions | null} */
    this.latestContextOptions = contextOptions ?? null;
    /** @type {Set<Watcher>} */
    this.watchers = new Set();
  }

  /** @param {Watcher} watcher */
  _addWatcher(watcher) {
    this.watchers.add(watcher);
  }

  /** @param {Watcher} watcher */
  _removeWatcher(watcher) {
    this.watchers.delete(watcher);
  }

  getWatcherCount() {
    return this.watchers.size;
  }

  /** @param {import('node:tls').SecureContextOptions | null} options for connections from now on; null refuses them */
  updateSecureContextOptions(options) {
    this.latestContextOptions = options;
    for (const watcher of this.watchers) watcher(options);
  }

  _isSecure() {
    return this.serverConstructorOptions !== null;
  }

  _getSecureContextOptions() {
    return this.latestContextOptions;
  }

  _getConstructorOptions() {
    return this.serverConstructorOptions;
  }

  /** @returns {Function[]} */
  _getInterceptors() {
    return [];
  }

  /**
   * @param {ServerCredentials} other
   * @returns {boolean} whether a port that is bound with these may be bound with those
   */
  _equals(other) {
    return this === other;
  }

  /** No TLS. */
  static createInsecure() {
    return new InsecureServerCredentials();
  }

  /**
   * @param {Buffer | null} rootCerts PEM, for clients' certificates; null is `GRPC_DEFAULT_SSL_ROOTS_FILE_PATH` or Node's
   * @param {{ private_key: Buffer, cert_chain: Buffer }[]} keyCertPairs PEM
   * @param {boolean} [checkClientCertificate] ask for one, and refuse those that have none. Defaults to false
   */
  static createSsl(rootCerts, keyCertPairs, checkClientCertificate = false) {
    if (rootCerts !== null && !Buffer.isBuffer(rootCerts)) throw new TypeError('rootCerts must be null or a Buffer');
    if (!Array.isArray(keyCertPairs)) throw new TypeError('keyCertPairs must be an array');
    if (typeof checkClientCertificate !== 'boolean') throw new TypeError('checkClientCertificate must be a boolean');
    keyCertPairs.forEach((pair, i) => {
      if (pair === null || typeof pair !== 'object') throw new TypeError(`keyCertPair[${i}] must be an object`);
      for (const name of /** @type {const} */ (['private_key', 'cert_chain'])) {
        if (!Buffer.isBuffer(pair[name])) throw new TypeError(`keyCertPair[${i}].${name} must be a Buffer`);
      }
    });
    return new SecureServerCredentials(
      { requestCert: checkClientCertificate, ciphers: CIPHERS },
      {
        ca: rootCerts ?? defaultRoots(),
        cert: keyCertPairs.map((pair) => pair.cert_chain),
        key: keyCertPairs.map((pair) => pair.private_key),
      },
    );
  }
}

class InsecureServerCredentials extends ServerCredentials {
  constructor() {
    super(null);
  }

  _getSettings() {
    return null;
  }

  /** @param {ServerCredentials} other @returns {boolean} */
  _equals(other) {
    return other instanceof InsecureServerCredentials;
  }
}

class SecureServerCredentials extends ServerCredentials {
  /**
   * @param {object} constructorOptions
   * @param {import('node:tls').SecureContextOptions} contextOptions
   */
  constructor(constructorOptions, contextOptions) {
    super(constructorOptions, contextOptions);
    this.options = { ...constructorOptions, ...contextOptions };
  }

  /** @param {ServerCredentials} other @returns {boolean} */
  _equals(other) {
    return this === other || (other instanceof SecureServerCredentials && isDeepStrictEqual(this.options, other.options));
  }
}

class CertificateProviderServerCredentials extends ServerCredentials {
  /**
   * @param {any} identityProvider
   * @param {any} caProvider
   * @param {boolean} requireClientCertificate
   */
  constructor(identityProvider, caProvider, requireClientCertificate) {
    super({ requestCert: caProvider !== null, rejectUnauthorized: requireClientCertificate, ciphers: CIPHERS });
    this.identityProvider = identityProvider;
    this.caProvider = caProvider;
    this.requireClientCertificate = requireClientCertificate;
    /** @type {{ caCertificate: Buffer } | null} */
    this.latestCa = null;
    /** @type {{ certificate: Buffer, privateKey: Buffer } | null} */
    this.latestIdentity = null;
    this.onCa = (/** @type {any} */ update) => {
      this.latestCa = update;
      this.update();
    };
    this.onIdentity = (/** @type {any} */ update) => {
      this.latestIdentity = update;
      this.update();
    };
  }

  update() {
    const { latestIdentity, latestCa } = this;
    const known = latestIdentity !== null && (this.caProvider === null || latestCa !== null);
    this.updateSecureContextOptions(
      known ? { ca: latestCa?.caCertificate, cert: [latestIdentity.certificate], key: [latestIdentity.privateKey] } : null,
    );
  }

  /** @param {Watcher} watcher */
  _addWatcher(watcher) {
    if (this.getWatcherCount() === 0) {
      this.caProvider?.addCaCertificateListener(this.onCa);
      this.identityProvider.addIdentityCertificateListener(this.onIdentity);
    }
    super._addWatcher(watcher);
  }

  /** @param {Watcher} watcher */
  _removeWatcher(watcher) {
    super._removeWatcher(watcher);
    if (this.getWatcherCount() === 0) {
      this.caProvider?.removeCaCertificateListener(this.onCa);
      this.identityProvider.removeIdentityCertificateListener(this.onIdentity);
    }
  }

  /** @param {ServerCredentials} other @returns {boolean} */
  _equals(other) {
    return (
      this === other ||
      (other instanceof CertificateProviderServerCredentials &&
        this.caProvider === other.caProvider &&
        this.identityProvider === other.identityProvider &&
        this.requireClientCertificate === other.requireClientCertificate)
    );
  }
}

/**
 * Credentials whose certificates change while the server runs.
 *
 * @param {any} identityProvider
 * @param {any} caProvider null: clients are not asked for certificates
 * @param {boolean} requireClientCertificate
 */
function createCertificateProviderServerCredentials(identityProvider, caProvider, requireClientCertificate) {
  return new CertificateProviderServerCredentials(identityProvider, caProvider, requireClientCertificate);
}

/** Credentials of another, with interceptors for the calls of the ports that they are for. */
class InterceptorServerCredentials extends ServerCredentials {
  /**
   * @param {ServerCredentials} child
   * @param {Function[]} interceptors
   */
  constructor(child, interceptors) {
    super({});
    this.child = child;
    this.interceptors = interceptors;
  }

  _isSecure() {
    return this.child._isSecure();
  }

  /** @param {ServerCredentials} other @returns {boolean} */
  _equals(other) {
    return (
      other instanceof InterceptorServerCredentials &&
      this.child._equals(other.child) &&
      this.interceptors.length === other.interceptors.length &&
      this.interceptors.every((interceptor, i) => interceptor === other.interceptors[i])
    );
  }

  _getInterceptors() {
    return this.interceptors;
  }

  /** @param {Watcher} watcher */
  _addWatcher(watcher) {
    this.child._addWatcher(watcher);
  }

  /** @param {Watcher} watcher */
  _removeWatcher(watcher) {
    this.child._removeWatcher(watcher);
  }

  _getConstructorOptions() {
    return this.child._getConstructorOptions();
  }

  _getSecureContextOptions() {
    return this.child._getSecureContextOptions();
  }
}

/**
 * @param {ServerCredentials} credentials
 * @param {Function[]} interceptors
 */
function createServerCredentialsWithInterceptors(credentials, interceptors) {
  return new InterceptorServerCredentials(credentials, interceptors);
}

module.exports = {
  ServerCredentials,
  createCertificateProviderServerCredentials,
  createServerCredentialsWithInterceptors,
};
