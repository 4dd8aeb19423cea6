'use strict';

/** What a call shows of who makes it: metadata that is generated for each. Mirrors grpc-js. */

const { Metadata } = require('../metadata.js');

/** @typedef {{ method_name: string, service_url: string }} About */

class CallCredentials {
  /**
   * @param {(about: About, callback: (error: Error | null, metadata?: Metadata) => void) => void} generator
   * @returns {CallCredentials}
   */
  static createFromMetadataGenerator(generator) {
    return new SingleCallCredentials(generator);
  }

  /**
   * @param {any} client of `google-auth-library`
   * @returns {CallCredentials}
   */
  static createFromGoogleCredential(client) {
    return new SingleCallCredentials((/** @type {About} */ about, /** @type {any} */ callback) => {
      headersOf(client, about.service_url).then((headers) => {
        const metadata = new Metadata();
        const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
        for (const [key, value] of entries) metadata.add(key, value);
        callback(null, metadata);
      }).catch((/** @type {Error} */ error) => callback(error));
    });
  }

  /** @returns {CallCredentials} */
  static createEmpty() {
    return new EmptyCallCredentials();
  }

  /** @param {About} _about @returns {Promise<Metadata>} */
  generateMetadata(_about) {
    throw new Error('generateMetadata() is the subclass\'s');
  }

  /** @param {CallCredentials} _other @returns {CallCredentials} both, these first */
  compose(_other) {
    throw new Error('compose() is the subclass\'s');
  }

  /** @param {CallCredentials} other @returns {boolean} */
  _equals(other) {
    return this === other;
  }
}

/**
 * @param {any} client
 * @param {string} url
 * @returns {Promise<any>}
 */
function headersOf(client, url) {
  if (typeof client.getRequestHeaders === 'function') return client.getRequestHeaders(url);
  return new Promise((resolve, reject) => {
    client.getRequestMetadata(url, (/** @type {Error | null} */ error, /** @type {any} */ headers) => {
      if (error) reject(error);
      else if (!headers) reject(new Error('Headers not set by metadata plugin'));
      else resolve(headers);
    });
  });
}

class EmptyCallCredentials extends CallCredentials {
  generateMetadata() {
    return Promise.resolve(new Metadata());
  }

  /** @param {CallCredentials} other */
  compose(other) {
    return other;
  }

  /** @param {CallCredentials} other */
  _equals(other) {
    return other instanceof EmptyCallCredentials;
  }
}

class SingleCallCredentials extends CallCredentials {
  /** @param {any} generator */
  constructor(generator) {
    super();
    this.generator = generator;
  }

  /** @param {About} about @returns {Promise<Metadata>} */
  generateMetadata(about) {
    return new Promise((resolve, reject) => {
      this.generator(about, (/** @type {any} */ error, /** @type {any} */ metadata) => {
        if (metadata !== undefined) resolve(metadata);
        else reject(error);
      });
    });
  }

  /** @param {CallCredentials} other */
  compose(other) {
    return isEmpty(other) ? this : new ComposedCallCredentials([this, other]);
  }

  /** @param {CallCredentials} other */
  _equals(other) {
    return this === other || (other instanceof SingleCallCredentials && this.generator === other.generator);
  }
}

class ComposedCallCredentials extends CallCredentials {
  /** @param {CallCredentials[]} all */
  constructor(all) {
    super();
    this.all = all;
  }

  /** @param {About} about */
  async generateMetadata(about) {
    const merged = new Metadata();
    for (const one of await Promise.all(this.all.map((credentials) => credentials.generateMetadata(about)))) merged.merge(one);
    return merged;
  }

  /** @param {CallCredentials} other */
  compose(other) {
    return isEmpty(other) ? this : new ComposedCallCredentials([...this.all, other]);
  }

  /** @param {CallCredentials} other */
  _equals(other) {
    if (this === other) return true;
    return other instanceof ComposedCallCredentials && this.all.every((one, index) => one._equals(other.all[index]));
  }
}

/** @param {CallCredentials} credentials @returns {boolean} */
function isEmpty(credentials) {
  return credentials instanceof EmptyCallCredentials;
}

module.exports = { CallCredentials, isEmpty };
