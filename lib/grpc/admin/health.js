'use strict';

/** `grpc.health.v1.Health`, as the gRPC health checking protocol has it. */

const { status } = require('../constants.js');
const { file } = require('./proto.js');

/** What a service may be said to be. */
const SAID = ['UNKNOWN', 'SERVING', 'NOT_SERVING'];

const health = file('grpc/health/v1/health.proto', 'grpc.health.v1', {
  messages: {
    HealthCheckRequest: { service: [1, 'string'] },
    HealthCheckResponse: { status: [1, 'HealthCheckResponse.ServingStatus'] },
  },
  enums: { 'HealthCheckResponse.ServingStatus': { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } },
  services: {
    Health: {
      Check: ['HealthCheckRequest', 'HealthCheckResponse'],
      Watch: ['HealthCheckRequest', 'stream HealthCheckResponse'],
    },
  },
});

/** What a server says of its services, and who watches them. */
class Health {
  constructor() {
    /** The server as a whole is the empty name. @type {Map<string, string>} */
    this.statuses = new Map([['', 'SERVING']]);
    /** Calls that watch, by the service. @type {Map<string, Set<any>>} */
    this.watchers = new Map();
    this.over = false;
  }

  /**
   * @param {string} service its full name; the empty one is the server as a whole
   * @param {'SERVING' | 'NOT_SERVING' | 'UNKNOWN'} what
   */
  setStatus(service, what) {
    if (!SAID.includes(what)) {
      throw new TypeError(`The status of a service is SERVING, NOT_SERVING or UNKNOWN, and not ${what}`);
    }
    if (!this.over) this.tell(service, what);
  }

  /**
   * A service was added: it serves, unless something else was said of it.
   *
   * @param {string} service
   */
  added(service) {
    if (!this.statuses.has(service)) this.tell(service, 'SERVING');
  }

  /**
   * @param {string} service
   * @param {string} what
   */
  tell(service, what) {
    if (this.statuses.get(service) === what) return;
    this.statuses.set(service, what);
    for (const call of this.watchers.get(service) ?? []) call.write({ status: what });
  }

  /** The server takes no more calls: those that watch are told, and end, so that it can. */
  shutdown() {
    this.over = true;
    for (const service of this.statuses.keys()) this.tell(service, 'NOT_SERVING');
    for (const calls of this.watchers.values()) {
      for (const call of calls) {
        call.emit('error', { code: status.UNAVAILABLE, details: 'The server is shutting down' });
      }
    }
  }

  handlers() {
    return {
      /** @param {any} call @param {any} callback */
      Check: ({ request: { service = '' } }, callback) => {
        const what = this.statuses.get(service);
        if (what === undefined) callback({ code: status.NOT_FOUND, details: `Health status unknown for service ${service}` });
        else callback(null, { status: what });
      },
      /** @param {any} call */
      Watch: (call) => {
        const { service = '' } = call.request;
        const calls = this.watchers.get(service) ?? new Set();
        this.watchers.set(service, calls);
        calls.add(call);
        call.on('cancelled', () => {
          calls.delete(call);
          if (calls.size === 0 && this.watchers.get(service) === calls) this.watchers.delete(service);
        });
        call.write({ status: this.statuses.get(service) ?? 'SERVICE_UNKNOWN' });
      },
    };
  }
}

module.exports = { Health, health };
