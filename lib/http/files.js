'use strict';

/** Options of `server.files()` and `res.sendFile()`, for the native side. */

const http = require('node:http');
const path = require('node:path');
const { invalidArgType, invalidArgValue, withCode } = require('../internal/errors.js');
const { boolean, integer, oneOf, optionsObject } = require('../internal/options.js');

/** Seconds in a year: no cache needs to keep anything longer (RFC 9111 leaves it open; `send` stops there, too). */
const YEAR_S = 365 * 24 * 60 * 60;
const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_557_600_000 };
const CODINGS = ['br', 'zstd', 'gzip'];

/**
 * @param {Record<string, any>} options
 * @returns {number} whole seconds
 */
function maxAge(options) {
  const { maxAge: value = 0 } = options;
  if (typeof value === 'number') return Math.floor(Math.min(Math.max(value / 1000, 0), YEAR_S));
  if (typeof value !== 'string') throw invalidArgType('options.maxAge', ['number', 'string'], value);
  const [, count, unit = 'ms'] = /^\s*(\d+(?:\.\d+)?)\s*(ms|[smhdwy])?\s*$/i.exec(value) ?? [];
  if (count === undefined) throw invalidArgValue('options.maxAge', value, "must be milliseconds, or a time such as '30d'");
  const ms = Number(count) * UNITS_MS[/** @type {keyof typeof UNITS_MS} */ (unit.toLowerCase())];
  return Math.floor(Math.min(ms / 1000, YEAR_S));
}

/**
 * @param {Record<string, any>} options
 * @param {string} key
 * @param {string[]} fallback
 * @returns {string[]} names; none for `false`
 */
function names(options, key, fallback) {
  const value = options[key];
  if (value === undefined) return fallback;
  if (value === false) return [];
  const list = Array.isArray(value) ? value : [value];
  for (const name of list) if (typeof name !== 'string') throw invalidArgType(`options.${key}`, ['string', 'Array'], value);
  return list;
}

/**
 * @param {Record<string, any>} headers
 * @returns {string} fields, each with its line end
 */
function fields(headers) {
  let text = '';
  for (const [name, values] of Object.entries(headers)) {
    for (const value of Array.isArray(values) ? values : [values]) {
      http.validateHeaderName(name);
      http.validateHeaderValue(name, value);
      text += `${name}: ${value}\r\n`;
    }
  }
  return text;
}

/**
 * @param {Record<string, any>} options
 * @returns {object} see `PolicySpec` in `src/binding/http_settings.rs`
 */
function policy(options) {
  const immutable = boolean(options, 'immutable', false);
  const control = `public, max-age=${maxAge(options)}${immutable ? ', immutable' : ''}`;
  return {
    etag: boolean(options, 'etag', true),
    lastModified: boolean(options, 'lastModified', true),
    acceptRanges: boolean(options, 'acceptRanges', true),
    cacheControl: boolean(options, 'cacheControl', true) ? control : null,
    fields: fields(optionsObject(options.headers)),
  };
}

/**
 * @param {Record<string, any>} options
 * @returns {object | null} see `CompressSpec` in `src/binding/http_settings.rs`; null for none
 */
function compression(options) {
  const { compress = false } = options;
  if (compress === false) return null;
  const given = compress === true ? {} : compress;
  if (typeof given !== 'object' || given === null) throw invalidArgType('options.compress', ['boolean', 'Object'], compress);
  const codings = names(given, 'codings', CODINGS);
  for (const name of codings) oneOf({ codings: name }, 'codings', CODINGS, '');
  return {
    codings,
    level: integer(given, 'level', 1, 9, 6),
    brotliQuality: integer(given, 'brotliQuality', 0, 11, 5),
    zstdLevel: integer(given, 'zstdLevel', 1, 19, 6),
    threshold: integer(given, 'threshold', 0, Number.MAX_SAFE_INTEGER, 1024),
    maxBytes: integer(given, 'maxBytes', 0, 2 ** 30, 4 * 2 ** 20),
    cacheBytes: integer(given, 'cacheBytes', 0, Number.MAX_SAFE_INTEGER, 32 * 2 ** 20),
  };
}

/**
 * @param {unknown} prefix
 * @param {unknown} directory
 * @param {unknown} given
 * @returns {object} see `FilesSpec` in `src/binding/http_settings.rs`
 */
function filesSpec(prefix, directory, given) {
  if (typeof prefix !== 'string') throw invalidArgType('prefix', 'string', prefix);
  if (typeof directory !== 'string') throw invalidArgType('directory', 'string', directory);
  if (!prefix.startsWith('/')) throw invalidArgValue('prefix', prefix, 'must begin with a slash');
  const options = optionsObject(given);
  const precompressed = options.precompressed === true ? CODINGS : names(options, 'precompressed', []);
  for (const name of precompressed) oneOf({ precompressed: name }, 'precompressed', CODINGS, '');
  return {
    prefix: prefix.endsWith('/') ? prefix : `${prefix}/`,
    directory: path.resolve(directory),
    dotfiles: oneOf(options, 'dotfiles', ['allow', 'deny', 'ignore'], 'ignore'),
    symlinks: oneOf(options, 'symlinks', ['inside', 'follow', 'deny'], 'inside'),
    index: names(options, 'index', ['index.html']),
    extensions: names(options, 'extensions', []).map((extension) => extension.replace(/^\./, '')),
    precompressed,
    compress: compression(options),
    redirect: boolean(options, 'redirect', true),
    fallthrough: boolean(options, 'fallthrough', true),
    policy: policy(options),
  };
}

/** @returns {Error} where Node's own sockets serve */
function noFiles() {
  const message = 'Files are served by the native event loop, which is not to be had here';
  return withCode(new Error(message), 'ERR_MILLRACE_HTTP_FILES');
}

module.exports = { compression, filesSpec, noFiles, policy };
