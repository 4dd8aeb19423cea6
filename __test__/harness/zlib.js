'use strict';

/** What the zlib tests share: the family's members as a table, and inputs. Node's own module is the oracle. */

const nodeZlib = require('node:zlib');
const { random, rows } = require('./streams.js');

/**
 * @typedef {object} Member
 * @property {string} name of the one-shot
 * @property {string} Class
 * @property {string} create
 * @property {string} sync
 * @property {string} inverse the one-shot that undoes it
 */

/** @param {string} name @param {string} inverse @returns {Member} */
function member(name, inverse) {
  const Class = name[0].toUpperCase() + name.slice(1);
  return { name, Class, create: `create${Class}`, sync: `${name}Sync`, inverse };
}

const COMPRESSORS = [member('gzip', 'gunzip'), member('deflate', 'inflate'), member('deflateRaw', 'inflateRaw')];
const DECOMPRESSORS = [
  member('gunzip', 'gzip'),
  member('inflate', 'deflate'),
  member('inflateRaw', 'deflateRaw'),
  member('unzip', 'gzip'),
];
const MEMBERS = [...COMPRESSORS, ...DECOMPRESSORS];

/**
 * @param {number} bytes
 * @param {number} [seed]
 * @returns {Buffer} that cannot be compressed
 */
function noise(bytes, seed = 1) {
  const next = random(seed);
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(next() * 256)));
}

/** By name. @type {Record<string, Buffer>} */
const INPUTS = {
  'no bytes': Buffer.alloc(0),
  'one byte': Buffer.from('a'),
  'a line': Buffer.from('the quick brown fox jumps over the lazy dog\n'),
  rows: rows(1500),
  zeros: Buffer.alloc(300_000),
  noise: noise(100_000),
};

/** Larger than a block, so that blocks are joined. */
const LARGE = Buffer.concat([rows(30_000), noise(700_000), Buffer.alloc(1_000_000)]);

/** @type {any} */
const node = nodeZlib;

/**
 * @param {() => unknown} work
 * @returns {{ name: string, code: string | undefined, message: string, errno: number | undefined } | null} what it threw
 */
function thrown(work) {
  try {
    work();
    return null;
  } catch (error) {
    const { name, code, message, errno } = /** @type {any} */ (error);
    return { name, code, message, errno };
  }
}

module.exports = { COMPRESSORS, DECOMPRESSORS, INPUTS, LARGE, MEMBERS, node, noise, thrown };
