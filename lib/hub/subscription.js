'use strict';

/** @typedef {import('../internal/hub-mailbox.js').HubEvent} HubEvent */

/**
 * What one subscriber of this thread follows. Events come in the order of their offsets; a gap is told by `onReset`, never
 * silent.
 */
class Subscription {
  /**
   * @param {import('./hub.js').Hub} hub
   * @param {string[]} patterns
   * @param {object} options
   * @param {(event: HubEvent) => void} options.onEvent
   * @param {(reason: 'history' | 'overflow') => void} options.onReset
   * @param {ReadonlySet<string> | null} options.scopes
   */
  constructor(hub, patterns, { onEvent, onReset, scopes }) {
    this.hub = hub;
    /** @type {readonly string[]} */
    this.topics = patterns;
    this.onEvent = onEvent;
    this.onReset = onReset;
    this.scopes = scopes;
    /** The last event that was considered: what comes from the mailbox up to it was replayed. */
    this.offset = 0;
    this.closed = false;
    /** Called once, when it is closed. @type {(() => void) | null} */
    this.onClosed = null;
  }

  /** @param {HubEvent} event */
  offer(event) {
    if (this.closed || event.offset <= this.offset) return;
    this.offset = event.offset;
    if (event.scope !== undefined && !this.scopes?.has(event.scope)) return;
    this.onEvent(event);
  }

  /** Ends it. Nothing is told afterwards. */
  close() {
    if (this.closed) return;
    this.closed = true;
    this.hub.leave(this);
    this.onClosed?.();
  }
}

module.exports = { Subscription };
