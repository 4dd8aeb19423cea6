'use strict';

/** The commands: each opens its ends, puts its stages between, and hands them to `execute`. */

const { Writable } = require('node:stream');
const crypto = require('../crypto.js');
const jsonl = require('../jsonl.js');
const zlib = require('../zlib.js');
const { checkOutput, openInput, openOutput, sameFile, namedGzip } = require('./ends.js');
const { execute } = require('./execute.js');
const { say } = require('./summary.js');
const { UsageError, editOptions } = require('./usage.js');

/** @param {any} options @returns {{ threads?: number }} */
const threads = (options) => (options.threads === undefined ? {} : { threads: options.threads });

/**
 * @param {string} input
 * @param {any} options
 * @returns {Promise<number>} exit code
 */
async function run(input, options) {
  const { output, force, rejects, maxLineLength } = options;
  const edit = editOptions(options);
  if (rejects !== undefined && sameFile(rejects, output)) {
    throw new UsageError('--rejects and --output must not be the same');
  }
  checkOutput(output, input, force);
  if (rejects !== undefined) checkOutput(rejects, input, force);
  // What may refuse its options comes before what opens files.
  const edited = edit === null ? [] : [jsonl.edit(edit)];
  const packed = options.gzip || namedGzip(output) ? [zlib.createGzip({ level: options.level, ...threads(options) })] : [];
  const bad = rejects === undefined ? undefined : { stream: openOutput(rejects, force), name: rejects };
  const stages = [];
  if (options.gunzip || namedGzip(input)) stages.push(zlib.createGunzip());
  if (options.validate || rejects !== undefined || options.skipInvalid) {
    stages.push(
      jsonl.validate({
        onInvalid: rejects !== undefined || options.skipInvalid ? 'skip' : 'error',
        ...(bad === undefined ? {} : { rejects: bad.stream, endRejects: false }),
        maxLineLength,
        ...threads(options),
      }),
    );
  }
  stages.push(...edited, ...packed);
  return execute({ source: openInput(input), stages, sink: openOutput(output, force), output, rejects: bad, options });
}

/**
 * @param {string} input
 * @param {any} options
 * @returns {Promise<number>} exit code
 */
async function compress(input, options) {
  const output = options.output ?? (input === '-' ? '-' : `${input}.gz`);
  checkOutput(output, input, options.force);
  const stages = [zlib.createGzip({ level: options.level, ...threads(options) })];
  return execute({ source: openInput(input), stages, sink: openOutput(output, options.force), output, options });
}

/**
 * @param {string} input
 * @param {any} options
 * @returns {Promise<number>} exit code
 */
async function decompress(input, options) {
  if (options.output === undefined && input !== '-' && !namedGzip(input)) {
    throw new UsageError(`'${input}' has no .gz to take away; name the output with -o`);
  }
  const output = options.output ?? (input === '-' ? '-' : input.slice(0, -3));
  checkOutput(output, input, options.force);
  const stages = [zlib.createGunzip()];
  return execute({ source: openInput(input), stages, sink: openOutput(output, options.force), output, options });
}

/**
 * @param {string} input
 * @param {any} options
 * @returns {Promise<number>} exit code
 */
async function digest(input, options) {
  const algorithms = options.algorithm.split(',').map((/** @type {string} */ name) => name.trim());
  const tap = crypto.hash({ algorithms, encoding: options.encoding });
  const source = openInput(input);
  // The bytes themselves go nowhere.
  const nowhere = new Writable({ write: (chunk, encoding, callback) => callback() });
  return execute({
    source,
    stages: [tap],
    sink: nowhere,
    output: null,
    options,
    finish(summary) {
      const digests = /** @type {Record<string, string>} */ (tap.digests);
      if (summary) summary.digests = digests;
      else for (const name of algorithms) say(process.stdout, `${digests[name]}  ${name}  ${input}\n`);
    },
  });
}

module.exports = { run, compress, decompress, digest };
