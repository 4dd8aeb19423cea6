/**
 * WebSocket server and client with the names, options, events and errors of `ws` 8.23 (RFC 6455, RFC 7692). Framing,
 * compression and the reading and writing of plain sockets are native.
 */

import { Hub, PublishOptions } from './hub.js';
import { EventEmitter } from 'node:events';
import { Agent, ClientRequest, ClientRequestArgs, IncomingMessage, OutgoingHttpHeaders, Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { createConnection } from 'node:net';
import { Duplex, DuplexOptions } from 'node:stream';
import { SecureContextOptions } from 'node:tls';
import { URL } from 'node:url';
import { ZlibOptions } from 'node:zlib';

/** What can be sent as it is: text as a string, the rest as bytes. */
type BufferLike =
  | string
  | Buffer
  | DataView
  | number
  | ArrayBufferView
  | Uint8Array
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  | readonly unknown[]
  | readonly number[]
  | { valueOf(): ArrayBuffer }
  | { valueOf(): SharedArrayBuffer }
  | { valueOf(): Uint8Array }
  | { valueOf(): readonly number[] }
  | { valueOf(): string }
  | { [Symbol.toPrimitive](hint: string): string };


declare const WebSocketAlias: typeof WebSocket;
interface WebSocketAlias extends WebSocket {}

declare class WebSocket extends EventEmitter {
  /** Connects to `address` (`ws:`, `wss:`, `ws+unix:`, `http:`, `https:`). */
  constructor(address: string | URL, options?: WebSocket.ClientOptions | ClientRequestArgs);
  constructor(
    address: string | URL,
    protocols?: string | string[],
    options?: WebSocket.ClientOptions | ClientRequestArgs,
  );
  /** For a server's side, as a subclass passes it on. */
  constructor(address: null);

  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;

  /**
   * Of what type binary messages are. Defaults to `nodebuffer`. It can be set to `'blob'`, too, which `ws` takes and its
   * declarations do not know: read as they have it, a socket of ours is one of theirs.
   */
  get binaryType(): 'nodebuffer' | 'arraybuffer' | 'fragments';
  set binaryType(type: 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob');
  /** Bytes that were sent and not handed to the system, framing included. */
  readonly bufferedAmount: number;
  /** Messages to this peer that were left out (`onSlow: 'drop-newest'`). Not in `ws`. */
  readonly droppedMessages: number;
  /** Patterns that it subscribed to. Not in `ws`. */
  readonly subscriptions: string[];
  /**
   * Sends the events of topics of the server's hub to this peer, as messages, until it is closed; first those behind `since`.
   * Not in `ws`.
   *
   * @throws {Error} on a WebSocket of a client
   */
  subscribe(topics: string | string[], options?: { since?: string; scopes?: string[] }): void;
  /**
   * Publishes to all who subscribed to `topic` on the server's hub, but not to this peer. Returns the event's id. Not in `ws`.
   *
   * @throws {Error} on a WebSocket of a client
   */
  publish(topic: string, data: unknown, options?: PublishOptions): string;
  /** Ends that, for topics as they were subscribed to. Defaults to all. Not in `ws`. */
  unsubscribe(topics?: string | string[]): void;
  /** Whether as much waits as in a full Node stream, or more: `drain` comes when nothing does. Not in `ws`. */
  readonly writableNeedDrain: boolean;
  /** Names of the negotiated extensions, with commas between. */
  readonly extensions: string;
  /** Whether `pause()` was called, and `resume()` not since. */
  readonly isPaused: boolean;
  /** The negotiated subprotocol, or an empty string. */
  readonly protocol: string;
  readonly readyState: 0 | 1 | 2 | 3;
  /** The address; undefined on a server. */
  readonly url: string;

  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;

  onopen: ((event: WebSocket.Event) => void) | null;
  onerror: ((event: WebSocket.ErrorEvent) => void) | null;
  onclose: ((event: WebSocket.CloseEvent) => void) | null;
  onmessage: ((event: WebSocket.MessageEvent) => void) | null;

  /**
   * Starts the closing handshake.
   *
   * @param code 1000 to 1014 but for 1004 to 1006, or 3000 to 4999; defaults to none (1005)
   * @param data the reason, 123 bytes at the most
   * @throws {TypeError | RangeError} for a code or reason that may not be sent
   */
  close(code?: number, data?: string | Buffer): void;
  /** Sends a ping of 125 bytes at the most. */
  ping(data?: any, mask?: boolean, cb?: (err: Error) => void): void;
  /** Sends a pong of 125 bytes at the most. */
  pong(data?: any, mask?: boolean, cb?: (err: Error) => void): void;
  /**
   * Sends a message, or a fragment of one.
   *
   * @param cb called when it is handed to the system, or with the error
   * @throws {Error} while `CONNECTING`
   */
  send(data: BufferLike, cb?: (err?: Error) => void): void;
  send(
    data: BufferLike,
    options: {
      /** Compress it, where that was negotiated. Defaults to true. */
      compress?: boolean | undefined;
      /** Bytes, not text. Defaults to false for a string, true for the rest. */
      binary?: boolean | undefined;
      /** The last fragment. Defaults to true. */
      fin?: boolean | undefined;
      /** Mask it. Defaults to true for a client. */
      mask?: boolean | undefined;
    },
    cb?: (err?: Error) => void,
  ): void;
  /** Destroys the socket. */
  terminate(): void;
  /** Stops reading from the socket. */
  pause(): void;
  /** Goes on reading. */
  resume(): void;

  addEventListener<K extends keyof WebSocket.WebSocketEventMap>(
    type: K,
    listener:
      | ((event: WebSocket.WebSocketEventMap[K]) => void)
      | { handleEvent(event: WebSocket.WebSocketEventMap[K]): void },
    options?: WebSocket.EventListenerOptions,
  ): void;
  removeEventListener<K extends keyof WebSocket.WebSocketEventMap>(
    type: K,
    listener:
      | ((event: WebSocket.WebSocketEventMap[K]) => void)
      | { handleEvent(event: WebSocket.WebSocketEventMap[K]): void },
  ): void;

  on(event: 'close', listener: (this: WebSocket, code: number, reason: Buffer) => void): this;
  on(event: 'error', listener: (this: WebSocket, error: Error) => void): this;
  on(event: 'upgrade', listener: (this: WebSocket, request: IncomingMessage) => void): this;
  on(event: 'message', listener: (this: WebSocket, data: WebSocket.RawData, isBinary: boolean) => void): this;
  on(event: 'open' | 'drain', listener: (this: WebSocket) => void): this;
  on(event: 'ping' | 'pong', listener: (this: WebSocket, data: Buffer) => void): this;
  on(event: 'redirect', listener: (this: WebSocket, url: string, request: ClientRequest) => void): this;
  on(
    event: 'unexpected-response',
    listener: (this: WebSocket, request: ClientRequest, response: IncomingMessage) => void,
  ): this;
  on(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this;

  once(event: 'close', listener: (this: WebSocket, code: number, reason: Buffer) => void): this;
  once(event: 'error', listener: (this: WebSocket, error: Error) => void): this;
  once(event: 'upgrade', listener: (this: WebSocket, request: IncomingMessage) => void): this;
  once(event: 'message', listener: (this: WebSocket, data: WebSocket.RawData, isBinary: boolean) => void): this;
  once(event: 'open' | 'drain', listener: (this: WebSocket) => void): this;
  once(event: 'ping' | 'pong', listener: (this: WebSocket, data: Buffer) => void): this;
  once(event: 'redirect', listener: (this: WebSocket, url: string, request: ClientRequest) => void): this;
  once(
    event: 'unexpected-response',
    listener: (this: WebSocket, request: ClientRequest, response: IncomingMessage) => void,
  ): this;
  once(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this;
}

declare namespace WebSocket {
  /** A message's bytes, in the shape of `binaryType`. */
  type RawData = Buffer | ArrayBuffer | Buffer[];
  type Data = string | Buffer | ArrayBuffer | Buffer[];
  type CertMeta = string | string[] | Buffer | Buffer[];

  /** What of a handshake `verifyClient` sees. */
  interface VerifyClientInfo {
    origin: string;
    secure: boolean;
    req: IncomingMessage;
  }
  type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (info: {
    origin: string;
    secure: boolean;
    req: Request;
  }) => boolean;
  type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
    info: { origin: string; secure: boolean; req: Request },
    callback: (res: boolean, code?: number, message?: string, headers?: OutgoingHttpHeaders) => void,
  ) => void;

  /** Options of permessage-deflate (RFC 7692). */
  interface PerMessageDeflateOptions {
    /** The server begins each message anew. */
    serverNoContextTakeover?: boolean | undefined;
    /** The client begins each message anew. */
    clientNoContextTakeover?: boolean | undefined;
    /** Binary logarithm of the server's window, 8 to 15. */
    serverMaxWindowBits?: number | undefined;
    /** Of the client's. */
    clientMaxWindowBits?: number | undefined;
    /** `level`, `memLevel`, `strategy` and `windowBits` of this end's compression are taken. */
    zlibDeflateOptions?: Pick<ZlibOptions, 'level' | 'memLevel' | 'strategy' | 'windowBits' | 'chunkSize'> | undefined;
    /** Taken, and not needed. */
    zlibInflateOptions?: Pick<ZlibOptions, 'windowBits' | 'chunkSize'> | undefined;
    /** Bytes from which a message is compressed where there is no context takeover. Defaults to 1024. */
    threshold?: number | undefined;
    /** Taken, and not needed: nothing waits for libuv's pool. */
    concurrencyLimit?: number | undefined;
  }

  /** What both ends have. */
  interface CommonOptions {
    /** Several events may be told in one turn of the loop. Defaults to true. */
    allowSynchronousEvents?: boolean | undefined;
    /** Pings are answered. Defaults to true. */
    autoPong?: boolean | undefined;
    /** Milliseconds that a closing handshake may take. Defaults to 30,000. */
    closeTimeout?: number | undefined;
    /** Taken, and not needed: what came of a frame is one buffer here. */
    maxBufferedChunks?: number | undefined;
    /** Frames of a message; 0 for no limit. Defaults to 16,384. */
    maxFragments?: number | undefined;
    /** Bytes of a message; 0 for no limit. Defaults to 100 MiB. */
    maxPayload?: number | undefined;
    /** Pongs that wait to be written, before the connection is ended; 0 for no limit. Defaults to 60. */
    maxPendingAutoPongs?: number | undefined;
    /** Texts are not checked. Defaults to false. */
    skipUTF8Validation?: boolean | undefined;
    /**
     * Bytes that may wait for the peer, framing included, before `onSlow` decides about a further message; 0 for no
     * limit. Passed by one message at the most. Defaults to 0. Not in `ws`.
     */
    maxBufferedAmount?: number | undefined;
    /**
     * What happens beyond `maxBufferedAmount`: the connection is ended (`error` with `ERR_MILLRACE_WS_SLOW_PEER`, `close`
     * with 1006), or the message is left out and counted in `droppedMessages`. Defaults to `disconnect`. Not in `ws`.
     */
    onSlow?: 'disconnect' | 'drop-newest' | undefined;
    /** Milliseconds of silence after which a ping is sent; 0 for never. Defaults to 0. Not in `ws`. */
    pingInterval?: number | undefined;
    /**
     * Milliseconds that a peer may stay silent after such a ping before it is terminated. Defaults to `pingInterval`. Not
     * in `ws`.
     */
    pongTimeout?: number | undefined;
    /** Milliseconds of silence after which the connection is closed with 1001; 0 for never. Defaults to 0. Not in `ws`. */
    idleTimeout?: number | undefined;
  }

  interface ClientOptions extends SecureContextOptions, CommonOptions {
    protocol?: string | undefined;
    protocols?: string | string[] | undefined;
    agent?: Agent | undefined;
    auth?: string | undefined;
    headers?: { [key: string]: string } | undefined;
    /** `Origin`. */
    origin?: string | undefined;
    host?: string | undefined;
    localAddress?: string | undefined;
    family?: number | undefined;
    timeout?: number | undefined;
    createConnection?: typeof createConnection | undefined;
    checkServerIdentity?: ((servername: string, cert: CertMeta) => Error | undefined) | undefined;
    rejectUnauthorized?: boolean | undefined;
    /** Follow redirects. Defaults to false. */
    followRedirects?: boolean | undefined;
    /** Redirects to follow at the most. Defaults to 10. */
    maxRedirects?: number | undefined;
    /** Makes the mask of each frame. Defaults to random ones. */
    generateMask?: ((mask: Buffer) => void) | undefined;
    /** Milliseconds that the handshake may take. Defaults to no limit. */
    handshakeTimeout?: number | undefined;
    /** Called in place of `request.end()`. */
    finishRequest?: ((request: ClientRequest, websocket: WebSocket) => void) | undefined;
    /** Offer compression. Defaults to true. */
    perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
    /** 8 or 13. Defaults to 13. */
    protocolVersion?: number | undefined;
  }

  interface EventListenerOptions {
    once?: boolean | undefined;
  }
  interface Event {
    readonly type: string;
    readonly target: WebSocket;
  }
  interface ErrorEvent extends Event {
    readonly error: any;
    readonly message: string;
  }
  interface CloseEvent extends Event {
    readonly wasClean: boolean;
    readonly code: number;
    readonly reason: string;
  }
  interface MessageEvent extends Event {
    readonly data: Data;
  }
  interface WebSocketEventMap {
    open: Event;
    error: ErrorEvent;
    close: CloseEvent;
    message: MessageEvent;
  }

  interface ServerOptions<
    U extends typeof WebSocket = typeof WebSocket,
    V extends typeof IncomingMessage = typeof IncomingMessage,
  > extends CommonOptions {
    host?: string | undefined;
    /** Exactly one of `port`, `server` and `noServer` is given. */
    port?: number | undefined;
    /** Connections that may wait to be accepted. Defaults to 511. */
    backlog?: number | undefined;
    /** A server to listen to for upgrades. */
    server?: HttpServer<V> | HttpsServer<V> | undefined;
    verifyClient?:
      | VerifyClientCallbackAsync<InstanceType<V>>
      | VerifyClientCallbackSync<InstanceType<V>>
      | undefined;
    /** Chooses a subprotocol. Defaults to the first. */
    handleProtocols?: (protocols: Set<string>, request: InstanceType<V>) => string | false;
    /** Take only requests for this path. */
    path?: string | undefined;
    /** The user calls `handleUpgrade`. Defaults to false. */
    noServer?: boolean | undefined;
    /** Keep the open WebSockets in `clients`. Defaults to true. */
    clientTracking?: boolean | undefined;
    /** Accept compression. Defaults to false. */
    perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
    /** Where `publish()` and `subscribe()` work. Defaults to a hub of this server alone. Not in `ws`. */
    hub?: Hub | null | undefined;
    /** The class to construct. Defaults to `WebSocket`. */
    WebSocket?: U | undefined;
  }

  interface AddressInfo {
    address: string;
    family: string;
    port: number;
  }

  class Server<
    T extends typeof WebSocket = typeof WebSocket,
    U extends typeof IncomingMessage = typeof IncomingMessage,
  > extends EventEmitter {
    constructor(options?: ServerOptions<T, U>, callback?: () => void);
    options: ServerOptions<T, U>;
    path: string;
    /** Open WebSockets; not there without `clientTracking`. */
    clients: Set<InstanceType<T>>;
    /** The address of the server; null once closed. */
    address(): AddressInfo | string | null;
    /**
     * Sends one message to all open clients: framed once, and compressed once for those that agreed on compression and
     * where it is not smaller than `threshold`. Not in `ws`.
     *
     * @returns to how many it went
     * @throws {Error} without `clientTracking` and `clients`
     */
    broadcast(
      data: BufferLike,
      options?: {
        /** Who does not get it. */
        except?: InstanceType<T> | Iterable<InstanceType<T>>;
        /** Who gets it, asked for each. */
        filter?: (client: InstanceType<T>) => boolean;
        /** Bytes, not text. Defaults to false for a string, true for the rest. */
        binary?: boolean;
        /** Defaults to true. */
        compress?: boolean;
        /** Defaults to `server.clients`. */
        clients?: Iterable<InstanceType<T>>;
      },
    ): number;
    /** That of the options, or one of this server alone. Not in `ws`. */
    readonly hub: Hub;
    /** `hub.publish()`: sends a message to all who subscribed to `topic`. Returns its id. Not in `ws`. */
    publish(topic: string, data: unknown, options?: PublishOptions): string;
    /** Takes no further connections; `close` comes when those that there are have gone. */
    close(cb?: (err?: Error) => void): void;
    handleUpgrade(
      request: InstanceType<U>,
      socket: Duplex,
      upgradeHead: Buffer,
      callback: (client: InstanceType<T>, request: InstanceType<U>) => void,
    ): void;
    shouldHandle(request: InstanceType<U>): boolean | Promise<boolean>;

    on(event: 'connection', cb: (this: this, websocket: InstanceType<T>, request: InstanceType<U>) => void): this;
    on(event: 'error', cb: (this: this, error: Error) => void): this;
    on(event: 'headers', cb: (this: this, headers: string[], request: InstanceType<U>) => void): this;
    on(event: 'close' | 'listening', cb: (this: this) => void): this;
    on(event: 'wsClientError', cb: (this: this, error: Error, socket: Duplex, request: InstanceType<U>) => void): this;
    on(event: string | symbol, listener: (this: this, ...args: any[]) => void): this;

    once(event: 'connection', cb: (this: this, websocket: InstanceType<T>, request: InstanceType<U>) => void): this;
    once(event: 'error', cb: (this: this, error: Error) => void): this;
    once(event: 'headers', cb: (this: this, headers: string[], request: InstanceType<U>) => void): this;
    once(event: 'close' | 'listening', cb: (this: this) => void): this;
    once(event: 'wsClientError', cb: (this: this, error: Error, socket: Duplex, request: InstanceType<U>) => void): this;
    once(event: string | symbol, listener: (this: this, ...args: any[]) => void): this;
  }

  const WebSocketServer: typeof Server;
  interface WebSocketServer extends Server {}
  const WebSocket: typeof WebSocketAlias;
  type WebSocket = WebSocketAlias;

  /**
   * A WebSocket as a Duplex: messages come out as chunks, a chunk written goes out as a message.
   *
   * @param options `objectMode` and `writableObjectMode` are always false; with `readableObjectMode` texts are strings
   */
  function createWebSocketStream(websocket: WebSocket, options?: DuplexOptions): Duplex;

  /** The `Sec-WebSocket-Extensions` header. */
  const extension: {
    format(extensions: Record<string, unknown>): string;
    parse(header: string): Record<string, Record<string, (string | true)[]>[]>;
  };
  /** The `Sec-WebSocket-Protocol` header. */
  const subprotocol: { parse(header: string): Set<string> };
  /** The negotiation of permessage-deflate. */
  class PerMessageDeflate {
    constructor(options?: PerMessageDeflateOptions & { isServer?: boolean; maxPayload?: number });
    static readonly extensionName: string;
    params: Record<string, boolean | number> | null;
    offer(): Record<string, boolean | number>;
    accept(configurations: Record<string, unknown[]>[]): Record<string, boolean | number>;
  }
  /** Frames by hand. */
  class Sender {
    private constructor();
    static frame(
      data: Buffer | string,
      options: {
        fin?: boolean;
        generateMask?: (mask: Buffer) => void;
        mask?: boolean;
        maskBuffer?: Buffer;
        opcode: number;
        readOnly?: boolean;
        rsv1?: boolean;
      },
    ): (Buffer | string)[];
  }
}

export = WebSocket;
