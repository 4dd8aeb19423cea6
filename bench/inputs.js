'use strict';

const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { pipeline } = require('node:stream/promises');
const zlib = require('node:zlib');
const { makeSample, sample } = require('../scripts/make-sample');

/** Broken rows of the sample. */
const BROKEN = 160;

/**
 * An input of a trial: one file of JSON Lines, plain and gzipped.
 *
 * @typedef {object} Input
 * @property {string} name
 * @property {string} plain   path
 * @property {string} packed  path of the same, gzipped by `node:zlib` at level 6
 * @property {number} bytes   of the plain file
 * @property {string} sha256  of the plain file
 */

/** Makes the inputs once and keeps them in a folder, under names that say what they were made from. */
class Inputs {
  /**
   * @param {object} options
   * @param {string} options.folder  where to keep them
   * @param {string} options.corpus  a folder with real logs, which may be absent
   * @param {number} options.bytes   size of the generated ones
   */
  constructor({ folder, corpus, bytes }) {
    fs.mkdirSync(folder, { recursive: true });
    this.folder = folder;
    this.corpus = corpus;
    this.bytes = bytes;
    /** @type {Map<string, Promise<Input | null>>} */
    this.made = new Map();
  }

  /**
   * @param {string} name   `sample` (with broken rows), `clean` (without), `zeek` or `windows`
   * @param {number} [bytes]  another size of a generated one
   * @returns {Promise<Input | null>} null where the real file is not at hand
   */
  get(name, bytes = this.bytes) {
    return this.once(`${name} ${bytes}`, async () => {
      if (name === 'sample') return this.complete(name, await this.generate(bytes, BROKEN));
      if (name === 'clean') return this.complete(name, await this.generate(bytes, 0));
      const plain = await this.unpack(name);
      return plain === null ? null : this.complete(name, plain);
    });
  }

  /**
   * The first rows of an input.
   *
   * @param {Input} whole
   * @param {number} bytes  at most so many
   * @returns {Promise<Input>}
   */
  slice(whole, bytes) {
    if (bytes >= whole.bytes) return Promise.resolve(whole);
    return /** @type {Promise<Input>} */ (
      this.once(`${whole.plain} ${bytes}`, async () => {
        const plain = whole.plain.replace(/\.jsonl$/, `-first-${bytes}.jsonl`);
        await this.keep(plain, (path) => {
          const buffer = Buffer.alloc(bytes);
          const descriptor = fs.openSync(whole.plain, 'r');
          fs.readSync(descriptor, buffer);
          fs.closeSync(descriptor);
          fs.writeFileSync(path, buffer.subarray(0, buffer.lastIndexOf(10) + 1));
        });
        return this.complete(whole.name, plain);
      })
    );
  }

  /**
   * @param {string} key
   * @param {() => Promise<Input | null>} make
   */
  once(key, make) {
    let made = this.made.get(key);
    if (!made) this.made.set(key, (made = make()));
    return made;
  }

  /**
   * Makes a file under another name first, so that an interrupted run leaves no half input behind.
   *
   * @param {string} file
   * @param {(path: string) => unknown} make
   */
  async keep(file, make) {
    if (fs.existsSync(file)) return;
    process.stderr.write(`making ${path.basename(file)}\n`);
    await make(`${file}.part`);
    fs.renameSync(`${file}.part`, file);
  }

  /**
   * @param {number} bytes
   * @param {number} broken  rows
   * @returns {Promise<string>} path
   */
  async generate(bytes, broken) {
    // A changed generator makes other rows, so what it makes is part of the name.
    const first = createHash('sha256');
    for (const chunk of sample({ rows: 200, broken: 50 })) first.update(chunk);
    const file = path.join(this.folder, `sample-${first.digest('hex').slice(0, 8)}-${bytes}-${broken}.jsonl`);
    await this.keep(file, (out) => makeSample({ bytes, broken, out }));
    return file;
  }

  /**
   * @param {string} name  of a real log
   * @returns {Promise<string | null>} path
   */
  async unpack(name) {
    const packed = {
      zeek: path.join(this.corpus, 'zeek-dns.jsonl.gz'),
      windows: path.join(this.corpus, 'windows-events.jsonl.zst'),
    }[name];
    if (!packed || !fs.existsSync(packed)) return null;
    const file = path.join(this.folder, `${name}.jsonl`);
    let missing = false;
    await this.keep(file, (out) => {
      if (name === 'zeek') fs.writeFileSync(out, zlib.gunzipSync(fs.readFileSync(packed)));
      else missing = !unzstd(packed, out);
      if (missing) fs.writeFileSync(out, '');
    });
    if (missing) {
      fs.unlinkSync(file);
      process.stderr.write(`${packed} is left out: neither this Node nor a zstd command can unpack it\n`);
      return null;
    }
    return file;
  }

  /**
   * @param {string} name
   * @param {string} plain  path
   * @returns {Promise<Input>}
   */
  async complete(name, plain) {
    const packed = `${plain}.gz`;
    if (!fs.existsSync(packed)) {
      await pipeline(
        fs.createReadStream(plain),
        zlib.createGzip({ level: 6, chunkSize: 1 << 16 }),
        fs.createWriteStream(`${packed}.part`),
      );
      fs.renameSync(`${packed}.part`, packed);
    }
    const hash = createHash('sha256');
    await pipeline(fs.createReadStream(plain, { highWaterMark: 1 << 20 }), hash);
    return { name, plain, packed, bytes: fs.statSync(plain).size, sha256: hash.digest('hex') };
  }
}

/**
 * @param {string} packed
 * @param {string} out
 * @returns {boolean} whether there was something to unpack it with
 */
function unzstd(packed, out) {
  const { zstdDecompressSync } = /** @type {any} */ (zlib);
  if (zstdDecompressSync) {
    fs.writeFileSync(out, zstdDecompressSync(fs.readFileSync(packed)));
    return true;
  }
  return spawnSync('zstd', ['-dqf', packed, '-o', out], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

module.exports = { Inputs };
