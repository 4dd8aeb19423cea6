'use strict';

/**
 * `grpc.reflection.v1.ServerReflection`, and v1alpha, which is the same: which services a server has, and the descriptors of
 * their files.
 */

const { status } = require('../constants.js');
const { decode, encode, file } = require('./proto.js');

const FILE = 'google.protobuf.FileDescriptorProto';

const [v1, v1alpha] = ['v1', 'v1alpha'].map((version) =>
  file(`grpc/reflection/${version}/reflection.proto`, `grpc.reflection.${version}`, {
    messages: {
      ServerReflectionRequest: {
        host: [1, 'string'],
        file_by_filename: [3, 'string', 'message_request'],
        file_containing_symbol: [4, 'string', 'message_request'],
        file_containing_extension: [5, 'ExtensionRequest', 'message_request'],
        all_extension_numbers_of_type: [6, 'string', 'message_request'],
        list_services: [7, 'string', 'message_request'],
      },
      ExtensionRequest: { containing_type: [1, 'string'], extension_number: [2, 'int32'] },
      ServerReflectionResponse: {
        valid_host: [1, 'string'],
        original_request: [2, 'ServerReflectionRequest'],
        file_descriptor_response: [4, 'FileDescriptorResponse', 'message_response'],
        all_extension_numbers_response: [5, 'ExtensionNumberResponse', 'message_response'],
        list_services_response: [6, 'ListServiceResponse', 'message_response'],
        error_response: [7, 'ErrorResponse', 'message_response'],
      },
      FileDescriptorResponse: { file_descriptor_proto: [1, 'bytes', 'repeated'] },
      ExtensionNumberResponse: { base_type_name: [1, 'string'], extension_number: [2, 'int32', 'repeated'] },
      ListServiceResponse: { service: [1, 'ServiceResponse', 'repeated'] },
      ServiceResponse: { name: [1, 'string'] },
      ErrorResponse: { error_code: [1, 'int32'], error_message: [2, 'string'] },
    },
    services: {
      ServerReflection: { ServerReflectionInfo: ['stream ServerReflectionRequest', 'stream ServerReflectionResponse'] },
    },
  }),
);

/**
 * @param {string} scope full name of what a name stands in
 * @param {string} name
 * @returns {string[]} what it may mean, the innermost first (protobuf's rules, which are C++'s)
 */
function meanings(scope, name) {
  if (name.startsWith('.')) return [name.slice(1)];
  const found = [];
  const path = scope.split('.');
  for (let length = path.length; length > 0; length--) found.push([...path.slice(0, length), name].join('.'));
  return [...found, name];
}

/** A file, and what was found in it. */
class DescribedFile {
  /** @param {Buffer} bytes a `FileDescriptorProto` */
  constructor(bytes) {
    const proto = decode(FILE, bytes);
    this.bytes = bytes;
    /** @type {string} */
    this.name = proto.name ?? '';
    /** @type {Set<string>} */
    this.dependencies = new Set(proto.dependency);
    /** Full names. @type {string[]} */
    this.symbols = [];
    /** @type {{ type: string, scope: string, number: number }[]} */
    this.extensions = [];
    /** Types that are used, and where. @type {[scope: string, name: string][]} */
    this.uses = [];
    const scope = proto.package ?? '';
    for (const message of proto.message_type) this.addMessage(scope, message);
    for (const one of proto.enum_type) this.addEnum(scope, one);
    for (const one of proto.extension) this.addExtension(scope, one);
    for (const service of proto.service) {
      const own = this.add(scope, service.name);
      for (const method of service.method) {
        this.add(own, method.name);
        this.uses.push([own, method.input_type], [own, method.output_type]);
      }
    }
  }

  /** @param {string} scope @param {string} name @returns {string} its full name */
  add(scope, name) {
    const full = scope === '' ? name : `${scope}.${name}`;
    this.symbols.push(full);
    return full;
  }

  /** @param {string} scope @param {any} message */
  addMessage(scope, message) {
    const own = this.add(scope, message.name);
    for (const field of message.field) {
      this.add(own, field.name);
      if (field.type_name !== undefined) this.uses.push([own, field.type_name]);
    }
    for (const oneof of message.oneof_decl) this.add(own, oneof.name);
    for (const nested of message.nested_type) this.addMessage(own, nested);
    for (const one of message.enum_type) this.addEnum(own, one);
    for (const one of message.extension) this.addExtension(own, one);
  }

  /** @param {string} scope @param {any} one */
  addEnum(scope, one) {
    this.add(scope, one.name);
    // Values are named beside their enum.
    for (const value of one.value) this.add(scope, value.name);
  }

