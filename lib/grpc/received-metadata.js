'use strict';

const { Metadata } = require('./metadata.js');

/** @param {string} value @returns {string} without what metadata may not have */
function legal(value) {
  return value.replace(/[^ -~]/g, '');
}

/**
 * Fields as they came, which are looked at when somebody does. A function, because Metadata's own constructor makes a map
 * that most calls have no use for.
 *
 * @this {any}
 * @param {string} fields name, NUL, value, NUL …
 */
function ReceivedMetadata(fields) {
  this.options = {};
  this.opaqueData = undefined;
  this.fields = fields;
  this.parsed = undefined;
}

ReceivedMetadata.prototype = Object.create(Metadata.prototype, {
  internalRepr: {
    /** @this {any} */
    get() {
      if (this.parsed === undefined) {
        this.parsed = new Map();
        parse(this, this.fields);
        this.fields = '';
      }
      return this.parsed;
    },
    /** @this {any} @param {Map<string, any>} map */
    set(map) {
      this.parsed = map;
    },
  },
});

/**
 * @param {string} fields name, NUL, value, NUL …
 * @returns {Metadata}
 */
function metadataOf(fields) {
  return new /** @type {any} */ (ReceivedMetadata)(fields);
}

/**
 * @param {Metadata} metadata
 * @param {string} fields
 */
function parse(metadata, fields) {
  let at = 0;
  while (at < fields.length) {
    const name = fields.indexOf('\0', at);
    const value = fields.indexOf('\0', name + 1);
    const key = fields.substring(at, name);
    const known = key.endsWith('-bin') ? undefined : metadata.internalRepr.get(key);
    const text = fields.substring(name + 1, value);
    // Fields of one name are one, as Node's HTTP/2 has them.
    if (known === undefined) metadata.addReceived(key, text);
    else known[0] += `${key === 'cookie' ? '; ' : ', '}${legal(text)}`;
    at = value + 1;
  }
}

/**
 * @param {Metadata | null | undefined} metadata
 * @returns {string} name, NUL, value, NUL …
 */
function fieldsOf(metadata) {
  if (metadata === null || metadata === undefined || metadata.internalRepr.size === 0) return '';
  let text = '';
  const headers = metadata.toHttp2Headers();
  for (const name of Object.keys(headers)) {
    const values = headers[name];
    for (const value of Array.isArray(values) ? values : [values]) text += `${name}\0${value}\0`;
  }
  return text;
}

module.exports = { metadataOf, fieldsOf };
