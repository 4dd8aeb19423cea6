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

/**
 * @param {import('./hub.js').Hub} hub
 * @param {any} target
 * @param {string | string[]} topics
 * @param {Record<string, any>} options
 * @returns {import('./subscription.js').Subscription}
 */
function attach(hub, target, topics, { since, scopes, resetEvent = 'reset' }) {
  if (target instanceof Session) {
    const subscription = hub.subscribe(
      topics,
      (event) => {
        if (!target.isConnected) return;
        const key = event.key === undefined ? null : `${event.topic} ${event.key}`;
        target.pushFrame(frameOf(event), event.data, event.event ?? 'message', event.id, key);
      },
      {
        since: since ?? (target.lastId === '' ? undefined : target.lastId),
        scopes,
        onReset: (reason) => {
          if (target.isConnected) target.push({ reason, lastId: target.lastId }, resetEvent, hub.lastId);
        },
      },
    );
    return closing(target, 'disconnected', subscription);
  }
  if (typeof target?.send === 'function' && typeof target.on === 'function') {
    const subscription = hub.subscribe(
      topics,
      (event) => {
        if (target.readyState === target.OPEN) target.send(event.data);
      },
      {
        since,
        scopes,
        onReset: (reason) => {
          if (target.readyState === target.OPEN) target.send(JSON.stringify({ [resetEvent]: reason, id: hub.lastId }));
        },
      },
    );
    return closing(target, 'close', subscription);
  }
  throw invalidArgType('target', ['Session', 'WebSocket'], target);
}

/**
 * @param {import('node:events').EventEmitter} target
 * @param {string} event
 * @param {import('./subscription.js').Subscription} subscription
 */
function closing(target, event, subscription) {
  const close = () => subscription.close();
  target.once(event, close);
  const leave = subscription.close;
  subscription.close = function () {
    target.removeListener(event, close);
    leave.call(subscription);
  };
  return subscription;
}

module.exports = { attach };
