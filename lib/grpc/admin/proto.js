'use strict';

/**
 * Protobuf for the services that a server brings along: a file's messages and services as tables, from which come what
 * encodes and decodes them, their definitions, and the descriptor that reflection shows.
 */

/**
 * @typedef {[number: number, type: string, label?: string]} Field `label` is `repeated`, or the name of the oneof that it is in.
 *   Types are those of protobuf, or the full name of a message or an enum
 * @typedef {Record<string, Field>} Message
 * @typedef {Record<string, number>} Enum
 */

/** Types of `google.protobuf.FieldDescriptorProto`. @type {Record<string, number>} */
const SCALARS = { int64: 3, int32: 5, bool: 8, string: 9, bytes: 12 };
const MESSAGE = 11;
const ENUM = 14;
const OPTIONAL = 1;
const REPEATED = 3;

const VARINT = 0;
const LENGTH_DELIMITED = 2;
/** Bytes of fields of a fixed length, by wire type. @type {Record<number, number>} */
const FIXED_BYTES = { 1: 8, 5: 4 };

/** By full names; those of all files. @type {Map<string, Message>} */
const messages = new Map();
/** @type {Map<string, Enum>} */
const enums = new Map();

// Encoding.

/**
 * @param {number[]} out
 * @param {bigint} value negative ones as 64 bits of two's complement
 */
function pushVarint(out, value) {
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.push(Number(rest));
}

/**
 * @param {string} type of a field that is no message
 * @param {any} value
 * @returns {Buffer}
 */
function scalar(type, value) {
  if (type === 'string') return Buffer.from(value);
  if (type === 'bytes') return value;
  /** @type {number[]} */
  const out = [];
  const names = enums.get(type);
  pushVarint(out, BigInt(typeof value === 'string' && names !== undefined ? names[value] : value));
  return Buffer.from(out);
}

/** @param {any} value @returns {boolean} whether proto3 leaves it out */
function isDefault(value) {
  return value === undefined || value === null || value === false || value === 0 || value === '' || value.length === 0;
}

/**
 * @param {string} name of a message
 * @param {any} value its fields; what is left out or has its default is not sent
 * @returns {Buffer}
 */
function encode(name, value) {
  const parts = [];
  for (const [field, [number, type, label]] of Object.entries(/** @type {Message} */ (messages.get(name)))) {
    const given = value[field];
    // One of a oneof is there, whatever it is.
    const isChoice = label !== undefined && label !== 'repeated';
    if (isChoice ? given === undefined || given === null : isDefault(given)) continue;
    for (const one of label === 'repeated' ? given : [given]) {
      const isMessage = messages.has(type);
      const bytes = isMessage ? encode(type, one) : scalar(type, one);
      const delimited = isMessage || type === 'string' || type === 'bytes';
      /** @type {number[]} */
      const head = [];
      pushVarint(head, BigInt(number * 8 + (delimited ? LENGTH_DELIMITED : VARINT)));
      if (delimited) pushVarint(head, BigInt(bytes.length));
      parts.push(Buffer.from(head), bytes);
    }
  }
  return Buffer.concat(parts);
}

// Decoding.

class Reader {
  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  /** @returns {bigint} */
  varint() {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= this.bytes.length) break;
      const byte = this.bytes[this.at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value);
    }
    throw new Error('invalid varint');
  }

  /** @param {number} length @returns {Buffer} */
  take(length) {
    if (length < 0 || length > this.bytes.length - this.at) throw new Error('index out of range');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** @param {number} wireType @returns {bigint | Buffer} */
  value(wireType) {
    if (wireType === VARINT) return this.varint();
    const length = wireType === LENGTH_DELIMITED ? Number(this.varint()) : FIXED_BYTES[wireType];
    if (length === undefined) throw new Error(`invalid wire type ${wireType}`);
    return this.take(length);
  }
}

/**
 * @param {string} type
 * @param {bigint | Buffer} value
 * @returns {any} int64 as text, as `@grpc/proto-loader` has it with `longs: String`
 */
