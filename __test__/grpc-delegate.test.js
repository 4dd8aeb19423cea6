'use strict';

/** What is left to grpc-js: its channels carry calls of our clients. */

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { describe, test } = require('node:test');
const { answerOf, connectOurs, grpc, serveGrpc } = require('./harness/grpc.js');

const HARNESS = JSON.stringify(path.join(__dirname, 'harness', 'grpc.js'));
const OTHER_BALANCER = JSON.stringify({ loadBalancingConfig: [{ weighted_round_robin: {} }] });

/** @param {string} program @param {Record<string, string>} env @returns {string} what it prints */
function run(program, env) {
  const text = `const { Echo, EchoClient, grpc, peer } = require(${HARNESS}); ${program}`;
  return execFileSync(process.execPath, ['-e', text], { env: { ...process.env, ...env }, encoding: 'utf8' });
}

describe('a channel that is left to grpc-js', () => {
  test('carries calls with metadata, deadlines and credentials of ours', async (t) => {
    const { address } = await serveGrpc(t, {
      one: async (/** @type {any} */ call) => ({ text: `${call.metadata.get('a')} ${call.metadata.get('b')}` }),
    });
    const client = connectOurs(t, address, { 'grpc.service_config': OTHER_BALANCER });
    const metadata = new grpc.Metadata();
    metadata.set('a', '1');
    const credentials = grpc.credentials.createFromMetadataGenerator((/** @type {any} */ _about, /** @type {any} */ callback) => {
      const generated = new grpc.Metadata();
      generated.set('b', '2');
      callback(null, generated);
    });
    const options = { credentials, deadline: Date.now() + 10_000 };
    const { error, value } = await answerOf((callback) => client.one({}, metadata, options, callback));
    assert.equal(error, null);
    assert.equal(value.text, '1 2');
  });

  test('is one by way of a proxy, but for targets that are excepted', () => {
    const program = `
      for (const target of ['example.test:1', 'inside.test:1', '10.1.2.3:1', 'unix:/x']) {
        const client = new Echo(target, grpc.credentials.createInsecure());
        console.log(client.getChannel().channel.constructor.name);
        client.close();
      }`;
    const env = { grpc_proxy: 'http://127.0.0.1:1', no_proxy: 'inside.test,10.0.0.0/8' };
    assert.deepEqual(run(program, env).trim().split('\n'), ['DelegatedChannel', 'Channel', 'Channel', 'Channel']);
  });

  test('is any where there is no native event loop', () => {
    const program = `
      const server = new peer.Server();
      server.addService(EchoClient.service, { one: (call, callback) => callback(null, call.request) });
      server.bindAsync('127.0.0.1:0', peer.ServerCredentials.createInsecure(), (error, port) => {
        const client = new Echo('127.0.0.1:' + port, grpc.credentials.createInsecure());
        client.one({ number: 7 }, (failure, value) => {
          console.log(failure, value.number);
          client.close();
          server.forceShutdown();
        });
      });`;
    assert.equal(run(program, { MILLRACE_REACTOR: '0' }), 'null 7\n');
  });
});
