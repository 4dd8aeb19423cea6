'use strict';

/**
 * Further attempts of calls, as a service config asks for them (gRFC A6): one after the other has failed, or several beside
 * each other, of which the first that is answered counts.
 */

const { status } = require('../constants.js');

/** Attempts of one call that a policy may ask for. */
const DEFAULT_MOST_ATTEMPTS = 5;

/** Tokens of a target: failures take them, and while half of them are gone nothing is tried again. */
class Throttle {
  /**
   * @param {{ maxTokens: number, tokenRatio: number }} config
   * @param {number} left share of the tokens
   */
  constructor({ maxTokens, tokenRatio }, left) {
    this.maxTokens = maxTokens;
    this.tokenRatio = tokenRatio;
    this.tokens = maxTokens * left;
  }

  succeeded() {
    this.tokens = Math.min(this.tokens + this.tokenRatio, this.maxTokens);
  }

  failed() {
    this.tokens = Math.max(this.tokens - 1, 0);
  }

  get allows() {
    return this.tokens > this.maxTokens / 2;
  }
}

/** By target, for all channels to it. @type {Map<string, Throttle>} */
const throttles = new Map();

/** @param {string} target @param {any} config of throttling, or undefined */
function setThrottle(target, config) {
  const before = throttles.get(target);
  if (config === undefined) throttles.delete(target);
  // What was lost under another config counts under the next.
  else throttles.set(target, new Throttle(config, before === undefined ? 1 : before.tokens / before.maxTokens));
}

/** @param {string} target @returns {Throttle | undefined} */
function throttleOf(target) {
  return throttles.get(target);
}

/** @param {any} result a status @returns {number | undefined} ms that the server asks for; less than 0 for never */
function pushbackMs(result) {
  const [value] = result.metadata.get('grpc-retry-pushback-ms');
  if (value === undefined) return undefined;
  const ms = Number.parseInt(String(value), 10);
  return Number.isNaN(ms) ? -1 : ms;
}

/** What both policies have. */
class Policy {
  /** @param {any} call @param {any} config */
  constructor(call, config) {
    this.call = call;
    this.config = config;
    const { channel } = call;
    this.most = Math.min(config.maxAttempts, channel.options['grpc-node.retry_max_attempts_limit'] ?? DEFAULT_MOST_ATTEMPTS);
    /** Attempts that were begun, but for those that nobody saw. */
    this.attempts = 1;
    this.throttle = throttleOf(channel.target);
    /** @type {NodeJS.Timeout | null} */
    this.timer = null;
    this.isStopped = false;
  }

  /** No further attempt is made. */
  stop() {
    this.isStopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** @param {number} ms @param {() => void} work */
  later(ms, work) {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      if (!this.isStopped) work();
    }, ms);
  }
}

class Retrying extends Policy {
  /** @param {any} call @param {any} config */
  constructor(call, config) {
    super(call, config);
    this.nextMs = config.initialBackoffMs;
  }

  started() {}

  /** @param {any} result @returns {boolean} whether it is not the call's yet */
  ended(result) {
    const { config, throttle, call } = this;
    if (result.code === status.OK || !config.codes.has(result.code)) return false;
    throttle?.failed();
    if (this.attempts >= this.most) return false;
    const pushback = pushbackMs(result);
    if (pushback !== undefined && pushback < 0) return false;
    let delay = pushback;
    if (delay === undefined) {
      delay = this.nextMs * (0.8 + 0.4 * Math.random());
      this.nextMs = Math.min(this.nextMs * config.backoffMultiplier, config.maxBackoffMs);
    } else this.nextMs = config.initialBackoffMs;
    this.later(delay, () => {
      if (throttle?.allows ?? true) {
        this.attempts++;
        call.tryAgain();
      } else call.finish(result);
    });
    return true;
  }
}

class Hedging extends Policy {
  started() {
    if (!this.isStopped && this.attempts < this.most) this.later(this.config.delayMs, () => this.another());
  }

  another() {
    if (this.attempts >= this.most) return;
    this.attempts++;
    this.call.hedge();
    this.started();
  }

  /** @param {any} result @returns {boolean} whether it is not the call's yet */
  ended(result) {
    const { config, throttle, call } = this;
    if (result.code === status.OK || !config.codes.has(result.code)) return false;
    throttle?.failed();
    const pushback = pushbackMs(result);
    if (pushback !== undefined && pushback < 0) return false;
    this.later(pushback ?? 0, () => {
      this.another();
      // That was the last one, and none is under way.
      if (call.isAlone) call.finish(result);
    });
    return true;
  }
}

/** @param {any} call @returns {Retrying | Hedging | null} what its method's config asks for */
function policyOf(call) {
  const { config, channel } = call;
  if (!channel.retries) return null;
  if (config.retry !== undefined) return new Retrying(call, config.retry);
  return config.hedging === undefined ? null : new Hedging(call, config.hedging);
}

module.exports = { policyOf, setThrottle, throttleOf };
