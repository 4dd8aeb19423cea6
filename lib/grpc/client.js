'use strict';

/** What programs have of clients. */

const { CallCredentials } = require('./client/call-credentials.js');
const channelCredentials = require('./client/channel-credentials.js');
const { Client } = require('./client/client.js');
const interceptors = require('./client/interceptors.js');
const { loadPackageDefinition, makeClientConstructor } = require('./client/make-client.js');
const { Channel } = require('./client/open-channel.js');
const { StatusBuilder } = require('./client/status-builder.js');

const { ChannelCredentials } = channelCredentials;

/** @type {any} */
const credentials = {
  combineChannelCredentials: channelCredentials.combineChannelCredentials,
  combineCallCredentials: channelCredentials.combineCallCredentials,
  createInsecure: ChannelCredentials.createInsecure,
  createSsl: ChannelCredentials.createSsl,
  createFromSecureContext: ChannelCredentials.createFromSecureContext,
  createFromMetadataGenerator: CallCredentials.createFromMetadataGenerator,
  createFromGoogleCredential: CallCredentials.createFromGoogleCredential,
  createEmpty: CallCredentials.createEmpty,
};

/** @param {any} client */
const closeClient = (client) => client.close();

/** @param {any} client @param {any} deadline @param {(error?: Error) => void} callback */
const waitForClientReady = (client, deadline, callback) => client.waitForReady(deadline, callback);

/** @param {any} client */
const getClientChannel = (client) => client.getChannel();

module.exports = {
  CallCredentials,
  Channel,
  ChannelCredentials,
  Client,
  InterceptingCall: interceptors.InterceptingCall,
  InterceptorConfigurationError: interceptors.InterceptorConfigurationError,
  ListenerBuilder: interceptors.ListenerBuilder,
  RequesterBuilder: interceptors.RequesterBuilder,
  StatusBuilder,
  createCertificateProviderChannelCredentials: channelCredentials.createCertificateProviderChannelCredentials,
  credentials,
  makeClientConstructor,
  loadPackageDefinition,
  closeClient,
  waitForClientReady,
  getClientChannel,
};
