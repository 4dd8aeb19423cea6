/**
 * gRPC with the names, options, calls and statuses of `@grpc/grpc-js` 1.14. The server's sockets, HTTP/2, framing and
 * compression are native, and so are the client's.
 */

import { EventEmitter } from 'node:events';
import { Duplex, Readable, Writable } from 'node:stream';
import { PeerCertificate, SecureContext, SecureContextOptions } from 'node:tls';
import { SecureServerOptions } from 'node:http2';

// Constants.

// Named as grpc-js names them inside, so that its enums and these are the same to TypeScript.
declare enum Status {
  OK = 0,
  CANCELLED = 1,
  UNKNOWN = 2,
  INVALID_ARGUMENT = 3,
  DEADLINE_EXCEEDED = 4,
  NOT_FOUND = 5,
  ALREADY_EXISTS = 6,
  PERMISSION_DENIED = 7,
  RESOURCE_EXHAUSTED = 8,
  FAILED_PRECONDITION = 9,
  ABORTED = 10,
  OUT_OF_RANGE = 11,
  UNIMPLEMENTED = 12,
  INTERNAL = 13,
  UNAVAILABLE = 14,
  DATA_LOSS = 15,
  UNAUTHENTICATED = 16,
}

declare enum LogVerbosity {
  DEBUG = 0,
  INFO = 1,
  ERROR = 2,
  NONE = 3,
}

declare enum ConnectivityState {
  IDLE = 0,
  CONNECTING = 1,
  READY = 2,
  TRANSIENT_FAILURE = 3,
  SHUTDOWN = 4,
}

declare enum CompressionAlgorithms {
  identity = 0,
  deflate = 1,
  gzip = 2,
}

declare enum Propagate {
  DEADLINE = 1,
  CENSUS_STATS_CONTEXT = 2,
  CENSUS_TRACING_CONTEXT = 4,
  CANCELLATION = 8,
  DEFAULTS = 65535,
}

export {
  CompressionAlgorithms as compressionAlgorithms,
  ConnectivityState as connectivityState,
  LogVerbosity as logVerbosity,
  Propagate as propagate,
  Status as status,
};

// Metadata.

export type MetadataValue = string | Buffer;

export interface MetadataOptions {
  idempotentRequest?: boolean;
  waitForReady?: boolean;
  cacheableRequest?: boolean;
  corked?: boolean;
}

/** Keys in lower case, each with a list of values: Buffers where the key ends with `-bin`, else printable ASCII. */
export class Metadata {
  constructor(options?: MetadataOptions);
  /** @throws for an illegal key or value; `add` does, too */
  set(key: string, value: MetadataValue): void;
  add(key: string, value: MetadataValue): void;
  remove(key: string): void;
  get(key: string): MetadataValue[];
  /** The first value of each key. */
  getMap(): { [key: string]: MetadataValue };
  clone(): Metadata;
  merge(other: Metadata): void;
  setOptions(options: MetadataOptions): void;
  getOptions(): MetadataOptions;
  toHttp2Headers(): { [key: string]: string[] };
  toJSON(): { [key: string]: MetadataValue[] };
  /** Attaches something that is not sent. */
  setOpaque(key: string, value: unknown): void;
  getOpaque(key: string): unknown;
  static fromHttp2Headers(headers: { [key: string]: string | string[] | undefined }): Metadata;
}

// Definitions.

export type Deadline = Date | number;
export type serialize<T> = (value: T) => Buffer;
export type deserialize<T> = (bytes: Buffer) => T;

export interface ServerMethodDefinition<RequestType, ResponseType> {
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  responseSerialize: serialize<ResponseType>;
  requestDeserialize: deserialize<RequestType>;
  originalName?: string;
}

export interface MethodDefinition<RequestType, ResponseType> extends ServerMethodDefinition<RequestType, ResponseType> {
  requestSerialize: serialize<RequestType>;
  responseDeserialize: deserialize<ResponseType>;
}

export type ServiceDefinition = { readonly [name: string]: MethodDefinition<any, any> };

// Calls.

export interface StatusObject {
  code: Status;
  details: string;
  metadata: Metadata;
}

export type ServiceError = StatusObject & Error;
export type ServerErrorResponse = Partial<StatusObject> & Error;

/** What a client's certificate says, where it was asked for one. */
export interface AuthContext {
  transportSecurityType?: string;
  sslPeerCertificate?: PeerCertificate;
}

/** Costs of a call for the client, sent where the server has `grpc.server_call_metric_recording`. */
export interface PerRequestMetricRecorder {
  recordRequestCostMetric(name: string, value: number): void;
  recordUtilizationMetric(name: string, value: number): void;
  recordNamedMetric(name: string, value: number): void;
  recordCPUUtilizationMetric(value: number): void;
  recordMemoryUtilizationMetric(value: number): void;
  recordApplicationUtilizationMetric(value: number): void;
  recordQpsMetric(value: number): void;
  recordEpsMetric(value: number): void;
}

