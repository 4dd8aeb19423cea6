'use strict';

/** The services that a server brings along by an option: health, reflection and channelz. */

const { getChannelzHandlers, getChannelzServiceDefinition } = require('../channelz.js');
const { channelz } = require('./channelz.js');
const { Health, health } = require('./health.js');
const { timestamp } = require('./proto.js');
const { Reflection, v1, v1alpha } = require('./reflection.js');

/** @param {any} service a definition @returns {string | undefined} its full name */
function nameOf(service) {
  return Object.values(service).map(({ path }) => path.split('/')[1])[0];
}

class AdminServices {
  /**
   * @param {any} server
   * @param {any} options its
   */
  constructor(server, options) {
    const descriptors = options['millrace.reflection'];
    this.health = options['millrace.health'] ? new Health() : undefined;
    this.reflection = descriptors ? new Reflection(() => servicesOf(server)) : undefined;
    if (this.health !== undefined) server.addService(health.services.Health, this.health.handlers());
    if (options['millrace.channelz']) server.addService(getChannelzServiceDefinition(), getChannelzHandlers());
    if (this.reflection === undefined) return;
    for (const { services } of [v1, v1alpha]) server.addService(services.ServerReflection, this.reflection.handlers());
    for (const { descriptor } of [health, timestamp, channelz, v1, v1alpha]) this.reflection.descriptors.add(descriptor());
    for (const bytes of Array.isArray(descriptors) ? descriptors : []) this.reflection.descriptors.add(bytes);
  }

  /** @param {any} service that was added to the server: its definition */
  added(service) {
    const name = nameOf(service);
    if (name !== undefined) this.health?.added(name);
    if (this.reflection === undefined) return;
    for (const { requestType, responseType } of Object.values(service)) {
      for (const type of [requestType, responseType]) {
        // What `@grpc/proto-loader` tells of a type: the files that it and all it needs are in.
        for (const bytes of type?.fileDescriptorProtos ?? []) this.reflection.descriptors.add(bytes);
      }
    }
  }

  shutdown() {
    this.health?.shutdown();
  }
}

/** @param {any} server @returns {string[]} */
function servicesOf(server) {
  const paths = /** @type {string[]} */ ([...server.handlers.keys()]);
  return [...new Set(paths.map((path) => path.split('/')[1]))].sort();
}

module.exports = { AdminServices };
