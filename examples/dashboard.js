'use strict';

// The dashboard, as `npx millrace serve` opens it, asked by a program what the page asks: the machine's meters, the pipelines, a
// file that is dropped and comes back checked, stamped, hashed and compressed, and a folder's files.
//
//   node examples/dashboard.js 8090     and look at http://127.0.0.1:8090/

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const nodeFs = require('node:fs');
const path = require('node:path');
const { sse, zlib } = require('millrace');

const [, , port] = process.argv;
const data = path.join(__dirname, 'data');
const program = path.join(path.dirname(require.resolve('millrace/package.json')), 'bin', 'millrace.js');

/**
 * @param {sse.EventSource} source
 * @param {string} event its name
 * @param {(data: any) => any} wanted gives something for the event that is waited for
 * @returns {Promise<any>} that
 */
function heard(source, event, wanted) {
  return new Promise((resolve) => {
    source.addEventListener(event, (/** @type {any} */ { data }) => {
      const found = wanted(JSON.parse(data));
      if (found) resolve(found);
    });
  });
}

/** @param {URL} address @param {sse.EventSource} source its events */
async function ask(address, source) {
  const page = await fetch(address);
  console.log(`page: ${page.status} ${page.headers.get('content-type')}`);

  const { cores, memory } = await heard(source, 'system', (sample) => sample);
  console.log(`system: the load of ${cores.length} cores, and ${(memory.total / 1e9).toFixed(1)} GB of memory`);

  // One request brings the file, another takes what becomes of it, both at once.
  const body = nodeFs.readFileSync(path.join(data, 'events.jsonl'));
  const job = await fetch(new URL(`jobs?name=events.jsonl&size=${body.length}`, address), { method: 'POST' });
  const { id } = await job.json();
  const [upload, download] = await Promise.all([
    fetch(new URL(`jobs/${id}/input`, address), { method: 'PUT', body }),
    fetch(new URL(`jobs/${id}/output`, address)).then(async (answer) => Buffer.from(await answer.arrayBuffer())),
  ]);
  const rows = (await zlib.promises.gunzip(download)).toString().trimEnd().split('\n');
  console.log(`dropped: ${upload.status}, ${rows.length} rows come back, hashed: ${JSON.parse(rows[0]).hash.length === 8}`);
  const { stages } = await heard(source, 'pipelines', ({ pipelines }) => {
    return pipelines.find((/** @type {any} */ { state }) => state === 'finished');
  });
  console.log(`pipeline: ${stages.map((/** @type {any} */ { stage }) => stage).join(' -> ')}`);

  const part = await fetch(new URL('folder/events.jsonl', address), { headers: { range: 'bytes=0-99' } });
  console.log(`folder: ${part.status}, ${part.headers.get('content-range')}`);
}

async function main() {
  const child = spawn(process.execPath, [program, 'serve', '--port', port ?? '0', '--folder', data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
    process.stdout.write(line);
    const [address] = /http:\S+/.exec(line) ?? [];
    if (port === undefined) {
      const source = new sse.EventSource(new URL('events', address));
      await ask(new URL(String(address)), source).finally(() => source.close());
    } else {
      // It stays, to be looked at.
      await ended;
    }
  } finally {
    child.kill();
  }
  const [code] = await ended;
  console.log(`ended with ${code}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
