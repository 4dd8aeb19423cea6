'use strict';

/**
 * An HTTP server to be loaded: `node http.js JSON`, with the options below. Prints its port.
 *
 * @typedef {object} Options
 * @property {'millrace' | 'node'} who
 * @property {'hello' | 'files' | 'stream' | 'upload'} mode
 * @property {string} folder  of the files
 * @property {{ key: string, cert: string }} [tls]  files
 * @property {boolean} [http2]
 */

const fs = require('node:fs');
const path = require('node:path');

/** @type {Options} */
const { who, mode, folder, tls, http2 } = JSON.parse(process.argv[2]);
const { ours } = require('../../ours');

/** @type {Record<string, import('node:http').RequestListener>} */
const handlers = {
  hello: (_req, res) => res.end('Hello, world!\n'),

  /** As the textbooks have it: a file piped into the response. */
  stream: (req, res) => {
    const source = fs.createReadStream(path.join(folder, /** @type {string} */ (req.url)));
    source.on('error', () => res.destroy());
    source.pipe(res);
  },

  /** Takes the body piece by piece, and says how long it was. */
  upload: (req, res) => {
    let bytes = 0;
    req.on('data', (chunk) => (bytes += chunk.length));
    req.on('end', () => res.end(`${bytes}\n`));
  },

  /** No file of this name. */
  files: (_req, res) => res.writeHead(404).end(),
};

/**
 * @param {import('node:http').RequestListener} handler
 * @returns {any}
 */
function create(handler) {
  const options = tls ? { key: fs.readFileSync(tls.key), cert: fs.readFileSync(tls.cert) } : {};
  if (who === 'millrace') return ours('http').createServer(options, handler);
  if (http2) {
    const { createServer, createSecureServer } = /** @type {any} */ (require('node:http2'));
    return tls ? createSecureServer(options, handler) : createServer(handler);
  }
  return tls ? require('node:https').createServer(options, handler) : require('node:http').createServer(handler);
}

const server = create(handlers[mode]);
if (mode === 'files') server.files('/', folder);
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
