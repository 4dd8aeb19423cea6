'use strict';

/** Topics of a hub for the WebSockets of a server: an event is framed once, and queued for all of them in one crossing. */

const { invalidArgType } = require('../internal/errors.js');
const { optionsObject } = require('../internal/options.js');
const { createHub } = require('../hub.js');
const { Group } = require('../internal/topic-group.js');
const { checkPatterns } = require('../internal/topic-pattern.js');
const { READY_STATES } = require('./constants.js');

const CLOSING = READY_STATES.indexOf('CLOSING');

class Topics {
  /**
   * @param {import('./websocket-server.js')} server
   * @param {any} given a hub, or nothing for one of this server alone
   */
  constructor(server, given) {
    if (given && typeof given.publish !== 'function') throw invalidArgType('options.hub', 'Hub', given);
    /** @type {import('../hub/hub.js').Hub} */
    this.hub = given ?? createHub();
    this.group = new Group(
      this.hub,
      ({ data }, /** @type {any[]} */ clients) => server.broadcast(data, { clients }),
      // As `hub.attach()` has it.
      (websocket, reason) => websocket.send(JSON.stringify({ reset: reason, id: this.hub.lastId }), () => {}),
    );
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
    if (!this.group.members.has(websocket)) websocket.once('close', () => this.group.remove(websocket));
    this.group.add(websocket, patterns, { since, scopes });
  }

  /**
   * @param {any} websocket
   * @param {string | string[]} [topics]
   */
  unsubscribe(websocket, topics) {
    this.group.remove(websocket, topics === undefined ? undefined : checkPatterns(topics));
  }

  /** @param {any} websocket */
  followed(websocket) {
    return this.group.followed(websocket);
  }
}

module.exports = { Topics };
