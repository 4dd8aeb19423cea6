import type { X509Certificate } from 'node:crypto';
import {
  Server as GrpcServer,
  ServerOptions as GrpcServerOptions,
  ServiceDefinition as GrpcServiceDefinition,
  UntypedServiceImplementation,
} from './grpc.js';
import * as http from 'node:http';
import type { Socket } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { Hub } from './hub.js';

export {
  Agent, ClientRequest, IncomingMessage, METHODS, OutgoingMessage, STATUS_CODES, get, globalAgent,
  maxHeaderSize, request, setMaxIdleHTTPParsers, validateHeaderName, validateHeaderValue,
} from 'node:http';
export type {
  AgentOptions, ClientRequestArgs, IncomingHttpHeaders, OutgoingHttpHeader, OutgoingHttpHeaders, RequestListener,
  RequestOptions,
} from 'node:http';

/** How files are sent. */
export interface FileOptions {
  /** Milliseconds, or a time such as `'30d'`; a year at most. Defaults to 0. */
  maxAge?: number | string;
  /** Adds `immutable` to `Cache-Control`. Defaults to `false`. */
  immutable?: boolean;
  /** Whether `Cache-Control` is sent. Defaults to `true`. */
  cacheControl?: boolean;
  /** Whether `ETag` is sent. Defaults to `true`. */
  etag?: boolean;
  /** Whether `Last-Modified` is sent. Defaults to `true`. */
  lastModified?: boolean;
  /** Whether ranges are served. Defaults to `true`. */
  acceptRanges?: boolean;
  /** Further fields. */
  headers?: http.OutgoingHttpHeaders;
  /** Text is compressed for peers that accept it, and kept. Defaults to `false`. */
  compress?: boolean | CompressFilesOptions;
}

/** How the files of a directory are served. */
export interface FilesOptions extends FileOptions {
  /** What a directory is answered with: the first that is there. Defaults to `['index.html']`. */
  index?: string | readonly string[] | false;
  /** Tried where a name without an extension is not there. Defaults to none. */
  extensions?: string | readonly string[] | false;
  /** Encoded files beside the plain ones. Defaults to none; `true` is all. */
  precompressed?: boolean | ReadonlyArray<'br' | 'zstd' | 'gzip'>;
  /** Names that begin with a dot. Defaults to `'ignore'`: as if they were not there. */
  dotfiles?: 'allow' | 'deny' | 'ignore';
  /** Symbolic links. Defaults to `'inside'`: followed within the directory. */
  symlinks?: 'inside' | 'follow' | 'deny';
  /** Whether a directory without its slash is sent on. Defaults to `true`. */
  redirect?: boolean;
  /** Whether what is not there goes to the `request` listener. Defaults to `true`. */
  fallthrough?: boolean;
}

/** How text files are compressed while they are sent. */
export interface CompressFilesOptions {
  /** What is offered; the peer's weights decide, then the order brotli, zstd, gzip. Defaults to all. */
  codings?: 'br' | 'zstd' | 'gzip' | ReadonlyArray<'br' | 'zstd' | 'gzip'>;
  /** Of gzip, 1 to 9. Defaults to 6. */
  level?: number;
  /** 0 to 11. Defaults to 5. */
  brotliQuality?: number;
  /** 1 to 19. Defaults to 6. */
  zstdLevel?: number;
  /** Bytes of the smallest file that is compressed. Defaults to 1,024. */
  threshold?: number;
  /** Bytes of the largest; one is compressed in memory. Defaults to 4,194,304. */
  maxBytes?: number;
  /** Bytes of compressed files that are kept. Defaults to 33,554,432. */
  cacheBytes?: number;
}

/** How one file is sent. */
export interface SendFileOptions extends FileOptions {
  /** The path is relative to it, and must not leave it. */
  root?: string;
  /** Defaults to the type by the name. */
  contentType?: string;
}

/** What a client of an event stream may see. */
export interface EventsGrant {
  /** Defaults to those of the path. */
  topics?: string | string[];
  /** Defaults to those of the path. */
  scopes?: string[];
  /** The id of the last event that was seen. Defaults to what the client names (`Last-Event-ID`). */
  since?: string;
}

