'use strict';

const fs = require('node:fs/promises');

/** @typedef {{ caCertificate: Buffer } | null} CaUpdate */
/** @typedef {{ certificate: Buffer, privateKey: Buffer } | null} IdentityUpdate */
/** @typedef {(update: any) => void} Listener */

/**
 * Reads certificates from files, again every so often, as long as somebody listens. Mirrors grpc-js.
 */
class FileWatcherCertificateProvider {
  /**
   * @param {{ certificateFile?: string, privateKeyFile?: string, caCertificateFile?: string, refreshIntervalMs: number }}
   *   config
   */
  constructor(config) {
    if ((config.certificateFile === undefined) !== (config.privateKeyFile === undefined)) {
      throw new Error('certificateFile and privateKeyFile must be set or unset together');
    }
    if (config.certificateFile === undefined && config.caCertificateFile === undefined) {
      throw new Error('At least one of certificateFile and caCertificateFile must be set');
    }
    this.config = config;
    /** @type {NodeJS.Timeout | null} */
    this.refreshTimer = null;
    /** What is being read counts only while this is the same. */
    this.reading = 0;
    this.isReading = false;
    /** @type {CaUpdate | undefined} */
    this.latestCaUpdate = undefined;
    /** @type {IdentityUpdate | undefined} */
    this.latestIdentityUpdate = undefined;
    /** @type {Set<Listener>} */
    this.caListeners = new Set();
    /** @type {Set<Listener>} */
    this.identityListeners = new Set();
    this.lastUpdate = -Infinity;
  }

  async update() {
    if (this.isReading) return;
    this.isReading = true;
    const reading = ++this.reading;
    const read = (/** @type {string | undefined} */ file) => (file === undefined ? null : fs.readFile(file).catch(() => null));
    const { certificateFile, privateKeyFile, caCertificateFile } = this.config;
    const [certificate, privateKey, ca] = await Promise.all([
      read(certificateFile),
      read(privateKeyFile),
      read(caCertificateFile),
    ]);
    // Nobody listens any more, or somebody does again and another read is under way.
    if (this.refreshTimer === null || reading !== this.reading) return;
    this.isReading = false;
    this.lastUpdate = Date.now();
    this.latestIdentityUpdate = certificate !== null && privateKey !== null ? { certificate, privateKey } : null;
    this.latestCaUpdate = ca === null ? null : { caCertificate: ca };
    for (const listener of this.identityListeners) listener(this.latestIdentityUpdate);
    for (const listener of this.caListeners) listener(this.latestCaUpdate);
  }

  start() {
    if (this.refreshTimer !== null) return;
    const { refreshIntervalMs } = this.config;
    const age = Date.now() - this.lastUpdate;
    this.refreshTimer = setInterval(() => void this.update(), refreshIntervalMs);
    // A provider that goes from unused to used quickly does not read more often than it should.
    if (age > refreshIntervalMs) void this.update();
    if (age > refreshIntervalMs * 2) {
      this.latestCaUpdate = undefined;
      this.latestIdentityUpdate = undefined;
    }
  }

  maybeStop() {
    if (this.caListeners.size > 0 || this.identityListeners.size > 0 || this.refreshTimer === null) return;
    clearInterval(this.refreshTimer);
    this.refreshTimer = null;
    this.isReading = false;
  }

  /** @param {Listener} listener */
  addCaCertificateListener(listener) {
    this.caListeners.add(listener);
    this.start();
    if (this.latestCaUpdate !== undefined) process.nextTick(listener, this.latestCaUpdate);
  }

  /** @param {Listener} listener */
  removeCaCertificateListener(listener) {
    this.caListeners.delete(listener);
    this.maybeStop();
  }

  /** @param {Listener} listener */
  addIdentityCertificateListener(listener) {
    this.identityListeners.add(listener);
    this.start();
    if (this.latestIdentityUpdate !== undefined) process.nextTick(listener, this.latestIdentityUpdate);
  }

  /** @param {Listener} listener */
  removeIdentityCertificateListener(listener) {
    this.identityListeners.delete(listener);
    this.maybeStop();
  }
}

module.exports = { FileWatcherCertificateProvider };
