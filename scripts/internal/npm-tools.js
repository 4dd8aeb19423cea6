'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { run } = require('./run.js');

const FOLDER = path.join(__dirname, '..', '..', '.build');

/**
 * Installs npm packages that a script needs and the project does not, into a folder of `.build/`.
 *
 * @param {string} name of the folder
 * @param {string[]} packages with their versions
 * @returns {Promise<string>} its node_modules
 * @throws {Error} where npm fails
 */
async function npmTools(name, packages) {
  const folder = path.join(FOLDER, name);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const code = await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], { cwd: folder });
  if (code !== 0) throw new Error(`${packages.join(', ')} could not be installed: npm ended with code ${code}.`);
  return path.join(folder, 'node_modules');
}

module.exports = { npmTools };
