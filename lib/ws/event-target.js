'use strict';

/** The part of the DOM's `EventTarget` that browsers' WebSockets have, as `ws` offers it. */

const { kForOnEventAttribute, kListener } = require('./constants.js');

const kTarget = Symbol('kTarget');
const kType = Symbol('kType');

/** An event. */
class Event {
  /** @param {string} type */
  constructor(type) {
    /** @type {any} */
    this[kTarget] = null;
    this[kType] = type;
  }

  get target() {
    return this[kTarget];
  }

  get type() {
    return this[kType];
  }
}

/**
 * A class of events with values of its own.
 *
 * @param {string} name
 * @param {Record<string, any>} defaults
 * @returns {any}
 */
function eventClass(name, defaults) {
  const kValues = Symbol('kValues');
  const Class = {
    [name]: class extends Event {
      /**
       * @param {string} type
       * @param {Record<string, any>} [options]
       */
      constructor(type, options = {}) {
        super(type);
        /** @type {Record<string, any>} */
        this[kValues] = {};
        for (const key of Object.keys(defaults)) this[kValues][key] = options[key] === undefined ? defaults[key] : options[key];
      }
    },
  }[name];
  for (const key of Object.keys(defaults)) {
    Object.defineProperty(Class.prototype, key, {
      configurable: true,
      enumerable: true,
      get() {
        return this[kValues][key];
      },
    });
  }
  return Class;
}

for (const key of ['target', 'type']) Object.defineProperty(Event.prototype, key, { enumerable: true });

const CloseEvent = eventClass('CloseEvent', { code: 0, reason: '', wasClean: false });
const ErrorEvent = eventClass('ErrorEvent', { error: null, message: '' });
const MessageEvent = eventClass('MessageEvent', { data: null });

/**
 * What each event of the emitter is as an event of the DOM.
 *
 * @type {Record<string, (target: any, ...values: any[]) => Event>}
 */
const makers = {
  message: (_target, data, isBinary) => new MessageEvent('message', { data: isBinary ? data : data.toString() }),
  close: (target, code, reason) =>
    new CloseEvent('close', {
      code,
      reason: reason.toString(),
      wasClean: target._closeFrameReceived && target._closeFrameSent,
    }),
  error: (_target, error) => new ErrorEvent('error', { error, message: error.message }),
  open: () => new Event('open'),
};

/**
 * Methods for the prototype of an emitter.
 *
 * @type {{ addEventListener: Function, removeEventListener: Function } & ThisType<any>}
 */
const EventTarget = {
  /**
   * Adds a listener, once.
   *
   * @param {string} type `close`, `error`, `message` or `open`; others are passed over
   * @param {Function | { handleEvent: Function }} handler
   * @param {Record<PropertyKey, any>} [options] `once`: it is called once at the most
   */
  addEventListener(type, handler, options = {}) {
    const isAttribute = !!options[kForOnEventAttribute];
    const isThere = (/** @type {any} */ listener) => listener[kListener] === handler && !listener[kForOnEventAttribute];
    if (!isAttribute && this.listeners(type).some(isThere)) return;
    if (!Object.hasOwn(makers, type)) return;
    const make = makers[type];
    /** @type {any} */
    const wrapper = function onEvent(/** @type {any[]} */ ...values) {
      // @ts-expect-error the emitter calls with itself
      const target = /** @type {any} */ (this);
      const event = make(target, ...values);
      event[kTarget] = target;
      if (typeof handler === 'object' && handler.handleEvent) handler.handleEvent.call(handler, event);
      else /** @type {Function} */ (handler).call(target, event);
    };
    wrapper[kForOnEventAttribute] = isAttribute;
    wrapper[kListener] = handler;
    if (options.once) this.once(type, wrapper);
    else this.on(type, wrapper);
  },

  /**
   * @param {string} type
   * @param {Function | { handleEvent: Function }} handler
   */
  removeEventListener(type, handler) {
    for (const listener of this.listeners(type)) {
      if (listener[kListener] === handler && !listener[kForOnEventAttribute]) {
        this.removeListener(type, listener);
        break;
      }
    }
  },
};

/**
 * Gives a class the methods of `EventTarget`, and the attributes `onopen`, `onerror`, `onclose` and `onmessage`.
 *
 * @param {object} prototype of an EventEmitter
 */
function addEventTarget(prototype) {
  for (const type of ['open', 'error', 'close', 'message']) {
    Object.defineProperty(prototype, `on${type}`, {
      enumerable: true,
      configurable: true,
      get() {
        for (const listener of this.listeners(type)) if (listener[kForOnEventAttribute]) return listener[kListener];
        return null;
      },
      set(handler) {
        for (const listener of this.listeners(type)) {
          if (listener[kForOnEventAttribute]) {
            this.removeListener(type, listener);
            break;
          }
        }
        if (typeof handler === 'function') this.addEventListener(type, handler, { [kForOnEventAttribute]: true });
      },
    });
  }
  Object.assign(prototype, EventTarget);
}

module.exports = { CloseEvent, ErrorEvent, Event, EventTarget, MessageEvent, addEventTarget };
