'use strict';

class StatusBuilder {
  constructor() {
    this.code = null;
    this.details = null;
    this.metadata = null;
  }

  /** @param {any} code */
  withCode(code) {
    this.code = code;
    return this;
  }

  /** @param {any} details */
  withDetails(details) {
    this.details = details;
    return this;
  }

  /** @param {any} metadata */
  withMetadata(metadata) {
    this.metadata = metadata;
    return this;
  }

  /** @returns {any} what was given */
  build() {
    const entries = Object.entries({ code: this.code, details: this.details, metadata: this.metadata });
    return Object.fromEntries(entries.filter(([, value]) => value !== null));
  }
}

module.exports = { StatusBuilder };
