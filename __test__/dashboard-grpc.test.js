'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const grpc = require('@grpc/grpc-js');
const { Dashboard } = require('../lib/dashboard/dashboard.js');
const { Dashboard: definition } = require('../lib/dashboard/rpc.js');
const { v1 } = require('../lib/grpc/admin/reflection.js');

/**
 * @param {import('node:test').TestContext} t
 * @returns {Promise<{ dashboard: any, client: any, reflection: any }>}
 */
async function open(t) {
  const dashboard = new Dashboard();
  t.after(() => dashboard.close());
  const { host } = new URL(await dashboard.listen());
  const connect = (/** @type {any} */ service, /** @type {string} */ name) => {
    const Client = /** @type {any} */ (grpc.makeClientConstructor(service, name));
    const client = new Client(host, grpc.credentials.createInsecure());
    t.after(() => client.close());
    return client;
  };
  return {
    dashboard,
    client: connect(definition, 'millrace.dashboard.v1.Dashboard'),
    reflection: connect(v1.services.ServerReflection, 'grpc.reflection.v1.ServerReflection'),
  };
}

/** @param {any} call @param {number} count @returns {Promise<any[]>} messages; the call is given up then */
async function take(call, count) {
  const found = [];
  call.on('error', () => {});
  for await (const message of call) if (found.push(message) === count) break;
  call.cancel();
  return found;
}

describe('the dashboard by gRPC', () => {
  test('tells of the machine, once and as it goes on', async (t) => {
    const { client, dashboard } = await open(t);
    const one = await new Promise((resolve, reject) => {
      client.getSystem({}, (/** @type {any} */ error, /** @type {any} */ value) => (error ? reject(error) : resolve(value)));
    });
    assert.equal(one.core_permille.length, dashboard.system.recent[0].sample.cores.length);
    assert.ok(Number(one.memory_used) > 0 && Number(one.memory_used) <= Number(one.memory_total));
    const numbers = (await take(client.watchSystem({}), 3)).map(({ number }) => Number(number));
    assert.deepEqual(numbers, [numbers[0], numbers[0] + 1, numbers[0] + 2]);
  });

  test('follows the log by level and text, and lets go of it when the call ends', async (t) => {
    const { client, dashboard } = await open(t);
    dashboard.log.add('info', 'test', 'too low for the needle');
    dashboard.log.add('error', 'test', 'the first needle');
    const call = client.watchLog({ level: 'warn', text: 'NEEDLE' });
    const taken = take(call, 2);
    await once(call, 'metadata');
    dashboard.log.add('error', 'test', 'hay');
    dashboard.log.add('warn', 'test', 'the second needle');
    assert.deepEqual((await taken).map(({ text }) => text), ['the first needle', 'the second needle']);
    while (dashboard.log.listenerCount('line') > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('shows its services and their file by reflection', async (t) => {
    const { reflection } = await open(t);
    const call = reflection.ServerReflectionInfo();
    const answers = take(call, 2);
    call.write({ list_services: '' });
    call.write({ file_containing_symbol: 'millrace.dashboard.v1.Dashboard.WatchLog' });
    const [list, found] = await answers;
    const names = list.list_services_response.service.map((/** @type {any} */ { name }) => name);
    assert.ok(names.includes('millrace.dashboard.v1.Dashboard') && names.includes('grpc.health.v1.Health'), `${names}`);
    const [bytes] = found.file_descriptor_response.file_descriptor_proto;
    assert.ok(bytes.includes('millrace/dashboard/v1/dashboard.proto') && bytes.includes('core_permille'));
  });

  test('a page of another name for this machine cannot call it through gRPC-Web', async (t) => {
    const { dashboard } = await open(t);
    const headers = { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' };
    const url = `${dashboard.address()}millrace.dashboard.v1.Dashboard/GetSystem`;
    const ask = (/** @type {Record<string, string>} */ more) =>
      new Promise((resolve, reject) => {
        const req = require('node:http').request(url, { method: 'POST', headers: { ...headers, ...more }, agent: false });
        req.on('response', (res) => resolve(res.resume().statusCode)).on('error', reject);
        req.end(Buffer.alloc(5));
      });
    assert.equal(await ask({}), 200);
    assert.equal(await ask({ host: 'rebound.example' }), 403);
    assert.equal(await ask({ origin: 'http://elsewhere.example' }), 403);
  });
});