function valueOf(type, value) {
  if (typeof value === 'bigint') {
    if (type === 'bool') return value !== 0n;
    return type === 'int64' ? String(value) : Number(value);
  }
  if (messages.has(type)) return decode(type, value);
  return type === 'string' ? value.toString() : value;
}

/**
 * @param {string} name of a message
 * @param {Buffer} bytes
 * @returns {any} its fields; without those that were not sent, but for lists
 */
function decode(name, bytes) {
  const message = /** @type {Message} */ (messages.get(name));
  /** @type {Map<number, string>} */
  const names = new Map(Object.entries(message).map(([field, [number]]) => [number, field]));
  /** @type {any} */
  const value = {};
  for (const [field, [, , label]] of Object.entries(message)) if (label === 'repeated') value[field] = [];
  const reader = new Reader(bytes);
  while (reader.at < bytes.length) {
    const tag = Number(reader.varint());
    const raw = reader.value(tag % 8);
    const field = names.get(Math.floor(tag / 8));
    if (field === undefined) continue;
    const [, type, label] = message[field];
    const isDelimited = typeof raw !== 'bigint';
    if (isDelimited !== (messages.has(type) || type === 'string' || type === 'bytes')) continue;
    if (label === 'repeated') value[field].push(valueOf(type, raw));
    else value[field] = valueOf(type, raw);
  }
  return value;
}

// Files.

/** @param {string} name full @param {string} package_ @returns {string[]} names of the messages that it is in, and its own */
function pathOf(name, package_) {
  return name.slice(package_.length + 1).split('.');
}

/**
 * @param {Message} message
 * @param {string} name
 */
function messageDescriptor(message, name) {
  const oneofs = [...new Set(Object.values(message).map(([, , label]) => label))].filter(
    (label) => label !== undefined && label !== 'repeated',
  );
  const field = Object.entries(message).map(([own, [number, type, label]]) => ({
    name: own,
    number,
    label: label === 'repeated' ? REPEATED : OPTIONAL,
    type: SCALARS[type] ?? (messages.has(type) ? MESSAGE : ENUM),
    type_name: type in SCALARS ? undefined : `.${type}`,
    oneof_index: label === undefined || label === 'repeated' ? undefined : oneofs.indexOf(label),
  }));
  /** @type {any} */
  const descriptor = { name, field, nested_type: [], enum_type: [], oneof_decl: oneofs.map((own) => ({ name: own })) };
  return descriptor;
}

/**
 * Makes a file known.
 *
 * @param {string} name
 * @param {string} package_
 * @param {{ dependency?: string[], messages?: Record<string, Message>, enums?: Record<string, Enum>,
 *   services?: Record<string, Record<string, [request: string, response: string]>> }} tables names are full, or relative to the
 *   package; `stream` before a type is a stream of it
 * @returns {{ services: Record<string, any>, descriptor: () => Buffer }} definitions of its services, by their names, and
 *   its `FileDescriptorProto`
 */
