'use strict';

// Node finds the names for `import { zlib } from 'millrace'` by reading this text, so they stand here in full.
exports.fs = undefined;
exports.zlib = undefined;
exports.text = undefined;
exports.jsonl = undefined;
exports.crypto = undefined;
exports.http = undefined;
exports.sse = undefined;
exports.ws = undefined;
exports.grpc = undefined;
exports.hub = undefined;
exports.compose = undefined;
exports.inspect = undefined;
exports.inspector = undefined;

/** @type {Record<string, () => unknown>} */
const members = {
  fs: () => require('./lib/fs.js'),
  zlib: () => require('./lib/zlib.js'),
  text: () => require('./lib/text.js'),
  jsonl: () => require('./lib/jsonl.js'),
  crypto: () => require('./lib/crypto.js'),
  http: () => require('./lib/http.js'),
  sse: () => require('./lib/sse.js'),
  ws: () => require('./lib/ws.js'),
  grpc: () => require('./lib/grpc.js'),
  hub: () => require('./lib/hub.js'),
  compose: () => require('./lib/compose.js').compose,
  inspect: () => require('./lib/inspect.js').inspect,
  inspector: () => require('./lib/inspector.js').inspector,
};

// Loaded when first looked at: a program that only compresses does not pay for the rest.
for (const [name, load] of Object.entries(members)) {
  Object.defineProperty(exports, name, {
    enumerable: true,
    configurable: true,
    get() {
      const value = load();
      Object.defineProperty(exports, name, { value, enumerable: true });
      return value;
    },
  });
}
