'use strict';

const { loadPackageDefinition, makeClientConstructor } = require('millrace/grpc');

exports.makeClientConstructor = makeClientConstructor;
exports.loadPackageDefinition = loadPackageDefinition;