  /** @param {string} scope @param {any} field */
  addExtension(scope, field) {
    this.add(scope, field.name);
    this.extensions.push({ type: field.extendee, scope, number: field.number });
    this.uses.push([scope, field.extendee]);
    if (field.type_name !== undefined) this.uses.push([scope, field.type_name]);
  }
}

/** The descriptors that a server knows. */
class Descriptors {
  constructor() {
    /** By name. @type {Map<string, DescribedFile>} */
    this.files = new Map();
    /** By full names of what is in them. @type {Map<string, DescribedFile>} */
    this.symbols = new Map();
    /** By type and number. @type {Map<string, Map<number, DescribedFile>>} */
    this.extensions = new Map();
    /** Files whose uses are not looked up. @type {DescribedFile[]} */
    this.unlinked = [];
  }

  /** @param {Buffer} bytes a `FileDescriptorProto`; one of the same name stays */
  add(bytes) {
    const added = new DescribedFile(bytes);
    if (this.files.has(added.name)) return;
    this.files.set(added.name, added);
    for (const symbol of added.symbols) if (!this.symbols.has(symbol)) this.symbols.set(symbol, added);
    this.unlinked.push(added);
  }

  /** Finds what files that `@grpc/proto-loader` made need and do not say: protobufjs leaves out what is imported. */
  link() {
    for (const one of this.unlinked.splice(0)) {
      const missing = new Set();
      for (const [scope, name] of one.uses) {
        const found = meanings(scope, name).map((full) => this.symbols.get(full)).find((at) => at !== undefined);
        if (found !== undefined && found !== one && !one.dependencies.has(found.name)) missing.add(found.name);
      }
      for (const name of missing) one.dependencies.add(name);
      // Fields that are said twice are lists put together.
      if (missing.size > 0) one.bytes = Buffer.concat([one.bytes, encode(FILE, { dependency: [...missing] })]);
      for (const { type, scope, number } of one.extensions) {
        const known = meanings(scope, type).find((full) => this.symbols.has(full)) ?? type.replace(/^\./, '');
        const numbers = this.extensions.get(known) ?? new Map();
        this.extensions.set(known, numbers.set(number, one));
      }
    }
  }

  /**
   * @param {DescribedFile} first
   * @returns {Buffer[]} it, and all that it needs
   */
  withDependencies(first) {
    const found = new Set([first]);
    for (const one of found) {
      for (const name of one.dependencies) {
        const needed = this.files.get(name);
        if (needed !== undefined) found.add(needed);
      }
    }
    return [...found].map(({ bytes }) => bytes);
  }
}

/** @param {string} error_message */
function notFound(error_message) {
  return { error_response: { error_code: status.NOT_FOUND, error_message } };
}

class Reflection {
  /** @param {() => string[]} services names of what the server has now */
  constructor(services) {
    this.services = services;
    this.descriptors = new Descriptors();
  }

  /** @param {any} request @returns {any} */
  find(request) {
    const { descriptors } = this;
    const files = (/** @type {DescribedFile | undefined} */ one, /** @type {string} */ what) =>
      one === undefined
        ? notFound(`${what} not found`)
        : { file_descriptor_response: { file_descriptor_proto: descriptors.withDependencies(one) } };
    if (request.list_services !== undefined) {
      return { list_services_response: { service: this.services().map((name) => ({ name })) } };
    }
    descriptors.link();
    if (request.file_by_filename !== undefined) {
      return files(descriptors.files.get(request.file_by_filename), `File ${request.file_by_filename}`);
    }
    if (request.file_containing_symbol !== undefined) {
      return files(descriptors.symbols.get(request.file_containing_symbol), `Symbol ${request.file_containing_symbol}`);
    }
    if (request.file_containing_extension !== undefined) {
      const { containing_type: type = '', extension_number: number = 0 } = request.file_containing_extension;
      return files(descriptors.extensions.get(type)?.get(number), `Extension ${number} of ${type}`);
    }
    if (request.all_extension_numbers_of_type !== undefined) {
      const type = request.all_extension_numbers_of_type;
      if (!descriptors.symbols.has(type)) return notFound(`Type ${type} not found`);
      const numbers = [...(descriptors.extensions.get(type)?.keys() ?? [])];
      return { all_extension_numbers_response: { base_type_name: type, extension_number: numbers } };
    }
    return { error_response: { error_code: status.INVALID_ARGUMENT, error_message: 'The request asks for nothing' } };
  }

  handlers() {
    const answer = (/** @type {any} */ request) => ({
      valid_host: request.host,
      original_request: request,
      ...this.find(request),
    });
    return {
      /** @param {any} call */
      async *ServerReflectionInfo(call) {
        for await (const request of call) yield answer(request);
      },
    };
  }
}

module.exports = { Reflection, v1, v1alpha };
