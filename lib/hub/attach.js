'use strict';

const { invalidArgType } = require('../internal/errors.js');
const { EventBuffer, Session } = /** @type {any} */ (require('../sse.js'));

/** @typedef {import('../internal/hub-mailbox.js').HubEvent} HubEvent */

/** An event's bytes for server-sent events: made for its first subscriber, used by all. @type {WeakMap<HubEvent, Buffer>} */
const frames = new WeakMap();

/**
 * @param {HubEvent} event
 * @returns {Buffer}
 */
function frameOf(event) {
  let frame = frames.get(event);
  if (frame === undefined) {
    const buffer = new EventBuffer({ serializer: String });
    if (event.event !== undefined) buffer.event(event.event);
    frame = Buffer.from(buffer.id(event.id).data(event.data.toString()).dispatch().read());
    frames.set(event, frame);
  }
  return frame;
}

/** Bytes that may wait for a socket whose own `maxBufferedAmount` sets no limit. */
const BUFFERED_BYTES = 1024 * 1024;

/**
 * @typedef {object} Receiver what a subscription needs of its target
 * @property {boolean} isGone it will take nothing any more
 * @property {string} closed the event that tells so
 * @property {string | undefined} since
 * @property {(event: HubEvent) => void} onEvent
 * @property {(reason: 'history' | 'overflow') => void} onReset
 */

/**
 * @param {import('./hub.js').Hub} hub
 * @param {any} target
 * @param {string | string[]} topics
 * @param {Record<string, any>} options
 * @returns {import('./subscription.js').Subscription}
 */
function attach(hub, target, topics, { since, scopes, resetEvent = 'reset' }) {
  const receiver = receiverOf(hub, target, resetEvent);
  const { onEvent, onReset, closed } = receiver;
  const subscription = hub.subscribe(topics, onEvent, { since: since ?? receiver.since, scopes, onReset });
  // A replay may have been more than it could take.
  if (receiver.isGone) {
    subscription.close();
    return subscription;
  }
  const close = () => subscription.close();
  target.once(closed, close);
  subscription.onClosed = () => target.removeListener(closed, close);
  return subscription;
}

/**
 * @param {import('./hub.js').Hub} hub
 * @param {any} target
 * @param {string} resetEvent
 * @returns {Receiver}
 */
function receiverOf(hub, target, resetEvent) {
  if (target instanceof Session) return sessionReceiver(hub, target, resetEvent);
  if (typeof target?.send === 'function' && typeof target.on === 'function') return socketReceiver(hub, target, resetEvent);
  throw invalidArgType('target', ['Session', 'WebSocket'], target);
}

/**
 * @param {import('./hub.js').Hub} hub
 * @param {any} session
 * @param {string} resetEvent
 * @returns {Receiver}
 */
function sessionReceiver(hub, session, resetEvent) {
  return {
    closed: 'disconnected',
    since: session.lastId === '' ? undefined : session.lastId,
    get isGone() {
      return session.destroyed;
    },
    onEvent: (event) => {
      if (!session.isConnected) return;
      const key = event.key === undefined ? null : `${event.topic} ${event.key}`;
      session.pushFrame(frameOf(event), event.data, event.event ?? 'message', event.id, key);
    },
    onReset: (reason) => {
      if (session.isConnected) session.push({ reason, lastId: session.lastId }, resetEvent, hub.lastId);
    },
  };
}

/**
 * @param {import('./hub.js').Hub} hub
 * @param {any} socket
 * @param {string} resetEvent
 * @returns {Receiver}
 */
function socketReceiver(hub, socket, resetEvent) {
  const send = (/** @type {string | Buffer} */ data) => {
    if (socket.readyState !== socket.OPEN) return;
    // A peer that does not read must not hold memory without a bound; it comes back and goes on from its cursor.
    if (socket.bufferedAmount > BUFFERED_BYTES) socket.terminate();
    else socket.send(data);
  };
  return {
    closed: 'close',
    since: undefined,
    get isGone() {
      return socket.readyState > socket.OPEN;
    },
    onEvent: ({ data }) => send(data),
    onReset: (reason) => send(JSON.stringify({ [resetEvent]: reason, id: hub.lastId })),
  };
}

module.exports = { attach };
