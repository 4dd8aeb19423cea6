'use strict';

/**
 * `npm run bench`: runs the cases, prints the tables, and with `--write` puts them into `docs/performance.md`.
 */

const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { cases } = require('./cases');
const { build } = require('../scripts/build');
const { parseSize } = require('../scripts/make-sample');
const { Comparer } = require('./compare');
const { Inputs } = require('./inputs');
const report = require('./report');
const studies = require('./studies');

const ROOT = path.join(__dirname, '..');
const PAGE = path.join(ROOT, 'docs', 'performance.md');

const USAGE = `Usage: npm run bench -- [options]

  --case NAME    only this case; may be given again. Also: rss, linear
  --input NAME   only this input: sample, clean, zeek, windows
  --bytes SIZE   size of the generated inputs, such as 64MB (default 256MB)
  --trials N     fresh processes a side (default 5)
  --smoke        every case once on little input; fails where outputs disagree
  --rivals       leave millrace itself out
  --strict       fail also where a floor or a ceiling is missed
  --write        put the tables into docs/performance.md
  --data DIR     where inputs and outputs are kept (default bench/data)
  --corpus DIR   where real logs may be (default ../shared/data beside the project)
`;

/** Wrong use of the command line. */
class Misuse extends Error {}

/** @returns {Record<string, string>} */
function describeMachine() {
  const model = os.cpus()[0]?.model.trim() ?? 'unknown';
  return {
    machine: `${os.availableParallelism()} cores of ${model}, ${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    system: `${os.type()} ${os.release()}, ${os.arch()}`,
    node: process.version,
    threads: process.env.MILLRACE_THREADS ?? 'as many as cores',
  };
}

/** @returns {string} the commit that is measured, marked where files differ from it */
function describeCommit() {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { cwd: ROOT, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

/** Installs the rivals where they are missing. */
function installRivals() {
  if (fs.existsSync(path.join(__dirname, 'node_modules', 'split2'))) return;
  process.stderr.write('installing the rivals (npm ci in bench/)\n');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: __dirname,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('npm ci failed in bench/');
}

/**
 * Adds what was measured to what earlier runs on this machine measured, so that one case can be measured again by itself.
 *
 * @param {string} file  that keeps the figures from run to run
 * @param {import('./report').Results} results
 * @returns {import('./report').Results}
 */
function merge(file, results) {
  const before = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : { cases: {} };
  const all = { ...before.cases, ...results.cases };
  const merged = { ...before, ...results, cases: /** @type {typeof all} */ ({}) };
  for (const one of cases) {
    for (const key of one.inputs.map((input) => `${one.name} on ${input}`)) if (all[key]) merged.cases[key] = all[key];
  }
  fs.writeFileSync(file, JSON.stringify(merged));
  return merged;
}

async function main() {
  const { values } = parseArgs({
    options: {
      case: { type: 'string', multiple: true },
      input: { type: 'string' },
      bytes: { type: 'string' },
      trials: { type: 'string', default: '5' },
      smoke: { type: 'boolean', default: false },
      rivals: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      data: { type: 'string', default: path.join(__dirname, 'data') },
      corpus: { type: 'string', default: path.join(ROOT, '..', 'shared', 'data') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const known = [...cases.map((one) => one.name), 'rss', 'linear'];
  for (const name of values.case ?? []) {
    if (!known.includes(name)) throw new Misuse(`no case is named ${name}; there are ${known.join(', ')}`);
  }
  if (values.write && (values.smoke || values.rivals)) throw new Misuse('--write wants a full run');
  /** @param {string} name */
  const wanted = (name) => !values.case || values.case.includes(name);

  const { smoke } = values;
  if (!values.rivals) {
    // Figures of a debug build mean nothing; for a smoke run any build will do.
    const code = await build(smoke ? {} : { profile: 'release' });
    if (code !== 0) throw new Error('millrace could not be built');
  }
  installRivals();
  const bytes = parseSize(values.bytes ?? (smoke ? '3MB' : '256MB'));
  const trials = smoke ? 1 : Number(values.trials);
  const inputs = new Inputs({ folder: values.data, corpus: values.corpus, bytes });
  const comparer = new Comparer({ inputs, folder: values.data, trials, smoke, rivals: values.rivals });

  /** @type {import('./report').Results} */
  const results = { machine: describeMachine(), cases: {} };
  const stamp = { date: new Date().toISOString().slice(0, 10), commit: describeCommit() };
  for (const one of cases.filter(({ name }) => wanted(name))) {
    for (const input of one.inputs.filter((name) => !values.input || values.input === name)) {
      const comparison = await comparer.compare(one, input);
      if (comparison) results.cases[`${one.name} on ${input}`] = { ...comparison, ...stamp };
    }
  }
  if (!values.rivals && wanted('rss')) results.rss = await studies.rss(comparer, bytes);
  if (!values.rivals && wanted('linear')) results.linear = await studies.linear(comparer, bytes);

  const { text, missed } = report.render(results);
  process.stdout.write(`${text}\n`);
  if (!smoke) for (const line of missed) process.stdout.write(`\nmissed: ${line}`);
  process.stdout.write('\n');
  if (values.write) {
    report.write(PAGE, merge(path.join(values.data, 'results.json'), results));
  }
  for (const line of comparer.failures) process.stdout.write(`FAILED: ${line}\n`);
  if (comparer.failures.length > 0 || (values.strict && missed.length > 0)) process.exitCode = 1;
}

main().catch((error) => {
  const misused = error instanceof Misuse || error instanceof RangeError || error.code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(misused ? `${error.message}\n\n${USAGE}` : `${error.stack}\n`);
  process.exitCode = misused ? 2 : 1;
});
