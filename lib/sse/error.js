'use strict';

const { withCode } = require('../internal/errors.js');

/** Wrong use of a session or a channel. The message begins as that of `better-sse` does. */
class SseError extends Error {
  /**
   * @param {string} message
   * @param {string} [code] Defaults to `ERR_MILLRACE_SSE_USE`.
   */
  constructor(message, code = 'ERR_MILLRACE_SSE_USE') {
    super(`better-sse: ${message}`);
    withCode(this, code);
  }
}

module.exports = { SseError };