/** How topics are served as an event stream. */
export interface EventsOptions {
  /** Patterns, as for `hub.subscribe()`. May be left to `authorize`. */
  topics?: string | string[];
  /** Scopes of events to be seen beside those for all. Defaults to none. */
  scopes?: string[];
  /** Defaults to one hub for all paths of the server. */
  hub?: Hub;
  /**
   * Called once for each request. `true` and an object admit; a number from 400 to 599 is the status of the refusal; anything
   * else, `undefined` included, refuses with 403. Defaults to admitting everybody.
   */
  authorize?(req: http.IncomingMessage): EventsVerdict | Promise<EventsVerdict>;
  /** `authorize` threw (the client gets 500), or a stream failed. Defaults to a process warning. */
  onError?(error: unknown, req: http.IncomingMessage): void;
  /** Milliseconds for clients to wait before they reconnect; `null` says nothing. Defaults to 2,000. */
  retry?: number | null;
  /** Milliseconds between comments that keep the connection alive; `null` for none. Defaults to 10,000. */
  keepAlive?: number | null;
  /** What happens where a client is slower than its events. Defaults to `'disconnect'`. */
  onSlow?: 'disconnect' | 'drop-oldest' | 'drop-newest' | 'keep-latest';
  /** Bytes that may wait for a client. Defaults to 1,048,576. */
  maxBufferedBytes?: number;
  /** gzip, where the client accepts it, flushed behind each event. Defaults to `false`. */
  compress?: boolean | { level?: number };
  /** Further fields; `undefined` takes one away. */
  headers?: Record<string, string | string[] | undefined>;
}

export type EventsVerdict = boolean | number | EventsGrant | null | undefined;

/** A path that serves events. */
export interface EventsRoute {
  readonly path: string;
  /** Where to publish. */
  readonly hub: Hub;
  /** Open streams, events that slow clients did not get, and clients that were disconnected for being slow. */
  stats(): { connections: number; dropped: number; slow: number };
  /** Ends all streams, and may say when to come back (ms); further requests are answered with 503. */
  close(options?: { retry?: number; jitter?: number }): void;
}

/** Node's, which can answer with a file. */
export class ServerResponse<Request extends http.IncomingMessage = http.IncomingMessage>
  extends http.ServerResponse<Request> {
  /**
   * Answers with a file; its bytes do not enter JavaScript.
   *
   * @param path absolute, or relative to `options.root`
   * @param callback once all is sent, or with what went wrong; without it an error is answered by its status
   * @throws `ERR_INVALID_ARG_VALUE` for a path that leaves its root, `ERR_HTTP_HEADERS_SENT`
   */
  sendFile(path: string, options?: SendFileOptions, callback?: (error?: Error) => void): this;
  sendFile(path: string, callback?: (error?: Error) => void): this;
}

/** A private key in PEM with its own passphrase. */
export interface EncryptedKey {
  pem: string | Buffer;
  passphrase?: string;
}

/** What is shown and asked in handshakes, as `tls.createSecureContext()` of Node takes it; what is not here is refused. */
export interface SecureContextOptions {
  /** Private keys in PEM, one for each of `cert`. */
  key?: string | Buffer | ReadonlyArray<string | Buffer | EncryptedKey>;
  /** Certificates in PEM, each with those between it and its root behind it; or one in DER. */
  cert?: string | Buffer | ReadonlyArray<string | Buffer>;
  /** Of `key`, where it is encrypted. */
  passphrase?: string;
  /** Roots of clients' certificates. Defaults to those that Node ships. */
  ca?: string | Buffer | ReadonlyArray<string | Buffer>;
  /** Lists of revoked certificates, in PEM or DER. */
  crl?: string | Buffer | ReadonlyArray<string | Buffer>;
  /** Names of suites as OpenSSL or IANA have them, between colons. Defaults to all that there are. */
  ciphers?: string;
  /** `X25519`, `P-256`, `P-384`, between colons. Defaults to all of them. */
  ecdhCurve?: string;
  /** Our order of ciphers decides, and not the client's. Defaults to `true`. */
  honorCipherOrder?: boolean;
  /** Defaults to `'TLSv1.2'`. */
  minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** Defaults to `'TLSv1.3'`. */
  maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** 0 for no sessions to be resumed; other values have no effect. */
  sessionTimeout?: number;
}

/** Certificates and keys, checked. */
export interface SecureContext {
  readonly options: SecureContextOptions;
}

