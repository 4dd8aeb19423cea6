'use strict';

/** The certificates of servers that are loaded over TLS: those of the tests. */

const path = require('node:path');

const FOLDER = path.join(__dirname, '..', '..', '__test__', 'fixtures', 'tls');

/** File that the load generator trusts. */
const CA = path.join(FOLDER, 'ca.pem');

/** Files of the server's key and certificate (P-256). */
const IDENTITY = { key: path.join(FOLDER, 'server-key.pem'), cert: path.join(FOLDER, 'server.pem') };

module.exports = { CA, IDENTITY };
