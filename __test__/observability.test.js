'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { once } = require('node:events');
const { channel, subscribe, unsubscribe } = require('node:diagnostics_channel');
const net = require('node:net');
const path = require('node:path');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { describe, test } = require('node:test');
const { grpc, http, jsonl, text, ws, zlib } = require('..');
const { closed, listening } = require('./harness/raw-http.js');
const { Metric, MOST_SERIES } = require('../lib/internal/exposition.js');

/**
 * What is told by channels while a test runs.
 *
 * @param {import('node:test').TestContext} t
 * @param {string[]} names
 * @returns {{ name: string, message: any, attributes: any }[]}
 */
function heard(t, ...names) {
  /** @type {any[]} */
  const all = [];
  for (const name of names) {
    const listen = (/** @type {any} */ message) => all.push({ name, message, attributes: message.attributes });
    subscribe(name, listen);
    t.after(() => unsubscribe(name, listen));
  }
  return all;
}

/** @param {any[]} all @param {number} count */
async function until(all, count) {
  while (all.length < count) await new Promise((resolve) => setImmediate(resolve));
}

describe('a pipeline', () => {
  const NAMES = ['millrace.pipeline.stage.start', 'millrace.pipeline.stage.end'];

  test('tells of each native stage when it begins and when it ends, with what it did', async (t) => {
    const all = heard(t, ...NAMES);
    const upper = text.upperCase();
    await pipeline(Readable.from([Buffer.from('hello')]), upper, zlib.createGzip(), (rows) => rows.toArray());
    await until(all, 4);
    const starts = all.filter(({ name }) => name === NAMES[0]);
    const ends = all.filter(({ name }) => name === NAMES[1]);
    assert.deepEqual(starts.map(({ message }) => message.name), ['upperCase', 'gzip']);
    assert.deepEqual(ends.map(({ message }) => message.name).sort(), ['gzip', 'upperCase']);
    const end = ends.find(({ message }) => message.name === 'upperCase');
    assert.equal(end.message, starts[0].message, 'not the same object at the end as at the start');
    assert.equal(end.message.stream, upper);
    assert.ok(end.message.duration > 0);
    assert.equal(end.attributes['millrace.stage.bytes_in'], 5);
    assert.equal(end.attributes['millrace.stage.bytes_out'], 5);
    assert.equal(Object.hasOwn(end.attributes, 'error.type'), false);
  });

  test('tells what a stage failed with, and where', async (t) => {
    const all = heard(t, NAMES[1]);
    const failing = pipeline(Readable.from([Buffer.from('{"a":1}\n{"b":}\n')]), jsonl.validate(), (rows) => rows.toArray());
    await assert.rejects(failing, { code: 'ERR_MILLRACE_JSONL_INVALID' });
    await until(all, 1);
    const { attributes } = all[0];
    assert.equal(attributes['error.type'], 'ERR_MILLRACE_JSONL_INVALID');
    assert.equal(attributes['millrace.error.line'], 2);
    assert.equal(attributes['millrace.error.offset'], 8);
  });
});

