'use strict';

/**
 * Plain objects straight onto the wire, with the conversions of protobufjs's `fromObject()`: names of enums, texts of long
 * numbers, base64 for bytes. A function is made for each type.
 */

const { Output } = require('./output.js');
const { BYTES, WIRE_TYPES, fieldsOf, isSpecial } = require('./wire.js');

/** Messages within each other, as deep as protobufjs goes. */
const MOST_DEPTH = 100;

/** One message is written at a time: nothing of the program's runs meanwhile, but getters and toString() of its own. */
const shared = new Output();
let isBusy = false;

/** @param {any} resolved an enum @returns {(value: any) => number | undefined} */
function numberOf({ values, valuesById }) {
  return (value) => {
    if (typeof value === 'number') return value;
    const known = Object.hasOwn(values, value) ? values[value] : undefined;
    return known ?? (valuesById[value] === undefined ? undefined : Number(value));
  };
}

/** Makes encoders of the types of a package, which need each other. */
class Encoders {
  /** @param {any} protobuf protobufjs */
  constructor(protobuf) {
    this.protobuf = protobuf;
    /** @type {Map<any, { encode: any }>} */
    this.all = new Map();
  }

  /** @param {any} reflection @returns {(value: any) => Buffer} */
  serializer(reflection) {
    const entry = this.entry(reflection);
    const { name } = reflection;
    return function serialize(value) {
      if (Array.isArray(value)) {
        throw new Error(`Failed to serialize message: expected object with ${name} structure, got array instead`);
      }
      const output = isBusy ? new Output() : shared;
      isBusy = true;
      output.begin();
      try {
        entry.encode(value, output, 0);
        return output.finish();
      } catch (error) {
        output.abandon();
        throw error;
      } finally {
        if (output === shared) isBusy = false;
      }
    };
  }

  /** @param {any} reflection @returns {{ encode: any }} filled before anything is encoded */
  entry(reflection) {
    const known = this.all.get(reflection);
    if (known !== undefined) return known;
    /** @type {{ encode: any }} */
    const entry = { encode: undefined };
    this.all.set(reflection, entry);
    entry.encode = (/** @type {any[]} */ ...args) => {
      entry.encode = isSpecial(reflection) ? this.special(reflection) : this.make(reflection);
      return entry.encode(...args);
    };
    return entry;
  }

  /** @param {any} reflection */
  special(reflection) {
    return (/** @type {any} */ value, /** @type {Output} */ output) => {
      const bytes = reflection.encode(reflection.fromObject(value)).finish();
      output.room(bytes.length);
      output.bytes.set(bytes, output.at);
      output.at += bytes.length;
    };
  }

  /** @param {any} reflection */
  make(reflection) {
    const fields = fieldsOf(reflection, this.protobuf);
    /** What the code speaks of. @type {any[]} */
    const values = [];
    const constant = (/** @type {any} */ value) => `c[${values.push(value) - 1}]`;
    const lines = [
      `if (d === null || typeof d !== 'object') throw new TypeError(${JSON.stringify(`${reflection.fullName}: object expected`)});`,
      `if (depth > ${MOST_DEPTH}) throw new Error('max depth exceeded');`,
      // An instance has defaults that it does not own.
      `if (d instanceof ${constant(reflection.ctor)}) { ${constant(this.special(reflection))}(d, w); return; }`,
      'let v;',
    ];
    for (const field of fields) lines.push(...this.field(field, constant));
    const body = `return function encode(d, w, depth) {\n${lines.join('\n')}\n};`;
    return new Function('c', body)(values);
  }

  /**
   * @param {import('./wire.js').Field} field
   * @param {(value: any) => string} constant
   * @returns {string[]}
   */
  field(field, constant) {
    const { id, name, fullName, type, repeated, packed, keyType } = field;
    const get = `v = d[${JSON.stringify(name)}];`;
    const tag = (/** @type {number} */ wire) => `w.varint(${((id << 3) | wire) >>> 0});`;
    const wire = WIRE_TYPES[type] ?? BYTES;
    const expected = (/** @type {string} */ what) => `throw new TypeError(${JSON.stringify(`${fullName}: ${what} expected`)});`;
    if (keyType !== null) {
      const key = keyType === 'bool' ? "key === 'true'" : 'key';
      return [
        get,
        `if (v) { if (typeof v !== 'object') ${expected('object')}`,
        'const map = v; for (const key of Object.keys(map)) {',
        `v = map[key]; ${tag(BYTES)} const entry = w.open();`,
        `w.varint(${8 | WIRE_TYPES[keyType]}); w.${keyType}(${key});`,
        this.value(field, 'v', constant, `w.varint(${16 | wire});`),
        'w.close(entry); } }',
      ];
    }
    if (repeated) {
      const lines = [get, `if (v) { if (!Array.isArray(v)) ${expected('array')}`, 'const list = v;'];
      if (packed) {
        lines.push(`if (list.length > 0) { ${tag(BYTES)} const mark = w.open();`);
        lines.push(`for (let i = 0; i < list.length; i++) { v = list[i]; ${this.value(field, 'v', constant, '')} }`);
        lines.push('w.close(mark); } }');
      } else {
        lines.push(`for (let i = 0; i < list.length; i++) { v = list[i]; ${this.value(field, 'v', constant, tag(wire))} } }`);
      }
      return lines;
    }
    return [get, `if (v !== undefined && v !== null) { ${this.value(field, 'v', constant, tag(wire))} }`];
  }

  /**
   * @param {import('./wire.js').Field} field
   * @param {string} value
   * @param {(value: any) => string} constant
   * @param {string} tag
   * @returns {string} what writes one value
   */
  value({ type, resolved, fullName }, value, constant, tag) {
    if (type === 'message') {
      const fault = JSON.stringify(`${fullName}: object expected`);
      const check = `if (${value} === null || typeof ${value} !== 'object') throw new TypeError(${fault});`;
      const inner = `${constant(this.entry(resolved))}.encode(${value}, w, depth + 1)`;
      return `${check} ${tag} { const inside = w.open(); ${inner}; w.close(inside); }`;
    }
    if (type === 'enum') return `v = ${constant(numberOf(resolved))}(v); if (v !== undefined) { ${tag} w.int32(v); }`;
    if (type === 'bytes') return `if (typeof v === 'string' || v.length >= 0) { ${tag} w.bytesOf(v); }`;
    return `${tag} w.${type}(${value});`;
  }
}

module.exports = { Encoders };
