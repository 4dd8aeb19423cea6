'use strict';

const { Server } = require('millrace/grpc');

exports.Server = Server;
