'use strict';

const { randomUUID } = require('node:crypto');
const { EventEmitter } = require('node:events');
const { SharedFrame } = require('../internal/shared-frame.js');
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
    /** What {@link all} gave, until it changes. @type {Session[] | null} */
    this.list = null;
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
    this.list = null;
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
    for (const { frame, data, name, id } of missed) {
      if (isPlain(session) && isUsual(session.buffer)) session.pushFrame(frame, data, name, id);
      else session.push(data, name, id);
    }
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
    this.list = null;
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
    const frames = new Frames(data, eventName, eventId);
    // What only some may see is not for whoever comes back.
    if (!options.filter) this.history?.add({ id: eventId, name: eventName, data, frame: frames.usual().bytes });
    try {
      for (const session of this.all()) {
        if (options.filter && !options.filter(session)) continue;
        if (isPlain(session)) session.pushFrame(frames.of(session.buffer), data, eventName, eventId);
        else if (session.isConnected) session.push(data, eventName, eventId);
      }
    } finally {
      frames.commit();
    }
    this.emit('broadcast', data, eventName, eventId);
    return this;
  }

  /**
   * @returns {ReadonlyArray<Session>} a list that does not change while sessions come and go
   * @private
   */
  all() {
    return (this.list ??= [...this.sessions.keys()]);
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

/** An event's text, made once for all sessions with the same serializer and sanitizer. */
class Frames {
  /**
   * @param {unknown} data
   * @param {string} name
   * @param {string} id
   */
  constructor(data, name, id) {
    this.data = data;
    this.name = name;
    this.id = id;
    /** By the serializer. @type {Map<EventBuffer['serialize'], { sanitizer: EventBuffer['sanitize'], frame: SharedFrame }>} */
    this.made = new Map();
    /** The last that {@link of} gave. @type {SharedFrame | null} */
    this.last = null;
  }

  /** @returns {SharedFrame} */
  usual() {
    return this.of({ serialize, sanitize });
  }

  /**
   * @param {{ serialize: EventBuffer['serialize'], sanitize: EventBuffer['sanitize'] }} how
   * @returns {SharedFrame}
   */
  of(how) {
    const { serialize: serializer, sanitize: sanitizer } = how;
    const made = this.made.get(serializer);
    if (made?.sanitizer === sanitizer) return this.use(made.frame);
    const text = new EventBuffer({ serializer, sanitizer }).push(this.data, this.name, this.id).read();
    const frame = new SharedFrame(Buffer.from(text));
    if (made === undefined) this.made.set(serializer, { sanitizer, frame });
    return this.use(frame);
  }

  /**
   * @param {SharedFrame} frame
   * @private
   */
  use(frame) {
    if (frame !== this.last) this.last?.commit();
    return (this.last = frame);
  }

  /** Hands down who was gathered. */
  commit() {
    this.last?.commit();
  }
}

/**
 * @param {Session} session
 * @returns {boolean} whether nobody wants to see its events one by one
 */
function isPlain(session) {
  return session.isConnected && session.push === session.plainPush;
}

/**
 * @param {EventBuffer} buffer
 * @returns {boolean} whether events look in it as they do in most
 */
function isUsual(buffer) {
  return buffer.serialize === serialize && buffer.sanitize === sanitize;
}

module.exports = { Channel };
