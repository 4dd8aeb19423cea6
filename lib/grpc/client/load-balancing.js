'use strict';

/** Which server of several a call goes to: `pick_first` and `round_robin`, with their states as grpc-js has them. */

const net = require('node:net');
const { connectivityState: state, status } = require('../constants.js');
const { Metadata } = require('../metadata.js');

/** How long one address has until the next is tried beside it (RFC 8305 §5). */
const CONNECTION_DELAY_MS = 250;

/** @typedef {import('./subchannel.js').SubchannelPool} SubchannelPool */
/** @typedef {any} Subchannel */
/**
 * @typedef {object} Picker
 * @property {() => any} pick `{ transport }`, `{ status }`, or null for a call that waits
 */
/**
 * @typedef {object} Helper
 * @property {(address: any) => Subchannel} subchannel one that is used until it is not any more
 * @property {(state: number, picker: Picker) => void} update
 * @property {() => void} resolveAgain
 */

/** @type {Picker} */
const QUEUE = { pick: () => null };

/** @param {string} details @returns {Picker} */
function unavailable(details) {
  return { pick: () => ({ status: { code: status.UNAVAILABLE, details, metadata: new Metadata() } }) };
}

/** @param {Subchannel} subchannel @returns {Picker} */
function only(subchannel) {
  return { pick: () => (subchannel.transport?.isUsable ? subchannel : null) };
}

/**
 * @param {any[]} addresses
 * @returns {any[]} those of both families by turns, beginning with that of the first (RFC 8305 §4)
 */
function interleaved(addresses) {
  const isSix = (/** @type {any} */ address) => address.host !== undefined && net.isIPv6(address.host);
  const same = addresses.filter((address) => isSix(address) === isSix(addresses[0]));
  const others = addresses.filter((address) => isSix(address) !== isSix(addresses[0]));
  return Array.from({ length: Math.max(same.length, others.length) }, (_, index) => [same[index], others[index]])
    .flat()
    .filter((address) => address !== undefined);
}

class PickFirst {
  /** @param {Helper} helper @param {any} config */
  constructor(helper, config) {
    this.helper = helper;
    this.shuffles = config.shuffleAddressList === true;
    this.state = state.IDLE;
    /** @type {any[] | null} */
    this.addresses = null;
    /** Those that are tried. @type {{ subchannel: Subchannel, failed: boolean }[]} */
    this.children = [];
    this.current = 0;
    /** @type {Subchannel | null} */
    this.picked = null;
    /** All have failed, and none was reached since: all are tried all the time. */
    this.isFailing = false;
    this.lastError = '';
    /** @type {NodeJS.Timeout | undefined} */
    this.timer = undefined;
    this.listener = this.changed.bind(this);
  }

  /** @param {any[][]} endpoints with addresses each @returns {boolean} whether there are any */
  updateAddresses(endpoints) {
    const list = endpoints.slice();
    if (this.shuffles) {
      for (let last = list.length - 1; last > 0; last--) {
        const other = Math.floor(Math.random() * (last + 1));
        [list[last], list[other]] = [list[other], list[last]];
      }
    }
    this.addresses = interleaved(list.flat());
    if (this.addresses.length === 0) this.lastError = 'No addresses resolved';
    this.tryAll(this.addresses);
    return this.addresses.length > 0;
  }

  /** @param {any[]} addresses */
  tryAll(addresses) {
    const children = addresses.map((address) => ({ subchannel: this.helper.subchannel(address), failed: false }));
    const ready = children.find(({ subchannel }) => subchannel.state === state.READY);
    if (ready !== undefined) {
      this.pick(ready.subchannel);
      for (const { subchannel } of children) subchannel.unuse();
      return;
    }
    this.forgetChildren();
    this.children = children;
    for (const child of children) {
      child.subchannel.listeners.add(this.listener);
      child.failed = child.subchannel.state === state.TRANSIENT_FAILURE;
    }
    this.tryNext(0);
    this.report();
  }

  /** @param {Subchannel} subchannel @param {number} next @param {string} error */
  changed(subchannel, next, error) {
    if (subchannel === this.picked) {
      if (next !== state.READY) {
        this.forgetPicked();
        this.helper.resolveAgain();
        this.report();
      }
      return;
    }
    const index = this.children.findIndex((child) => child.subchannel === subchannel);
    if (index === -1) return;
    if (next === state.READY) {
      this.pick(subchannel);
      return;
    }
    if (next === state.TRANSIENT_FAILURE) {
      this.children[index].failed = true;
      this.lastError = error || this.lastError;
      this.failIfAllDid();
      if (index === this.current) this.tryNext(index + 1);
    }
    subchannel.connect();
  }

