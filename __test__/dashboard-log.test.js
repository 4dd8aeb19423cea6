'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Dashboard } = require('../lib/dashboard/dashboard.js');
const { EventLog } = require('../lib/dashboard/event-log.js');
const { FileFollower } = require('../lib/dashboard/follow.js');
const { WebSocket } = require('../lib/ws.js');

/** @param {import('node:test').TestContext} t @param {object} [options] */
async function open(t, options) {
  const dashboard = new Dashboard(options);
  t.after(() => dashboard.close());
  const address = await dashboard.listen();
  return { dashboard, address, logs: `${address.replace('http:', 'ws:')}logs` };
}

/** A page's end: what came, and what to wait for. */
class Reader {
  /** @param {string} url @param {object} [options] */
  constructor(url, options) {
    this.socket = new WebSocket(url, options);
    /** @type {any[]} */
    this.lines = [];
    this.missed = 0;
    this.begun = 0;
    this.socket.on('message', (/** @type {any} */ data) => {
      const message = JSON.parse(String(data));
      if (message.type === 'begin') {
        this.begun += 1;
        this.lines = [];
        return;
      }
      this.lines.push(...message.lines);
      this.missed += message.missed;
    });
  }

  /** @param {object} message */
  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  /** @param {(reader: Reader) => boolean} isSo */
  async until(isSo) {
    while (!isSo(this)) await once(this.socket, 'message');
  }

  /** @param {string} text */
  line(text) {
    return this.lines.find((one) => one.text === text);
  }
}

describe('the log over WebSockets', () => {
  test('has what is kept, then what comes; the server filters by level and text', async (t) => {
    const { dashboard, logs } = await open(t);
    dashboard.log.add('warn', 'test', 'kept before');
    const reader = new Reader(logs);
    t.after(() => reader.socket.terminate());
    await reader.until((one) => one.line('kept before') !== undefined);
    dashboard.log.add('debug', 'test', 'comes now');
    await reader.until((one) => one.line('comes now') !== undefined);

    reader.send({ type: 'filter', level: 'warn', text: 'NEEDLE' });
    await reader.until(({ begun }) => begun === 2);
    dashboard.log.add('error', 'test', 'hay');
    dashboard.log.add('info', 'test', 'a needle too low');
    dashboard.log.add('error', 'test', 'a needle');
    await reader.until((one) => one.line('a needle') !== undefined);
    assert.deepEqual(reader.lines.map(({ text }) => text), ['a needle']);
    reader.send({ type: 'filter', level: 'debug', text: '' });
    await reader.until((one) => one.begun === 3 && one.line('hay') !== undefined);
    const numbers = reader.lines.map(({ n }) => n);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
  });

  test('rests while it is paused, and then goes on where it was', async (t) => {
    const { dashboard, logs } = await open(t);
    const reader = new Reader(logs);
    t.after(() => reader.socket.terminate());
    dashboard.log.add('info', 'test', 'before');
    await reader.until((one) => one.line('before') !== undefined);
    reader.send({ type: 'pause', paused: true });
    // What is said comes back only where nothing is paused; that it was heard, another reader sees.
    const other = new Reader(logs);
    t.after(() => other.socket.terminate());
    reader.send({ type: 'say', text: 'said while paused' });
    await other.until((one) => one.line('said while paused') !== undefined);
    dashboard.log.add('info', 'test', 'meanwhile');
    await other.until((one) => one.line('meanwhile') !== undefined);
    assert.equal(reader.line('meanwhile'), undefined);
    reader.send({ type: 'pause', paused: false });
    await reader.until((one) => one.line('meanwhile') !== undefined);
    assert.equal(reader.missed, 0);
    const numbers = reader.lines.map(({ n }) => n);
    assert.deepEqual(numbers, numbers.map((_, index) => numbers[0] + index));
  });

  test('a line that is sent back is a line for all, as text and cut', async (t) => {
    const { logs } = await open(t);
    const reader = new Reader(logs);
    t.after(() => reader.socket.terminate());
    const hostile = '<img src=x onerror=alert(1)>\u2028</script>\u0000';
    await once(reader.socket, 'open');
    reader.send({ type: 'say', text: hostile });
    reader.send({ type: 'say', text: 'y'.repeat(5000) });
    await reader.until((one) => one.line(hostile) !== undefined && one.line('y'.repeat(2000)) !== undefined);
    const { level, source } = reader.line(hostile);
    assert.deepEqual([level, source], ['info', 'page']);
  });

  test('who floods it, sends what is too long or what means nothing, is closed', async (t) => {
    const { logs, dashboard } = await open(t);
    for (const wrong of ['no JSON', '{"type":"filter"}', '{"type":"filter","level":"__proto__","text":""}', '[]', 'null', '7']) {
      const { socket } = new Reader(logs);
      await once(socket, 'open');
      socket.send(wrong);
      const [code] = await once(socket, 'close');
      assert.equal(code, 1008, wrong);
    }
    const { socket: binary } = new Reader(logs);
    await once(binary, 'open');
    binary.send(Buffer.from('{}'));
    assert.equal((await once(binary, 'close'))[0], 1008);
    const { socket: long } = new Reader(logs);
    await once(long, 'open');
    long.send('x'.repeat(9000));
    assert.equal((await once(long, 'close'))[0], 1009);
    const flood = new Reader(logs);
    await once(flood.socket, 'open');
    for (let i = 0; i < 30; i++) flood.send({ type: 'say', text: `flood ${i}` });
    assert.equal((await once(flood.socket, 'close'))[0], 1008);
    assert.equal(dashboard.log.lines.filter(({ text }) => text.startsWith('flood')).length, 10);
  });

  test('pages of other sites and other names of this machine do not get it', async (t) => {
    const { logs } = await open(t);
    for (const headers of [{ origin: 'http://elsewhere.example' }, { host: 'rebound.example' }]) {
      const socket = new WebSocket(logs, { headers });
      const [error] = await once(socket, 'error');
      assert.match(error.message, /403/);
    }
  });

  test('a reader that does not read holds up nothing, and is told what it missed', async (t) => {
    const { dashboard, logs } = await open(t);
    const reader = new Reader(logs);
    t.after(() => reader.socket.terminate());
    await reader.until(({ begun }) => begun === 1);
    const [server] = dashboard.logSockets.clients;
    reader.socket.pause();
    const text = 'z'.repeat(4000);
    for (let i = 0; i < 5000; i++) {
      dashboard.log.add('info', 'test', text);
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(server.bufferedAmount < 2 * 1024 * 1024, `${server.bufferedAmount} bytes wait`);
    }
    dashboard.log.add('info', 'test', 'the last');
    reader.socket.resume();
    await reader.until((one) => one.line('the last') !== undefined);
    assert.ok(reader.missed > 0);
    const counted = reader.lines.filter(({ source }) => source === 'test').length + reader.missed;
    assert.ok(counted >= 5001 && counted <= 5001 + reader.lines.length, `${counted} lines told or counted`);
  });
});

