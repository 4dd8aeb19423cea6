'use strict';

/**
 * `millrace/zlib`: `node:zlib`, with gzip, deflate and raw deflate done in Rust. What is not ours yet (brotli, zstd) is
 * Node's own, so that the module is whole.
 */

const nodeZlib = require('node:zlib');
const { invalidArgType, outOfRange } = require('./internal/errors.js');
const { load } = require('./internal/loader.js');
const { makeOneShots } = require('./internal/zlib-oneshot.js');
const { classes } = require('./internal/zlib-stream.js');

const { Deflate, DeflateRaw, Gunzip, Gzip, Inflate, InflateRaw, Unzip } = classes;

const deflated = makeOneShots('Deflate');
const deflatedRaw = makeOneShots('DeflateRaw');
const gunzipped = makeOneShots('Gunzip');
const gzipped = makeOneShots('Gzip');
const inflated = makeOneShots('Inflate');
const inflatedRaw = makeOneShots('InflateRaw');
const unzipped = makeOneShots('Unzip');

/**
 * @param {string | NodeJS.ArrayBufferView} data
 * @param {number} [value] the checksum so far
 * @returns {number} CRC-32
 */
function crc32(data, value = 0) {
  if (typeof value !== 'number') throw invalidArgType('value', 'number', value);
  if (!Number.isInteger(value)) throw outOfRange('value', 'an integer', value);
  if (value < 0 || value > 0xffffffff) throw outOfRange('value', '>= 0 && <= 4294967295', value);
  return load().crc32(crcBytes(data), value);
}

/**
 * @param {unknown} data
 * @returns {Uint8Array}
 */
function crcBytes(data) {
  if (typeof data === 'string') return Buffer.from(data);
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw invalidArgType('data', ['Buffer', 'TypedArray', 'DataView', 'string'], data);
}

/**
 * @param {keyof typeof classes} name
 * @returns {(options?: any) => any} `createX`, named so
 */
function creator(name) {
  const Class = classes[name];
  // No arrow: Node's may be called with `new`, too.
  /** @param {any} [options] */
  function create(options) {
    return new Class(options);
  }
  return Object.defineProperty(create, 'name', { value: `create${name}` });
}

// Node finds the names for `import` by reading this text, so all stand here in full. Ours:
exports.Deflate = Deflate;
exports.DeflateRaw = DeflateRaw;
exports.Gunzip = Gunzip;
exports.Gzip = Gzip;
exports.Inflate = Inflate;
exports.InflateRaw = InflateRaw;
exports.Unzip = Unzip;
exports.createDeflate = creator('Deflate');
exports.createDeflateRaw = creator('DeflateRaw');
exports.createGunzip = creator('Gunzip');
exports.createGzip = creator('Gzip');
exports.createInflate = creator('Inflate');
exports.createInflateRaw = creator('InflateRaw');
exports.createUnzip = creator('Unzip');
exports.deflate = deflated.callback;
exports.deflateSync = deflated.sync;
exports.deflateRaw = deflatedRaw.callback;
exports.deflateRawSync = deflatedRaw.sync;
exports.gunzip = gunzipped.callback;
exports.gunzipSync = gunzipped.sync;
exports.gzip = gzipped.callback;
exports.gzipSync = gzipped.sync;
exports.inflate = inflated.callback;
exports.inflateSync = inflated.sync;
exports.inflateRaw = inflatedRaw.callback;
exports.inflateRawSync = inflatedRaw.sync;
exports.unzip = unzipped.callback;
exports.unzipSync = unzipped.sync;
exports.crc32 = crc32;
exports.promises = Object.freeze({
  deflate: deflated.promise,
  deflateRaw: deflatedRaw.promise,
  gunzip: gunzipped.promise,
  gzip: gzipped.promise,
  inflate: inflated.promise,
  inflateRaw: inflatedRaw.promise,
  unzip: unzipped.promise,
});

const ours = new Set(Object.keys(exports));

// Node's, some of which younger Nodes alone have.
exports.constants = undefined;
exports.codes = undefined;
exports.BrotliCompress = undefined;
exports.BrotliDecompress = undefined;
exports.createBrotliCompress = undefined;
exports.createBrotliDecompress = undefined;
exports.brotliCompress = undefined;
exports.brotliCompressSync = undefined;
exports.brotliDecompress = undefined;
exports.brotliDecompressSync = undefined;
exports.ZstdCompress = undefined;
exports.ZstdDecompress = undefined;
exports.createZstdCompress = undefined;
exports.createZstdDecompress = undefined;
exports.zstdCompress = undefined;
exports.zstdCompressSync = undefined;
exports.zstdDecompress = undefined;
exports.zstdDecompressSync = undefined;

// As Node has them.
for (const name of ours) {
  if (name.startsWith('create')) Object.defineProperty(exports, name, { writable: false });
}

const theirs = Object.getOwnPropertyDescriptors(nodeZlib);
/** @type {any} */
const all = exports;
for (const name of Object.keys(all)) {
  if (!ours.has(name) && !Object.hasOwn(theirs, name)) delete all[name];
}
for (const [name, descriptor] of Object.entries(theirs)) {
  // Some are not enumerable, some warn.
  if (!ours.has(name)) Object.defineProperty(all, name, descriptor);
}
