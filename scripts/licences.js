#!/usr/bin/env node
'use strict';

// node scripts/licences.js: writes THIRD-PARTY-LICENSES, the licences of all that is linked into the addon, as Cargo.lock has it.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { runMain } = require('./internal/main.js');
const { PLATFORMS } = require('./internal/platforms.js');

const ROOT = path.join(__dirname, '..');
const FILE = path.join(ROOT, 'THIRD-PARTY-LICENSES');
const USAGE = `Usage: node scripts/licences.js [--check]

Writes THIRD-PARTY-LICENSES; with --check only tells whether it is current.

Exit codes: 0 it is current; 1 it is not, or a licence was not found; 2 wrong use.`;

/** C sources that crates bring along under a licence of their own, by crate: the folder in it. */
const BUNDLED = /** @type {Record<string, string>} */ ({ 'libdeflate-sys': 'libdeflate', 'zstd-sys': 'zstd' });
/** Crates that come without the file that they name, by crate: who holds the copyright, as their repository has it. */
const UNWRITTEN = /** @type {Record<string, string>} */ ({
  napi: 'Copyright (c) 2020 LongYinan\nCopyright (c) 2018 GitHub',
  'napi-sys': 'Copyright (c) 2020 LongYinan\nCopyright (c) 2018 GitHub',
  'objc2-core-foundation': 'Copyright 2026 Mads Marquart',
  'objc2-io-kit': 'Copyright 2026 Mads Marquart',
});
/** Crates that leave the file to another of their repository. @type {Record<string, string>} */
const LEFT_TO = { 'alloc-stdlib': 'alloc-no-stdlib' };
const NAMES = /^(licen[cs]e|copying|notice|copyright|unlicense)([-._].*)?$/i;

/**
 * @typedef {object} Crate as `cargo metadata` tells of it
 * @property {string} id
 * @property {string} name
 * @property {string} version
 * @property {string | null} license
 * @property {string | null} repository
 * @property {string} manifest_path
 * @property {{ kind: string[] }[]} targets
 */

/**
 * The crates whose code is in an addon, for any platform that one is published for. Those that only build or test it are
 * not, nor are procedural macros.
 *
 * @returns {Crate[]} by name
 */
function linkedCrates() {
  const args = ['metadata', '--format-version', '1', '--locked', '--features', 'addon'];
  for (const { rust } of PLATFORMS) args.push('--filter-platform', rust);
  const { status, stdout, stderr, error } = spawnSync('cargo', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status !== 0) throw new Error(`cargo metadata failed: ${error?.message ?? stderr}`);
  const { packages, resolve } = JSON.parse(stdout);
  /** @type {Map<string, Crate>} */
  const byId = new Map(packages.map((/** @type {Crate} */ one) => [one.id, one]));
  const nodes = new Map(resolve.nodes.map((/** @type {any} */ node) => [node.id, node]));
  /** @type {Set<string>} */
  const seen = new Set([resolve.root]);
  for (const id of seen) {
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      const crate = /** @type {Crate} */ (byId.get(pkg));
      const linked = kinds.some((/** @type {any} */ { kind }) => kind === null);
      if (linked && !crate.targets.some(({ kind }) => kind.includes('proc-macro'))) seen.add(pkg);
    }
  }
  seen.delete(resolve.root);
  const crates = [...seen].map((id) => /** @type {Crate} */ (byId.get(id)));
  return crates.sort((a, b) => (a.name === b.name ? compare(a.version, b.version) : compare(a.name, b.name)));
}

/** By code points: an order that no locale changes. @param {string} a @param {string} b @returns {number} */
function compare(a, b) {
  return Number(a > b) - Number(a < b);
}

/**
 * @param {string} folder
 * @param {boolean} mit take the MIT licence alone, where it is one of several to choose from and has a file of its own
 * @returns {string[]} the texts of its licence files
 */
function texts(folder, mit) {
  const names = fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && NAMES.test(entry.name))
    .map(({ name }) => name);
  const chosen = mit ? names.filter((name) => /mit|copyright|notice/i.test(name)) : [];
  return (chosen.some((name) => /mit/i.test(name)) ? chosen : names)
    .map((name) => fs.readFileSync(path.join(folder, name), 'utf8').replaceAll('\r\n', '\n').trim())
    .sort(compare);
}

/** @param {string} holder @returns {string} */
function mitText(holder) {
  const text = fs.readFileSync(path.join(ROOT, 'LICENSE'), 'utf8').trim();
  return text.replace(/^Copyright .*$/m, holder);
}

/** @returns {string} */
function collect() {
  /** Crates by the text of a licence, which many share to the letter. @type {Map<string, string[]>} */
  const holders = new Map();
  const list = [];
  const crates = linkedCrates();
  for (const { name, version, license, repository, manifest_path: manifest } of crates) {
    list.push(`${name} ${version}: ${license ?? 'see its licence file'}${repository ? `, ${repository}` : ''}`);
    const folder = path.dirname(manifest);
    const found = texts(folder, (license ?? '').split(/ OR | ?[/] ?/).includes('MIT'));
    if (found.length === 0 && UNWRITTEN[name] !== undefined) found.push(mitText(UNWRITTEN[name]));
    const other = crates.find((crate) => crate.name === LEFT_TO[name]);
    if (found.length === 0 && other !== undefined) found.push(...texts(path.dirname(other.manifest_path), false));
    if (found.length === 0) throw new Error(`${name} ${version} comes without the text of its licence, ${license}`);
    for (const text of found) holders.set(text, [...(holders.get(text) ?? []), `${name} ${version}`]);
    if (BUNDLED[name] === undefined) continue;
    for (const text of texts(path.join(folder, BUNDLED[name]), false)) {
      holders.set(text, [...(holders.get(text) ?? []), `${BUNDLED[name]}, in ${name} ${version}`]);
    }
  }
  const rule = '='.repeat(100);
  return [
    'The addon of millrace contains the code of these crates, and of the standard library of Rust (MIT OR Apache-2.0,',
    'https://github.com/rust-lang/rust). Written by scripts/licences.js.',
    '',
    ...list,
    ...[...holders].flatMap(([text, names]) => ['', rule, ...names, rule, '', text]),
    '',
  ].join('\n');
}

/** @returns {Promise<number>} exit code */
async function main() {
  let check;
  try {
    ({ values: { check } } = parseArgs({ options: { check: { type: 'boolean', default: false } } }));
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
    return 2;
  }
  const text = collect();
  if (!check) {
    fs.writeFileSync(FILE, text);
    return 0;
  }
  if (fs.existsSync(FILE) && fs.readFileSync(FILE, 'utf8') === text) return 0;
  console.error('THIRD-PARTY-LICENSES is not what Cargo.lock says: run node scripts/licences.js');
  return 1;
}

void runMain(main);
