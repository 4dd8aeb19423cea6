'use strict';

/**
 * Definitions of packages from `.proto` files, with the options and the shape of `@grpc/proto-loader`, which is the module
 * mirrored. Messages are decoded straight into plain objects, and encoded straight from them.
 */

const fs = require('node:fs');
const path = require('node:path');
const { Decoders } = require('./loader/decoder.js');
const { Encoders } = require('./loader/encoder.js');
const { protobufjs } = require('./loader/protobuf.js');

/** How a method may be repeated, as its options say. */
const IdempotencyLevel = {
  IDEMPOTENCY_UNKNOWN: 'IDEMPOTENCY_UNKNOWN',
  NO_SIDE_EFFECTS: 'NO_SIDE_EFFECTS',
  IDEMPOTENT: 'IDEMPOTENT',
};

const DESCRIPTOR_OPTIONS = { longs: String, enums: String, bytes: String, defaults: true, oneofs: true, json: true };

/** @param {string} name @returns {string} in camel case, as lodash has it, which proto-loader names methods by */
function camelCase(name) {
  const words = name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? [];
  return words
    .map((word) => word.toLowerCase())
    .map((word, index) => (index === 0 ? word : word[0].toUpperCase() + word.slice(1)))
    .join('');
}

/** @param {any[] | undefined} options of a method, as they are written */
function methodOptions(options) {
  /** @type {any} */
  const result = {
    deprecated: false,
    idempotency_level: IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
    uninterpreted_option: [],
  };
  for (const option of options ?? []) {
    for (const [key, value] of Object.entries(option)) {
      if (key === 'uninterpreted_option') result.uninterpreted_option.push(value);
      else result[key] = value;
    }
  }
  return result;
}

/** Makes the definition of all that is in a root. */
class Definitions {
  /** @param {any} root @param {any} options */
  constructor(root, options) {
    const { protobuf, descriptor } = protobufjs();
    this.protobuf = protobuf;
    this.decoders = new Decoders(protobuf, options);
    this.encoders = new Encoders(protobuf);
    /** Made once for each type. @type {Map<any, any>} */
    this.messages = new Map();
    root.resolveAll();
    const { file } = root.toDescriptor('proto3');
    this.files = file.map((/** @type {any} */ one) => Buffer.from(descriptor.FileDescriptorProto.encode(one).finish()));
    /** @type {Record<string, any>} */
    this.all = {};
    this.add(root, '');
  }

  /** @param {any} reflection @param {string} parent */
  add(reflection, parent) {
    const { Enum, Service, Type } = this.protobuf;
    const name = parent === '' ? reflection.name : `${parent}.${reflection.name}`;
    if (reflection instanceof Service) this.all[name] = this.service(reflection, name);
    else if (reflection instanceof Type) this.all[name] = this.message(reflection);
    else if (reflection instanceof Enum) this.all[name] = this.enumeration(reflection);
    else for (const nested of reflection.nestedArray ?? []) this.add(nested, name);
  }

  /** @param {any} service @param {string} name */
  service(service, name) {
    /** @type {Record<string, any>} */
    const methods = {};
    for (const method of service.methodsArray) {
      const request = this.message(method.resolvedRequestType);
      const response = this.message(method.resolvedResponseType);
      methods[method.name] = {
        path: `/${name}/${method.name}`,
        requestStream: Boolean(method.requestStream),
        responseStream: Boolean(method.responseStream),
        requestSerialize: request.serialize,
        requestDeserialize: request.deserialize,
        responseSerialize: response.serialize,
        responseDeserialize: response.deserialize,
        originalName: camelCase(method.name),
        requestType: request,
        responseType: response,
        options: methodOptions(method.parsedOptions),
      };
    }
    return methods;
  }