interface ServerSurfaceCall {
  /** The call is over: cancelled, or answered. The event `cancelled` tells of it. */
  cancelled: boolean;
  readonly metadata: Metadata;
  /** Address and port of the client. */
  getPeer(): string;
  /** Sends headers; without it they go with the first message. */
  sendMetadata(metadata: Metadata): void;
  /** Ms since 1970; Infinity where the client set none. */
  getDeadline(): Deadline;
  getPath(): string;
  getHost(): string;
  getAuthContext(): AuthContext;
  getMetricsRecorder(): PerRequestMetricRecorder;
}

interface ObjectWritable<T> {
  /** False from `millrace.high_water_mark` bytes that wait for the client, until `drain`. */
  write(message: T, callback?: (error?: Error | null) => void): boolean;
  /** @param metadata trailers */
  end(metadata?: Metadata): any;
}

interface ObjectReadable<T> {
  read(size?: number): T | null;
  [Symbol.asyncIterator](): AsyncIterableIterator<T>;
}

export type ServerUnaryCall<RequestType, ResponseType> = ServerSurfaceCall & EventEmitter & { request: RequestType };
export type ServerReadableStream<RequestType, ResponseType> = ServerSurfaceCall &
  Omit<Readable, typeof Symbol.asyncIterator | 'read'> &
  ObjectReadable<RequestType>;
export type ServerWritableStream<RequestType, ResponseType> = ServerSurfaceCall &
  Omit<Writable, 'write' | 'end'> &
  ObjectWritable<ResponseType> & { request: RequestType };
export type ServerDuplexStream<RequestType, ResponseType> = ServerSurfaceCall &
  Omit<Duplex, typeof Symbol.asyncIterator | 'read' | 'write' | 'end'> &
  ObjectWritable<ResponseType> &
  ObjectReadable<RequestType>;

/** @param flags 2 for an answer that is not to be compressed */
export type sendUnaryData<ResponseType> = (
  error: ServerErrorResponse | Partial<StatusObject> | null,
  value?: ResponseType | null,
  trailer?: Metadata,
  flags?: number,
) => void;

/** Answers by the callback, or by the promise that it returns. */
export type handleUnaryCall<RequestType, ResponseType> = (
  call: ServerUnaryCall<RequestType, ResponseType>,
  callback: sendUnaryData<ResponseType>,
) => void | Promise<ResponseType | void>;
/** Answers by the callback, or by the promise that it returns. */
export type handleClientStreamingCall<RequestType, ResponseType> = (
  call: ServerReadableStream<RequestType, ResponseType>,
  callback: sendUnaryData<ResponseType>,
) => void | Promise<ResponseType | void>;
/** Writes to the call, or returns an async iterable of what is to be written. */
export type handleServerStreamingCall<RequestType, ResponseType> = (
  call: ServerWritableStream<RequestType, ResponseType>,
) => void | Promise<void> | AsyncIterable<ResponseType>;
/** Writes to the call, or returns an async iterable of what is to be written. */
export type handleBidiStreamingCall<RequestType, ResponseType> = (
  call: ServerDuplexStream<RequestType, ResponseType>,
) => void | Promise<void> | AsyncIterable<ResponseType>;

export type UntypedHandleCall = (call: any, callback: any) => any;
export interface UntypedServiceImplementation {
  [name: string]: UntypedHandleCall;
}

// Server.

