#!/usr/bin/env node
'use strict';

// npm run pack: makes the packages that are published, for the platform at hand: `millrace`, and one with the addon, which
// the first names under optionalDependencies. package.json does not name it: in a clone the addon is built.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { libraryName } = require('./build.js');
const { triple } = require('../lib/internal/platform.js');
const { runMain } = require('./internal/main.js');
const { GLIBC, PLATFORMS, addonName, packageName, platform } = require('./internal/platforms.js');
const { requireNode, requireRust } = require('./internal/requirements.js');
const { run } = require('./internal/run.js');
const { zig } = require('./internal/zig.js');

const ROOT = path.join(__dirname, '..');
const USAGE = `Usage: npm run pack -- [options]

Builds the addon as it is published and makes two tarballs: millrace, and @millrace/<platform> with the addon.

Options:
  --platform <name>  one of: ${PLATFORMS.map(({ name }) => name).join(', ')}; defaults to this machine's
  --addon <file>     an addon that is built already; nothing is compiled
  --only <what>      main or platform: that tarball alone
  --out <folder>     defaults to out/packages
  --help

Exit codes: 0 the tarballs are there; 1 something failed; 2 wrong use; 3 a tool is missing.`;

/** @typedef {import('./internal/platforms.js').Platform} Platform */

/**
 * Compiles the addon: on Linux with Zig's linker, against the symbols of an old glibc.
 *
 * @param {Platform} one
 * @returns {Promise<string>} the library
 */
async function compile(one) {
  requireRust();
  const glibc = one.libc === 'glibc';
  const env = one.os === 'linux' ? await zig() : {};
  const command = one.os === 'linux' ? 'zigbuild' : 'build';
  const target = glibc ? `${one.rust}.${GLIBC}` : one.rust;
  if (one.libc === 'musl') {
    // musl's C library is part of Node there, so the addon must not bring one of its own.
    env.RUSTFLAGS = `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim();
  }
  const args = [command, '--lib', '--features', 'addon', '--profile', 'dist', '--target', target, '--locked'];
  const code = await run('cargo', args, { cwd: ROOT, env });
  if (code !== 0) throw new Error(`The addon was not built: cargo ended with code ${code}.`);
  const folder = path.resolve(ROOT, process.env.CARGO_TARGET_DIR || 'target', one.rust, 'dist');
  return path.join(folder, libraryName(one.os));
}

/**
 * @param {string[]} args
 * @param {string} cwd
 * @returns {any} what npm prints as JSON
 */
function npm(args, cwd) {
  const shell = process.platform === 'win32';
  const { status, stdout, stderr } = spawnSync('npm', [...args, '--json'], { cwd, encoding: 'utf8', shell });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed: ${stderr || stdout}`);
  return JSON.parse(stdout);
}

/**
 * @param {string} folder
 * @param {string} out
 * @returns {string} the tarball of the package in `folder`
 */
function tarball(folder, out) {
  const [{ filename, size, unpackedSize }] = npm(['pack', '--pack-destination', out], folder);
  const file = path.join(out, filename);
  console.log(`${path.relative(process.cwd(), file)}: ${size} bytes, ${unpackedSize} installed`);
  return file;
}

/** @param {string} file @param {object} value */
function writeJson(file, value) {
  fs.writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * @param {string} folder where to lay out `millrace` as it is published
 */
function layMain(folder) {
  const [{ files }] = npm(['pack', '--dry-run'], ROOT);
  for (const { path: file } of files) fs.cpSync(path.join(ROOT, file), path.join(folder, file));
  /** @type {Record<string, any>} */
  const manifest = { ...require('../package.json') };
  // Of use in a clone alone.
  delete manifest.devDependencies;
  delete manifest.scripts;
  // This very version: the faces and the addon speak a language of their own.
  manifest.optionalDependencies = Object.fromEntries(PLATFORMS.map((one) => [packageName(one), manifest.version]));
  writeJson(path.join(folder, 'package.json'), manifest);
}

/**
 * @param {string} folder where to lay out the package with the addon
 * @param {Platform} one
 * @param {string} addon
 */
function layPlatform(folder, one, addon) {
  const { version, license, engines, repository } = /** @type {any} */ (require('../package.json'));
  fs.copyFileSync(addon, path.join(folder, addonName(one)));
  for (const name of ['LICENSE', 'THIRD-PARTY-LICENSES']) fs.copyFileSync(path.join(ROOT, name), path.join(folder, name));
  const where = `${one.os} on ${one.cpu}${one.libc ? ` with ${one.libc}` : ''}`;
  fs.writeFileSync(
    path.join(folder, 'README.md'),
    `# ${packageName(one)}\n\nThe native part of [millrace](https://www.npmjs.com/package/millrace) for ${where}. ` +
      'Install `millrace`, which brings it.\n',
  );
  writeJson(path.join(folder, 'package.json'), {
    name: packageName(one),
    version,
    description: `The native part of millrace for ${where}.`,
    license,
    repository,
    type: 'commonjs',
    main: addonName(one),
    files: [addonName(one), 'THIRD-PARTY-LICENSES'],
    engines,
    os: [one.os],
    cpu: [one.cpu],
    ...(one.libc && { libc: [one.libc] }),
  });
}

/** @returns {Promise<number>} exit code */
async function main() {
  let values;
  let one;
  try {
    ({ values } = parseArgs({
      options: {
        platform: { type: 'string', default: triple() },
        addon: { type: 'string' },
        only: { type: 'string' },
        out: { type: 'string', default: path.join(ROOT, 'out', 'packages') },
        help: { type: 'boolean', default: false },
      },
    }));
    if (values.only !== undefined && !['main', 'platform'].includes(values.only)) throw new RangeError('--only main or platform');
    one = platform(values.platform);
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  requireNode();
  const out = path.resolve(values.out);
  fs.mkdirSync(out, { recursive: true });
  const stage = fs.mkdtempSync(path.join(out, 'stage-'));
  try {
    if (values.only !== 'platform') {
      const folder = path.join(stage, 'main');
      layMain(folder);
      tarball(folder, out);
    }
    if (values.only !== 'main') {
      const addon = values.addon === undefined ? await compile(one) : path.resolve(values.addon);
      const folder = path.join(stage, 'platform');
      fs.mkdirSync(folder);
      layPlatform(folder, one, addon);
      tarball(folder, out);
    }
  } finally {
    fs.rmSync(stage, { recursive: true });
  }
  return 0;
}

void runMain(main);
