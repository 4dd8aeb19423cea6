#!/usr/bin/env node
'use strict';

// npm run sample: sets everything up, makes a sample that is large enough to watch, and runs the file pipeline on it through the
// command line: check each row, stamp it with the time, digest it, compress the lot. The broken rows end up in a file of
// their own.

const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { runMain } = require('./internal/main.js');
const { run } = require('./internal/run.js');
const { makeSample, parseSize } = require('./make-sample.js');
const { setup } = require('./setup.js');

const ROOT = path.join(__dirname, '..');
const USAGE = `Usage: npm run sample -- [--bytes SIZE]

  --bytes SIZE   how much input to generate and run on, such as 256MB or 1GB; defaults to 100MB`;

/**
 * @param {number} bytes
 * @returns {Promise<string>} the generated file, from the root
 */
async function generate(bytes) {
  const input = path.join('out', `events-${bytes}.jsonl`);
  if (!fs.existsSync(path.join(ROOT, input))) {
    console.log(`Generating ${input}: log rows, a few of them broken.`);
    await makeSample({ bytes, broken: Math.max(1, Math.floor(bytes / 1.6e6)), out: path.join(ROOT, input) });
  }
  return input;
}

/** @returns {Promise<number>} exit code */
async function main() {
  /** @type {number} */
  let bytes;
  try {
    const { values } = parseArgs({ options: { bytes: { type: 'string', default: '100MB' }, help: { type: 'boolean' } } });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    bytes = parseSize(values.bytes);
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
    return 2;
  }
  const ready = await setup();
  if (ready !== 0) return ready;
  fs.mkdirSync(path.join(ROOT, 'out'), { recursive: true });
  const input = await generate(bytes);
  const output = path.join('out', 'events.clean.jsonl.gz');
  const rejects = path.join('out', 'events.rejects.jsonl');
  const stages = ['--validate', '--rejects', rejects, '--set', 'processedAt=now', '--hash', 'hash:sha256:8'];
  const command = [path.join('bin', 'millrace.js'), 'run', input, '--output', output, ...stages, '--force'];
  console.log('\nChecking each row, stamping it with the time, digesting it and compressing it, all in native threads:');
  const code = await run(process.execPath, command, { cwd: ROOT });
  if (code !== 0) return code;
  const clean = fs.statSync(path.join(ROOT, output)).size;
  const bad = fs.readFileSync(path.join(ROOT, rejects), 'utf8').split('\n').length - 1;
  console.log(
    `\nThe good rows: ${output} (${clean} bytes; look inside with: gzip -dc ${output} | head -2)\n` +
      `The bad rows:  ${rejects} (${bad}, each with its line, offset and reason)\n` +
      `The input:     ${input}\n` +
      'In the table above, work is each stage\'s share of all work; starved and held back are the shares of its time in\n' +
      'which it waited for input and for the next stage. More: npm run sample -- --bytes 1GB, npm start, README.md',
  );
  return 0;
}

void runMain(main);
