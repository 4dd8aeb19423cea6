'use strict';

/**
 * Messages off the wire straight into plain objects of the wanted shape: one object for each message, where protobufjs makes
 * one of a class and then a plain one of that. A function is made for each type, as protobufjs does.
 */

const { BYTES, LONGS, WIRE_TYPES, fieldsOf, isSpecial } = require('./wire.js');

/** Messages within each other, as deep as protobufjs goes. */
const MOST_DEPTH = 100;

/** @param {any} value Long of protobufjs, or a number @returns {string} */
function longToString(value) {
  if (typeof value === 'number') return String(value);
  // Most are exact as a number.
  if (value.high >= -0x200000 && value.high < 0x200000 && !(value.unsigned && value.high < 0)) {
    return String(value.high * 4294967296 + (value.low >>> 0));
  }
  return value.toString();
}

/** @param {any} value @returns {number} */
function longToNumber(value) {
  return typeof value === 'number' ? value : value.toNumber();
}

/** @param {any} target @param {string} key @param {any} value of a map, which may have a key of any name */
function put(target, key, value) {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

/** @param {any} reader @returns {string} which is all there: protobufjs 7 takes what there is */
function readText(reader) {
  const length = reader.uint32();
  const { pos, len, buf } = reader;
  if (length > len - pos) throw new RangeError(`index out of range: ${pos} + ${length} > ${len}`);
  reader.pos = pos + length;
  return buf.utf8Slice(pos, pos + length);
}

/** Makes decoders of the types of a package, which need each other. */
class Decoders {
  /** @param {any} protobuf protobufjs @param {any} options as of `@grpc/proto-loader` */
  constructor(protobuf, options) {
    this.protobuf = protobuf;
    this.options = options ?? {};
    /** @type {Map<any, { decode: any }>} */
    this.all = new Map();
  }

  /** @param {any} reflection @returns {(bytes: Buffer) => any} */
  deserializer(reflection) {
    const { Reader } = this.protobuf;
    const entry = this.entry(reflection);
    return function deserialize(bytes) {
      const reader = Reader.create(bytes);
      return entry.decode(reader, reader.len, 0);
    };
  }

  /** @param {any} reflection @returns {{ decode: any }} filled before anything is decoded */
  entry(reflection) {
    const known = this.all.get(reflection);
    if (known !== undefined) return known;
    /** @type {{ decode: any }} */
    const entry = { decode: undefined };
    this.all.set(reflection, entry);
    // Made when it is first needed: of a large package few types are.
    entry.decode = (/** @type {any[]} */ ...args) => {
      entry.decode = isSpecial(reflection) ? this.special(reflection) : this.make(reflection);
      return entry.decode(...args);
    };
    return entry;
  }

  /** @param {any} reflection */
  special(reflection) {
    const { options } = this;
    return (/** @type {any} */ reader, /** @type {number} */ end) => {
      const bytes = reader.buf.subarray(reader.pos, end);
      reader.pos = end;
      return reflection.toObject(reflection.decode(bytes), options);
    };
  }

  /** @param {any} reflection */
  make(reflection) {
    const fields = fieldsOf(reflection, this.protobuf);
    /** What the code speaks of. @type {any[]} */
    const values = [];
    const constant = (/** @type {any} */ value) => `c[${values.push(value) - 1}]`;
    const lines = [`const o = ${this.initial(fields, constant)};`];
    const oneofs = [...new Set(fields.flatMap(({ oneof }) => (oneof === null ? [] : [oneof.name])))];
    for (const index of oneofs.keys()) lines.push(`let w${index};`);
    for (const { id, required } of fields) if (required) lines.push(`let r${id} = false;`);
    lines.push(
      `if (depth > ${MOST_DEPTH}) throw new Error('max depth exceeded');`,
      'while (r.pos < end) {',
      'const tag = r.uint32();',
      'switch (tag >>> 3) {',
    );
    for (const field of fields) lines.push(...this.field(field, constant, oneofs));
    lines.push('}', 'r.skipType(tag & 7, depth, tag >>> 3);', '}');
    for (const { id, name, required } of fields) {
      if (!required) continue;
      lines.push(`if (!r${id}) throw new ProtocolError(${JSON.stringify(`missing required '${name}'`)}, { instance: o });`);
    }
    lines.push("if (r.pos !== end) throw new RangeError('index out of range: ' + r.pos + ' > ' + end);", 'return o;');
    const { ProtocolError } = this.protobuf.util;
    const known = { c: values, longToString, longToNumber, put, readText, ProtocolError };
    const body = `return function decode(r, end, depth) {\n${lines.join('\n')}\n};`;
    return new Function(...Object.keys(known), body)(...Object.values(known));
  }

  /**
   * @param {import('./wire.js').Field[]} fields
   * @param {(value: any) => string} constant
   * @returns {string} an object with what is there without being on the wire, in protobufjs's order
   */
  initial(fields, constant) {
    const { defaults, arrays, objects } = this.options;
    const free = fields.filter(({ oneof }) => oneof === null);
    const parts = [];
    if (arrays || defaults) parts.push(...free.filter((field) => field.repeated).map((field) => [field, '[]']));
    if (objects || defaults) parts.push(...free.filter((field) => field.keyType !== null).map((field) => [field, '{}']));
    if (defaults) {
      const others = free.filter((field) => !field.repeated && field.keyType === null);
      parts.push(...others.map((field) => [field, this.defaultOf(field, constant)]));
    }
    return `{${parts.map(([field, value]) => `${JSON.stringify(/** @type {any} */ (field).name)}: ${value}`).join(', ')}}`;
  }

  /**
   * @param {import('./wire.js').Field} field
   * @param {(value: any) => string} constant
   * @returns {string}
   */
  defaultOf({ type, resolved, defaultValue }, constant) {
    const { enums, longs, bytes, json } = this.options;
    if (type === 'message') return 'null';
    if (type === 'enum') return JSON.stringify(enums === String ? resolved.valuesById[defaultValue] : defaultValue);
    if (type === 'bytes') {
      if (bytes === String) return JSON.stringify(Buffer.from(defaultValue).toString('base64'));
      const list = JSON.stringify([...defaultValue]);
      return bytes === Array ? list : `${constant(Buffer)}.from(${list})`;
    }
    if (LONGS.has(type)) {
      if (longs === String) return JSON.stringify(longToString(defaultValue));
      if (longs === Number) return String(longToNumber(defaultValue));
      return constant(defaultValue);
    }
    if (json && typeof defaultValue === 'number' && !Number.isFinite(defaultValue)) return JSON.stringify(String(defaultValue));
    return typeof defaultValue === 'number' ? constant(defaultValue) : JSON.stringify(defaultValue);
  }

  /**
   * @param {import('./wire.js').Field} field
   * @param {(value: any) => string} constant
   * @param {string[]} oneofs
   * @returns {string[]} the case of a field
   */
  field(field, constant, oneofs) {
    const { id, name, type, repeated, keyType, oneof, required } = field;
    const at = `o[${JSON.stringify(name)}]`;
    if (keyType !== null) return this.map(field, constant, at);
    const wire = WIRE_TYPES[type] ?? BYTES;
    const value = this.value(field, constant);
    const lines = [`case ${id}:`];
    if (repeated) {
      const list = `const list = ${at} ??= [];`;
      if (wire !== BYTES) {
        lines.push(`if ((tag & 7) === 2) { ${list} const stop = r.uint32() + r.pos; ` +
          `while (r.pos < stop) list.push(${value}); continue; }`);
      }
      lines.push(`if ((tag & 7) === ${wire}) { ${list} list.push(${value}); continue; }`, 'break;');
      return lines;
    }
    lines.push(`if ((tag & 7) === ${wire}) {`);
    if (oneof !== null) {
      const won = `w${oneofs.indexOf(oneof.name)}`;
      const key = JSON.stringify(name);
      // The last one counts.
      lines.push(`if (${won} !== undefined && ${won} !== ${key}) delete o[${won}]; ${won} = ${key};`);
    }
    lines.push(`${at} = ${value};`);
    if (oneof !== null && this.options.oneofs) lines.push(`o[${JSON.stringify(oneof.name)}] = ${JSON.stringify(name)};`);
    if (required) lines.push(`r${id} = true;`);
    lines.push('continue; }', 'break;');
    return lines;
  }

  /**
   * @param {import('./wire.js').Field} field
   * @param {(value: any) => string} constant
   * @param {string} at
   */
  map(field, constant, at) {
    const keyType = /** @type {string} */ (field.keyType);
    const key = LONGS.has(keyType) ? `longToString(r.${keyType}())` : keyType === 'string' ? 'readText(r)' : `String(r.${keyType}())`;
    const noKey = keyType === 'string' ? "''" : keyType === 'bool' ? "'false'" : "'0'";
    const missing = field.type === 'message'
      ? this.emptyMessage(field, constant)
      : this.defaultOf(this.valueOfMap(field), constant);
    return [
      `case ${field.id}: if ((tag & 7) === 2) {`,
      `const map = ${at} ??= {}; const stop = r.uint32() + r.pos; let key = ${noKey}; let value; let has = false;`,
      'while (r.pos < stop) { const inner = r.uint32();',
      `if (inner >>> 3 === 1) key = ${key};`,
      `else if (inner >>> 3 === 2) { value = ${this.value(field, constant)}; has = true; }`,
      'else r.skipType(inner & 7, depth, inner >>> 3); }',
      `put(map, key, has ? value : ${missing}); continue; }`,
      'break;',
    ];
  }

  /** @param {import('./wire.js').Field} field @param {(value: any) => string} constant */
  emptyMessage(field, constant) {
    return `${constant(this.deserializer(field.resolved))}(${constant(Buffer.alloc(0))})`;
  }

  /**
   * @param {import('./wire.js').Field} field
   * @returns {import('./wire.js').Field} with a value's default, which maps do not have
   */
  valueOfMap(field) {
    const { Long } = this.protobuf.util;
    const { type } = field;
    /** @type {any} */
    let defaultValue = 0;
    if (type === 'string') defaultValue = '';
    else if (type === 'bool') defaultValue = false;
    else if (type === 'bytes') defaultValue = [];
    else if (LONGS.has(type) && Long) defaultValue = Long.fromNumber(0, type === 'uint64' || type === 'fixed64');
    return { ...field, defaultValue };
  }

  /**
   * @param {import('./wire.js').Field} field
   * @param {(value: any) => string} constant
   * @returns {string} what reads one value
   */
  value({ type, resolved }, constant) {
    const { enums, longs, bytes, json } = this.options;
    if (type === 'message') return `${constant(this.entry(resolved))}.decode(r, r.uint32() + r.pos, depth + 1)`;
    if (type === 'enum') {
      return enums === String ? `${constant(nameOf(resolved))}(r.int32())` : 'r.int32()';
    }
    if (LONGS.has(type)) {
      if (longs === String) return `longToString(r.${type}())`;
      return longs === Number ? `longToNumber(r.${type}())` : `r.${type}()`;
    }
    if (type === 'bytes') {
      if (bytes === String) return "r.bytes().toString('base64')";
      return bytes === Array ? 'Array.from(r.bytes())' : 'r.bytes()';
    }
    if (json && (type === 'double' || type === 'float')) return `${constant(finiteOrText)}(r.${type}())`;
    return type === 'string' ? 'readText(r)' : `r.${type}()`;
  }
}

/** @param {any} resolved an enum @returns {(value: number) => string | number} */
function nameOf({ valuesById }) {
  return (value) => valuesById[value] ?? value;
}

/** @param {number} value */
function finiteOrText(value) {
  return Number.isFinite(value) ? value : String(value);
}

module.exports = { Decoders };
