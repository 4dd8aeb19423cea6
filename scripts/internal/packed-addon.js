'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { triple } = require('../../lib/internal/platform.js');
const { version } = require('../../package.json');
const { addonFile, noteProfile } = require('../build.js');
const { addonName, platform } = require('./platforms.js');

const ROOT = path.join(__dirname, '..', '..');

/**
 * Puts the addon of the tarball that `npm run pack` made to where a build would be, so that the tests are of that very file.
 *
 * @throws {Error} where there is no such tarball
 */
function placePackedAddon() {
  const one = platform(triple());
  const tarball = path.join(ROOT, 'out', 'packages', `millrace-${one.name}-${version}.tgz`);
  const folder = path.dirname(addonFile());
  fs.mkdirSync(folder, { recursive: true });
  const aside = fs.mkdtempSync(path.join(folder, 'packed-'));
  try {
    // tar takes what stands before a colon for a host, and so a drive: the file comes by standard input.
    const input = fs.readFileSync(tarball);
    const args = ['-xzf', '-', '--strip-components=1', `package/${addonName(one)}`];
    const { status, stderr } = spawnSync('tar', args, { cwd: aside, input });
    if (status !== 0) throw new Error(`${tarball}: ${stderr}`);
    fs.renameSync(path.join(aside, addonName(one)), addonFile());
    noteProfile('dist');
  } finally {
    fs.rmSync(aside, { recursive: true });
  }
}

module.exports = { placePackedAddon };
