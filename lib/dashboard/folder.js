'use strict';

/** A folder of files to be downloaded, whole or in ranges. Files in it alone: no subfolders, links or names with a dot first. */

const fs = require('node:fs');
const path = require('node:path');
const { SECURITY } = require('../internal/page-assets.js');
const { attachment } = require('./jobs.js');

const MOST_FILES = 1000;

/** @typedef {{ name: string, size: number, modified: number }} Listed `modified` in milliseconds since 1970 */

class Folder {
  /**
   * @param {string} directory
   * @throws {Error} where it is none
   */
  constructor(directory) {
    this.directory = fs.realpathSync(directory);
    if (!fs.statSync(this.directory).isDirectory()) throw new Error(`not a directory: ${directory}`);
  }

  /** @returns {Promise<{ files: Listed[], more: number }>} the newest first */
  async list() {
    const entries = await fs.promises.readdir(this.directory, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name);
    const files = await Promise.all(
      names.slice(0, MOST_FILES).map(async (name) => {
        const found = await this.find(name);
        return found === null ? [] : [{ name, size: found.size, modified: Math.round(found.mtimeMs) }];
      }),
    );
    return { files: files.flat().sort((a, b) => b.modified - a.modified), more: Math.max(names.length - MOST_FILES, 0) };
  }

  /**
   * @param {string} name
   * @returns {Promise<fs.Stats | null>} null where it is no file of this folder
   */
  async find(name) {
    if (name === '' || name.startsWith('.') || /[/\\\0]/.test(name)) return null;
    try {
      const found = await fs.promises.lstat(path.join(this.directory, name));
      return found.isFile() ? found : null;
    } catch {
      // Gone meanwhile, or not to be looked at.
      return null;
    }
  }

  /**
   * Answers with a file, or a range of it. It is always to be saved: whatever it holds, no browser makes a page of it.
   *
   * @param {any} res
   * @param {string} name
   * @returns {Promise<boolean>} false where there is none, and nothing was done
   */
  async serve(res, name) {
    if ((await this.find(name)) === null || res.destroyed) return false;
    const headers = { ...SECURITY, 'Content-Disposition': attachment(name), 'Cache-Control': 'no-store' };
    res.sendFile(name, { root: this.directory, cacheControl: false, headers });
    return true;
  }
}

module.exports = { Folder };
