'use strict';

/** `grpc.channelz.v1.Channelz`, without what neither server nor grpc-js tells: options of sockets and windows. */

const { file } = require('./proto.js');

const TIME = 'google.protobuf.Timestamp';

/** What servers, channels and subchannels count. @param {number} first @returns {Record<string, import('./proto.js').Field>} */
const counts = (first) => ({
  calls_started: [first, 'int64'],
  calls_succeeded: [first + 1, 'int64'],
  calls_failed: [first + 2, 'int64'],
  last_call_started_timestamp: [first + 3, TIME],
});

/** @type {Record<string, import('./proto.js').Field>} */
const children = {
  channel_ref: [3, 'ChannelRef', 'repeated'],
  subchannel_ref: [4, 'SubchannelRef', 'repeated'],
  socket_ref: [5, 'SocketRef', 'repeated'],
};

const channelz = file('grpc/channelz/v1/channelz.proto', 'grpc.channelz.v1', {
  dependency: ['google/protobuf/timestamp.proto'],
  messages: {
    Channel: { ref: [1, 'ChannelRef'], data: [2, 'ChannelData'], ...children },
    Subchannel: { ref: [1, 'SubchannelRef'], data: [2, 'ChannelData'], ...children },
    ChannelConnectivityState: { state: [1, 'ChannelConnectivityState.State'] },
    ChannelData: { state: [1, 'ChannelConnectivityState'], target: [2, 'string'], trace: [3, 'ChannelTrace'], ...counts(4) },
    ChannelTraceEvent: {
      description: [1, 'string'],
      severity: [2, 'ChannelTraceEvent.Severity'],
      timestamp: [3, TIME],
      channel_ref: [4, 'ChannelRef', 'child_ref'],
      subchannel_ref: [5, 'SubchannelRef', 'child_ref'],
    },
    ChannelTrace: {
      num_events_logged: [1, 'int64'],
      creation_timestamp: [2, TIME],
      events: [3, 'ChannelTraceEvent', 'repeated'],
    },
    ChannelRef: { channel_id: [1, 'int64'], name: [2, 'string'] },
    SubchannelRef: { subchannel_id: [7, 'int64'], name: [8, 'string'] },
    SocketRef: { socket_id: [3, 'int64'], name: [4, 'string'] },
    ServerRef: { server_id: [5, 'int64'], name: [6, 'string'] },
    Server: { ref: [1, 'ServerRef'], data: [2, 'ServerData'], listen_socket: [3, 'SocketRef', 'repeated'] },
    ServerData: { trace: [1, 'ChannelTrace'], ...counts(2) },
    Socket: {
      ref: [1, 'SocketRef'],
      data: [2, 'SocketData'],
      local: [3, 'Address'],
      remote: [4, 'Address'],
      security: [5, 'Security'],
      remote_name: [6, 'string'],
    },
    SocketData: {
      streams_started: [1, 'int64'],
      streams_succeeded: [2, 'int64'],
      streams_failed: [3, 'int64'],
      messages_sent: [4, 'int64'],
      messages_received: [5, 'int64'],
      keep_alives_sent: [6, 'int64'],
      last_local_stream_created_timestamp: [7, TIME],
      last_remote_stream_created_timestamp: [8, TIME],
      last_message_sent_timestamp: [9, TIME],
      last_message_received_timestamp: [10, TIME],
    },
    Address: { tcpip_address: [1, 'Address.TcpIpAddress', 'address'], uds_address: [2, 'Address.UdsAddress', 'address'] },
    'Address.TcpIpAddress': { ip_address: [1, 'bytes'], port: [2, 'int32'] },
    'Address.UdsAddress': { filename: [1, 'string'] },
    Security: { tls: [1, 'Security.Tls', 'model'] },
    'Security.Tls': {
      standard_name: [1, 'string', 'cipher_suite'],
      other_name: [2, 'string', 'cipher_suite'],
      local_certificate: [3, 'bytes'],
      remote_certificate: [4, 'bytes'],
    },
    GetTopChannelsRequest: { start_channel_id: [1, 'int64'], max_results: [2, 'int64'] },
    GetTopChannelsResponse: { channel: [1, 'Channel', 'repeated'], end: [2, 'bool'] },
    GetServersRequest: { start_server_id: [1, 'int64'], max_results: [2, 'int64'] },
    GetServersResponse: { server: [1, 'Server', 'repeated'], end: [2, 'bool'] },
    GetServerRequest: { server_id: [1, 'int64'] },
    GetServerResponse: { server: [1, 'Server'] },
    GetServerSocketsRequest: { server_id: [1, 'int64'], start_socket_id: [2, 'int64'], max_results: [3, 'int64'] },
    GetServerSocketsResponse: { socket_ref: [1, 'SocketRef', 'repeated'], end: [2, 'bool'] },
    GetChannelRequest: { channel_id: [1, 'int64'] },
    GetChannelResponse: { channel: [1, 'Channel'] },
    GetSubchannelRequest: { subchannel_id: [1, 'int64'] },
    GetSubchannelResponse: { subchannel: [1, 'Subchannel'] },
    GetSocketRequest: { socket_id: [1, 'int64'], summary: [2, 'bool'] },
    GetSocketResponse: { socket: [1, 'Socket'] },
  },
  enums: {
    'ChannelConnectivityState.State': { UNKNOWN: 0, IDLE: 1, CONNECTING: 2, READY: 3, TRANSIENT_FAILURE: 4, SHUTDOWN: 5 },
    'ChannelTraceEvent.Severity': { CT_UNKNOWN: 0, CT_INFO: 1, CT_WARNING: 2, CT_ERROR: 3 },
  },
  services: {
    Channelz: {
      GetTopChannels: ['GetTopChannelsRequest', 'GetTopChannelsResponse'],
      GetServers: ['GetServersRequest', 'GetServersResponse'],
      GetServer: ['GetServerRequest', 'GetServerResponse'],
      GetServerSockets: ['GetServerSocketsRequest', 'GetServerSocketsResponse'],
      GetChannel: ['GetChannelRequest', 'GetChannelResponse'],
      GetSubchannel: ['GetSubchannelRequest', 'GetSubchannelResponse'],
      GetSocket: ['GetSocketRequest', 'GetSocketResponse'],
    },
  },
});

module.exports = { channelz };