/** What is left out has its default; names that are not known are passed over. */
export interface ServerOptions {
  /** Bytes of an answer; -1 for no limit. Defaults to -1. */
  'grpc.max_send_message_length'?: number;
  /** Bytes of a request, also when it is decompressed; -1 for no limit. Defaults to 4 MiB. */
  'grpc.max_receive_message_length'?: number;
  /** Calls that a connection may have open. Defaults to no limit. */
  'grpc.max_concurrent_streams'?: number;
  /** Ms without calls after which a connection is closed. Defaults to never. */
  'grpc.max_connection_idle_ms'?: number;
  /** Ms after which a connection takes no more calls, give or take 10 %. Defaults to never. */
  'grpc.max_connection_age_ms'?: number;
  /** Ms that calls may go on after that. Defaults to as long as they like. */
  'grpc.max_connection_age_grace_ms'?: number;
  /** Ms between pings. Defaults to no pings. */
  'grpc.keepalive_time_ms'?: number;
  /** Ms that the answer to a ping may take. Defaults to 20,000. */
  'grpc.keepalive_timeout_ms'?: number;
  /** 0 to leave the server out of channelz. Defaults to 1. */
  'grpc.enable_channelz'?: number;
  /** Sends what calls record of their costs. Defaults to 0. */
  'grpc.server_call_metric_recording'?: number;
  /** 1 lets several processes or threads bind the port. Defaults to 0, and to 1 in workers of `cluster`. */
  'grpc.so_reuseport'?: number;
  /** Compresses answers for clients that take it: 1 deflate, 2 gzip. Defaults to 0, none. */
  'grpc.default_compression_algorithm'?: number;
  /** Bytes of a call's requests that a client may send ahead. Defaults to 1 MiB, and grows. */
  'grpc-node.flow_control_window'?: number;
  /** Bytes up to which that grows where the way to the client holds more; 0 for no growth. Defaults to 16 MiB, and to 0 where the
   * window is given. */
  'millrace.max_flow_control_window'?: number;
  /** Bytes of a request's metadata, counted as in RFC 9113 §6.5.2. Defaults to 16 KiB. */
  'grpc.max_metadata_size'?: number;
  /** Ms that a client may take for TLS, and for the first bytes of HTTP/2; 0 for no limit. Defaults to 120,000. */
  'grpc.server_handshake_timeout_ms'?: number;
  /** Ms that clients wait between pings where nothing is sent to them. Defaults to 0, not enforced. */
  'grpc.http2.min_ping_interval_without_data_ms'?: number;
  /** Pings that may come sooner; one more is answered with GOAWAY, too_many_pings. 0 for any number. Defaults to 2. */
  'grpc.http2.max_ping_strikes'?: number;
  /** Streams that a client may open and reset before they are seen. Defaults to 20. */
  'millrace.max_pending_resets'?: number;
  /** Resets that a client may send at once. Defaults to 1000. */
  'millrace.reset_burst'?: number;
  /** And a second, for good. Defaults to 33. */
  'millrace.reset_rate'?: number;
  /** Pings, settings and other frames that carry nothing, at once. Defaults to 1000. */
  'millrace.control_frame_burst'?: number;
  /** And a second, for good. Defaults to 100. */
  'millrace.control_frame_rate'?: number;
  /** Traces TLS. Defaults to 0. */
  'grpc-node.tls_enable_trace'?: number;
  /** What answers are compressed with: the first of these that the client takes. Defaults to none. */
  'millrace.compression'?: 'gzip' | 'deflate' | 'zstd' | Array<'gzip' | 'deflate' | 'zstd'>;
  /** Answers of fewer bytes are not compressed. Defaults to 1024. */
  'millrace.compression_threshold'?: number;
  /** Bytes of a call's messages that may wait in either direction. Defaults to 64 KiB. */
  'millrace.high_water_mark'?: number;
  /** Brings `grpc.health.v1.Health` along. Defaults to false. */
  'millrace.health'?: boolean;
  /** Brings server reflection along, v1 and v1alpha; a list is further `FileDescriptorProto`s. Defaults to false. */
  'millrace.reflection'?: boolean | Buffer[];
  /** Brings `grpc.channelz.v1.Channelz` along. Defaults to false. */
  'millrace.channelz'?: boolean;
  /** Serves gRPC-Web. Defaults to false, and to true with `server.grpc()` of an HTTP server. */
  'millrace.web'?: boolean;
  /** Other origins whose pages may call by gRPC-Web; `'*'` is all. Defaults to none. */
  'millrace.web_origins'?: string | string[] | ((origin: string) => boolean);
  /** Their calls may carry cookies; not with `'*'`. Defaults to false. */
  'millrace.web_credentials'?: boolean;
  /** Seconds that a browser may remember it. Defaults to 7200. */
  'millrace.web_max_age'?: number;
  /** The first is nearest to the wire. */
  interceptors?: ServerInterceptor[];
  [option: string]: any;
}

/** What `grpc.health.v1.Health` answers. A service that is added serves; the empty name is the server as a whole. */
export interface Health {
  /** Tells who watches, too. @throws TypeError for another status */
  setStatus(service: string, status: 'SERVING' | 'NOT_SERVING' | 'UNKNOWN'): void;
}

export interface ConnectionInjector {
  injectConnection(connection: Duplex): void;
  drain(graceTimeMs: number): void;
  destroy(): void;
}

export class Server {
  constructor(options?: ServerOptions);
  addService(service: ServiceDefinition, implementation: UntypedServiceImplementation): void;
  removeService(service: ServiceDefinition): void;
  register<RequestType, ResponseType>(
    name: string,
    handler: UntypedHandleCall,
    serialize: serialize<ResponseType>,
    deserialize: deserialize<RequestType>,
    type: string,
  ): boolean;
  unregister(name: string): boolean;
  /** `port` is `host:port`, `dns:`, `ipv4:`, `ipv6:` or `unix:`. */
  bindAsync(port: string, creds: ServerCredentials, callback: (error: Error | null, port: number) => void): void;
  unbind(port: string): void;
  drain(port: string, graceTimeMs: number): void;
  /** @deprecated ports take calls as soon as they are bound */
  start(): void;
  /** Takes no more calls; `callback` when those that are open are over. */
  tryShutdown(callback: (error?: Error) => void): void;
  /** Closes all connections now. */
  forceShutdown(): void;
  createConnectionInjector(credentials: ServerCredentials): ConnectionInjector;
  getChannelzRef(): { kind: 'server'; id: number; name: string };
  /** What clients are told of the server's health; undefined without `millrace.health`. */
  readonly health: Health | undefined;
  addProtoService(): never;
  addHttp2Port(): never;
  bind(port: string, creds: ServerCredentials): never;
}

