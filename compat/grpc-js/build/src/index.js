'use strict';

module.exports = require('millrace/grpc');

// Agents hook files, and replace what these export while they are loaded.
Object.assign(module.exports, require('./server.js'), require('./client.js'), require('./make-client.js'));
