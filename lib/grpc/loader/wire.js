'use strict';

/** How fields of each type are on the wire (Protocol Buffers' encoding), as far as both directions need to know. */

/** Wire types. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** @type {Record<string, number>} */
const WIRE_TYPES = Object.assign(Object.create(null), {
  double: FIXED64,
  float: FIXED32,
  int32: VARINT,
  uint32: VARINT,
  sint32: VARINT,
  fixed32: FIXED32,
  sfixed32: FIXED32,
  int64: VARINT,
  uint64: VARINT,
  sint64: VARINT,
  fixed64: FIXED64,
  sfixed64: FIXED64,
  bool: VARINT,
  string: BYTES,
  bytes: BYTES,
  enum: VARINT,
});

const LONGS = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} fullName
 * @property {number} id
 * @property {string} type a scalar's name, `enum` or `message`
 * @property {any} resolved the message's or the enum's reflection
 * @property {boolean} repeated
 * @property {boolean} packed
 * @property {boolean} required
 * @property {string | null} keyType of a map
 * @property {{ name: string } | null} oneof
 * @property {any} defaultValue
 */

/**
 * @param {any} reflection protobufjs's Type
 * @param {any} protobuf
 * @returns {Field[]} by number
 */
function fieldsOf(reflection, protobuf) {
  const list = reflection.fieldsArray.map((/** @type {any} */ field) => {
    const { resolvedType: resolved } = field.resolve();
    const type = resolved === null ? field.type : resolved instanceof protobuf.Enum ? 'enum' : 'message';
    const { partOf } = field;
    return {
      name: field.name,
      fullName: field.fullName,
      id: field.id,
      type,
      resolved,
      repeated: field.repeated,
      packed: field.packed && type in WIRE_TYPES && WIRE_TYPES[type] !== BYTES,
      required: field.required,
      keyType: field.map ? field.keyType : null,
      oneof: partOf === null || partOf === undefined ? null : { name: partOf.name },
      defaultValue: field.typeDefault,
    };
  });
  return list.sort((/** @type {Field} */ one, /** @type {Field} */ other) => one.id - other.id);
}

/**
 * @param {any} reflection
 * @returns {boolean} whether protobufjs has to do it: groups, `Any`, and names that are not safe in objects
 */
function isSpecial(reflection) {
  if (reflection.fullName === '.google.protobuf.Any' || reflection.group) return true;
  return reflection.fieldsArray.some((/** @type {any} */ field) => {
    const { resolvedType } = field.resolve();
    return field.name === '__proto__' || field.delimited === true || resolvedType?.group === true;
  });
}

module.exports = { BYTES, LONGS, WIRE_TYPES, fieldsOf, isSpecial };