export interface KeyCertPair {
  private_key: Buffer;
  cert_chain: Buffer;
}

export abstract class ServerCredentials {
  constructor(constructorOptions: SecureServerOptions | null, contextOptions?: SecureContextOptions);
  static createInsecure(): ServerCredentials;
  /** PEM. `checkClientCertificate` defaults to false. */
  static createSsl(
    rootCerts: Buffer | null,
    keyCertPairs: KeyCertPair[],
    checkClientCertificate?: boolean,
  ): ServerCredentials;
  protected updateSecureContextOptions(options: SecureContextOptions | null): void;
  protected getWatcherCount(): number;
  _isSecure(): boolean;
  _getSecureContextOptions(): SecureContextOptions | null;
  _getConstructorOptions(): SecureServerOptions | null;
  _getInterceptors(): ServerInterceptor[];
  _addWatcher(watcher: (options: SecureContextOptions | null) => void): void;
  _removeWatcher(watcher: (options: SecureContextOptions | null) => void): void;
  abstract _equals(other: ServerCredentials): boolean;
}

// Interceptors.

export interface ConnectionInfo {
  localAddress?: string;
  localPort?: number;
  remoteAddress?: string;
  remotePort?: number;
}

export interface InterceptingServerListener {
  onReceiveMetadata(metadata: Metadata): void;
  onReceiveMessage(message: any): void;
  onReceiveHalfClose(): void;
  onCancel(): void;
}

export interface ServerListener {
  onReceiveMetadata?: (metadata: Metadata, next: (metadata: Metadata) => void) => void;
  onReceiveMessage?: (message: any, next: (message: any) => void) => void;
  onReceiveHalfClose?: (next: () => void) => void;
  onCancel?: () => void;
}

export interface PartialStatusObject {
  code: Status;
  details: string;
  metadata?: Metadata | null;
}

export interface Responder {
  start?: (next: (listener?: ServerListener) => void) => void;
  sendMetadata?: (metadata: Metadata, next: (metadata: Metadata) => void) => void;
  sendMessage?: (message: any, next: (message: any) => void) => void;
  sendStatus?: (status: PartialStatusObject, next: (status: PartialStatusObject) => void) => void;
}

export interface ServerInterceptingCallInterface {
  start(listener: InterceptingServerListener): void;
  sendMetadata(metadata: Metadata): void;
  sendMessage(message: any, callback: () => void): void;
  sendStatus(status: PartialStatusObject): void;
  startRead(): void;
  getPeer(): string;
  getDeadline(): Deadline;
  getHost(): string;
  getAuthContext(): AuthContext;
  getConnectionInfo(): ConnectionInfo;
  getMetricsRecorder(): PerRequestMetricRecorder;
}

export type ServerInterceptor = (
  methodDescriptor: ServerMethodDefinition<any, any>,
  call: ServerInterceptingCallInterface,
) => ServerInterceptingCallInterface;

export class ServerInterceptingCall implements ServerInterceptingCallInterface {
  constructor(nextCall: ServerInterceptingCallInterface, responder?: Responder);
  start(listener: InterceptingServerListener): void;
  sendMetadata(metadata: Metadata): void;
  sendMessage(message: any, callback: () => void): void;
  sendStatus(status: PartialStatusObject): void;
  startRead(): void;
  getPeer(): string;
  getDeadline(): Deadline;
  getHost(): string;
  getAuthContext(): AuthContext;
  getConnectionInfo(): ConnectionInfo;
  getMetricsRecorder(): PerRequestMetricRecorder;
}

export class ServerListenerBuilder {
  withOnReceiveMetadata(onReceiveMetadata: NonNullable<ServerListener['onReceiveMetadata']>): this;
  withOnReceiveMessage(onReceiveMessage: NonNullable<ServerListener['onReceiveMessage']>): this;
  withOnReceiveHalfClose(onReceiveHalfClose: NonNullable<ServerListener['onReceiveHalfClose']>): this;
  withOnCancel(onCancel: NonNullable<ServerListener['onCancel']>): this;
  build(): ServerListener;
}

