'use strict';

// All four kinds of gRPC call. Server and client are of millrace/grpc and of @grpc/grpc-js in turn, in all combinations: one
// program, one changed require at either end. The definitions are read by millrace's own loader, with protobufjs.

const path = require('node:path');
const { once } = require('node:events');
const grpcJs = require('@grpc/grpc-js');
const millrace = require('millrace/grpc');

const definition = millrace.loadSync(path.join(__dirname, 'grpc-stream.proto'));

/** Keeps a mean. */
function summary() {
  let [count, sum] = [0, 0];
  return {
    add: (/** @type {number} */ value) => {
      count++;
      sum += value;
    },
    value: () => ({ count, mean: count === 0 ? 0 : sum / count }),
  };
}

const handlers = {
  describe(/** @type {any} */ call, /** @type {any} */ callback) {
    if (call.request.name === '') callback({ code: grpcJs.status.INVALID_ARGUMENT, details: 'a sensor has a name' });
    else callback(null, { text: `${call.request.name} measures` });
  },
  follow(/** @type {any} */ call) {
    const { name, count } = call.request;
    let sent = 0;
    // As fast as the client takes them: with millrace/grpc, write() counts bytes.
    const more = () => {
      while (sent < count) if (!call.write({ sensor: name, value: sent++ })) return;
      call.end();
    };
    call.on('drain', more);
    more();
  },
  record(/** @type {any} */ call, /** @type {any} */ callback) {
    const readings = summary();
    call.on('data', (/** @type {any} */ reading) => readings.add(reading.value));
    call.on('end', () => callback(null, readings.value()));
  },
  watch(/** @type {any} */ call) {
    const readings = summary();
    call.on('data', (/** @type {any} */ reading) => {
      readings.add(reading.value);
      call.write(readings.value());
    });
    call.on('end', () => call.end());
  },
};

/** @param {string} name @param {any} grpc the server's @param {any} clients the client's */
async function demo(name, grpc, clients) {
  const server = new grpc.Server();
  /** @type {any} */
  const { Readings } = grpc.loadPackageDefinition(definition).readings;
  server.addService(Readings.service, handlers);
  const port = await new Promise((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync('localhost:0', credentials, (/** @type {any} */ error, /** @type {any} */ bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });

  /** @type {any} */
  const { Readings: Client } = clients.loadPackageDefinition(definition).readings;
  const client = new Client(`localhost:${port}`, clients.credentials.createInsecure());

  client.describe({ name: '' }, (/** @type {any} */ error) => console.log(`${name}: describe: ${error.message}`));
  let followed = 0;
  for await (const reading of client.follow({ name: 'north', count: 10_000 })) followed += reading.value;
  console.log(`${name}: follow: ${followed}`);

  await new Promise((/** @type {(value: void) => void} */ resolve) => {
    const call = client.record((/** @type {any} */ _error, /** @type {any} */ all) => {
      console.log(`${name}: record: ${all.count} readings, mean ${all.mean}`);
      resolve();
    });
    for (let value = 1; value <= 99; value++) call.write({ sensor: 'north', value });
    call.end();
  });

  const call = client.watch();
  call.write({ sensor: 'north', value: 1 });
  const [first] = await once(call, 'data');
  call.write({ sensor: 'north', value: 2 });
  const [second] = await once(call, 'data');
  console.log(`${name}: watch: ${first.mean}, then ${second.mean}`);
  call.end();
  await once(call, 'status');
  client.close();
  await new Promise((resolve) => server.tryShutdown(resolve));
}

async function main() {
  await demo('millrace to millrace', millrace, millrace);
  await demo('grpc-js to millrace', millrace, grpcJs);
  await demo('millrace to grpc-js', grpcJs, millrace);
  await demo('grpc-js to grpc-js', grpcJs, grpcJs);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
