'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const zlib = require('node:zlib');
const { Dashboard } = require('../lib/dashboard/dashboard.js');
const { attachment } = require('../lib/dashboard/jobs.js');

const CLI = path.join(__dirname, '..', 'bin', 'millrace.js');
const SAMPLE = path.join(__dirname, '..', 'examples', 'data', 'events.jsonl');

/** @param {import('node:test').TestContext} t @returns {string} */
function scratch(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-files-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

/** @param {import('node:test').TestContext} t @param {object} [options] */
async function open(t, options) {
  const dashboard = new Dashboard(options);
  t.after(() => dashboard.close());
  const address = await dashboard.listen();
  /** @param {string} name @param {number} [size] @returns {Promise<string>} the job's address */
  const begin = async (name, size) => {
    const query = new URLSearchParams({ name, ...(size === undefined ? {} : { size: String(size) }) });
    const answer = await fetch(`${address}jobs?${query}`, { method: 'POST' });
    assert.equal(answer.status, 201);
    return `${address}jobs/${(await answer.json()).id}`;
  };
  /** @param {string} state @returns {Promise<any>} the next job that comes to it */
  const job = (state) =>
    new Promise((resolve) => {
      dashboard.hub.subscribe('jobs/*', (/** @type {any} */ { data }) => {
        const progress = JSON.parse(data);
        if (progress.state === state) resolve(progress);
      });
    });
  return { dashboard, address, begin, job };
}

describe('a file that is dropped', () => {
  for (const name of ['events.jsonl', 'events.jsonl.gz']) {
    test(`${name} comes back as the command line makes it`, async (t) => {
      const { begin, job } = await open(t);
      const folder = scratch(t);
      // Few enough to be stamped at once.
      const good = fs.readFileSync(SAMPLE, 'utf8').split('\n').slice(0, 20).map((row) => `${row}\n`).join('');
      const rows = Buffer.from(`${good}{"broken":\n${good}`);
      const input = path.join(folder, name);
      fs.writeFileSync(input, name.endsWith('.gz') ? zlib.gzipSync(rows) : rows);
      const done = job('done');
      const body = fs.readFileSync(input);
      const at = await begin(name, body.length);
      const download = fetch(`${at}/output`);
      const upload = await fetch(`${at}/input`, { method: 'PUT', body });
      const answer = await download;
      const file = Buffer.from(await answer.arrayBuffer());
      assert.equal(upload.status, 204);
      assert.equal(answer.headers.get('content-type'), 'application/gzip');
      assert.match(answer.headers.get('content-disposition') ?? '', /attachment; filename="events\.clean\.jsonl\.gz"/);
      // The same rows with the same stamp.
      const stamps = new Set(zlib.gunzipSync(file).toString().match(/(?<="processedAt":)"[^"]+"/g));
      assert.equal(stamps.size, 1);
      const output = path.join(folder, 'cli.jsonl.gz');
      const stages = ['--skip-invalid', '--set', `processedAt=${[...stamps][0]}`, '--hash', 'hash:sha256:8'];
      const { status, stderr } = spawnSync(process.execPath, [CLI, 'run', input, '-o', output, ...stages], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      assert.ok(file.equals(fs.readFileSync(output)), 'other bytes');
      const progress = await done;
      assert.equal(progress.sha256, crypto.createHash('sha256').update(file).digest('hex'));
      assert.equal(progress.bytesIn, body.length);
      assert.equal(progress.bytesOut, file.length);
      assert.equal(progress.rejected, 1);
      assert.equal(progress.rejects.length, 1);
      assert.equal(progress.rejects[0].row, '{"broken":');
      assert.ok(progress.rejects[0].line > 1);
    });
  }

  test('comes down while it goes up, and a download that is not read holds the upload back', async (t) => {
    const { dashboard, begin } = await open(t);
    const at = await begin('big.jsonl');
    const req = http.request(`${at}/input`, { method: 'PUT', agent: false });
    // Random text, so that it does not shrink to nothing.
    const row = () => `{"x":"${crypto.randomBytes(3000).toString('hex')}"}\n`;
    const piece = Buffer.from(Array.from({ length: 40 }, row).join(''));
    const get = http.get(`${at}/output`, { agent: false });
    req.write(piece);
    const [res] = await once(get, 'response');
    res.pause();
    // Until nothing is taken any more: two looks of the meters without a byte.
    const bytesIn = () => [...dashboard.jobs.jobs.values()][0].progress().bytesIn;
    let [last, still] = [0, 0];
    while (still < 3) {
      for (let i = 0; i < 20; i++) if (req.writableLength < 4 * 1024 * 1024) req.write(piece);
      await once(dashboard.inspector.watch, 'look');
      still = bytesIn() === last ? still + 1 : 0;
      last = bytesIn();
      assert.ok(last < 256 * 1024 * 1024, 'nothing holds it back');
    }
    assert.ok(req.writableLength >= 4 * 1024 * 1024, 'the client waits');
    res.resume();
    req.end();
    await once(res, 'end');
  });

  test('a broken archive fails its job, and says where', async (t) => {
    const { begin, job } = await open(t);
    const failed = job('failed');
    const body = zlib.gzipSync(fs.readFileSync(SAMPLE));
    body.fill(255, body.length - 40);
    const at = await begin('broken.jsonl.gz', body.length);
    const download = fetch(`${at}/output`).then((answer) => answer.arrayBuffer());
    const upload = fetch(`${at}/input`, { method: 'PUT', body });
    const { error, state } = await failed;
    assert.equal(state, 'failed');
    assert.match(error.code, /^Z_/);
    await assert.rejects(download);
    await upload.catch(() => {});
  });

  test('who gives up one half gives up the other', async (t) => {
    const { begin, job, dashboard } = await open(t);
    const failed = job('failed');
    const at = await begin('left.jsonl');
    const req = http.request(`${at}/input`, { method: 'PUT', agent: false });
    req.write('{"a":1}\n');
    const gone = once(req, 'error');
    const abort = new AbortController();
    const download = await fetch(`${at}/output`, { signal: abort.signal }).catch(() => null);
    abort.abort();
    await gone;
    assert.ok(download === null || download.status === 200);
    assert.equal((await failed).state, 'failed');
    assert.equal(dashboard.jobs.jobs.size, 0);
  });

  test('is bounded in size and in number', async (t) => {
    const { address, begin, job } = await open(t, { maxUploadBytes: 1000 });
    const query = (/** @type {number} */ size) => fetch(`${address}jobs?name=x&size=${size}`, { method: 'POST' });
    assert.equal((await query(1001)).status, 413);
    const failed = job('failed');
    // One that did not say how long it is.
    const at = await begin('x.jsonl');
    const download = fetch(`${at}/output`).then((answer) => answer.arrayBuffer());
    const req = http.request(`${at}/input`, { method: 'PUT', agent: false });
    const gone = once(req, 'error');
    req.write('{"a":1}\n'.repeat(200));
    assert.equal((await failed).error.code, 'ERR_UPLOAD_TOO_LARGE');
    await gone;
    await assert.rejects(download);
    for (let i = 0; i < 8; i++) await begin(`${i}`);
    assert.equal((await query(1)).status, 429);
  });

  test('jobs that there are not, and halves that are there, are refused', async (t) => {
    const { address, begin } = await open(t);
    assert.equal((await fetch(`${address}jobs/none/output`)).status, 404);
    assert.equal((await fetch(`${address}jobs`)).status, 405);
    const at = await begin('x');
    assert.equal((await fetch(`${at}/other`)).status, 405);
    const abort = new AbortController();
    const first = fetch(`${at}/output`, { signal: abort.signal }).catch(() => {});
    // The second may come before the first; one of the two is refused.
    const second = await Promise.race([
      fetch(`${at}/output`, { signal: abort.signal }),
      first.then(() => /** @type {any} */ ({ status: 409 })),
    ]);
    assert.equal(second.status, 409);
    abort.abort();
    await first;
  });
});

test('no name breaks out of its header', () => {
  const [plain, encoded] = ['a_b__x_ y__.gz', 'a%22b%0D%0Ax%3A%20y%3B%C3%A9.gz'];
  assert.equal(attachment('a"b\r\nx: y;é.gz'), `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`);
});

describe('the folder', () => {
  test('lists its files and gives ranges of them, always to be saved', async (t) => {
    const folder = scratch(t);
    const hostile = '<img src=x onerror=alert(1)>.html';
    fs.writeFileSync(path.join(folder, hostile), '<script>alert(1)</script>');
    fs.writeFileSync(path.join(folder, 'app.jsonl'), '0123456789');
    fs.writeFileSync(path.join(folder, '.secret'), 'x');
    fs.mkdirSync(path.join(folder, 'deeper'));
    fs.symlinkSync('/etc/passwd', path.join(folder, 'link'));
    const { address } = await open(t, { folder });
    const { files, more } = await (await fetch(`${address}folder`)).json();
    assert.deepEqual(files.map(({ name }) => name).sort(), [hostile, 'app.jsonl'].sort());
    assert.equal(more, 0);
    const part = await fetch(`${address}folder/app.jsonl`, { headers: { range: 'bytes=2-4' } });
    assert.deepEqual([part.status, await part.text(), part.headers.get('content-range')], [206, '234', 'bytes 2-4/10']);
    const page = await fetch(`${address}folder/${encodeURIComponent(hostile)}`);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-disposition') ?? '', /^attachment/);
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  });

  test('has nothing else, however it is named', async (t) => {
    const folder = scratch(t);
    fs.writeFileSync(path.join(folder, '.secret'), 'x');
    fs.mkdirSync(path.join(folder, 'deeper'));
    fs.writeFileSync(path.join(folder, 'deeper', 'file'), 'x');
    fs.symlinkSync('/etc/passwd', path.join(folder, 'link'));
    const { address } = await open(t, { folder });
    const outside = ['..%2F..%2Fetc%2Fpasswd', '%2Fetc%2Fpasswd', '%00', ''];
    for (const name of ['link', '.secret', 'deeper', 'deeper%2Ffile', 'no', ...outside]) assert.equal((await fetch(`${address}folder/${name}`)).status, 404, name);
    assert.equal((await fetch(`${address}folder/%ff`)).status, 400);
  });

  test('is none where none was named', async (t) => {
    const { address } = await open(t);
    assert.deepEqual(await (await fetch(`${address}folder`)).json(), { files: null, more: 0 });
    assert.equal((await fetch(`${address}folder/app.jsonl`)).status, 404);
  });
});