function file(name, package_, tables) {
  const full = (/** @type {string} */ own) => `${package_}.${own}`;
  const own = Object.keys(tables.messages ?? {});
  const ownEnums = Object.keys(tables.enums ?? {});
  const typeOf = (/** @type {string} */ type) => (own.includes(type) || ownEnums.includes(type) ? full(type) : type);
  for (const [message, fields] of Object.entries(tables.messages ?? {})) {
    const resolved = Object.entries(fields).map(([field, [number, type, label]]) => [field, [number, typeOf(type), label]]);
    messages.set(full(message), Object.fromEntries(resolved));
  }
  for (const [one, values] of Object.entries(tables.enums ?? {})) enums.set(full(one), values);

  /** @type {Record<string, any>} */
  const services = {};
  /** @type {any[]} */
  const described = [];
  for (const [service, methods] of Object.entries(tables.services ?? {})) {
    /** @type {any[]} */
    const method = [];
    services[service] = Object.create(null);
    for (const [called, types] of Object.entries(methods)) {
      const [requestStream, responseStream] = types.map((type) => type.startsWith('stream '));
      const [request, response] = types.map((type) => typeOf(type.replace('stream ', '')));
      services[service][called] = {
        path: `/${full(service)}/${called}`,
        requestStream,
        responseStream,
        requestSerialize: (/** @type {any} */ value) => encode(request, value),
        requestDeserialize: (/** @type {Buffer} */ bytes) => decode(request, bytes),
        responseSerialize: (/** @type {any} */ value) => encode(response, value),
        responseDeserialize: (/** @type {Buffer} */ bytes) => decode(response, bytes),
        originalName: called[0].toLowerCase() + called.slice(1),
      };
      method.push({
        name: called,
        input_type: `.${request}`,
        output_type: `.${response}`,
        client_streaming: requestStream,
        server_streaming: responseStream,
      });
    }
    described.push({ name: service, method });
  }

  const descriptor = () => {
    /** @type {any} */
    const found = { name, package: package_, dependency: tables.dependency, syntax: 'proto3', message_type: [], enum_type: [] };
    found.service = described;
    /** @type {Map<string, any>} */
    const byName = new Map();
    for (const message of own) {
      const path = pathOf(full(message), package_);
      const made = messageDescriptor(/** @type {Message} */ (messages.get(full(message))), /** @type {string} */ (path.at(-1)));
      byName.set(message, made);
      (path.length > 1 ? byName.get(path.slice(0, -1).join('.')).nested_type : found.message_type).push(made);
    }
    for (const [one, values] of Object.entries(tables.enums ?? {})) {
      const path = one.split('.');
      const made = { name: path.at(-1), value: Object.entries(values).map(([key, number]) => ({ name: key, number })) };
      (path.length > 1 ? byName.get(path.slice(0, -1).join('.')).enum_type : found.enum_type).push(made);
    }
    return encode('google.protobuf.FileDescriptorProto', found);
  };
  return { services, descriptor };
}

/** What is read of `google/protobuf/descriptor.proto`, which names files as they are on the wire. */
const GOOGLE = 'google.protobuf';
file('google/protobuf/descriptor.proto', GOOGLE, {
  messages: {
    FileDescriptorProto: {
      name: [1, 'string'],
      package: [2, 'string'],
      dependency: [3, 'string', 'repeated'],
      message_type: [4, 'DescriptorProto', 'repeated'],
      enum_type: [5, 'EnumDescriptorProto', 'repeated'],
      service: [6, 'ServiceDescriptorProto', 'repeated'],
      extension: [7, 'FieldDescriptorProto', 'repeated'],
      syntax: [12, 'string'],
    },
    DescriptorProto: {
      name: [1, 'string'],
      field: [2, 'FieldDescriptorProto', 'repeated'],
      nested_type: [3, 'DescriptorProto', 'repeated'],
      enum_type: [4, 'EnumDescriptorProto', 'repeated'],
      extension: [6, 'FieldDescriptorProto', 'repeated'],
      oneof_decl: [8, 'OneofDescriptorProto', 'repeated'],
    },
    FieldDescriptorProto: {
      name: [1, 'string'],
      extendee: [2, 'string'],
      number: [3, 'int32'],
      label: [4, 'int32'],
      type: [5, 'int32'],
      type_name: [6, 'string'],
      // Proto2 tells 0 from nothing.
      oneof_index: [9, 'int32', 'presence'],
    },
    OneofDescriptorProto: { name: [1, 'string'] },
    EnumDescriptorProto: { name: [1, 'string'], value: [2, 'EnumValueDescriptorProto', 'repeated'] },
    EnumValueDescriptorProto: { name: [1, 'string'], number: [2, 'int32', 'presence'] },
    ServiceDescriptorProto: { name: [1, 'string'], method: [2, 'MethodDescriptorProto', 'repeated'] },
    MethodDescriptorProto: {
      name: [1, 'string'],
      input_type: [2, 'string'],
      output_type: [3, 'string'],
      client_streaming: [5, 'bool'],
      server_streaming: [6, 'bool'],
    },
  },
});

/** `google/protobuf/timestamp.proto`. */
const timestamp = file('google/protobuf/timestamp.proto', GOOGLE, {
  messages: { Timestamp: { seconds: [1, 'int64'], nanos: [2, 'int32'] } },
});

module.exports = { file, encode, decode, timestamp };