  /** @param {any} type */
  message(type) {
    const known = this.messages.get(type);
    if (known !== undefined) return known;
    const descriptor = type.toDescriptor('proto3');
    const definition = {
      format: 'Protocol Buffer 3 DescriptorProto',
      type: descriptor.$type.toObject(descriptor, DESCRIPTOR_OPTIONS),
      fileDescriptorProtos: this.files,
      serialize: this.encoders.serializer(type),
      deserialize: this.decoders.deserializer(type),
    };
    this.messages.set(type, definition);
    return definition;
  }

  /** @param {any} type */
  enumeration(type) {
    const descriptor = type.toDescriptor('proto3');
    return {
      format: 'Protocol Buffer 3 EnumDescriptorProto',
      type: descriptor.$type.toObject(descriptor, DESCRIPTOR_OPTIONS),
      fileDescriptorProtos: this.files,
    };
  }
}

/** @param {any} root @param {any} options */
function definitionOf(root, options) {
  return new Definitions(root, options ?? {}).all;
}

/** @param {any} options @returns {any} a root that finds imports where the options say */
function rootFor({ includeDirs }) {
  const root = new (protobufjs().protobuf.Root)();
  if (!includeDirs) return root;
  if (!Array.isArray(includeDirs)) throw new Error('The includeDirs option must be an array');
  const theirs = root.resolvePath;
  root.resolvePath = (/** @type {string} */ origin, /** @type {string} */ target) => {
    if (path.isAbsolute(target)) return target;
    for (const folder of includeDirs) {
      const file = path.join(folder, target);
      try {
        fs.accessSync(file, fs.constants.R_OK);
        return file;
      } catch {
        // Elsewhere, perhaps.
      }
    }
    process.emitWarning(`${target} not found in any of the include paths ${includeDirs}`);
    return theirs(origin, target);
  };
  return root;
}

/**
 * @param {string | string[]} filename
 * @param {any} [options] `keepCase`, `longs`, `enums`, `bytes`, `defaults`, `arrays`, `objects`, `oneofs`, `json`,
 *   `includeDirs`, and others of protobufjs's parser
 * @returns {Promise<Record<string, any>>} for `loadPackageDefinition()`
 * @throws {Error} `ERR_MILLRACE_GRPC_PEER` where protobufjs is not installed
 */
async function load(filename, options) {
  const given = options ?? {};
  return definitionOf(await rootFor(given).load(filename, given), given);
}

/**
 * @param {string | string[]} filename
 * @param {any} [options] as of {@link load}
 * @returns {Record<string, any>}
 */
function loadSync(filename, options) {
  const given = options ?? {};
  return definitionOf(rootFor(given).loadSync(filename, given), given);
}

/** @param {any} json as protobufjs writes it @param {any} [options] as of {@link load} */
function fromJSON(json, options) {
  return definitionOf(protobufjs().protobuf.Root.fromJSON(json), options);
}

/** @param {Uint8Array} bytes a FileDescriptorSet, as `protoc -o` writes it @param {any} [options] as of {@link load} */
function loadFileDescriptorSetFromBuffer(bytes, options) {
  const { protobuf, descriptor } = protobufjs();
  return definitionOf(protobuf.Root.fromDescriptor(descriptor.FileDescriptorSet.decode(bytes)), options);
}

/** @param {any} object the same as an object @param {any} [options] as of {@link load} */
function loadFileDescriptorSetFromObject(object, options) {
  const { protobuf, descriptor } = protobufjs();
  return definitionOf(protobuf.Root.fromDescriptor(descriptor.FileDescriptorSet.fromObject(object)), options);
}

/** @param {any} value @returns {boolean} whether it is an `Any` whose value was taken out */
function isAnyExtension(value) {
  return '@type' in value && typeof value['@type'] === 'string';
}

module.exports = {
  IdempotencyLevel,
  fromJSON,
  isAnyExtension,
  load,
  loadFileDescriptorSetFromBuffer,
  loadFileDescriptorSetFromObject,
  loadSync,
};
