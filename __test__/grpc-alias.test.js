'use strict';

/** `compat/grpc-js`: the package that takes grpc-js's name, and the files in it that agents hook. */

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');

const ROOT = path.join(__dirname, '..');

/** @param {import('node:test').TestContext} t @returns {string} a folder in which both are installed */
function install(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-alias-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const scope = path.join(folder, 'node_modules', '@grpc');
  fs.mkdirSync(scope, { recursive: true });
  fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'millrace'));
  // As npm installs it with --install-links.
  fs.cpSync(path.join(ROOT, 'compat', 'grpc-js'), path.join(scope, 'grpc-js'), { recursive: true });
  return folder;
}

/** @param {string} folder @param {string} program @param {string} [name] */
async function run(folder, program, name = 'program.js') {
  const file = path.join(folder, name);
  fs.writeFileSync(file, program);
  return (await promisify(execFile)(process.execPath, [file], { timeout: 30_000 })).stdout.trim();
}

/** A server and a client of it, without a definition. */
const PROGRAM = `
  const grpc = require('@grpc/grpc-js');
  const same = (value) => value;
  const shout = {
    path: '/d.D/Shout', requestStream: false, responseStream: false, requestSerialize: same, requestDeserialize: same,
    responseSerialize: same, responseDeserialize: same,
  };
  const server = new grpc.Server();
  server.addService({ shout }, { shout: (call, callback) => callback(null, Buffer.from(String(call.request).toUpperCase())) });
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    const Client = grpc.makeClientConstructor({ shout }, 'D');
    const client = new Client('127.0.0.1:' + port, grpc.credentials.createInsecure());
    client.shout(Buffer.from('hey'), (error, value) => {
      console.log(error ? error.message : String(value), calls.join());
      client.close();
      server.tryShutdown(() => {});
    });
  });
`;

test('a program that requires @grpc/grpc-js gets millrace, and agents find their files', async (t) => {
  const hooks = `
    const Module = require('node:module');
    const calls = [];
    const load = Module.prototype.require;
    Module.prototype.require = function (id) {
      const exports = load.call(this, id);
      const file = this.filename.includes('grpc-js') ? id : '';
      if (file === './server.js') {
        const { register } = exports.Server.prototype;
        exports.Server.prototype.register = function (name, handler, ...rest) {
          calls.push('register');
          return register.call(this, name, function (...args) { calls.push('handler'); return handler.apply(this, args); }, ...rest);
        };
      }
      if (file === './make-client.js') {
        const { makeClientConstructor } = exports;
        exports.makeClientConstructor = (...args) => { calls.push('client'); return makeClientConstructor(...args); };
      }
      return exports;
    };
  `;
  assert.equal(await run(install(t), hooks + PROGRAM), 'HEY register,client,handler');
});

test('its names are there for ES modules, and its version is one that agents know', async (t) => {
  const program = `
    import { Server, makeClientConstructor, Metadata, status } from '@grpc/grpc-js';
    import { createRequire } from 'node:module';
    const { version } = createRequire(import.meta.url)('@grpc/grpc-js/package.json');
    console.log(typeof Server, typeof makeClientConstructor, typeof Metadata, status.OK, version.split('.')[0]);
  `;
  assert.equal(await run(install(t), program, 'program.mjs'), 'function function function 0 1');
});

test('what grpc-js would have to do is not asked of ourselves', async (t) => {
  const program = `
    const grpc = require('@grpc/grpc-js');
    grpc.getChannelzHandlers().GetChannel({ request: { channel_id: '1' } }, ({ code }) => console.log(code));
  `;
  assert.equal(await run(install(t), program), '5');
});
