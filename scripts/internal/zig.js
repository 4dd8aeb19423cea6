'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { MissingRequirement } = require('./requirements.js');
const { run } = require('./run.js');

const ROOT = path.join(__dirname, '..', '..');
const FOLDER = path.join(ROOT, '.build', 'zig');
/** Of PyPI, which ships both as programs. */
const PACKAGES = ['ziglang==0.17.1', 'cargo-zigbuild==0.24.1'];

/**
 * Zig's linker and `cargo zigbuild`, which link against the symbols of an older glibc than the machine's. Installed into
 * `.build/zig` where they are missing there.
 *
 * @returns {Promise<NodeJS.ProcessEnv>} in which cargo finds them
 * @throws {MissingRequirement} without Python
 */
async function zig() {
  const marker = path.join(FOLDER, 'installed');
  if (!fs.existsSync(marker) || fs.readFileSync(marker, 'utf8') !== PACKAGES.join('\n')) {
    if (spawnSync('python3', ['-m', 'pip', '--version']).status !== 0) {
      throw new MissingRequirement(
        'python3 with pip was not found, which installs Zig; the addon is linked with it, to run with an older glibc.\n' +
          'Install both from your system (python3-pip), or take the addon of this machine: npm run pack -- --addon FILE',
      );
    }
    fs.rmSync(FOLDER, { recursive: true, force: true });
    const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--disable-pip-version-check', '--root-user-action=ignore'];
    const code = await run('python3', [...args, '--target', FOLDER, ...PACKAGES]);
    if (code !== 0) throw new Error(`Zig was not installed: pip ended with code ${code}.`);
    fs.writeFileSync(marker, PACKAGES.join('\n'));
  }
  return {
    PATH: `${path.join(FOLDER, 'bin')}${path.delimiter}${process.env.PATH}`,
    CARGO_ZIGBUILD_ZIG_PATH: path.join(FOLDER, 'ziglang', 'zig'),
  };
}

module.exports = { zig };
