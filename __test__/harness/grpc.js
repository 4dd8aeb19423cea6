'use strict';

const http2 = require('node:http2');
const path = require('node:path');
const peer = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const grpc = require('../../lib/grpc.js');

const definition = loader.loadSync(path.join(__dirname, '..', 'fixtures', 'echo.proto'), { defaults: true });
/** @type {any} */
const Echo = grpc.loadPackageDefinition(definition).millrace.test.Echo;
/** A client of grpc-js. @type {any} */
const EchoClient = /** @type {any} */ (peer.loadPackageDefinition(definition)).millrace.test.Echo;
/** @type {Record<string, { library: any, Client: any }>} */
const sides = { ours: { library: grpc, Client: Echo }, theirs: { library: peer, Client: EchoClient } };

/**
 * A server with these handlers, closed by force when the test ends.
 *
 * @param {import('node:test').TestContext} t
 * @param {any} handlers
 * @param {any} [options]
 * @param {{ address?: string, credentials?: any, library?: any }} [where]
 * @returns {Promise<{ server: any, port: number, address: string }>}
 */
async function serveGrpc(t, handlers, options, { address = '127.0.0.1:0', credentials, library = grpc } = {}) {
  const server = new library.Server(options);
  t.after(() => server.forceShutdown());
  server.addService(Echo.service, handlers);
  /** @type {number} */
  const port = await new Promise((resolve, reject) => {
    const bound = (/** @type {any} */ error, /** @type {number} */ number) => {
      if (error) reject(error);
      else resolve(number);
    };
    server.bindAsync(address, credentials ?? library.ServerCredentials.createInsecure(), bound);
  });
  return { server, port, address: address.replace(/:0$/, `:${port}`) };
}

/**
 * @param {import('node:test').TestContext} t
 * @param {string} address
 * @param {any} [options]
 * @param {any} [credentials]
 * @returns {any} a client of grpc-js with a connection of its own, closed when the test ends
 */
function connectGrpc(t, address, options, credentials = peer.credentials.createInsecure()) {
  const client = new EchoClient(address, credentials, { 'grpc.use_local_subchannel_pool': 1, ...options });
  t.after(() => client.close());
  return client;
}

/**
 * @param {import('node:test').TestContext} t
 * @param {string} address
 * @param {any} [options]
 * @param {any} [credentials]
 * @returns {any} a client of ours with a connection of its own, closed when the test ends
 */
function connectOurs(t, address, options, credentials = grpc.credentials.createInsecure()) {
  const client = new Echo(address, credentials, { 'grpc.use_local_subchannel_pool': 1, ...options });
  t.after(() => client.close());
  return client;
}

/**
 * @param {(callback: (error: any, value: any) => void) => any} start a call with one answer
 * @returns {Promise<{ error: any, value: any, metadata: any, status: any }>}
 */
function answerOf(start) {
  return new Promise((resolve) => {
    /** @type {any} */
    let metadata;
    /** @type {any} */
    let outcome;
    const call = start((error, value) => {
      outcome = { error, value };
    });
    call.on('metadata', (/** @type {any} */ headers) => {
      metadata = headers;
    });
    call.on('status', (/** @type {any} */ status) => resolve({ ...outcome, metadata, status }));
  });
}

/**
 * @param {any} call with many answers
 * @returns {Promise<{ values: any[], status: any, metadata: any }>}
 */
function answersOf(call) {
  return new Promise((resolve) => {
    /** @type {any[]} */
    const values = [];
    /** @type {any} */
    let metadata;
    call.on('data', (/** @type {any} */ value) => values.push(value));
    call.on('metadata', (/** @type {any} */ headers) => {
      metadata = headers;
    });
    call.on('error', () => {});
    call.on('status', (/** @type {any} */ status) => resolve({ values, status, metadata }));
  });
}

/**
 * A client of HTTP/2 that says what it likes.
 *
 * @param {import('node:test').TestContext} t
 * @param {number} port
 * @returns {import('node:http2').ClientHttp2Session}
 */
function rawSession(t, port) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  t.after(() => session.destroy());
  return session;
}

/**
 * @param {import('node:http2').ClientHttp2Session} session
 * @param {Record<string, string>} headers
 * @param {Buffer[]} [body] none leaves the request open
 * @returns {Promise<{ headers: any, trailers: any, body: Buffer }>} headers of a call without trailers are in both
 */
function rawCall(session, headers, body = []) {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/millrace.test.Echo/One',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    /** @type {any} */
    let head;
    /** @type {any} */
    let trailers;
    /** @type {Buffer[]} */
    const chunks = [];
    stream.on('response', (fields) => {
      head = fields;
    });
    stream.on('trailers', (fields) => {
      trailers = fields;
    });
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => resolve({ headers: head, trailers: trailers ?? head, body: Buffer.concat(chunks) }));
    for (const part of body) stream.write(part);
    if (body.length > 0) stream.end();
    else stream.on('end', () => stream.close());
  });
}

/**
 * @param {Uint8Array} message
 * @param {{ flag?: number, length?: number }} [prefix] that is not as it should be
 * @returns {Buffer}
 */
function framed(message, { flag = 0, length = message.length } = {}) {
  const bytes = Buffer.alloc(5 + message.length);
  bytes[0] = flag;
  bytes.writeUInt32BE(length, 1);
  bytes.set(message, 5);
  return bytes;
}

module.exports = {
  Echo,
  EchoClient,
  answerOf,
  answersOf,
  connectGrpc,
  connectOurs,
  framed,
  grpc,
  peer,
  rawCall,
  rawSession,
  serveGrpc,
  sides,
};
