'use strict';

const { Client } = require('millrace/grpc');

exports.Client = Client;
