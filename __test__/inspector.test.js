'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const nodeFs = require('node:fs');
const nodeHttp = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { PassThrough, Readable, Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { describe, test } = require('node:test');
const http = require('../lib/http.js');
const { inspector } = require('../lib/inspector.js');
const { getEventLoop } = require('../lib/internal/event-loop.js');
const { PipelineWatch } = require('../lib/inspector/watch.js');
const { bottleneckOf, shares } = require('../lib/inspector/shares.js');
const jsonl = require('../lib/jsonl.js');
const { EventSource } = require('../lib/sse.js');
const text = require('../lib/text.js');
const fs = require('../lib/fs.js');
const zlib = require('../lib/zlib.js');

/**
 * @param {import('node:test').TestContext} t
 * @param {any} server
 * @returns {Promise<string>}
 */
async function listen(t, server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** @param {import('node:test').TestContext} t @returns {PipelineWatch} */
function watching(t) {
  const watch = new PipelineWatch();
  watch.start();
  // Here nothing else waits for what it tells.
  /** @type {any} */ (watch).timer.ref();
  t.after(() => watch.stop());
  return watch;
}

/** @param {PipelineWatch} watch @param {(pipeline: any) => boolean} fits @returns {Promise<any>} the first that finished */
function finished(watch, fits) {
  return new Promise((resolve) => watch.on('finished', (pipeline) => fits(pipeline) && resolve(pipeline)));
}

const names = (/** @type {any} */ { stages }) => stages.map((/** @type {any} */ { stage }) => stage).join(' ');

describe('the watch', () => {
  test('a short pipeline is seen whole, with the counters that it ended with', async (t) => {
    const watch = watching(t);
    const seen = finished(watch, ({ stages }) => stages.length === 3);
    const rows = '{"a":1}\n{"a":\n{"a":3}\n';
    const out = new Writable({ write: (_chunk, _encoding, callback) => callback() });
    await pipeline(Readable.from([Buffer.from(rows)]), jsonl.validate({ onInvalid: 'skip' }), zlib.createGzip(), out);
    const pipelineSeen = await seen;
    assert.equal(names(pipelineSeen), 'validate gzip Writable');
    assert.equal(pipelineSeen.state, 'finished');
    assert.equal(pipelineSeen.error, null);
    const [validate, gzip] = pipelineSeen.stages;
    assert.deepEqual([validate.bytesIn, validate.rowsIn, validate.rowsOut, validate.rejected], [rows.length, 3, 2, 1]);
    assert.equal(gzip.bytesIn, 16);
    assert.ok(gzip.bytesOut > 0 && gzip.done);
    assert.ok(watch.snapshot().pipelines.some(({ id }) => id === pipelineSeen.id), 'finished ones stay for a while');
  });

  test('one that fails tells the first cause and its stage', async (t) => {
    const watch = watching(t);
    const seen = finished(watch, ({ state }) => state === 'failed');
    const bad = Readable.from([Buffer.from('{"a":1}\n{broken\n')]);
    await assert.rejects(pipeline(bad, jsonl.validate(), zlib.createGzip(), new PassThrough().resume()));
    const { error } = await seen;
    assert.equal(error.code, 'ERR_MILLRACE_JSONL_INVALID');
    assert.equal(error.stage, 'validate');
  });

  test('a slow consumer of JavaScript is the bottleneck, and the queue in front of it is full', async (t) => {
    const watch = watching(t);
    /** @type {(() => void)[]} */
    const waiting = [];
    class Slow extends Writable {
      /** @param {any} _chunk @param {any} _encoding @param {() => void} callback */
      _write(_chunk, _encoding, callback) {
        waiting.push(callback);
      }
    }
    const upper = text.upperCase();
    const slow = new Slow();
    const source = new PassThrough();
    source.pipe(upper).pipe(slow);
    const chunk = Buffer.alloc(64 * 1024, 'x\n');
    let isFull = false;
    for (let i = 0; i < 200 && !isFull; i++) {
      if (!source.write(chunk)) {
        const drained = once(source, 'drain').then(() => false);
        const looks = once(watch, 'look').then(() => once(watch, 'look')).then(() => true);
        isFull = await Promise.race([drained, looks]);
      }
    }
    assert.ok(isFull, 'nobody was held back');
    const [looked] = await once(watch, 'look');
    const found = looked.pipelines.find((/** @type {any} */ one) => names(one) === 'upperCase Slow');
    assert.equal(found.stages[found.bottleneck].stage, 'Slow');
    assert.ok(found.stages[0].heldBack > 0.9, JSON.stringify(found.stages[0]));
    assert.ok(found.stages[0].queuedBytes > 0.5 * found.stages[0].queueLimit);
    const closed = once(slow, 'close');
    source.destroy();
    upper.destroy();
    slow.destroy();
    await closed;
  });

  test('a stream that is piped into two is in two pipelines', async (t) => {
    const watch = watching(t);
    const upper = text.upperCase();
    const [one, two] = [zlib.createGzip(), zlib.createDeflate()];
    upper.pipe(one).resume();
    upper.pipe(two).resume();
    upper.write('begun');
    watch.look();
    const seen = watch.snapshot().pipelines.map(names).filter((name) => name.startsWith('upperCase'));
    assert.deepEqual(seen.sort(), ['upperCase deflate', 'upperCase gzip']);
    upper.end();
    await Promise.all([once(one, 'close'), once(two, 'close')]);
  });

  test('what is finished is bounded', async (t) => {
    const watch = watching(t);
    for (let i = 0; i < 60; i++) {
      const upper = text.upperCase();
      upper.end('x');
      watch.look();
      await once(upper.resume(), 'close');
      watch.look();
    }
    assert.equal(watch.snapshot().pipelines.length, 50);
    assert.equal(watch.live.size, 0);
  });
});

describe('shares', () => {
  const stats = (/** @type {object} */ given) =>
    /** @type {any} */ ({ native: true, bytesIn: 0, bytesOut: 0, starvedMs: 0, heldBackMs: 0, lifeMs: 0, ...given });

  test('are those between two readings, and of all of a life', () => {
    const before = stats({ bytesIn: 100, starvedMs: 100, heldBackMs: 0, lifeMs: 500 });
    const now = stats({ bytesIn: 1100, bytesOut: 500, starvedMs: 200, heldBackMs: 250, lifeMs: 1000 });
    const [rates] = shares([now], [before], 500);
    assert.deepEqual(rates, { busy: 0.3, starved: 0.2, heldBack: 0.5, inPerSecond: 2000, outPerSecond: 1000 });
    const [all] = shares([now], [null]);
    assert.deepEqual([all.busy, all.starved, all.heldBack, all.inPerSecond], [0.55, 0.2, 0.25, 1100]);
  });

  test('a stage that ended is not busy, and one of JavaScript as far as its neighbours wait for it', () => {
    const over = stats({ lifeMs: 500 });
    const [rates] = shares([over], [over], 500);
    assert.equal(rates.busy, 0);
    const middle = stats({ native: false });
    const [held, starved] = [stats({ heldBackMs: 400, lifeMs: 500 }), stats({ starvedMs: 450, lifeMs: 500 })];
    const all = shares([held, middle, starved], [stats({}), middle, stats({})], 500);
    assert.equal(all[1].busy, 0.8);
    assert.equal(bottleneckOf(all), 1);
    assert.equal(bottleneckOf(shares([over], [over], 500)), -1);
  });
});

const SERVERS = /** @type {const} */ ([['millrace/http', http.createServer], ['node:http', nodeHttp.createServer]]);
for (const [kind, createServer] of SERVERS) {
  describe(`inspector() on ${kind}`, () => {
    test('serves its page, its data and its events, and leaves the rest to the server', async (t) => {
      const server = createServer((/** @type {any} */ req, /** @type {any} */ res) => res.end(`own ${req.url}`));
      const { snapshot } = inspector(server, '/debug/inspect');
      assert.equal(typeof snapshot, 'function');
      const address = await listen(t, server);
      const page = await fetch(`${address}/debug/inspect`);
      assert.equal(page.url, `${address}/debug/inspect/`, 'sent on to where relative addresses hold');
      const html = await page.text();
      assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
      for (const [, name] of html.matchAll(/(?:href|src)="\.\/([^"]+)"/g)) {
        assert.equal((await fetch(`${address}/debug/inspect/${name}`)).status, 200, name);
      }
      for (const other of ['/', '/debug/inspector', '/debug/inspect.html', '/other']) {
        assert.equal(await (await fetch(address + other)).text(), `own ${other}`);
      }
      assert.equal((await fetch(`${address}/debug/inspect/no-such`)).status, 404);
      assert.equal((await fetch(`${address}/debug/inspect/pipelines`, { method: 'POST' })).status, 405);

      const upper = text.upperCase();
      upper.write('x');
      upper.resume();
      const source = new EventSource(`${address}/debug/inspect/events`);
      const looked = await new Promise((resolve) => {
        source.addEventListener('pipelines', (/** @type {any} */ { data }) => {
          const one = JSON.parse(data);
          if (one.pipelines.some((/** @type {any} */ found) => names(found) === 'upperCase')) resolve(one);
        });
      });
      assert.ok(looked.time > 0);
      const { pipelines } = await (await fetch(`${address}/debug/inspect/pipelines`)).json();
      assert.ok(pipelines.some((/** @type {any} */ found) => names(found) === 'upperCase'));
      source.close();
      upper.destroy();
    });

    test('lets in whom authorize() lets in, and nobody else', async (t) => {
      const server = createServer();
      /** @type {any[]} */
      const verdicts = [true, 401, false, undefined, 'yes', 200, Promise.resolve(true), Promise.resolve(404)];
      inspector(server, '/inspect', { authorize: () => verdicts.shift() });
      const address = await listen(t, server);
      const statuses = [];
      while (verdicts.length > 0) statuses.push((await fetch(`${address}/inspect/pipelines`)).status);
      assert.deepEqual(statuses, [200, 401, 403, 403, 403, 403, 200, 404]);
    });

    test('after close() it is the server\'s path again', async (t) => {
      const server = createServer((/** @type {any} */ _req, /** @type {any} */ res) => res.end('own'));
      const made = inspector(server);
      const address = await listen(t, server);
      assert.equal((await fetch(`${address}/inspect/pipelines`)).headers.get('content-type'), 'application/json');
      made.close();
      assert.equal(await (await fetch(`${address}/inspect/pipelines`)).text(), 'own');
    });
  });
}

test('an upload that fills a file is shown from the request to the file', async (t) => {
  const folder = nodeFs.mkdtempSync(path.join(os.tmpdir(), 'millrace-inspector-'));
  t.after(() => nodeFs.rmSync(folder, { recursive: true }));
  const server = http.createServer(async (req, res) => {
    await pipeline(req, jsonl.validate(), zlib.createGzip(), fs.createWriteStream(path.join(folder, 'up.gz')));
    res.end();
  });
  const { watch } = /** @type {any} */ (inspector(server));
  const seen = finished(watch, (one) => names(one).endsWith('createWriteStream'));
  const address = await listen(t, server);
  const request = nodeHttp.request(address, { method: 'POST' });
  request.write('{"a":1}\n');
  // Over Node's own sockets a request is a stream of JavaScript's, in front of the first native one.
  const whole = `${getEventLoop() === null ? '' : 'request '}validate gzip createWriteStream`;
  for (;;) {
    const [{ pipelines }] = await once(watch, 'look');
    if (pipelines.some((/** @type {any} */ one) => names(one) === whole)) break;
  }
  request.end('{"a":2}\n');
  const [response] = await once(request, 'response');
  response.resume();
  const { state, stages } = await seen;
  assert.equal(names({ stages }), whole);
  assert.equal(state, 'finished');
  assert.equal(stages.find((/** @type {any} */ { stage }) => stage === 'validate').rowsOut, 2);
});

test('wrong arguments are named', () => {
  const server = nodeHttp.createServer();
  assert.throws(() => inspector(/** @type {any} */ ({}), '/x'), { code: 'ERR_INVALID_ARG_TYPE' });
  for (const wrong of ['', '/', 'x', '/x/', '/x?y']) {
    assert.throws(() => inspector(server, wrong), { code: 'ERR_INVALID_ARG_VALUE' }, wrong);
  }
  assert.throws(() => inspector(server, /** @type {any} */ (7)), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => inspector(server, '/x', /** @type {any} */ ({ authorize: true })), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => inspector(server, '/x', /** @type {any} */ ({ hub: {} })), { code: 'ERR_INVALID_ARG_TYPE' });
});