describe('a request', () => {
  const NAMES = ['millrace.http.request.start', 'millrace.http.request.end'];

  test('is told of by the names of OpenTelemetry', async (t) => {
    const all = heard(t, ...NAMES);
    const server = http.createServer((req, res) => res.writeHead(503).end());
    const port = await listening(server);
    await fetch(`http://127.0.0.1:${port}/a/b?c=d`, { headers: { 'user-agent': 'me' } });
    await until(all, 2);
    await closed(server);
    const [start, end] = all;
    assert.equal(start.message, end.message);
    assert.equal(start.attributes['http.response.status_code'], undefined);
    const { 'network.peer.port': peer, 'network.peer.address': address, ...attributes } = end.attributes;
    assert.ok(peer > 0);
    assert.match(address, /127\.0\.0\.1$/);
    assert.deepEqual(attributes, {
      'http.request.method': 'GET',
      'url.scheme': 'http',
      'url.path': '/a/b',
      'url.query': 'c=d',
      'network.protocol.name': 'http',
      'network.protocol.version': '1.1',
      'server.address': '127.0.0.1',
      'server.port': port,
      'user_agent.original': 'me',
      'http.response.status_code': 503,
      'error.type': '503',
    });
  });

  test('of a method that nobody knows, or one that is cut off, says so', async (t) => {
    const all = heard(t, NAMES[1]);
    const server = http.createServer((req, res) => {
      if (req.url === '/cut') res.write('a', () => req.socket.destroy());
      else res.end();
    });
    const port = await listening(server);
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    socket.write('PURGE / HTTP/1.1\r\nHost: a\r\n\r\nGET /cut HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(all, 2);
    await closed(server);
    assert.equal(all[0].attributes['http.request.method'], '_OTHER');
    assert.equal(all[0].attributes['http.request.method_original'], 'PURGE');
    assert.equal(all[1].attributes['error.type'], 'ECONNRESET');
  });

  test('is told of by the names of Node, too, once', async (t) => {
    const all = heard(t, 'http.server.request.start', 'http.server.response.finish');
    const server = http.createServer((req, res) => res.end('x'));
    const port = await listening(server);
    await (await fetch(`http://127.0.0.1:${port}/`)).text();
    await until(all, 2);
    await closed(server);
    assert.deepEqual(all.map(({ name }) => name), ['http.server.request.start', 'http.server.response.finish']);
    for (const { message } of all) {
      assert.deepEqual(Object.keys(message), ['request', 'response', 'socket', 'server']);
      assert.equal(message.server, server);
    }
  });

  test('on a connection that Node serves is told of once', async (t) => {
    const all = heard(t, ...NAMES, 'http.server.request.start');
    const server = http.createServer((req, res) => res.end('x'));
    const front = net.createServer((socket) => server.emit('connection', socket)).listen(0);
    await once(front, 'listening');
    const { port } = /** @type {net.AddressInfo} */ (front.address());
    await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text();
    await until(all, 3);
    front.close();
    assert.deepEqual(all.map(({ name }) => name).sort(), ['http.server.request.start', NAMES[1], NAMES[0]]);
  });
});

describe('a WebSocket', () => {
  test('is told of from its handshake to its close, at both ends', async (t) => {
    const all = heard(t, 'millrace.ws.open', 'millrace.ws.close');
    const server = new ws.WebSocketServer({ port: 0 });
    await once(server, 'listening');
    server.on('connection', (socket) => socket.close(4000, 'enough'));
    const client = new ws.WebSocket(`ws://127.0.0.1:${/** @type {any} */ (server.address()).port}/`);
    await once(client, 'close');
    await until(all, 4);
    server.close();
    for (const role of ['server', 'client']) {
      const [open, close] = all.filter(({ attributes }) => attributes['millrace.ws.role'] === role);
      assert.equal(open.message, close.message);
      assert.equal(open.attributes['millrace.ws.close.code'], undefined);
      assert.equal(close.attributes['millrace.ws.close.code'], 4000);
      assert.match(close.attributes['network.peer.address'], /127\.0\.0\.1$/);
    }
  });

  test('that breaks the protocol is told of with what it failed with', async (t) => {
    const all = heard(t, 'millrace.ws.close');
    const server = new ws.WebSocketServer({ port: 0, maxPayload: 10 });
    await once(server, 'listening');
    server.on('connection', (socket) => socket.on('error', () => {}));
    const client = new ws.WebSocket(`ws://127.0.0.1:${/** @type {any} */ (server.address()).port}/`);
    client.on('open', () => client.send(Buffer.alloc(100)));
    await once(client, 'close');
    await until(all, 2);
    server.close();
    const told = all.find(({ attributes }) => attributes['millrace.ws.role'] === 'server');
    assert.equal(told.attributes['error.type'], 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
    assert.equal(told.attributes['millrace.ws.close.code'], 1006);
  });
});

/** @type {any} */
const SERVICE = {
  ask: {
    path: '/test.Asking/Ask',
    requestStream: false,
    responseStream: false,
    requestSerialize: Buffer.from,
    requestDeserialize: String,
    responseSerialize: Buffer.from,
    responseDeserialize: String,
  },
};

/** @param {string} address @returns {any} a client of the service */
function asking(address) {
  const Client = grpc.makeGenericClientConstructor(SERVICE, 'test.Asking');
  return new Client(address, grpc.credentials.createInsecure());
}

test('a gRPC call is told of with its status', async (t) => {
  const all = heard(t, 'millrace.grpc.call.start', 'millrace.grpc.call.end');
  const server = new grpc.Server();
  server.addService(SERVICE, {
    ask: (/** @type {any} */ call, /** @type {any} */ callback) => {
      if (call.request === 'bad') callback({ code: grpc.status.NOT_FOUND, details: 'no' });
      else callback(null, 'fine');
    },
  });
  const port = await new Promise((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  const client = asking(`127.0.0.1:${port}`);
  const ask = (/** @type {string} */ request) =>
    new Promise((resolve) => client.ask(request, (/** @type {any} */ error) => resolve(error?.code ?? 0)));
  assert.deepEqual([await ask('good'), await ask('bad')], [0, 5]);
  await until(all, 4);
  client.close();
  server.forceShutdown();
  assert.deepEqual(all.map(({ name }) => name.split('.').at(-1)), ['start', 'end', 'start', 'end']);
  assert.equal(all[0].message, all[1].message);
  assert.equal(all[1].attributes['rpc.system.name'], 'grpc');
  assert.equal(all[1].attributes['network.peer.address'], '127.0.0.1');
  assert.equal(all[1].attributes['rpc.method'], 'test.Asking/Ask');
  assert.equal(all[1].attributes['rpc.response.status_code'], 'OK');
  assert.equal(all[3].attributes['rpc.response.status_code'], 'NOT_FOUND');
  assert.equal(all[3].attributes['error.type'], 'NOT_FOUND');
});

test('nothing is made to be told where nobody subscribed', async () => {
  const program = `
    const { Readable } = require('node:stream');
    const channels = require('./lib/internal/channels.js');
    const { text, http } = require('.');
    let made = 0;
    for (const name of ['stageStart', 'stageEnd', 'requestStart', 'requestEnd']) channels[name].publish = () => (made += 1);
    const server = http.createServer((req, res) => Readable.from(['a']).pipe(text.upperCase()).pipe(res)).listen(0, async () => {
      const body = await (await fetch('http://localhost:' + server.address().port)).text();
      server.close(() => console.log(body, made));
    });`;
  const root = path.join(__dirname, '..');
  const { stdout, stderr } = spawnSync(process.execPath, ['--eval', program], { cwd: root, encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(stdout, 'A 0\n');
  assert.equal(channel('millrace.http.request.start').hasSubscribers, false);
});

describe('/metrics', () => {
  /** @param {string} body @returns {Map<string, number>} by name and labels */
  function samples(body) {
    /** @type {Map<string, number>} */
    const all = new Map();
    const types = new Map();
    for (const line of body.trimEnd().split('\n')) {
      const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line);
      if (type) {
        assert.equal(types.has(type[1]), false, `${type[1]} stands there twice`);
        types.set(type[1], type[2]);
      }
      if (line.startsWith('# ')) {
        assert.match(line, /^# (HELP|TYPE) [a-z_]+ \S/);
        continue;
      }
      const [, name, value] = /^([a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})?) (-?[\d.e+-]+|\+Inf|NaN)$/.exec(line) ?? [];
      assert.ok(name, line);
      const base = name.replace(/\{.*/, '');
      assert.ok(types.has(base) || types.get(base.replace(/_(bucket|sum|count)$/, '')) === 'histogram', line);
      if (types.get(base) === 'counter') assert.match(base, /_total$/);
      assert.equal(all.has(name), false, line);
      all.set(name, Number(value));
    }
    return all;
  }

  test('has requests, sockets and stages in the text form of Prometheus, and goes on counting', async () => {
    const server = http.createServer({ metrics: true }, (req, res) => {
      if (req.url === '/missing') res.writeHead(404).end();
      else Readable.from(['a'.repeat(1000)]).pipe(text.upperCase()).pipe(res);
    });
    server.events('/events', { topics: 't' });
    const port = await listening(server);
    const scrape = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
      return samples(await response.text());
    };
    const before = await scrape();
    for (let i = 0; i < 3; i++) await (await fetch(`http://127.0.0.1:${port}/`)).text();
    await (await fetch(`http://127.0.0.1:${port}/missing`)).text();
    const after = await scrape();
    const grown = (/** @type {string} */ name) => (after.get(name) ?? NaN) - (before.get(name) ?? 0);
    const answered = (/** @type {number} */ status) =>
      grown(`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="${status}"}`);
    // The scrape before counts, too.
    assert.equal(answered(200), 4);
    assert.equal(answered(404), 1);
    assert.equal(grown('millrace_pipeline_stage_input_bytes_total{stage="upperCase"}'), 3000);
    assert.equal(grown('millrace_pipeline_stage_ends_total{stage="upperCase",error_type=""}'), 3);
    // The scrape itself.
    assert.equal(after.get('http_server_active_requests{http_request_method="GET"}'), 1);
    assert.ok(Number(after.get('millrace_http_connections')) >= 1);
    assert.equal(after.get('millrace_event_stream_connections{path="/events"}'), 0);
    assert.ok(grown('process_cpu_seconds_total') >= 0);
    assert.ok(Number(after.get('process_resident_memory_bytes')) > 1e6);
    const bucket = 'http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="404"';
    assert.equal(after.get(`${bucket},le="+Inf"}`), 1);
    await closed(server);
  });

  test('counts a live stage while it works, and never back', async () => {
    const server = http.createServer().metrics('/m');
    const port = await listening(server);
    const read = async () => samples(await (await fetch(`http://127.0.0.1:${port}/m`)).text());
    const name = 'millrace_pipeline_stage_input_bytes_total{stage="lowerCase"}';
    const stage = text.lowerCase();
    stage.resume();
    await new Promise((resolve) => stage.write(Buffer.alloc(5000, 'A'), resolve));
    while ((await read()).get(name) !== 5000);
    assert.equal((await read()).get('millrace_pipeline_stages{stage="lowerCase"}'), 1);
    stage.end();
    await once(stage, 'close');
    const after = await read();
    assert.equal(after.get(name), 5000);
    assert.equal(after.get('millrace_pipeline_stages{stage="lowerCase"}'), 0);
    await closed(server);
  });

  test('is for whom authorize admits, by GET alone, and at a path of its own', async () => {
    const authorize = (/** @type {any} */ req) => {
      if (req.headers.authorization === 'broken') throw new Error('broken');
      return req.headers.authorization === 'me';
    };
    const server = http.createServer({ metrics: { path: '/mine', authorize } });
    const port = await listening(server);
    const warnings = [];
    process.once('warning', (warning) => warnings.push(warning.message));
    const status = async (/** @type {string} */ authorization, method = 'GET') =>
      (await fetch(`http://127.0.0.1:${port}/mine`, { method, headers: { authorization } })).status;
    assert.deepEqual([await status('me'), await status('you'), await status('broken')], [200, 403, 500]);
    assert.equal(await status('me', 'POST'), 405);
    assert.deepEqual(warnings, ['broken']);
    assert.throws(() => server.metrics('/mine'), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(() => http.createServer({ metrics: 'x' }), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(() => http.createServer({ metrics: 7 }), { code: 'ERR_INVALID_ARG_TYPE' });
    await closed(server);
  });

  test('has no more series of a metric than a bound, whatever labels come', () => {
    const metric = new Metric('some_total', 'counter', 'Some.', ['of']);
    for (let i = 0; i < 10 * MOST_SERIES; i++) metric.add(1, i);
    assert.equal(metric.series.size, MOST_SERIES + 1);
    assert.match(metric.text(), /^some_total\{of="overflow"\} 1800$/m);
  });

  test('escapes what labels and texts may not have', () => {
    const metric = new Metric('some', 'gauge', 'a\nb\\c', ['of']);
    metric.set(Infinity, 'x"y\\z\n');
    assert.equal(metric.text(), '# HELP some a\\nb\\\\c\n# TYPE some gauge\nsome{of="x\\"y\\\\z\\n"} +Inf\n');
  });
});