export class ResponderBuilder {
  withStart(start: NonNullable<Responder['start']>): this;
  withSendMetadata(sendMetadata: NonNullable<Responder['sendMetadata']>): this;
  withSendMessage(sendMessage: NonNullable<Responder['sendMessage']>): this;
  withSendStatus(sendStatus: NonNullable<Responder['sendStatus']>): this;
  build(): Responder;
}

// Administration.

export function getChannelzServiceDefinition(): ServiceDefinition;
export function getChannelzHandlers(): UntypedServiceImplementation;
export function addAdminServicesToServer(server: Server): void;
export function setLogger(logger: Partial<Console>): void;
export function setLogVerbosity(verbosity: LogVerbosity): void;
export function loadObject(value: any, options: any): never;

export namespace experimental {
  export interface FileWatcherCertificateProviderConfig {
    certificateFile?: string;
    privateKeyFile?: string;
    caCertificateFile?: string;
    /** Ms. */
    refreshIntervalMs: number;
  }
  /** Reads certificates from files, again every so often. */
  export class FileWatcherCertificateProvider {
    constructor(config: FileWatcherCertificateProviderConfig);
    addCaCertificateListener(listener: (update: { caCertificate: Buffer } | null) => void): void;
    removeCaCertificateListener(listener: (update: { caCertificate: Buffer } | null) => void): void;
    addIdentityCertificateListener(
      listener: (update: { certificate: Buffer; privateKey: Buffer } | null) => void,
    ): void;
    removeIdentityCertificateListener(
      listener: (update: { certificate: Buffer; privateKey: Buffer } | null) => void,
    ): void;
  }
  /** The same for a channel. */
  export function createCertificateProviderChannelCredentials(
    caCertificateProvider: FileWatcherCertificateProvider,
    identityCertificateProvider: FileWatcherCertificateProvider | null,
    verifyOptions?: VerifyOptions,
  ): ChannelCredentials;
  /** Credentials whose certificates change while the server runs. */
  export function createCertificateProviderServerCredentials(
    identityCertificateProvider: FileWatcherCertificateProvider,
    caCertificateProvider: FileWatcherCertificateProvider | null,
    requireClientCertificate: boolean,
  ): ServerCredentials;
  export function createServerCredentialsWithInterceptors(
    credentials: ServerCredentials,
    interceptors: ServerInterceptor[],
  ): ServerCredentials;
}

// Loading definitions, with protobufjs: `ERR_MILLRACE_GRPC_PEER` where that is not installed.

/** As of `@grpc/proto-loader`. */
export interface LoaderOptions {
  /** Names of fields as they are written. Defaults to false: camel case. */
  keepCase?: boolean;
  /** How numbers of 64 bits are given. Defaults to Long objects. */
  longs?: StringConstructor | NumberConstructor;
  /** Enums by their names. Defaults to their numbers. */
  enums?: StringConstructor;
  /** How bytes are given: as base64, or as an array. Defaults to Buffers. */
  bytes?: ArrayConstructor | StringConstructor;
  /** Sets what did not come to its default. Defaults to false; `arrays` and `objects` do it for lists and maps alone. */
  defaults?: boolean;
  arrays?: boolean;
  objects?: boolean;
  /** Sets a property with the name of each oneof to the name of the field that came. Defaults to false. */
  oneofs?: boolean;
  /** NaN and infinities as texts, and values taken out of `google.protobuf.Any`. Defaults to false. */
  json?: boolean;
  /** Where imports are looked for. */
  includeDirs?: string[];
  [option: string]: any;
}

export interface ProtobufTypeDefinition {
  format: string;
  type: object;
  fileDescriptorProtos: Buffer[];
}
export interface MessageTypeDefinition extends ProtobufTypeDefinition {
  serialize: serialize<any>;
  deserialize: deserialize<any>;
}
export interface PackageDefinition {
  [name: string]: any;
}

export function load(filename: string | string[], options?: LoaderOptions): Promise<PackageDefinition>;
export function loadSync(filename: string | string[], options?: LoaderOptions): PackageDefinition;
export function fromJSON(json: any, options?: LoaderOptions): PackageDefinition;
export function loadFileDescriptorSetFromBuffer(descriptorSet: Uint8Array, options?: LoaderOptions): PackageDefinition;
export function loadFileDescriptorSetFromObject(descriptorSet: any, options?: LoaderOptions): PackageDefinition;
/** Whether it is an `Any` whose value was taken out. */
export function isAnyExtension(value: object): value is { '@type': string; [key: string]: any };

export enum IdempotencyLevel {
  IDEMPOTENCY_UNKNOWN = 'IDEMPOTENCY_UNKNOWN',
  NO_SIDE_EFFECTS = 'NO_SIDE_EFFECTS',
  IDEMPOTENT = 'IDEMPOTENT',
}

// The client.

export type UnaryCallback<ResponseType> = (error: ServiceError | null, value?: ResponseType) => void;

