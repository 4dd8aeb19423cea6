'use strict';

const { load } = require('../internal/loader.js');
const { HubMailbox } = require('../internal/hub-mailbox.js');
const { invalidArgType } = require('../internal/errors.js');
const { integer, optionsObject } = require('../internal/options.js');
const { attach } = require('./attach.js');
const { checkPatterns, checkTopic, matcher } = require('../internal/topic-pattern.js');
const { Subscription } = require('./subscription.js');

/** @typedef {import('../internal/hub-mailbox.js').HubEvent} HubEvent */
/** @typedef {Pick<Subscription, 'closed' | 'offer' | 'onReset'>} Follower a subscription, or several that are one to the hub */

/** Batches in one turn, then others have theirs. */
const TURN_BATCHES = 16;
const MAX = Number.MAX_SAFE_INTEGER;

/**
 * Topics that feed subscribers of any kind, on any thread of the process.
 *
 * Events are numbered, kept and bounded natively (`src/net/hub`). Each thread has one mailbox, so that an event crosses into a
 * thread once, however many of its subscribers follow the topic; who follows what is known here.
 */
class Hub {
  /**
   * @param {object} [options]
   * @param {string} [options.name] hubs of one name are one, on all threads. Defaults to none: a hub of this thread.
   * @param {{ count?: number, bytes?: number, maxAge?: number, totalBytes?: number }} [options.history] most events and bytes of
   *   a topic that are kept, milliseconds that they are, and bytes for all topics. Defaults to 1,000, 1,048,576, no limit and
   *   67,108,864. A `count` of 0 keeps none. The first thread to make a named hub decides.
   * @param {number} [options.mailboxBytes] bytes that may wait while this thread is busy. Defaults to 16,777,216.
   */
  constructor(options) {
    const given = optionsObject(options);
    const { name } = given;
    if (name !== undefined && typeof name !== 'string') throw invalidArgType('options.name', 'string', name);
    const history = optionsObject(given.history);
    const addon = /** @type {any} */ (load());
    this.native = new addon.Hub(
      name,
      integer(history, 'count', 0, 2 ** 31, 1000),
      integer(history, 'bytes', 0, MAX, 1024 * 1024),
      integer(history, 'maxAge', 0, MAX, 0),
      integer(history, 'totalBytes', 0, MAX, 64 * 1024 * 1024),
    );
    /** @type {string} */
    this.epoch = this.native.epoch;
    const weak = new WeakRef(this);
    this.mailboxBytes = integer(given, 'mailboxBytes', 1024, MAX, 16 * 1024 * 1024);
    // Weakly: a hub that nobody refers to any more can be collected, with its mailbox.
    this.mailbox = new HubMailbox(this.mailboxBytes, () => weak.deref()?.poll());
    /** @type {Map<string, Set<Follower>>} */
    this.exact = new Map();
    /** @type {Map<string, { matches: (topic: string) => boolean, subscriptions: Set<Follower> }>} */
    this.wild = new Map();
    this.polling = false;
    /** The batch that is handed out, and its next event. @type {HubEvent[]} */
    this.taken = [];
    this.next = 0;
    this.dropped = 0;
  }

  /**
   * Publishes an event to all who follow `topic`, on all threads. Never waits.
   *
   * @param {string} topic a path, such as `rooms/7`
   * @param {unknown} data a string or bytes; anything else goes through `JSON.stringify`
   * @param {object} [options]
   * @param {string} [options.event] its name, for server-sent events
   * @param {string} [options.key] what it is about: of events with one key only the latest counts for `latest` and `keep-latest`
   * @param {string} [options.scope] who may see it: subscribers that have this scope. Defaults to all.
   * @returns {string} its id
   */
  publish(topic, data, options) {
    const { bytes, isText, event, key, scope } = this.prepare(topic, data, options);
    return `${this.epoch}-${this.native.publish(topic, bytes, isText, event, key, scope)}`;
  }

  /**
   * Checks an event, and makes bytes of its data.
   *
   * @param {string} topic
   * @param {unknown} data
   * @param {{ event?: string, key?: string, scope?: string }} [options]
   * @returns {{ bytes: Uint8Array, isText: boolean, event?: string, key?: string, scope?: string }}
   */
  prepare(topic, data, options) {
    checkTopic(topic);
    const { event, key, scope } = optionsObject(options);
    for (const [name, value] of [['event', event], ['key', key], ['scope', scope]]) {
      if (value !== undefined && typeof value !== 'string') throw invalidArgType(`options.${name}`, 'string', value);
    }
    if (data instanceof Uint8Array) return { bytes: data, isText: false, event, key, scope };
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    if (text === undefined) throw invalidArgType('data', ['string', 'Buffer', 'Object'], data);
    return { bytes: Buffer.from(text), isText: true, event, key, scope };
  }

