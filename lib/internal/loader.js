'use strict';

const path = require('node:path');
const { libc, prebuilt, triples } = require('./platform.js');

const ROOT = path.join(__dirname, '..', '..');

/** @typedef {{ what: string, request: string, packaged?: boolean }} Candidate `request` is what `require` is given */
/** @typedef {Candidate & { reason: string }} Refusal */

/** @type {any} */
let addon;

/**
 * The places where the addon may be, in the order in which they are tried. One that was built here is wanted: the package
 * as published has none.
 *
 * `MILLRACE_NATIVE`, where it is set, is the only one: whoever names a file wants that file, or to hear why not.
 *
 * @returns {Candidate[]}
 */
function candidates() {
  const named = process.env.MILLRACE_NATIVE;
  if (named) return [{ what: 'the file named by MILLRACE_NATIVE', request: path.resolve(named) }];
  return [
    ...triples().map((triple) => ({
      what: 'the addon built in this package',
      request: path.join(ROOT, 'native', `millrace.${triple}.node`),
    })),
    ...triples().map((triple) => ({ what: 'the prebuilt package', request: `@millrace/${triple}`, packaged: true })),
  ];
}

/**
 * Loads the addon, once; later calls return the same object. Nothing else in the package may load it, so that whoever
 * uses no native stage never pays for one, and a failed install is explained in one place.
 *
 * @returns {any} the addon's exports
 * @throws {Error} `ERR_MILLRACE_LOAD`, with every place that was tried and why each failed in the message and, as
 *   `{ what, request, reason }`, in `candidates`; the first cause worth reading is the error's `cause`
 */
function load() {
  if (addon !== undefined) return addon;
  /** @type {Refusal[]} */
  const refused = [];
  let cause;
  for (const candidate of candidates()) {
    try {
      if (candidate.packaged) requireSameVersion(candidate.request);
      addon = require(candidate.request);
      return addon;
    } catch (error) {
      const { reason, missing } = explain(error, candidate);
      refused.push({ ...candidate, reason });
      if (!missing) cause ??= error;
    }
  }
  throw failure(refused, cause);
}

/**
 * The faces and the addon are of one version, or speak past each other: a lockfile or an override may have parted them.
 *
 * @param {string} name of a prebuilt package
 * @throws {Error} where it is of another version
 */
function requireSameVersion(name) {
  const { version } = require('../../package.json');
  const found = require(`${name}/package.json`).version;
  if (found !== version) throw new Error(`is of version ${found}, and this is millrace ${version}`);
}

/**
 * @param {unknown} error what `require` threw
 * @param {Candidate} candidate
 * @returns {{ reason: string, missing: boolean }} `missing`: there is no such file, which is less of a clue than a
 *   file that would not load
 */
function explain(error, candidate) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  const missing = candidate.packaged ? `'${candidate.request}/package.json'` : `'${candidate.request}'`;
  if (code === 'MODULE_NOT_FOUND' && message.includes(missing)) {
    return { reason: path.isAbsolute(candidate.request) ? 'no such file' : 'not installed', missing: true };
  }
  // The dynamic linker's message begins with the file's name, which the list shows already.
  const reason = String(message).split('\n')[0].replace(`${candidate.request}: `, '');
  return { reason: code ? `${reason} (${code})` : reason, missing: false };
}

/**
 * @param {Refusal[]} refused
 * @param {unknown} cause
 * @returns {Error & { code: string, candidates: Refusal[] }}
 */
function failure(refused, cause) {
  const message = [
    'The native part of millrace could not be loaded.',
    `This is ${process.platform} ${process.arch}, C library: ${libc()}, Node.js ${process.version} ` +
      `(Node-API ${process.versions.napi}).`,
    'Tried:',
    ...refused.map(({ what, request, reason }) => `  - ${what}, ${request}: ${reason}`),
    'What to do:',
    ...advice(refused),
  ].join('\n');
  const error = new Error(message, cause === undefined ? undefined : { cause });
  // Not enumerable, since the message says it all already and an uncaught error prints its own properties.
  Object.defineProperty(error, 'candidates', { value: refused });
  return /** @type {any} */ (Object.assign(error, { code: 'ERR_MILLRACE_LOAD' }));
}

/**
 * @param {Refusal[]} refused
 * @returns {string[]}
 */
function advice(refused) {
  if (process.env.MILLRACE_NATIVE) {
    return ['  - Point MILLRACE_NATIVE at an addon built for this platform, or unset it to use the usual places.'];
  }
  const lines = [];
  const [name] = triples();
  if (!prebuilt(name)) {
    lines.push(`  - No package is published with an addon for ${name}: it has to be built.`);
  } else if (refused.some(({ reason }) => /is of version/.test(reason))) {
    lines.push('  - Remove node_modules and the lockfile, and install again: npm has kept an addon of another version.');
  } else {
    lines.push(
      '  - Install again without --omit=optional, --no-optional or --ignore-optional: the addon is an optional dependency.',
      '  - Where node_modules or the lockfile came from another system, remove both and install on this one.',
    );
  }
  if (refused.some(({ reason }) => /GLIBC_|ld-musl|libc\.musl|ld-linux|wrong ELF|invalid ELF|incompatible/.test(reason))) {
    lines.push('  - A file above was made for another system or C library: build or install on this very machine.');
  }
  lines.push(`  - Or build it here, with Rust 1.88 or newer (https://rustup.rs): node ${path.join(ROOT, 'scripts', 'build.js')}`);
  return lines;
}

module.exports = { load };