export interface CallOptions {
  deadline?: Deadline;
  /** `:authority`. Defaults to the channel's. */
  host?: string;
  /** A call that is being served, whose deadline and cancellation are this one's, too. */
  parent?: ServerUnaryCall<any, any> | ServerReadableStream<any, any> | ServerWritableStream<any, any> | ServerDuplexStream<any, any>;
  /** Bits of `propagate`. Defaults to all. */
  propagate_flags?: number;
  credentials?: CallCredentials;
  /** In place of the client's. */
  interceptors?: Interceptor[];
  interceptor_providers?: InterceptorProvider[];
}

/** What is left out has its default; names that are not known are passed over. See docs/grpc.md. */
export interface ChannelOptions {
  'grpc.ssl_target_name_override'?: string;
  'grpc.primary_user_agent'?: string;
  'grpc.secondary_user_agent'?: string;
  'grpc.default_authority'?: string;
  /** Ms between the answer to a ping and the next one. Defaults to no pings. */
  'grpc.keepalive_time_ms'?: number;
  /** Ms that an answer may take. Defaults to 20,000. */
  'grpc.keepalive_timeout_ms'?: number;
  /** 1 for pings without calls, too. Defaults to 0. */
  'grpc.keepalive_permit_without_calls'?: number;
  /** JSON, where the name has none. */
  'grpc.service_config'?: string;
  /** 1 looks for none by name. Defaults to 0. */
  'grpc.service_config_disable_resolution'?: number;
  /** Ms. Defaults to 1,000. */
  'grpc.initial_reconnect_backoff_ms'?: number;
  /** Ms. Defaults to 120,000. */
  'grpc.max_reconnect_backoff_ms'?: number;
  /** 1 for connections of its own. Defaults to 0. */
  'grpc.use_local_subchannel_pool'?: number;
  /** Bytes of a request; -1 for no limit. Defaults to -1. */
  'grpc.max_send_message_length'?: number;
  /** Bytes of an answer, also when it is decompressed; -1 for no limit. Defaults to 4 MiB. */
  'grpc.max_receive_message_length'?: number;
  'grpc.enable_http_proxy'?: number;
  'grpc.default_compression_algorithm'?: CompressionAlgorithms;
  'grpc.enable_channelz'?: number;
  /** Ms. Defaults to 30,000. */
  'grpc.dns_min_time_between_resolutions_ms'?: number;
  /** Ms without calls until connections are closed. Defaults to 30 minutes. */
  'grpc.client_idle_timeout_ms'?: number;
  'grpc.enable_retries'?: number;
  /** Bytes of a call's requests that are kept to be sent again. Defaults to 1 MiB. */
  'grpc.per_rpc_retry_buffer_size'?: number;
  'grpc-node.retry_max_attempts_limit'?: number;
  /** Bytes of an answer that a server may send ahead. Defaults to 1 MiB. */
  'grpc-node.flow_control_window'?: number;
  'grpc-node.tls_enable_trace'?: number;
  /** Requests of fewer bytes are not compressed. Defaults to 1,024. */
  'millrace.compression_threshold'?: number;
  /** Bytes of a call's messages that may wait in either direction. Defaults to 64 KiB. */
  'millrace.high_water_mark'?: number;
  [option: string]: any;
}

export interface ClientOptions extends ChannelOptions {
  channelOverride?: ChannelInterface;
  channelFactoryOverride?: (address: string, credentials: ChannelCredentials, options: ClientOptions) => ChannelInterface;
  interceptors?: Interceptor[];
  interceptor_providers?: InterceptorProvider[];
  callInvocationTransformer?: (properties: any) => any;
}

interface SurfaceCall {
  cancel(): void;
  /** Address and port of the server, or the target where there is none yet. */
  getPeer(): string;
  getAuthContext(): AuthContext | null;
}

/** Tells `metadata` and `status`. */
export type ClientUnaryCall = SurfaceCall & EventEmitter;
export type ClientReadableStream<ResponseType> = SurfaceCall &
  Omit<Readable, typeof Symbol.asyncIterator | 'read'> & {
    deserialize: deserialize<ResponseType>;
    read(size?: number): ResponseType | null;
    [Symbol.asyncIterator](): AsyncIterableIterator<ResponseType>;
  };
interface ClientObjectWritable<T> {
  /** False from `millrace.high_water_mark` bytes that wait for the server, until `drain`. */
  write(message: T, callback?: (error?: Error | null) => void): boolean;
  write(message: T, flags: any, callback?: (error?: Error | null) => void): boolean;
  end(callback?: () => void): any;
  end(message: T, callback?: () => void): any;
}
export type ClientWritableStream<RequestType> = SurfaceCall &
  Omit<Writable, 'write' | 'end'> &
  ClientObjectWritable<RequestType> & { serialize: serialize<RequestType> };
