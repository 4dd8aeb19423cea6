'use strict';

/** Classes of clients, made of service definitions. */

const { Client } = require('./client.js');

/** @param {string} key @returns {boolean} whether it would reach beyond the object that it is put into */
function isUnsafe(key) {
  return ['__proto__', 'prototype', 'constructor'].includes(key);
}

/** How a method of each kind is asked for: whether it streams requests, whether answers. */
const requesters = [
  [Client.prototype.makeUnaryRequest, Client.prototype.makeServerStreamRequest],
  [Client.prototype.makeClientStreamRequest, Client.prototype.makeBidiStreamRequest],
];

/**
 * @param {any} methods the service's definition
 * @param {string} serviceName
 * @param {any} [classOptions]
 * @returns {any} a class of clients with a method for each
 */
function makeClientConstructor(methods, serviceName, classOptions = {}) {
  class ServiceClientImpl extends Client {}
  /** @type {any} */
  const prototype = ServiceClientImpl.prototype;
  for (const name of Object.keys(methods)) {
    if (isUnsafe(name)) continue;
    if (name.startsWith('$')) throw new Error('Method names cannot start with $');
    const attributes = methods[name];
    // As it is before anybody wraps it: agents wrap that, and the methods of service classes beside it, and would count
    // calls twice.
    /** @type {any} */
    const request = requesters[Number(Boolean(attributes.requestStream))][Number(Boolean(attributes.responseStream))];
    /** @this {any} @param {any[]} args */
    const method = function call(...args) {
      return request.call(this, attributes.path, attributes.requestSerialize, attributes.responseDeserialize, ...args);
    };
    // Agents and NestJS read what kind it is of the function.
    prototype[name] = Object.assign(method, attributes);
    const { originalName } = attributes;
    if (originalName && !isUnsafe(originalName)) prototype[originalName] = prototype[name];
  }
  return Object.assign(ServiceClientImpl, { service: methods, serviceName, options: classOptions });
}

/**
 * @param {any} definition a package's, as `@grpc/proto-loader` gives it
 * @returns {any} classes of clients and descriptions of types, in objects as the package's names say
 */
function loadPackageDefinition(definition) {
  /** @type {any} */
  const result = {};
  for (const [fullName, member] of Object.entries(definition)) {
    const path = fullName.split('.');
    if (path.some(isUnsafe)) continue;
    const name = path[path.length - 1];
    let current = result;
    for (const part of path.slice(0, -1)) current = current[part] ??= {};
    current[name] = 'format' in member ? member : makeClientConstructor(member, name, {});
  }
  return result;
}

module.exports = { loadPackageDefinition, makeClientConstructor };
