#!/usr/bin/env node
'use strict';

// npm start: sets everything up and opens the dashboard (`millrace serve`), with pipelines of its own to look at. It runs until
// Ctrl-C; with --check it looks at its own page and events once, and ends.

const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { runMain } = require('./internal/main.js');
const { setup } = require('./setup.js');

const ROOT = path.join(__dirname, '..');
const OUT = path.join(ROOT, 'out', 'demo');
const CHECK_MS = 60_000;
const USAGE = `Usage: npm start -- [--port N] [--host ADDRESS] [--check]

  --port N         which port; 8090, or else a free one, unless given
  --host ADDRESS   where to listen; defaults to 127.0.0.1, which other machines cannot reach
  --check          fetch the page and its events once, say what came, and end`;

/** @returns {{ port?: number, host?: string, check: boolean } | undefined} undefined where help is asked for */
function fromCommandLine() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { port, host, check } = values;
  if (port !== undefined && !/^\d{1,5}$/.test(port)) throw new RangeError(`not a port: ${port}`);
  return { check, ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port: Number(port) }) };
}

/**
 * What a visitor's browser does first: the page, all that it names, and the event stream.
 *
 * @param {string} address
 */
async function check(address) {
  const signal = AbortSignal.timeout(CHECK_MS);
  const page = await (await fetch(address, { signal })).text();
  const named = [...page.matchAll(/(?:href|src)="\.\/([^"]+)"/g)].map(([, name]) => name);
  for (const name of new Set(named)) {
    const { status } = await fetch(new URL(name, address), { signal });
    if (status !== 200) throw new Error(`${name}: ${status}`);
  }
  const { EventSource } = require('../lib/sse.js');
  const source = new EventSource(new URL('events', address));
  try {
    /** @type {any[]} */
    const samples = [];
    await new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      source.addEventListener('system', (/** @type {any} */ { data }) => {
        if (samples.push(JSON.parse(data)) === 3) resolve(undefined);
      });
    });
    const [first, second, third] = samples.map(({ n }) => n);
    if (second !== first + 1 || third !== second + 1) throw new Error(`events with a gap: ${first}, ${second}, ${third}`);
    console.log(`Checked: the page, ${new Set(named).size} files of it, 3 events of ${samples[0].cores.length} cores.`);
  } finally {
    source.close();
  }
}

/** @returns {Promise<number>} exit code */
async function main() {
  let options;
  try {
    options = fromCommandLine();
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const ready = await setup();
  if (ready !== 0) return ready;
  fs.mkdirSync(OUT, { recursive: true });
  // Not before: they need what was just built and installed.
  const { demo } = require('./demo.js');
  const { serve } = require('../lib/cli/serve.js');
  const stop = new AbortController();
  const running = demo(OUT, stop.signal);
  try {
    // A demo that fails ends it, too.
    const how = { ...options, folder: OUT, ...(options.check ? { port: 0 } : {}) };
    return await serve(how, options.check ? check : () => running);
  } finally {
    stop.abort();
    await running.catch(() => {});
  }
}

void runMain(main);