export type ClientDuplexStream<RequestType, ResponseType> = SurfaceCall &
  Omit<Duplex, typeof Symbol.asyncIterator | 'read' | 'write' | 'end'> &
  ClientObjectWritable<RequestType> & {
    serialize: serialize<RequestType>;
    deserialize: deserialize<ResponseType>;
    read(size?: number): ResponseType | null;
    [Symbol.asyncIterator](): AsyncIterableIterator<ResponseType>;
  };

export interface ChannelInterface {
  close(): void;
  getTarget(): string;
  getConnectivityState(tryToConnect: boolean): ConnectivityState;
  watchConnectivityState(currentState: ConnectivityState, deadline: Deadline, callback: (error?: Error) => void): void;
  getChannelzRef(): { kind: string; id: number; name: string };
  createCall(
    method: string,
    deadline: Deadline,
    host: string | null | undefined,
    parentCall: any,
    propagateFlags: number | null | undefined,
  ): any;
}

export class Channel implements ChannelInterface {
  constructor(target: string, credentials: ChannelCredentials, options?: ChannelOptions);
  close(): void;
  getTarget(): string;
  getConnectivityState(tryToConnect: boolean): ConnectivityState;
  watchConnectivityState(currentState: ConnectivityState, deadline: Deadline, callback: (error?: Error) => void): void;
  getChannelzRef(): { kind: string; id: number; name: string };
  createCall(
    method: string,
    deadline: Deadline,
    host: string | null | undefined,
    parentCall: any,
    propagateFlags: number | null | undefined,
  ): any;
}

export class Client {
  constructor(address: string, credentials: ChannelCredentials, options?: ClientOptions);
  /** Calls that are open go on; no more are made. */
  close(): void;
  getChannel(): ChannelInterface;
  waitForReady(deadline: Deadline, callback: (error?: Error) => void): void;
  makeUnaryRequest<RequestType, ResponseType>(
    method: string,
    serialize: serialize<RequestType>,
    deserialize: deserialize<ResponseType>,
    argument: RequestType,
    ...rest: UnaryArguments<ResponseType>
  ): ClientUnaryCall;
  makeClientStreamRequest<RequestType, ResponseType>(
    method: string,
    serialize: serialize<RequestType>,
    deserialize: deserialize<ResponseType>,
    ...rest: UnaryArguments<ResponseType>
  ): ClientWritableStream<RequestType>;
  makeServerStreamRequest<RequestType, ResponseType>(
    method: string,
    serialize: serialize<RequestType>,
    deserialize: deserialize<ResponseType>,
    argument: RequestType,
    metadata?: Metadata | CallOptions,
    options?: CallOptions,
  ): ClientReadableStream<ResponseType>;
  makeBidiStreamRequest<RequestType, ResponseType>(
    method: string,
    serialize: serialize<RequestType>,
    deserialize: deserialize<ResponseType>,
    metadata?: Metadata | CallOptions,
    options?: CallOptions,
  ): ClientDuplexStream<RequestType, ResponseType>;
}

type UnaryArguments<ResponseType> =
  | [callback: UnaryCallback<ResponseType>]
  | [metadata: Metadata | CallOptions, callback: UnaryCallback<ResponseType>]
  | [metadata: Metadata, options: CallOptions, callback: UnaryCallback<ResponseType>];

/** A client with a method for each of its service. */
export interface ServiceClient extends Client {
  [method: string]: any;
}
export interface ServiceClientConstructor {
  new (address: string, credentials: ChannelCredentials, options?: ClientOptions): ServiceClient;
  service: ServiceDefinition;
  serviceName: string;
}

export interface GrpcObject {
  [name: string]: any;
}

export function loadPackageDefinition(definition: PackageDefinition): GrpcObject;
export function makeClientConstructor(
  methods: ServiceDefinition,
  serviceName: string,
  classOptions?: {},
): ServiceClientConstructor;
export function makeGenericClientConstructor(
  methods: ServiceDefinition,
  serviceName: string,
  classOptions?: {},
): ServiceClientConstructor;
export function closeClient(client: Client): void;
export function waitForClientReady(client: Client, deadline: Deadline, callback: (error?: Error) => void): void;
export function getClientChannel(client: Client): ChannelInterface;

export interface VerifyOptions {
  checkServerIdentity?: (hostname: string, certificate: PeerCertificate) => Error | undefined;
  rejectUnauthorized?: boolean;
}

export abstract class ChannelCredentials {
  /** PEM. Roots default to what Node trusts. */
  static createSsl(
    rootCerts?: Buffer | null,
    privateKey?: Buffer | null,
    certChain?: Buffer | null,
    verifyOptions?: VerifyOptions,
  ): ChannelCredentials;
  static createFromSecureContext(secureContext: SecureContext, verifyOptions?: VerifyOptions): ChannelCredentials;
  static createInsecure(): ChannelCredentials;
  compose(callCredentials: CallCredentials): ChannelCredentials;
  _isSecure(): boolean;
  _equals(other: ChannelCredentials): boolean;
}