  /**
   * Follows topics. What comes is told in order; with `since`, first what was missed, before this returns.
   *
   * @param {string | string[]} topics patterns: `*` stands for one segment, `**` at the end for any number
   * @param {(event: HubEvent) => void} onEvent
   * @param {object} [options]
   * @param {string} [options.since] the id of the last event that was seen
   * @param {string[]} [options.scopes] scopes of events to be seen beside those for all. Defaults to none.
   * @param {(reason: 'history' | 'overflow') => void} [options.onReset] events were missed for good: `since` is too old, or this
   *   thread was busy for too long. Defaults to nothing.
   * @returns {Subscription}
   */
  subscribe(topics, onEvent, options) {
    const patterns = checkPatterns(topics);
    if (typeof onEvent !== 'function') throw invalidArgType('onEvent', 'function', onEvent);
    const { since, scopes, onReset = () => {} } = optionsObject(options);
    if (since !== undefined && typeof since !== 'string') throw invalidArgType('options.since', 'string', since);
    if (scopes !== undefined && !Array.isArray(scopes)) throw invalidArgType('options.scopes', 'Array', scopes);
    if (typeof onReset !== 'function') throw invalidArgType('options.onReset', 'function', onReset);
    const subscription = new Subscription(this, patterns, { onEvent, onReset, scopes: scopes ? new Set(scopes) : null });
    const { offset, tooOld } = this.native.subscribe(this.mailbox.native, patterns, since);
    const missed = this.mailbox.takeMissed(this.epoch);
    for (const pattern of patterns) this.join(pattern, subscription);
    try {
      if (tooOld) onReset('history');
      for (const event of missed) subscription.offer(event);
    } catch (error) {
      // Nobody has it yet who could close it.
      subscription.close();
      throw error;
    }
    subscription.offset = Math.max(subscription.offset, offset);
    return subscription;
  }

  /**
   * Sends events to a connection until it closes: to a session of `millrace/sse` as events, to a WebSocket as messages.
   *
   * @param {any} target
   * @param {string | string[]} topics
   * @param {object} [options]
   * @param {string} [options.since] Defaults to the session's `lastId`; for a WebSocket to none.
   * @param {string[]} [options.scopes]
   * @param {string} [options.resetEvent] Defaults to `reset`.
   * @returns {Subscription}
   */
  attach(target, topics, options) {
    return attach(this, target, topics, optionsObject(options));
  }

  /**
   * @param {string} topic
   * @returns {HubEvent[]} the latest kept event of each key, and of those without one: what a newcomer needs to know
   */
  latest(topic) {
    this.native.latest(this.mailbox.native, checkTopic(topic));
    return this.mailbox.takeMissed(this.epoch);
  }

  /**
   * @param {string} topic
   * @returns {number} subscriptions of all threads that match it
   */
  subscribers(topic) {
    return this.native.subscribers(checkTopic(topic));
  }

  /** @returns {{ topics: number, events: number, bytes: number, dropped: number }} what is kept, and what this thread missed */
  stats() {
    const [topics, events, bytes] = this.native.held();
    return { topics, events, bytes, dropped: this.mailbox.native.dropped() };
  }

  /** @returns {string} the id of the last event */
  get lastId() {
    return `${this.epoch}-${this.native.offset}`;
  }

  /**
   * @param {string} pattern
   * @param {Follower} subscription
   */
  join(pattern, subscription) {
    const matches = matcher(pattern);
    if (matches === null) {
      const followers = this.exact.get(pattern);
      if (followers) followers.add(subscription);
      else this.exact.set(pattern, new Set([subscription]));
      return;
    }
    const followers = this.wild.get(pattern);
    if (followers) followers.subscriptions.add(subscription);
    else this.wild.set(pattern, { matches, subscriptions: new Set([subscription]) });
  }

  /** @param {Subscription} subscription */
  leave(subscription) {
    this.native.unsubscribe(this.mailbox.native, subscription.topics);
    for (const pattern of subscription.topics) this.part(pattern, subscription);
  }

  /**
   * @param {string} pattern
   * @param {Follower} subscription
   */
  part(pattern, subscription) {
    const followers = this.exact.get(pattern) ?? this.wild.get(pattern)?.subscriptions;
    followers?.delete(subscription);
    if (followers?.size === 0) {
      this.exact.delete(pattern);
      this.wild.delete(pattern);
    }
  }

  /**
   * Hands out what waits. The mailbox rings again only once it was found empty, so whatever ends this early comes again: also a
   * listener that throws, whose event is then offered anew, which those who had it ignore.
   *
   * @private
   */
  poll() {
    if (this.polling) return;
    this.polling = true;
    let empty = false;
    try {
      for (let batches = 0; batches < TURN_BATCHES && !empty; batches++) {
        if (this.taken.length === 0) {
          this.taken = this.mailbox.take(this.epoch);
          this.next = 0;
          this.tellOverflow();
        }
        empty = this.taken.length === 0;
        for (; this.next < this.taken.length; this.next++) this.dispatch(this.taken[this.next]);
        this.taken = [];
      }
    } finally {
      this.polling = false;
      if (!empty) setImmediate(() => this.poll());
    }
  }

  /** @private */
  tellOverflow() {
    const dropped = this.mailbox.native.dropped();
    if (dropped === this.dropped) return;
    this.dropped = dropped;
    const sets = [...this.exact.values(), ...[...this.wild.values()].map((one) => one.subscriptions)];
    for (const subscription of new Set(sets.flatMap((set) => [...set]))) {
      if (!subscription.closed) subscription.onReset('overflow');
    }
  }

  /**
   * @param {HubEvent} event
   * @private
   */
  dispatch(event) {
    const followers = this.exact.get(event.topic);
    if (followers) for (const subscription of [...followers]) subscription.offer(event);
    for (const { matches, subscriptions } of this.wild.values()) {
      if (matches(event.topic)) for (const subscription of [...subscriptions]) subscription.offer(event);
    }
  }
}

module.exports = { Hub };
