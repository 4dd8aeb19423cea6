'use strict';

const constants = require('./grpc/constants.js');
const credentials = require('./grpc/server-credentials.js');
const interceptors = require('./grpc/server-interceptors.js');
const logging = require('./grpc/logging.js');
const channelz = require('./grpc/channelz.js');
const client = require('./grpc/client.js');
const loader = require('./grpc/loader.js');
const { FileWatcherCertificateProvider } = require('./grpc/certificate-provider.js');
const { Metadata } = require('./grpc/metadata.js');
const { grpcJs } = require('./grpc/peer.js');
const { Server } = require('./grpc/server.js');

// Plain, writable properties: agents replace some of them.
exports.status = constants.status;
exports.logVerbosity = constants.logVerbosity;
exports.connectivityState = constants.connectivityState;
exports.propagate = constants.propagate;
exports.compressionAlgorithms = constants.compressionAlgorithms;
exports.Metadata = Metadata;

// Node finds the names for `import { Client } from 'millrace/grpc'` by reading this text; what they are is told below.
exports.Client = undefined;
exports.Channel = undefined;
exports.ChannelCredentials = undefined;
exports.CallCredentials = undefined;
exports.StatusBuilder = undefined;
exports.ListenerBuilder = undefined;
exports.RequesterBuilder = undefined;
exports.InterceptingCall = undefined;
exports.InterceptorConfigurationError = undefined;
exports.ServerMetricRecorder = undefined;

exports.Server = Server;
exports.ServerCredentials = credentials.ServerCredentials;
exports.ServerListenerBuilder = interceptors.ServerListenerBuilder;
exports.ResponderBuilder = interceptors.ResponderBuilder;
exports.ServerInterceptingCall = interceptors.ServerInterceptingCall;
exports.getChannelzServiceDefinition = channelz.getChannelzServiceDefinition;
exports.getChannelzHandlers = channelz.getChannelzHandlers;
exports.addAdminServicesToServer = addAdminServicesToServer;

exports.setLogger = logging.setLogger;
exports.setLogVerbosity = logging.setLogVerbosity;
exports.loadObject = unavailable;

// Of the loader, where grpc-js has a function that throws.
exports.load = loader.load;
exports.loadSync = loader.loadSync;
exports.fromJSON = loader.fromJSON;
exports.loadFileDescriptorSetFromBuffer = loader.loadFileDescriptorSetFromBuffer;
exports.loadFileDescriptorSetFromObject = loader.loadFileDescriptorSetFromObject;
exports.isAnyExtension = loader.isAnyExtension;
exports.IdempotencyLevel = loader.IdempotencyLevel;

exports.loadPackageDefinition = client.loadPackageDefinition;
exports.makeClientConstructor = client.makeClientConstructor;
exports.makeGenericClientConstructor = client.makeClientConstructor;
exports.closeClient = client.closeClient;
exports.waitForClientReady = client.waitForClientReady;
exports.getClientChannel = client.getClientChannel;
exports.credentials = client.credentials;
exports.Client = client.Client;
exports.Channel = client.Channel;
exports.ChannelCredentials = client.ChannelCredentials;
exports.CallCredentials = client.CallCredentials;
exports.StatusBuilder = client.StatusBuilder;
exports.ListenerBuilder = client.ListenerBuilder;
exports.RequesterBuilder = client.RequesterBuilder;
exports.InterceptingCall = client.InterceptingCall;
exports.InterceptorConfigurationError = client.InterceptorConfigurationError;

exports.experimental = {
  FileWatcherCertificateProvider,
  createCertificateProviderChannelCredentials: client.createCertificateProviderChannelCredentials,
  createCertificateProviderServerCredentials: credentials.createCertificateProviderServerCredentials,
  createServerCredentialsWithInterceptors: credentials.createServerCredentialsWithInterceptors,
};

/** @param {Server} server gets the channelz service */
function addAdminServicesToServer(server) {
  server.addService(channelz.getChannelzServiceDefinition(), channelz.getChannelzHandlers());
}

/** @returns {never} */
function unavailable() {
  throw new Error('Not available in this library. Use loadSync and loadPackageDefinition instead');
}

// A class of grpc-js, loaded when it is looked at: a server does without.
Object.defineProperty(exports, 'ServerMetricRecorder', {
  enumerable: true,
  configurable: true,
  get: () => grpcJs('ServerMetricRecorder').ServerMetricRecorder,
  /** @param {any} value */
  set(value) {
    Object.defineProperty(exports, 'ServerMetricRecorder', { value, enumerable: true, configurable: true, writable: true });
  },
});
