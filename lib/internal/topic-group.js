'use strict';

/** @typedef {import('./hub-mailbox.js').HubEvent} HubEvent */

/**
 * One topic of one member: what came up to `from` is replayed, or was before its time.
 *
 * @typedef {{ from: number, scopes: ReadonlySet<string> | null }} Follow
 */

/** @template T @typedef {{ follows: Map<string, Follow>, last: number }} Member */

/**
 * Subscribers that get an event together: `send` is called once for an event and all of them, not once for each.
 *
 * @template {object} T
 */
class Group {
  /**
   * @param {import('../hub/hub.js').Hub} hub
   * @param {(event: HubEvent, targets: T[]) => void} send
   * @param {(target: T, reason: 'history' | 'overflow') => void} reset events were missed for good
   */
  constructor(hub, send, reset) {
    this.hub = hub;
    this.send = send;
    this.reset = reset;
    /** @type {Map<T, Member<T>>} */
    this.members = new Map();
    /** @type {Map<string, GroupTopic<T>>} */
    this.topics = new Map();
  }

  /**
   * @param {T} target
   * @param {string[]} patterns checked ones
   * @param {{ since?: string, scopes?: string[] }} options
   */
  add(target, patterns, { since, scopes }) {
    const { hub } = this;
    const { offset, tooOld } = hub.native.subscribe(hub.mailbox.native, patterns, since);
    const missed = hub.mailbox.takeMissed(hub.epoch);
    const allowed = scopes ? new Set(scopes) : null;
    let member = this.members.get(target);
    if (member === undefined) this.members.set(target, (member = { follows: new Map(), last: 0 }));
    const again = [];
    for (const pattern of patterns) {
      const before = member.follows.get(pattern);
      if (before) again.push(pattern);
      // Without a replay, what waits in the mailbox is still to come to who followed already.
      const from = before && since === undefined ? before.from : offset;
      member.follows.set(pattern, { from, scopes: allowed });
      let topic = this.topics.get(pattern);
      if (topic === undefined) {
        topic = new GroupTopic(this, pattern);
        this.topics.set(pattern, topic);
        hub.join(pattern, topic);
      }
      topic.members.set(target, member);
    }
    // Each counts once as a subscriber.
    if (again.length > 0) hub.native.unsubscribe(hub.mailbox.native, again);
    if (tooOld) this.reset(target, 'history');
    for (const event of missed) if (isFor(event, allowed)) this.send(event, [target]);
  }

  /**
   * @param {T} target
   * @param {string[]} [patterns] Defaults to all.
   */
  remove(target, patterns) {
    const { hub } = this;
    const member = this.members.get(target);
    if (member === undefined) return;
    const left = (patterns ?? [...member.follows.keys()]).filter((pattern) => member.follows.delete(pattern));
    if (member.follows.size === 0) this.members.delete(target);
    if (left.length === 0) return;
    hub.native.unsubscribe(hub.mailbox.native, left);
    for (const pattern of left) {
      const topic = /** @type {GroupTopic<T>} */ (this.topics.get(pattern));
      topic.members.delete(target);
      if (topic.members.size > 0) continue;
      topic.closed = true;
      this.topics.delete(pattern);
      hub.part(pattern, topic);
    }
  }

  /** @param {T} target @returns {string[]} the patterns that it follows */
  followed(target) {
    return [...(this.members.get(target)?.follows.keys() ?? [])];
  }
}

/**
 * The members of a group that follow one pattern: to the hub, one subscription.
 *
 * @template {object} T
 */
class GroupTopic {
  /**
   * @param {Group<T>} group
   * @param {string} pattern
   */
  constructor(group, pattern) {
    this.group = group;
    this.pattern = pattern;
    /** @type {Map<T, Member<T>>} */
    this.members = new Map();
    this.closed = false;
  }

  /** @param {HubEvent} event */
  offer(event) {
    if (this.closed) return;
    /** @type {T[]} */
    const targets = [];
    for (const [target, member] of this.members) {
      const { from, scopes } = /** @type {Follow} */ (member.follows.get(this.pattern));
      // Beyond `last`: it may follow another pattern that matches, too.
      if (event.offset <= from || event.offset <= member.last || !isFor(event, scopes)) continue;
      member.last = event.offset;
      targets.push(target);
    }
    if (targets.length > 0) this.group.send(event, targets);
  }

  /** @param {'history' | 'overflow'} reason */
  onReset(reason) {
    for (const target of [...this.members.keys()]) this.group.reset(target, reason);
  }
}

/**
 * @param {HubEvent} event
 * @param {ReadonlySet<string> | null} scopes
 */
function isFor(event, scopes) {
  return event.scope === undefined || (scopes?.has(event.scope) ?? false);
}

module.exports = { Group };
