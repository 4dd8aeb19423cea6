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
const { merge, write } = require('./page');
const { render } = require('./report');
const { serverCases } = require('./servers');
const { ServerComparer } = require('./servers/compare');
const { render: renderServers } = require('./servers/report');
const studies = require('./studies');

const ROOT = path.join(__dirname, '..');
const PAGE = path.join(ROOT, 'docs', 'performance.md');

const USAGE = `Usage: npm run bench -- [options]

  --files        only streams and codecs
  --servers      only servers, loaded by bench/load (on Linux)
  --case NAME    only this case; may be given again. Also: rss, linear
  --input NAME   only this input: sample, clean, zeek, windows
  --bytes SIZE   size of the generated inputs, such as 64MB (default 256MB)
  --trials N     fresh processes a side (default 5)
  --smoke        every case once on little input; fails where outputs disagree
  --rivals       leave millrace itself out
  --strict       fail also where a floor or a ceiling is missed
  --write        put the tables into docs/performance.md, as a run without any options does
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

/** @returns {{ date: string, commit: string }} */
function describeRun() {
  return { date: new Date().toISOString().slice(0, 10), commit: describeCommit() };
}

/** Installs the rivals where they are missing. */
function installRivals() {
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(__dirname, 'package.json'), 'utf8'));
  if (Object.keys(dependencies).every((name) => fs.existsSync(path.join(__dirname, 'node_modules', name)))) return;
  process.stderr.write('installing the rivals (npm ci in bench/)\n');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: __dirname,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('npm ci failed in bench/');
}

/**
 * @typedef {object} Choice
 * @property {number} trials
 * @property {boolean} smoke
 * @property {boolean} rivals  leave ours out
 * @property {string} data     folder of inputs, outputs and figures
 * @property {(name: string) => boolean} wanted  whether a case is
 */

/**
 * Streams and codecs.
 *
 * @param {Choice & { input?: string, bytes: number, corpus: string }} choice
 * @returns {Promise<{ results: import('./report').Results, failures: string[] }>}
 */
async function measureFiles({ data, bytes, corpus, input: only, wanted, ...choice }) {
  const inputs = new Inputs({ folder: data, corpus, bytes });
  const comparer = new Comparer({ ...choice, inputs, folder: data });
  /** @type {import('./report').Results} */
  const results = { machine: describeMachine(), cases: {} };
  const stamp = describeRun();
  for (const one of cases.filter(({ name }) => wanted(name))) {
    for (const input of one.inputs.filter((name) => !only || only === name)) {
      const comparison = await comparer.compare(one, input);
      if (comparison) results.cases[`${one.name} on ${input}`] = { ...comparison, ...stamp };
    }
  }
  if (!choice.rivals && wanted('rss')) results.rss = await studies.rss(comparer, bytes);
  if (!choice.rivals && wanted('linear')) results.linear = await studies.linear(comparer, bytes);
  return { results, failures: comparer.failures };
}

/**
 * @param {Choice} choice
 * @returns {Promise<{ results: import('./servers/report').ServerResults, failures: string[] }>}
 */
async function measureServers({ data, wanted, ...choice }) {
  const comparer = new ServerComparer({ ...choice, folder: data });
  /** @type {import('./servers/report').ServerResults} */
  const results = { machine: describeMachine(), cases: {} };
  const stamp = describeRun();
  for (const one of serverCases.filter(({ name }) => wanted(name))) {
    results.cases[one.name] = { ...await comparer.compare(one), ...stamp };
  }
  return { results, failures: comparer.failures };
}

async function main() {
  const { values } = parseArgs({
    options: {
      files: { type: 'boolean', default: false },
      servers: { type: 'boolean', default: false },
      case: { type: 'string', multiple: true },
      input: { type: 'string' },
      bytes: { type: 'string' },
      trials: { type: 'string' },
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
  const { smoke, rivals, data } = values;
  const ofFiles = [...cases.map((one) => one.name), 'rss', 'linear'];
  const ofServers = serverCases.map((one) => one.name);
  const chosen = values.case ?? [...ofFiles, ...ofServers];
  for (const name of chosen) {
    const known = [...ofFiles, ...ofServers];
    if (!known.includes(name)) throw new Misuse(`no case is named ${name}; there are ${known.join(', ')}`);
  }
  if (values.write && (smoke || rivals)) throw new Misuse('--write wants a full run');
  const both = values.files === values.servers;
  const narrowed = smoke || rivals || !both || Boolean(values.case ?? values.input ?? values.bytes ?? values.trials);
  const writes = values.write || !narrowed;

  if (!rivals) {
    // Figures of a debug build mean nothing; for a smoke run any build will do.
    const code = await build(smoke ? {} : { profile: 'release' });
    if (code !== 0) throw new Error('millrace could not be built');
  }
  installRivals();
  fs.mkdirSync(data, { recursive: true });
  /** @type {Choice} */
  const choice = { trials: Number(values.trials ?? 5), smoke, rivals, data, wanted: (name) => chosen.includes(name) };
  const failures = [];
  const missed = [];
  if ((both || values.files) && ofFiles.some(choice.wanted)) {
    const bytes = parseSize(values.bytes ?? (smoke ? '3MB' : '256MB'));
    const measured = await measureFiles({ ...choice, bytes, input: values.input, corpus: values.corpus });
    failures.push(...measured.failures);
    missed.push(...tell(measured.results, render));
    if (writes) {
      const order = cases.flatMap((one) => one.inputs.map((input) => `${one.name} on ${input}`));
      const merged = merge(path.join(data, 'results.json'), measured.results, order);
      write(PAGE, 'bench', merged, render(merged));
    }
  }
  if ((both || values.servers) && ofServers.some(choice.wanted)) {
    if (process.platform === 'linux') {
      const measured = await measureServers(choice);
      failures.push(...measured.failures);
      missed.push(...tell(measured.results, renderServers));
      if (writes) {
        const merged = merge(path.join(data, 'server-results.json'), measured.results, ofServers);
        write(PAGE, 'bench:servers', merged, renderServers(merged));
      }
    } else {
      process.stderr.write('the servers are left out: their load generator is for Linux\n');
    }
  }
  if (!smoke) for (const line of missed) process.stdout.write(`missed: ${line}\n`);
  for (const line of failures) process.stdout.write(`FAILED: ${line}\n`);
  if (failures.length > 0 || (values.strict && missed.length > 0)) process.exitCode = 1;
}

/**
 * Prints the tables.
 *
 * @template R
 * @param {R} results
 * @param {(results: R) => { text: string, missed: string[] }} rendering
 * @returns {string[]} what was missed
 */
function tell(results, rendering) {
  const { text, missed } = rendering(results);
  process.stdout.write(`${text}\n\n`);
  return missed;
}

main().catch((error) => {
  const misused = error instanceof Misuse || error instanceof RangeError || error.code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(misused ? `${error.message}\n\n${USAGE}` : `${error.stack}\n`);
  process.exitCode = misused ? 2 : 1;
});
