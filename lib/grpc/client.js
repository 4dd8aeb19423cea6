'use strict';

/**
 * The client's half. It is grpc-js's, an optional dependency, with Metadata of ours taken as its own; service definitions
 * are read here.
 */

const { Metadata } = require('./metadata.js');
const { grpcJs, grpcJsIfThere } = require('./peer.js');

/** What grpc-js has for clients, loaded when it is looked at. */
const classes = [
  'Client',
  'Channel',
  'ChannelCredentials',
  'CallCredentials',
  'StatusBuilder',
  'ListenerBuilder',
  'RequesterBuilder',
  'InterceptingCall',
  'InterceptorConfigurationError',
  'ServerMetricRecorder',
];

/** @type {any} */
let OurClient;
/** Its four methods, as they are before anybody wraps them. @type {Record<string, any>} */
const ownRequests = {};

/** @param {any} value @returns {any} what grpc-js knows as its own */
function asTheirs(value) {
  if (!(value instanceof Metadata)) return value;
  const { Metadata: Theirs } = grpcJs('A client');
  const metadata = new Theirs(value.getOptions());
  metadata.merge(value);
  return metadata;
}

/** Stands for clients where grpc-js is not installed: a server needs their definitions all the same. */
class MissingClient {
  constructor() {
    grpcJs('A client');
  }
}

/** @returns {any} grpc-js's Client, which takes our Metadata, too */
function clientClass() {
  if (OurClient !== undefined) return OurClient;
  const { Client } = grpcJsIfThere() ?? { Client: MissingClient };
  if (Client === MissingClient) return Client;
  OurClient = class extends Client {};
  Object.defineProperty(OurClient, 'name', { value: 'Client' });
  for (const kind of ['Unary', 'ClientStream', 'ServerStream', 'BidiStream']) {
    const name = `make${kind}Request`;
    const theirs = Client.prototype[name];
    /** @this {any} @param {any[]} args */
    const value = function makeRequest(...args) {
      return theirs.apply(this, args.map(asTheirs));
    };
    ownRequests[name] = value;
    Object.defineProperty(OurClient.prototype, name, { configurable: true, writable: true, value });
  }
  return OurClient;
}

/**
 * @param {string} name one of `classes`
 * @returns {any}
 */
function classOf(name) {
  return name === 'Client' ? clientClass() : grpcJs(name)[name];
}

/** @param {string} key @returns {boolean} whether it would reach beyond the object that it is put into */
function isUnsafe(key) {
  return ['__proto__', 'prototype', 'constructor'].includes(key);
}

/** How a method of each kind is asked for: whether it streams requests, whether answers. */
const requesters = [
  ['makeUnaryRequest', 'makeServerStreamRequest'],
  ['makeClientStreamRequest', 'makeBidiStreamRequest'],
];

/**
 * @param {any} methods the service's definition
 * @param {string} serviceName
 * @param {any} [classOptions]
 * @returns {any} a class of clients with a method for each
 */
function makeClientConstructor(methods, serviceName, classOptions = {}) {
  const Client = clientClass();
  class ServiceClientImpl extends Client {}
  /** @type {any} */
  const prototype = ServiceClientImpl.prototype;
  for (const name of Object.keys(methods)) {
    if (isUnsafe(name)) continue;
    if (name.startsWith('$')) throw new Error('Method names cannot start with $');
    const attributes = methods[name];
    const requester = requesters[Number(Boolean(attributes.requestStream))][Number(Boolean(attributes.responseStream))];
    // As it is now: agents wrap it later, and the methods of service classes beside it, and would count calls twice.
    const request = ownRequests[requester];
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

const names = /** @type {const} */ ([
  'combineChannelCredentials',
  'combineCallCredentials',
  'createInsecure',
  'createSsl',
  'createFromSecureContext',
  'createFromMetadataGenerator',
  'createFromGoogleCredential',
  'createEmpty',
]);

/** @type {any} */
const credentials = {};
for (const name of names) {
  credentials[name] = (/** @type {any[]} */ ...args) => {
    if (name === 'createFromMetadataGenerator') {
      const [generator] = args;
      args = [(/** @type {any} */ options, /** @type {any} */ callback) => {
        generator(options, (/** @type {any} */ error, /** @type {any} */ metadata) => callback(error, asTheirs(metadata)));
      }];
    }
    return grpcJs('A client').credentials[name](...args);
  };
}

/** @param {any} client */
const closeClient = (client) => client.close();

/** @param {any} client @param {any} deadline @param {(error?: Error) => void} callback */
const waitForClientReady = (client, deadline, callback) => client.waitForReady(deadline, callback);

/** @param {any} client */
const getClientChannel = (client) => client.getChannel();

module.exports = {
  classes,
  classOf,
  credentials,
  makeClientConstructor,
  loadPackageDefinition,
  closeClient,
  waitForClientReady,
  getClientChannel,
};
