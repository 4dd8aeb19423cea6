'use strict';

const { isUtf8 } = require('node:buffer');

/** Which ASCII codes may stand in a token (RFC 9110 section 5.6.2): 1 for those that may. */
const tokenChars = Array.from({ length: 128 }, (_, code) =>
  Number(/[!#$%&'*+\-.0-9A-Z^_`a-z|~]/.test(String.fromCharCode(code))),
);

/**
 * Whether a peer may send this close code (RFC 6455 section 7.4).
 *
 * @param {number} code
 * @returns {boolean}
 */
function isValidStatusCode(code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/**
 * Duck-typed, as in `ws`: polyfills count.
 *
 * @param {any} value
 * @returns {value is Blob}
 */
function isBlob(value) {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof value.arrayBuffer === 'function' &&
    typeof value.type === 'string' &&
    typeof value.stream === 'function' &&
    (value[Symbol.toStringTag] === 'Blob' || value[Symbol.toStringTag] === 'File')
  );
}

/**
 * The bytes of what a user wants to send, not copied where they are bytes already.
 *
 * @param {any} data a view, an ArrayBuffer, or what `Buffer.from` takes
 * @returns {Buffer}
 */
function toBuffer(data) {
  if (Buffer.isBuffer(data)) return data;
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data);
}

module.exports = { isBlob, isValidStatusCode, isValidUTF8: isUtf8, toBuffer, tokenChars };
