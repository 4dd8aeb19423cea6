'use strict';

/** Tells `node:diagnostics_channel` of the calls of a server. */

const { Span, callEnd, callStart, known } = require('../internal/channels.js');
const { status } = require('./constants.js');

/** Names of the statuses, by number. */
const NAMES = new Map(Object.entries(status).map(([name, code]) => [Number(code), name]));

class Call extends Span {
  /**
   * @param {any} server
   * @param {any} connection
   * @param {string} path
   */
  constructor(server, connection, path) {
    super();
    this.server = server;
    this.connection = connection;
    this.path = path;
    /** @type {number | undefined} */
    this.status = undefined;
  }

  /** @returns {string} bounded in number, whatever clients call */
  get method() {
    return this.server.handlers.has(this.path) ? this.path.slice(1) : '_OTHER';
  }

  /** @returns {string | undefined} its name */
  get statusName() {
    return this.status === undefined ? undefined : (NAMES.get(this.status) ?? String(this.status));
  }

  get attributes() {
    const { method, statusName } = this;
    const { remoteAddress, remotePort } = this.connection.getInfo();
    return known({
      'rpc.system.name': 'grpc',
      'rpc.method': method,
      'rpc.method_original': method === '_OTHER' ? this.path.slice(1) : undefined,
      'rpc.response.status_code': statusName,
      'network.peer.address': remoteAddress,
      'network.peer.port': remotePort,
      'error.type': this.status ? statusName : undefined,
    });
  }
}

/**
 * @param {any} server
 * @param {any} connection
 * @param {string} path
 * @returns {Call | undefined} where somebody wants to hear of it
 */
function callStarted(server, connection, path) {
  if (!callStart.hasSubscribers && !callEnd.hasSubscribers) return undefined;
  const call = new Call(server, connection, path);
  callStart.publish(call);
  return call;
}

/**
 * @param {Call | undefined} call
 * @param {number} code
 */
function callEnded(call, code) {
  if (call === undefined || call.duration !== undefined) return;
  call.status = code;
  call.finish();
  callEnd.publish(call);
}

module.exports = { Call, callStarted, callEnded };
