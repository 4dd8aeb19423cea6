'use strict';

/** `npx millrace`: the commands and their options. The work is in the other files of this folder. */

const os = require('node:os');
const { Command, CommanderError, InvalidArgumentError } = require('commander');
const { compress, decompress, digest, run } = require('./commands.js');
const { Interrupted } = require('./execute.js');
const { report, say } = require('./summary.js');
const { UsageError } = require('./usage.js');
const { version } = require('../../package.json');

/** Exit codes. */
const OK = 0;
const FAILED = 1;
const USAGE = 2;
/** With the signal's number added, as shells do: 130 for Ctrl-C. */
const INTERRUPTED = 128;

/**
 * @param {number} min
 * @param {number} max
 * @returns {(text: string) => number}
 */
function whole(min, max) {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** @param {string} value @param {string[]} before @returns {string[]} */
const collect = (value, before) => [...before, value];

/**
 * @param {(command: Promise<number>) => void} started
 * @returns {Command}
 */
function program(started) {
  const top = new Command('millrace')
    .description('Streams, codecs and row edits on files, done in Rust.')
    .version(version)
    .showHelpAfterError('(millrace --help tells more)')
    .exitOverride();
  /** @param {Command} command */
  const common = (command) =>
    command
      .option('-f, --force', 'overwrite an output that exists')
      .option('-q, --quiet', 'no progress and no closing table')
      .option('--json', 'a summary for machines, as JSON, in place of the closing table')
      .option('--threads <n>', 'threads for each stage; one a core unless given', whole(1, 256))
      .exitOverride();
  /** @param {(...args: any[]) => Promise<number>} work */
  const start =
    (work) =>
      (/** @type {any[]} */ ...args) =>
        started(work(...args));

  common(top.command('run'))
    .description('rows of a JSON Lines file, through the stages asked for, into another file')
    .argument('<input>', 'a file, or - for standard input')
    .requiredOption('-o, --output <file>', 'a file, or - for standard output; .gz is compressed')
    .option('--gunzip', 'the input is compressed with gzip (so is, unasked, a file named .gz)')
    .option('--gzip', 'compress the output (so is, unasked, a file named .gz)')
    .option('--level <n>', 'compression level', whole(0, 9), 6)
    .option('--validate', 'check that each row is valid JSON; a bad one fails the run, unless rejects are kept')
    .option('--rejects <file>', 'rows that are not valid go there, one JSON line each; implies --validate')
    .option('--skip-invalid', 'leave rows out that are not valid; implies --validate')
    .option('--max-line-length <bytes>', 'longest row', whole(1, 2 ** 30), 16 * 1024 * 1024)
    .option('--set <field=value>', 'set a field: JSON, or else text; `now` is the time', collect, [])
    .option('--remove <field>', 'remove a field', collect, [])
    .option('--rename <old=new>', 'rename a field', collect, [])
    .option('--hash <field:algorithm:length>', 'digest each row into a field: hash:sha256:8')
    .action(start(run));
  common(top.command('gzip'))
    .description('compress a file')
    .argument('<input>', 'a file, or - for standard input')
    .option('-o, --output <file>', 'a file, or - for standard output; the input with .gz unless given')
    .option('--level <n>', 'compression level', whole(0, 9), 6)
    .action(start(compress));
  common(top.command('gunzip'))
    .description('decompress a file')
    .argument('<input>', 'a file, or - for standard input')
    .option('-o, --output <file>', 'a file, or - for standard output; the input without .gz unless given')
    .action(start(decompress));
  common(top.command('hash'))
    .description('digests of a file, several in one pass')
    .argument('<input>', 'a file, or - for standard input')
    .option('-a, --algorithm <names>', 'sha256, sha512, sha1, md5, crc32, blake3, xxh3', 'sha256')
    .option('--encoding <name>', 'hex, base64 or base64url', 'hex')
    .action(start(digest));
  top
    .command('serve')
    .description('a page that shows this machine, pipelines and logs, live; files dropped on it are worked on')
    .option('--host <address>', 'where to listen; other machines can reach it unless that is loopback', '127.0.0.1')
    .option('--port <n>', 'which port; 0 is a free one; 8090, or else a free one, unless given', whole(0, 65535))
    .option('--folder <directory>', 'list its files, to be downloaded')
    .option('--follow <file>', 'a JSON Lines file whose rows show in the log as they are written')
    .exitOverride()
    // Not before it is asked for: the other commands need no server.
    .action(start((options) => require('./serve.js').serve(options)));
  return top;
}

/**
 * @param {string[]} args without the program's own names
 * @returns {Promise<number>} the exit code: 0, 1 for failed work, 2 for wrong use, 128 and its number after a signal
 */
async function main(args) {
  /** @type {Promise<number> | undefined} */
  let work;
  try {
    program((command) => {
      work = command;
      // Awaited below; a failure before that is not unhandled.
      command.catch(() => {});
    }).parse(args, { from: 'user' });
    return (await work) ?? OK;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE;
    if (error instanceof UsageError) {
      say(process.stderr, `millrace: ${error.message}\n`);
      return USAGE;
    }
    if (error instanceof Interrupted) {
      say(process.stderr, `millrace: ${error.message}\n`);
      return INTERRUPTED + os.constants.signals[error.signal];
    }
    const any = /** @type {any} */ (error);
    if (any?.code === 'ERR_INVALID_ARG_TYPE' || any?.code === 'ERR_INVALID_ARG_VALUE' || any?.code === 'ERR_OUT_OF_RANGE') {
      say(process.stderr, `millrace: ${any.message}\n`);
      return USAGE;
    }
    report(any);
    return FAILED;
  }
}

module.exports = { main };
