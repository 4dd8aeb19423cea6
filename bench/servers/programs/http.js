'use strict';

/**
 * An HTTP server to be loaded: `node http.js JSON`, with the options below. Prints its port.
 *
 * @typedef {object} Options
 * @property {'millrace' | 'node'} who
 * @property {'hello' | 'files' | 'stream' | 'upload'} mode
 * @property {string} folder  of the files
 */

const fs = require('node:fs');
const path = require('node:path');

/** @type {Options} */
const { who, mode, folder } = JSON.parse(process.argv[2]);
const { ours } = require('../../ours');
const http = who === 'millrace' ? ours('http') : require('node:http');

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

const server = http.createServer(handlers[mode]);
if (mode === 'files') server.files('/', folder);
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
