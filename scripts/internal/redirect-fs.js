'use strict';

// A preload: node:fs with millrace/fs's streams in place of its own. What millrace's classes extend was taken before.

const nodeFs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const ours = require('../../lib/fs.js');

Object.assign(nodeFs, {
  createReadStream: ours.createReadStream,
  createWriteStream: ours.createWriteStream,
  ReadStream: ours.ReadStream,
  WriteStream: ours.WriteStream,
  FileReadStream: ours.ReadStream,
  FileWriteStream: ours.WriteStream,
});
syncBuiltinESMExports();
