'use strict';

const { randomUUID } = require('node:crypto');
const { EventEmitter } = require('node:events');
const { SseError } = require('./error.js');
const { EventBuffer, serialize, sanitize } = require('./event-buffer.js');
const { EventHistory } = require('./history.js');

/** @typedef {import('./session.js').Session} Session */

/**
 * Events for many sessions. Mirrors `Channel` of `better-sse`; beyond it, an event's text is made once for all sessions, and
 * with `history` a session that comes back gets what it missed.
 */
class Channel extends EventEmitter {
  /**
   * @param {object} [options]
   * @param {any} [options.state] the user's
   * @param {boolean | { count?: number, bytes?: number, maxAge?: number }} [options.history] Defaults to none.
   * @param {string} [options.resetEvent] the event for a client whose last id is not known any more. Defaults to `reset`.
   */
  constructor(options = {}) {
    super();
    this.setMaxListeners(Infinity);
    this.state = options.state ?? {};
    this.resetEvent = options.resetEvent ?? 'reset';
    this.history = options.history ? new EventHistory(options.history === true ? {} : options.history) : null;
    /** @type {Map<Session, () => void>} */
    this.sessions = new Map();
    this.broadcast = this.broadcast.bind(this);
  }

  /** @returns {ReadonlyArray<Session>} */
  get activeSessions() {
    return [...this.sessions.keys()];
  }

  /** @returns {number} */
  get sessionCount() {
    return this.sessions.size;
  }

  /**
   * Sends the events of this channel to `session` from now on, and first what it missed, where there is a history.
   *
   * @param {Session} session
   * @returns {this}
   * @throws {SseError} where it is not connected
   */
  register(session) {
    if (this.sessions.has(session)) return this;
    // Its owner could not know.
    if (session.neverConnected) return this;
    if (!session.isConnected) throw new SseError('Cannot register a non-active session.');
    const onDisconnected = () => {
      this.emit('session-disconnected', session);
      this.deregister(session);
    };
    session.once('disconnected', onDisconnected);
    this.sessions.set(session, onDisconnected);
    if (this.history && session.lastId !== '') this.replay(this.history, session);
    this.emit('session-registered', session);
    return this;
  }

  /**
   * @param {EventHistory} history
   * @param {Session} session
   * @private
   */
  replay(history, session) {
    const missed = history.after(session.lastId);
    if (missed === null) {
      // The client is told to fetch its state anew, and goes on from here.
      session.push({ reason: 'history', lastId: session.lastId }, this.resetEvent, `${history.epoch}-${history.offset - 1}`);
      return;
    }
    for (const { frame, data, name, id } of missed) session.pushFrame(frame, data, name, id);
  }

  /**
   * @param {Session} session
   * @returns {this}
   */
  deregister(session) {
    const onDisconnected = this.sessions.get(session);
    if (onDisconnected === undefined) return this;
    session.removeListener('disconnected', onDisconnected);
    this.sessions.delete(session);
    this.emit('session-deregistered', session);
    return this;
  }

  /**
   * @param {unknown} data
   * @param {string} [eventName] Defaults to `message`.
   * @param {object} [options]
   * @param {string} [options.eventId] Defaults to a random UUID, with a history to `<epoch>-<offset>`.
   * @param {(session: Session) => boolean} [options.filter] which sessions get it. Defaults to all.
   * @returns {this}
   */
  broadcast(data, eventName = 'message', options = {}) {
    const eventId = options.eventId ?? this.history?.nextId() ?? randomUUID();
    const frame = Buffer.from(new EventBuffer().push(data, eventName, eventId).read());
    // What only some may see is not for whoever comes back.
    if (!options.filter) this.history?.add({ id: eventId, name: eventName, data, frame });
    for (const session of [...this.sessions.keys()]) {
      if (options.filter && !options.filter(session)) continue;
      if (isPlain(session)) session.pushFrame(frame, data, eventName, eventId);
      else if (session.isConnected) session.push(data, eventName, eventId);
    }
    this.emit('broadcast', data, eventName, eventId);
    return this;
  }

  /**
   * Ends all sessions, and may say when to come back.
   *
   * @param {{ retry?: number, jitter?: number }} [options] milliseconds, as for `session.close()`
   */
  close(options) {
    for (const session of this.activeSessions) session.close(options);
  }
}

/**
 * @param {Session} session
 * @returns {boolean} whether its events look as everybody's do, and nobody wants to see them one by one
 */
function isPlain(session) {
  return (
    session.isConnected &&
    session.buffer.serialize === serialize &&
    session.buffer.sanitize === sanitize &&
    session.push === session.plainPush
  );
}

module.exports = { Channel };
