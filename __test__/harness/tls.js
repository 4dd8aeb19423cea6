'use strict';

/** What the tests of TLS share: certificates, servers, clients. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const tls = require('node:tls');
const http = require('../../lib/http.js');
const { closed, listening } = require('./raw-http.js');

/** @param {string} name @returns {Buffer} a file of `fixtures/tls/`, which `make.sh` there makes */
const fixture = (name) => fs.readFileSync(path.join(__dirname, '..', 'fixtures', 'tls', name));

/** @param {string} name @returns {{ key: Buffer, cert: Buffer }} */
const identity = (name) => ({ key: fixture(`${name}-key.pem`), cert: fixture(`${name}.pem`) });

const ca = fixture('ca.pem');
const SERVER = identity('server');

/**
 * A server on loopback for the time of a test.
 *
 * @param {any} options beside the certificate of `localhost`
 * @param {(req: any, res: any) => void} listener
 * @param {(port: number, server: any) => Promise<void>} use
 */
async function serving(options, listener, use) {
  const server = http.createServer({ ...SERVER, ...options }, listener);
  const port = await listening(server);
  try {
    await use(port, server);
  } finally {
    await closed(server);
  }
}

/**
 * @param {number} port
 * @param {any} [options] of `https.request`, and `body`
 * @returns {Promise<{ status: number, headers: any, body: Buffer, socket: tls.TLSSocket }>}
 */
async function fetched(port, { body, ...options } = {}) {
  const req = https.request({ port, host: 'localhost', ca, agent: false, ...options });
  req.end(body);
  const [res] = await once(req, 'response');
  const chunks = [];
  for await (const chunk of res) chunks.push(chunk);
  return { status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks), socket: res.socket };
}

/**
 * @param {number} port
 * @param {any} [options] of `tls.connect`
 * @returns {Promise<tls.TLSSocket>} a connection whose bytes a test writes itself
 */
async function connected(port, options) {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

/**
 * @param {Promise<unknown>} promise
 * @returns {Promise<any>} the error that it ends with
 */
async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail('it should have failed');
}

module.exports = { SERVER, ca, connected, failure, fetched, fixture, identity, serving };
