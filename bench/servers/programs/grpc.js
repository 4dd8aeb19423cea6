'use strict';

/**
 * A gRPC server to be loaded: `node grpc.js JSON`, with the options below. Prints its port.
 *
 * @typedef {object} Options
 * @property {'millrace' | 'grpc-js'} who
 * @property {{ key: string, cert: string }} [tls]  files
 */

const fs = require('node:fs');
const path = require('node:path');
const { loadSync } = require('@grpc/proto-loader');

/** @type {Options} */
const { who, tls } = JSON.parse(process.argv[2]);
/** @type {typeof import('@grpc/grpc-js')} */
const grpc = who === 'grpc-js' ? require('@grpc/grpc-js') : require('../../ours').ours('grpc');

/** @type {any} */
const { millrace } = grpc.loadPackageDefinition(loadSync(path.join(__dirname, 'load.proto')));

/** The textbook's handlers: each heeds what `write` says. @type {import('@grpc/grpc-js').UntypedServiceImplementation} */
const handlers = {
  echo: (/** @type {any} */ call, /** @type {any} */ callback) => callback(null, { data: call.request.data }),

  give(/** @type {any} */ call) {
    const { data, count } = call.request;
    let left = count;
    const give = () => {
      while (left > 0) {
        left--;
        if (!call.write({ data })) return call.once('drain', give);
      }
      call.end();
    };
    give();
  },

  take(/** @type {any} */ call, /** @type {any} */ callback) {
    let count = 0;
    call.on('data', () => count++);
    call.on('end', () => callback(null, { count }));
  },

  talk(/** @type {any} */ call) {
    call.on('data', (/** @type {any} */ { data }) => {
      if (!call.write({ data }) && !call.isPaused()) {
        call.pause();
        call.once('drain', () => call.resume());
      }
    });
    call.on('end', () => call.end());
  },
};

const credentials = tls
  ? grpc.ServerCredentials.createSsl(null, [{ private_key: fs.readFileSync(tls.key), cert_chain: fs.readFileSync(tls.cert) }])
  : grpc.ServerCredentials.createInsecure();
const server = new grpc.Server();
server.addService(millrace.load.Load.service, handlers);
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error) throw error;
  console.log(port);
});
