'use strict';

/**
 * Topics of a hub for the WebSockets of a server. Events go from the hub to the sockets in the reactor, framed once; JavaScript
 * says who follows what. Where there is no reactor, they come here, and are queued for all followers in one crossing.
 */

const { invalidArgType } = require('../internal/errors.js');
const { optionsObject } = require('../internal/options.js');
const { createHub, Hub } = require('../hub.js');
const { Group } = require('../internal/topic-group.js');
const { checkPatterns } = require('../internal/topic-pattern.js');
const { READY_STATES } = require('./constants.js');
const engine = require('./engine.js');

const CLOSING = READY_STATES.indexOf('CLOSING');

/**
 * @typedef {object} Members who follows what
 * @property {(websocket: any, patterns: string[], options: { since?: string, scopes?: string[] }) => void} add
 * @property {(websocket: any, patterns?: string[]) => void} remove
 * @property {(websocket: any) => string[]} followed
 * @property {(websocket: any, topic: string, data: unknown, options: any) => string} publishFrom
 */

class Topics {
  /**
   * @param {import('./websocket-server.js')} server
   * @param {any} given a hub, or nothing for one of this server alone
   */
  constructor(server, given) {
    if (given && typeof given.publish !== 'function') throw invalidArgType('options.hub', 'Hub', given);
    /** @type {import('../hub/hub.js').Hub} */
    this.hub = given ?? createHub();
    const native = this.hub instanceof Hub ? engine.topics(this.hub) : null;
    /** @type {Members} */
    this.members = native === null ? new GroupMembers(server, this.hub) : new NativeMembers(native, this.hub);
  }

  /**
   * @param {any} websocket
   * @param {string | string[]} topics
   * @param {any} options
   */
  subscribe(websocket, topics, options) {
    const patterns = checkPatterns(topics);
    const { since, scopes } = optionsObject(options);
    if (since !== undefined && typeof since !== 'string') throw invalidArgType('options.since', 'string', since);
    if (scopes !== undefined && !Array.isArray(scopes)) throw invalidArgType('options.scopes', 'Array', scopes);
    // Nobody would take it off again.
    if (websocket.readyState >= CLOSING) return;
    this.members.add(websocket, patterns, { since, scopes });
  }

  /**
   * @param {any} websocket
   * @param {string | string[]} [topics]
   */
  unsubscribe(websocket, topics) {
    this.members.remove(websocket, topics === undefined ? undefined : checkPatterns(topics));
  }

  /** @param {any} websocket */
  followed(websocket) {
    return this.members.followed(websocket);
  }

  /**
   * Publishes to all but the one that it comes from.
   *
   * @param {any} websocket
   * @param {string} topic
   * @param {unknown} data
   * @param {any} options
   * @returns {string} the event's id
   */
  publish(websocket, topic, data, options) {
    return this.members.publishFrom(websocket, topic, data, options);
  }
}

/** The engine knows who follows what. @implements {Members} */
class NativeMembers {
  /**
   * @param {any} native
   * @param {import('../hub/hub.js').Hub} hub
   */
  constructor(native, hub) {
    this.native = native;
    this.hub = hub;
  }

  /** @type {Members['add']} */
  add(websocket, patterns, { since, scopes }) {
    // What was sent before comes before.
    engine.pack();
    const joined = this.native.follow(websocket._connection.id, patterns, since, scopes);
    if (joined !== null && (joined.missed || joined.tooOld)) engine.scheduleFlush();
  }

  /** @type {Members['remove']} */
  remove(websocket, patterns) {
    this.native.unfollow(websocket._connection.id, patterns);
  }

  /** @type {Members['followed']} */
  followed(websocket) {
    return this.native.followed(websocket._connection.id);
  }

  /** @type {Members['publishFrom']} */
  publishFrom(websocket, topic, data, options) {
    const { id } = websocket._connection;
    const { bytes, isText, event, key, scope } = this.hub.prepare(topic, data, options);
    const { hub, native } = this;
    return `${hub.epoch}-${hub.native.publish(topic, bytes, isText, event, key, scope, native.fanout, id)}`;
  }
}

/** Events come into JavaScript. @implements {Members} */
class GroupMembers {
  /**
   * @param {import('./websocket-server.js')} server
   * @param {import('../hub/hub.js').Hub} hub
   */
  constructor(server, hub) {
    this.hub = hub;
    /** Who published what is on its way. @type {Map<string, any>} */
    this.origins = new Map();
    this.group = new Group(
      hub,
      ({ data, id }, /** @type {any[]} */ clients) => {
        const except = this.origins.get(id);
        server.broadcast(data, except === undefined ? { clients } : { clients, except });
      },
      // As `hub.attach()` has it.
      (websocket, reason) => websocket.send(JSON.stringify({ reset: reason, id: hub.lastId }), () => {}),
    );
  }

  /** @type {Members['add']} */
  add(websocket, patterns, options) {
    if (!this.group.members.has(websocket)) websocket.once('close', () => this.group.remove(websocket));
    this.group.add(websocket, patterns, options);
  }

  /** @type {Members['remove']} */
  remove(websocket, patterns) {
    this.group.remove(websocket, patterns);
  }

  /** @type {Members['followed']} */
  followed(websocket) {
    return this.group.followed(websocket);
  }

  /** @type {Members['publishFrom']} */
  publishFrom(websocket, topic, data, options) {
    const id = this.hub.publish(topic, data, options);
    this.origins.set(id, websocket);
    // The mailbox is emptied in a turn of its own, and that is over by then.
    setTimeout(() => this.origins.delete(id), ORIGIN_MS).unref();
    return id;
  }
}

/** How long it is known who published an event. */
const ORIGIN_MS = 10_000;

module.exports = { Topics };