test('requests and pipelines of the server are in its log', async (t) => {
  const { dashboard, address } = await open(t);
  const line = (/** @type {RegExp} */ wanted) =>
    new Promise((resolve) => dashboard.log.on('line', (/** @type {any} */ one) => wanted.test(one.text) && resolve(one)));
  const [found, missing] = [line(/^GET \/system 200 /), line(/^GET \/<b>|%3Cb%3E 404 /)];
  await (await fetch(`${address}system`)).text();
  await (await fetch(`${address}<b>`)).text();
  assert.equal(/** @type {any} */ (await found).level, 'info');
  assert.equal(/** @type {any} */ (await missing).level, 'warn');
});

describe('--follow', () => {
  /** @param {import('node:test').TestContext} t */
  function setUp(t) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-follow-'));
    const file = path.join(folder, 'app.jsonl');
    const log = new EventLog();
    t.after(() => fs.rmSync(folder, { recursive: true }));
    const line = (/** @type {string} */ text) =>
      new Promise((resolve) => log.on('line', (one) => one.text.includes(text) && resolve(one)));
    // A follower keeps nothing alive.
    const alive = setInterval(() => {}, 1000);
    t.after(() => clearInterval(alive));
    return { file, log, line };
  }

  test('rows become lines with their level, time and text, as they are written', async (t) => {
    const { file, log, line } = setUp(t);
    fs.writeFileSync(file, '{"level":"warn","msg":"there before","time":"2026-01-01T00:00:00Z"}\n');
    const before = line('there before');
    const follower = new FileFollower(file, log);
    t.after(() => follower.close());
    const { level, time, source } = /** @type {any} */ (await before);
    assert.deepEqual([level, time, source], ['warn', Date.UTC(2026, 0, 1), 'follow']);
    const [pino, half, plain] = [line('by number'), line('in two parts'), line('no JSON')];
    fs.appendFileSync(file, '{"level":50,"message":"by number","user":7}\n{"msg":"in two');
    assert.equal(/** @type {any} */ (await pino).level, 'error');
    assert.match(/** @type {any} */ (await pino).text, /user=7/);
    fs.appendFileSync(file, ' parts"}\nno JSON\n');
    assert.equal(/** @type {any} */ (await half).text, 'in two parts');
    assert.equal(/** @type {any} */ (await plain).level, 'info');
  });

  test('a file that is rotated, cut or not there yet is followed on', async (t) => {
    const { file, log, line } = setUp(t);
    const absent = line('ENOENT');
    const follower = new FileFollower(file, log);
    t.after(() => follower.close());
    await absent;
    const first = line('first');
    fs.writeFileSync(file, '{"msg":"first and longer than what comes"}\n');
    await first;
    const second = line('second');
    fs.renameSync(file, `${file}.1`);
    fs.writeFileSync(file, '{"msg":"second"}\n');
    await second;
    const third = line('3rd');
    fs.truncateSync(file);
    fs.appendFileSync(file, '{"m":"3rd"}\n');
    await third;
    assert.equal(log.lines.filter(({ text }) => text.includes('ENOENT')).length, 1);
  });

  test('a file that grows faster than it is read is skipped over, and that is told', async (t) => {
    const { file, log, line } = setUp(t);
    fs.writeFileSync(file, '');
    const follower = new FileFollower(file, log);
    t.after(() => follower.close());
    fs.appendFileSync(file, 'ready\n');
    await line('ready');
    const [told, last] = [line('left out'), line('the last')];
    fs.appendFileSync(file, `${'{"msg":"many"}\n'.repeat(100_000)}{"msg":"the last"}\n`);
    assert.equal(/** @type {any} */ (await told).level, 'warn');
    await last;
    assert.ok(follower.rest.length < 64 * 1024);
  });
});