/** Options of a server that speaks TLS: with `key` and `cert`, `SNICallback` or `secureContexts` it does, and nothing else. */
export interface TlsOptions extends SecureContextOptions {
  /** Contexts by the names that clients ask for, in which `*` stands for characters of one label. */
  secureContexts?: Record<string, SecureContextOptions | SecureContext>;
  /** Gives the context for a name, at once or later; nothing for the server's own. */
  SNICallback?(
    servername: string,
    callback: (error: Error | null, context?: SecureContextOptions | SecureContext | null) => void,
  ): void;
  /** Protocols in order of preference. Defaults to `['h2', 'http/1.1']`, and without `http2` to `['http/1.1']`. */
  ALPNProtocols?: ReadonlyArray<string | Uint8Array> | Uint8Array;
  /** Chooses among the client's protocols; `undefined` refuses the client. Not together with `ALPNProtocols`. */
  ALPNCallback?(hello: { servername: string; protocols: string[] }): string | undefined;
  /** Asks clients for a certificate. Defaults to `false`. */
  requestCert?: boolean;
  /** With `requestCert`: refuses clients without a good one in the handshake. Defaults to `true`. */
  rejectUnauthorized?: boolean;
  /** Milliseconds for a handshake. Defaults to 120,000. */
  handshakeTimeout?: number;
}

/** The socket of a connection in TLS, as far as it is more than a `net.Socket`. */
export interface SecureSocket extends Socket {
  readonly encrypted: true;
  /** The client's certificate was asked for, and is good. */
  readonly authorized: boolean;
  /** Why it is not, in OpenSSL's words; null where none was asked for. */
  readonly authorizationError: string | null;
  /** What both agreed on. */
  readonly alpnProtocol: string | false;
  /** What the client asked for. */
  readonly servername: string | false;
  getProtocol(): 'TLSv1.2' | 'TLSv1.3' | null;
  getCipher(): { name: string; standardName: string; version: string } | undefined;
  /** An object without properties where the client showed none; null once destroyed. */
  getPeerCertificate(detailed?: boolean): PeerCertificate | Record<string, never> | null;
  getPeerX509Certificate(): X509Certificate | undefined;
  isSessionReused(): boolean;
}

/** Options of `node:http`'s server. `insecureHTTPParser` has no effect: parsing is always strict. */
export interface ServerOptions<
  Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
  Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof http.ServerResponse,
> extends http.ServerOptions<Request, Response>, TlsOptions {
  /** Milliseconds after `close()` at which connections are cut off that are still open; 0 for never. Defaults to 30,000. */
  closeDeadline?: number;
  /**
   * Serves metrics, as `server.metrics()` does: `true` at `/metrics`, or the path, or the path with options. Defaults to `false`.
   */
  metrics?: boolean | string | (MetricsOptions & { path?: string });
  /** HTTP/2 for clients that begin with its preface, on the same port. Defaults to `true`. */
  http2?: boolean | Http2Options;
}

/** Who gets metrics. */
export interface MetricsOptions {
  /** Called for each request: `true` admits, all else is refused with 403. Defaults to admitting everybody. */
  authorize?(req: http.IncomingMessage): boolean | Promise<boolean>;
}

/** Limits of HTTP/2. Beyond one on counts or rates the connection ends with `ENHANCE_YOUR_CALM`. */
export interface Http2Options {
  /** Bytes of a body that a client may send ahead of what was read, for each stream. Defaults to 1 MiB. */
  initialWindowSize?: number;
  /** The same for all streams of a connection, at least 65,535. Defaults to 4 MiB. */
  connectionWindowSize?: number;
  /** Streams at once; further ones are refused with `REFUSED_STREAM`. Defaults to 128. */
  maxConcurrentStreams?: number;
  /** Bytes of a frame that a client may send, 16,384 to 16,777,215. Defaults to 16,384. */
  maxFrameSize?: number;
  /** Bytes of a head, with 32 more for each field; a larger one is answered with 431. Defaults to `maxHeaderSize`. */
  maxHeaderListSize?: number;
  /** Streams that a client may open and reset before their requests are seen. Defaults to 20. */
  maxPendingResets?: number;
  /** Streams that may be reset for the client's faults. Defaults to 1,024. */
  maxErrorResets?: number;
  /** RST_STREAM frames that a client may send at once. Defaults to 1,000. */
  streamResetBurst?: number;
  /** And for good, a second. Defaults to 33. */
  streamResetRate?: number;
  /** PING, SETTINGS, PRIORITY and unknown frames, and DATA without bytes, at once. Defaults to 1,000. */
  controlFrameBurst?: number;
  /** And for good, a second. Defaults to 100. */
  controlFrameRate?: number;
  /** Milliseconds after which a connection without a stream is ended; 0 for no limit. Defaults to 120,000. */
  idleTimeout?: number;
  /** Milliseconds after which a stream is reset whose bytes the client does not take; 0 for no limit. Defaults to 60,000. */
  stallTimeout?: number;
  /** Milliseconds of silence after which a client with open streams is asked for a sign of life; 0 for never. Defaults to 60,000. */
  pingInterval?: number;
  /** Milliseconds that it has to answer. Defaults to 20,000. */
  pingTimeout?: number;
}

