'use strict';

// One port for a web page, an event stream, gRPC, and gRPC-Web for browsers, without a proxy in between.

const path = require('node:path');
const { once } = require('node:events');
const grpcJs = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const grpc = require('millrace/grpc');
const http = require('millrace/http');
const { createHub } = require('millrace/hub');

/** @type {any} */
const definition = protoLoader.loadSync(path.join(__dirname, 'grpc-stream.proto'));
const hub = createHub();

const server = http.createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>readings</title>');
});
// Browsers follow what gRPC's clients record.
server.events('/readings', { hub, topics: ['readings'] });
server.grpc(definition['readings.Readings'], {
  async record(/** @type {any} */ call) {
    let [count, sum] = [0, 0];
    for await (const { value } of call) {
      count++;
      sum += value;
      hub.publish('readings', { value });
    }
    if (count === 0) throw Object.assign(new Error('no readings'), { code: grpc.status.INVALID_ARGUMENT });
    return { count, mean: sum / count };
  },
});

async function demo() {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

  const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  console.log(`page: ${page}`);
  const events = await fetch(`http://127.0.0.1:${port}/readings`);
  const reader = /** @type {ReadableStream} */ (events.body).pipeThrough(new TextDecoderStream()).getReader();

  /** @type {any} */
  const { Readings } = /** @type {any} */ (grpcJs.loadPackageDefinition(definition)).readings;
  const client = new Readings(`127.0.0.1:${port}`, grpcJs.credentials.createInsecure());
  const summary = new Promise((resolve, reject) => {
    const call = client.record((/** @type {any} */ error, /** @type {any} */ value) => (error ? reject(error) : resolve(value)));
    for (const value of [1, 2, 6]) call.write({ sensor: 'north', value });
    call.end();
  });
  const { count, mean } = await summary;
  console.log(`gRPC: ${count} readings, mean ${mean}`);

  // A browser's call: frames in the body, and the status in the last of them.
  const method = definition['readings.Readings'].Record;
  const message = method.requestSerialize({ sensor: 'south', value: 4 });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  const answer = await fetch(`http://127.0.0.1:${port}${method.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web' },
    body: Buffer.concat([prefix, message]),
  });
  const body = Buffer.from(await answer.arrayBuffer());
  const end = 5 + body.readUInt32BE(1);
  const { mean: only } = method.responseDeserialize(body.subarray(5, end));
  console.log(`gRPC-Web: mean ${only}, ${body.subarray(end + 5).toString().split('\r\n')[0]}`);

  let text = '';
  while (!text.includes('{"value":4}')) text += (await reader.read()).value;
  console.log(`events: ${text.match(/\{"value":\d\}/g)?.join(' ')}`);
  client.close();
  server.close();
  server.closeAllConnections();
}

demo().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