  /** @param {number} from */
  tryNext(from) {
    clearTimeout(this.timer);
    for (let index = from; index < this.children.length; index++) {
      const { subchannel } = this.children[index];
      if (subchannel.state !== state.IDLE && subchannel.state !== state.CONNECTING) continue;
      this.current = index;
      subchannel.connect();
      this.timer = setTimeout(() => this.tryNext(index + 1), CONNECTION_DELAY_MS).unref();
      return;
    }
    this.failIfAllDid();
  }

  failIfAllDid() {
    if (this.children.length === 0 || !this.children.every(({ failed }) => failed)) return;
    this.helper.resolveAgain();
    for (const child of this.children) child.failed = false;
    if (!this.isFailing) {
      this.isFailing = true;
      for (const { subchannel } of this.children) subchannel.connect();
    }
    this.report();
  }

  /** @param {Subchannel} subchannel that is ready */
  pick(subchannel) {
    this.isFailing = false;
    clearTimeout(this.timer);
    subchannel.use();
    this.forgetPicked();
    this.forgetChildren();
    subchannel.listeners.add(this.listener);
    this.picked = subchannel;
    this.report();
  }

  forgetPicked() {
    const { picked } = this;
    if (picked === null) return;
    this.picked = null;
    picked.listeners.delete(this.listener);
    picked.unuse();
  }

  forgetChildren() {
    clearTimeout(this.timer);
    for (const { subchannel } of this.children.splice(0)) {
      subchannel.listeners.delete(this.listener);
      subchannel.unuse();
    }
  }

  report() {
    if (this.picked !== null) this.become(state.READY, only(this.picked));
    else if (this.isFailing || this.addresses?.length === 0) {
      const details = `No connection established. Last error: ${this.lastError}. Resolution note: `;
      this.become(state.TRANSIENT_FAILURE, unavailable(details));
    } else this.become(this.children.length === 0 ? state.IDLE : state.CONNECTING, QUEUE);
  }

  /** @param {number} next @param {Picker} picker */
  become(next, picker) {
    this.state = next;
    this.helper.update(next, picker);
  }

  exitIdle() {
    if (this.state === state.IDLE && this.addresses !== null) this.tryAll(this.addresses);
  }

  destroy() {
    this.forgetChildren();
    this.forgetPicked();
  }
}

/** Takes all servers in turn; each is one endpoint, whose addresses are tried as with `pick_first`. */
class RoundRobin {
  /** @param {Helper} helper */
  constructor(helper) {
    this.helper = helper;
    /** @type {{ key: string, balancer: PickFirst, state: number, picker: Picker }[]} */
    this.children = [];
    this.state = state.IDLE;
    this.isUpdating = false;
    this.next = 0;
  }

  /** @param {any[][]} endpoints @returns {boolean} */
  updateAddresses(endpoints) {
    const before = this.children;
    this.isUpdating = true;
    this.children = endpoints.map((addresses) => this.child(addresses));
    for (const child of this.children) child.balancer.exitIdle();
    for (const child of before) child.balancer.destroy();
    this.isUpdating = false;
    this.report();
    return endpoints.length > 0;
  }

  /** @param {any[]} addresses */
  child(addresses) {
    /** @type {any} */
    const child = { state: state.IDLE, picker: QUEUE };
    child.balancer = new PickFirst({
      subchannel: this.helper.subchannel,
      resolveAgain: this.helper.resolveAgain,
      update: (next, picker) => {
        child.state = next;
        child.picker = picker;
        if (!this.children.includes(child) || this.isUpdating) return;
        // A server that went away is connected to again at once.
        if (next === state.IDLE) child.balancer.exitIdle();
        this.report();
      },
    }, {});
    child.balancer.updateAddresses([addresses]);
    return child;
  }

  report() {
    if (this.isUpdating) return;
    const ready = this.children.filter((child) => child.state === state.READY);
    if (ready.length > 0) {
      this.become(state.READY, { pick: () => ready[this.next++ % ready.length].picker.pick() });
    } else if (this.children.some((child) => child.state === state.CONNECTING)) {
      this.become(state.CONNECTING, QUEUE);
    } else if (this.children.length === 0 || this.children.some((child) => child.state === state.TRANSIENT_FAILURE)) {
      const lastError = this.children.map(({ balancer }) => balancer.lastError).find(Boolean) ?? 'No addresses resolved';
      this.become(state.TRANSIENT_FAILURE, unavailable(`No connection established. Last error: ${lastError}`));
    } else this.become(state.IDLE, QUEUE);
  }

  /** @param {number} next @param {Picker} picker */
  become(next, picker) {
    this.state = next;
    this.helper.update(next, picker);
  }

  exitIdle() {
    for (const { balancer } of this.children) balancer.exitIdle();
  }

  destroy() {
    for (const { balancer } of this.children.splice(0)) balancer.destroy();
  }
}

/** @type {Record<string, new (helper: Helper, config: any) => PickFirst | RoundRobin>} */
const balancers = Object.assign(Object.create(null), { pick_first: PickFirst, round_robin: RoundRobin });

module.exports = { QUEUE, balancers, unavailable };
