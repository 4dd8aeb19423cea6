#!/usr/bin/env node
'use strict';

// millrace/ws against ws: the native generator in bench/load loads one server after the other, each in a process of its own.
//
//   node bench/ws.js [--rounds 3] [--seconds 3] [--only echo]
//
// Prints, for each case, the medians: messages (deliveries, for a broadcast) a second, the server's processor time for
// each, and the 50th and 99th percentile of the time until an echo is back. `--generator FILE` is one that was built before.

const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { median } = require('./statistics.js');

const LOAD = path.join(__dirname, 'load');
const SERVER = path.join(__dirname, 'ws-server.js');
/** A tick of /proc's clocks. */
const TICKS_PER_SECOND = 100;

/** @typedef {{ name: string, mode: string, load: string[], server: string[] }} Case */

/** @type {Case[]} */
const CASES = [
  { name: 'echo 64 B, 50 x 16', mode: 'echo', load: ['--connections', '50', '--in-flight', '16'], server: ['echo'] },
  { name: 'echo 64 B, 50 x 1', mode: 'echo', load: ['--connections', '50'], server: ['echo'] },
  { name: 'echo 64 B, 1 x 1', mode: 'echo', load: [], server: ['echo'] },
  { name: 'echo 16 KiB, 50 x 1', mode: 'echo', load: ['--connections', '50', '--bytes', '16384'], server: ['echo'] },
  {
    name: 'echo 1 KiB text, deflate, 50 x 1',
    mode: 'echo',
    load: ['--connections', '50', '--bytes', '1024', '--text', '--deflate'],
    server: ['echo', 'deflate'],
  },
  { name: 'broadcast 64 B to 1,000, 16 a turn', mode: 'receive', load: ['--connections', '1000'], server: ['flood', '64'] },
  { name: 'broadcast 64 B to 1,000, 50 a second', mode: 'receive', load: ['--connections', '1000'], server: ['steady', '64'] },
  {
    name: 'broadcast 1 KiB to 1,000, deflate, 16 a turn',
    mode: 'receive',
    load: ['--connections', '1000', '--deflate'],
    server: ['flood', '1024', 'deflate'],
  },
];

/** @param {number} pid @returns {number} seconds of processor time so far */
function cpuSeconds(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/**
 * @param {string} who `millrace` or `ws`
 * @param {Case} one
 * @param {{ seconds: number, generator: string }} how
 * @returns {Promise<{ rate: number, cpuMicros: number, p50: number, p99: number }>}
 */
async function trial(who, one, { seconds, generator }) {
  const server = spawn(process.execPath, [SERVER, who, ...one.server], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = await once(server.stdout, 'data');
    const port = String(line).trim();
    const args = [one.mode, '--port', port, '--seconds', String(seconds), '--warm-up', '1', ...one.load];
    const load = spawn(generator, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    load.stdout.on('data', (text) => (output += text));
    const ended = once(load, 'close');
    await once(load.stderr, 'data'); // all are connected
    const before = cpuSeconds(/** @type {number} */ (server.pid));
    await ended;
    const cpu = cpuSeconds(/** @type {number} */ (server.pid)) - before;
    const result = JSON.parse(output);
    // The warm-up is in the processor time; the rate is taken to be the same in it.
    const messages = result.rate * (seconds + 1);
    return { rate: result.rate, cpuMicros: (cpu * 1e6) / messages, p50: result.p50_us, p99: result.p99_us };
  } finally {
    const gone = once(server, 'close');
    server.kill('SIGKILL');
    await gone;
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
      generator: { type: 'string' },
    },
  });
  const generator = values.generator ?? path.join(LOAD, 'target', 'release', 'millrace-load');
  if (!values.generator) execFileSync('cargo', ['build', '--release', '--quiet'], { cwd: LOAD, stdio: 'inherit' });
  console.log('| case | who | messages/s | CPU µs each | p50 µs | p99 µs |\n| --- | --- | --- | --- | --- | --- |');
  for (const one of CASES.filter(({ name }) => name.includes(values.only))) {
    /** @type {Record<string, Awaited<ReturnType<typeof trial>>[]>} */
    const results = { millrace: [], ws: [] };
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [who, trials] of Object.entries(results)) {
        trials.push(await trial(who, one, { seconds: Number(values.seconds), generator }));
      }
    }
    for (const [who, trials] of Object.entries(results)) {
      const of = (/** @type {'rate' | 'cpuMicros' | 'p50' | 'p99'} */ key) => median(trials.map((result) => result[key]));
      const latency = one.mode === 'echo' ? `${of('p50')} | ${of('p99')}` : '| ';
      console.log(`| ${one.name} | ${who} | ${Math.round(of('rate'))} | ${of('cpuMicros').toFixed(2)} | ${latency} |`);
    }
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