/** `req.socket` of a request that came over HTTP/2. */
export interface StreamSocket {
  /** The stream's number within its connection. */
  readonly streamId: number;
  /** The connection's socket. */
  readonly session: Socket;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly remoteFamily?: string;
  readonly destroyed: boolean;
  /** Resets the stream: with `INTERNAL_ERROR` where there is an error, else with `CANCEL`. */
  destroy(error?: Error): this;
}

/** How a server closes. */
export interface CloseOptions {
  /** Milliseconds after which connections are cut off that are still open; 0 for never. Defaults to the server's `closeDeadline`. */
  deadline?: number;
  /** Milliseconds for clients of event streams to wait before they reconnect. Defaults to 1,000. */
  retry?: number;
  /** Up to so many milliseconds more, at random for each client. Defaults to 4,000. */
  jitter?: number;
}

/**
 * A `node:http` server whose own connections are read, parsed and written in Rust. Connections that are handed to it
 * (`server.emit('connection', socket)`, `listen({ fd })`) are served by Node.
 */
export class Server<
  Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
  Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof ServerResponse,
> extends http.Server<Request, Response> {
  /**
   * Serves the files of a directory under a prefix, without JavaScript.
   *
   * @throws the system's error where the directory is not there; `ERR_MILLRACE_HTTP_FILES` without a native event loop
   */
  files(prefix: string, directory: string, options?: FilesOptions): this;
  /**
   * Serves topics of a hub as an event stream on GET requests for `path`; other methods are the `request` listener's.
   *
   * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE` for wrong options, or a path that has events already
   */
  events(path: string, options: EventsOptions): EventsRoute;
  /**
   * Serves what this thread counts, and what the server knows of itself, in the text form of Prometheus, on GET requests for
   * `path`. It counts from the first call on. `path` defaults to `/metrics`.
   *
   * @throws `ERR_INVALID_ARG_VALUE` where the path serves something already
   */
  metrics(path?: string, options?: MetricsOptions): this;
  /**
   * Serves gRPC on this port, too, and gRPC-Web for browsers. Returns the gRPC server, for further services; its options count
   * with the first.
   *
   * @throws as `addService` of `millrace/grpc` does, and `ERR_MILLRACE_GRPC_PLATFORM` where there is no native event loop
   */
  grpc(
    service: GrpcServiceDefinition,
    implementation: UntypedServiceImplementation,
    options?: GrpcServerOptions,
  ): GrpcServer;
  /**
   * Accepts no more connections, lets requests finish, ends event streams and WebSockets (1001), and cuts off what is left at a
   * deadline.
   *
   * @param callback once all connections are gone, or with `ERR_SERVER_NOT_RUNNING`
   */
  close(callback?: (error?: Error) => void): this;
  close(options: CloseOptions, callback?: (error?: Error) => void): this;
  /**
   * Handshakes from now on go by these certificates; connections that are there go on, and sessions from before are not
   * resumed.
   *
   * @throws what `createServer` throws for wrong options, and the old ones stay; `ERR_MILLRACE_TLS_OFF` on a server without TLS
   */
  setSecureContext(options: SecureContextOptions | SecureContext): void;
  /**
   * Certificates for clients that ask for a name, in which `*` stands for characters of one label; the last that fits is taken.
   *
   * @throws as `setSecureContext`
   */
  addContext(hostname: string, options: SecureContextOptions | SecureContext): void;
}

/**
 * Certificates and keys, checked once, for `SNICallback`, `addContext` and `setSecureContext`.
 *
 * @throws `ERR_MILLRACE_TLS_UNSUPPORTED` for what there is not, OpenSSL's codes for what is wrong
 */
export function createSecureContext(options?: SecureContextOptions): SecureContext;

/**
 * A server; `listener` gets each request.
 *
 * @throws what `node:http` throws for wrong options
 */
export function createServer<
  Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
  Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof ServerResponse,
>(listener?: http.RequestListener<Request, Response>): Server<Request, Response>;
export function createServer<
  Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
  Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof ServerResponse,
>(
  options: ServerOptions<Request, Response>,
  listener?: http.RequestListener<Request, Response>,
): Server<Request, Response>;
