'use strict';

/**
 * What is different about a response of HTTP/2: its head is fields and not text, and no body is framed here. Set on each
 * response, because frameworks change its prototype.
 */

const http = require('node:http');
const { invalidArgValue, outOfRange } = require('../internal/errors.js');

/** Bytes of a head that can be sent. */
const MAX_HEAD_BYTES = 64 * 1024;

/** Node's own mark on the fields of a response that were set; its name is all that is known of it. */
const kOutHeaders = Object.getOwnPropertySymbols(new http.OutgoingMessage()).find((s) => s.description === 'kOutHeaders');

/**
 * @typedef {object} Head
 * @property {string} text names and values, each with a NUL behind it
 * @property {boolean} length there is a `Content-Length`
 * @property {boolean} trailer there is a `Trailer`
 */

/**
 * @param {Head} head
 * @param {string} name
 * @param {any} value
 * @param {boolean} checked
 */
function add(head, name, value, checked) {
  if (!checked) http.validateHeaderName(name);
  if (Array.isArray(value)) {
    for (const one of value) addOne(head, name, one, checked);
  } else addOne(head, name, value, checked);
  const lower = name.toLowerCase();
  if (lower === 'content-length') head.length = true;
  else if (lower === 'trailer') head.trailer = true;
}

/**
 * @param {Head} head
 * @param {string} name
 * @param {any} value
 * @param {boolean} checked
 */
function addOne(head, name, value, checked) {
  if (!checked) http.validateHeaderValue(name, value);
  head.text += `${name}\0${value}\0`;
}

/**
 * In place of Node's, which makes text of the head.
 *
 * @this {any}
 * @param {string} _firstLine
 * @param {any} headers
 */
function storeHeader(_firstLine, headers) {
  /** @type {Head} */
  const head = { text: '', length: false, trailer: false };
  if (headers) {
    if (headers === this[/** @type {symbol} */ (kOutHeaders)]) {
      for (const key in headers) add(head, headers[key][0], headers[key][1], true);
    } else if (Array.isArray(headers)) {
      if (headers.length > 0 && Array.isArray(headers[0])) {
        for (const [name, value] of headers) add(head, name, value, false);
      } else {
        if (headers.length % 2 !== 0) throw invalidArgValue('headers', headers);
        for (let i = 0; i < headers.length; i += 2) add(head, headers[i], headers[i + 1], false);
      }
    } else {
      for (const name of Object.keys(headers)) add(head, name, headers[name], false);
    }
  }
  const sized = this._hasBody && !head.length && !head.trailer && !this._removedContLen;
  if (sized && typeof this._contentLength === 'number') head.text += `content-length\0${this._contentLength}\0`;
  if (head.text.length > MAX_HEAD_BYTES - 8) {
    throw outOfRange('The size of "headers"', `<= ${MAX_HEAD_BYTES - 8} bytes`, head.text.length);
  }
  this._head = `${this.sendDate ? 1 : 0}${this.statusCode}\0${head.text}`;
  // What is sent needs neither framing nor the connection's end.
  this.chunkedEncoding = false;
  this._last = false;
  this._header = `HTTP/2 ${this.statusCode}`;
  this._headerSent = false;
}

/**
 * In place of Node's, which puts the head's text before the first bytes.
 *
 * @this {any}
 * @param {any} data
 * @param {any} encoding
 * @param {any} callback
 * @param {any} byteLength
 */
function send(data, encoding, callback, byteLength) {
  if (!this._headerSent) {
    const { socket } = this;
    if (socket !== null && !socket.destroyed) socket.sendHead(this._head);
    this._headerSent = true;
  }
  return this._writeRaw(data, encoding, callback, byteLength);
}

/** @param {any} res is to be one of HTTP/2 */
function prepare(res) {
  res._storeHeader = storeHeader;
  res._send = send;
  res._head = undefined;
}

/**
 * @param {string} lines as Node notes trailers and 1xx: `Name: value`
 * @returns {string} names and values, each with a NUL behind it
 */
function fromLines(lines) {
  let text = '';
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) text += `${line.slice(0, colon)}\0${line.slice(colon + 1).trim()}\0`;
  }
  return text;
}

module.exports = { prepare, fromLines };