export interface CallMetadataOptions {
  method_name: string;
  service_url: string;
}
export type CallMetadataGenerator = (
  options: CallMetadataOptions,
  callback: (error: Error | null, metadata?: Metadata) => void,
) => void;

export abstract class CallCredentials {
  static createFromMetadataGenerator(metadataGenerator: CallMetadataGenerator): CallCredentials;
  static createFromGoogleCredential(googleCredentials: any): CallCredentials;
  static createEmpty(): CallCredentials;
  generateMetadata(options: CallMetadataOptions): Promise<Metadata>;
  compose(callCredentials: CallCredentials): CallCredentials;
  _equals(other: CallCredentials): boolean;
}

export const credentials: {
  combineChannelCredentials(channel: ChannelCredentials, ...calls: CallCredentials[]): ChannelCredentials;
  combineCallCredentials(first: CallCredentials, ...others: CallCredentials[]): CallCredentials;
  createInsecure: typeof ChannelCredentials.createInsecure;
  createSsl: typeof ChannelCredentials.createSsl;
  createFromSecureContext: typeof ChannelCredentials.createFromSecureContext;
  createFromMetadataGenerator: typeof CallCredentials.createFromMetadataGenerator;
  createFromGoogleCredential: typeof CallCredentials.createFromGoogleCredential;
  createEmpty: typeof CallCredentials.createEmpty;
};

export class StatusBuilder {
  withCode(code: Status): this;
  withDetails(details: string): this;
  withMetadata(metadata: Metadata): this;
  build(): Partial<StatusObject>;
}

// Interceptors of clients.

export interface Listener {
  onReceiveMetadata?: (metadata: Metadata, next: (metadata: Metadata) => void) => void;
  onReceiveMessage?: (message: any, next: (message: any) => void) => void;
  onReceiveStatus?: (status: StatusObject, next: (status: StatusObject) => void) => void;
}
export interface InterceptingListener {
  onReceiveMetadata(metadata: Metadata): void;
  onReceiveMessage(message: any): void;
  onReceiveStatus(status: StatusObject): void;
}
export interface Requester {
  start?: (
    metadata: Metadata,
    listener: InterceptingListener,
    next: (metadata: Metadata, listener: InterceptingListener | Listener) => void,
  ) => void;
  sendMessage?: (message: any, next: (message: any) => void) => void;
  halfClose?: (next: () => void) => void;
  cancel?: (next: () => void) => void;
}
export interface InterceptingCallInterface {
  cancelWithStatus(status: Status, details: string): void;
  getPeer(): string;
  start(metadata: Metadata, listener?: Partial<InterceptingListener>): void;
  sendMessageWithContext(context: any, message: any): void;
  sendMessage(message: any): void;
  startRead(): void;
  halfClose(): void;
  getAuthContext(): AuthContext | null;
}
export class InterceptingCall implements InterceptingCallInterface {
  constructor(nextCall: InterceptingCallInterface, requester?: Requester);
  cancelWithStatus(status: Status, details: string): void;
  getPeer(): string;
  start(metadata: Metadata, listener?: Partial<InterceptingListener>): void;
  sendMessageWithContext(context: any, message: any): void;
  sendMessage(message: any): void;
  startRead(): void;
  halfClose(): void;
  getAuthContext(): AuthContext | null;
}
export interface InterceptorOptions extends CallOptions {
  method_definition: MethodDefinition<any, any>;
}
export type NextCall = (options: InterceptorOptions) => InterceptingCallInterface;
export type Interceptor = (options: InterceptorOptions, nextCall: NextCall) => InterceptingCall;
export type InterceptorProvider = (methodDefinition: MethodDefinition<any, any>) => Interceptor | undefined;
export class ListenerBuilder {
  withOnReceiveMetadata(onReceiveMetadata: NonNullable<Listener['onReceiveMetadata']>): this;
  withOnReceiveMessage(onReceiveMessage: NonNullable<Listener['onReceiveMessage']>): this;
  withOnReceiveStatus(onReceiveStatus: NonNullable<Listener['onReceiveStatus']>): this;
  build(): Listener;
}
export class RequesterBuilder {
  withStart(start: NonNullable<Requester['start']>): this;
  withSendMessage(sendMessage: NonNullable<Requester['sendMessage']>): this;
  withHalfClose(halfClose: NonNullable<Requester['halfClose']>): this;
  withCancel(cancel: NonNullable<Requester['cancel']>): this;
  build(): Requester;
}
export class InterceptorConfigurationError extends Error {
  constructor(message: string);
}
/** grpc-js's: `ERR_MILLRACE_GRPC_PEER` where `@grpc/grpc-js` is not installed. */
export const ServerMetricRecorder: any;
