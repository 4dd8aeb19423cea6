import { EventEmitter } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { Readable, Writable } from 'node:stream';

export type SerializerFunction = (data: unknown) => string;
export type SanitizerFunction = (text: string) => string;
export type HeaderMap = Record<string, string | string[] | undefined>;

export interface EventBufferOptions {
  /** Makes text of data. Defaults to `JSON.stringify`. */
  serializer?: SerializerFunction;
  /** Brings line ends into order. Defaults to one that leaves `\n` alone, and none at the end. */
  sanitizer?: SanitizerFunction;
}

export interface StreamOptions {
  /** Defaults to `'stream'`. */
  eventName?: string;
}

export interface IterateOptions {
  /** Defaults to `'iteration'`. */
  eventName?: string;
}

/** Text of an event stream, field by field; mirrors `EventBuffer` of `better-sse`. */
export class EventBuffer {
  constructor(options?: EventBufferOptions);
  event(type: string): this;
  data(data: unknown): this;
  id(id?: string): this;
  /** `time` is in milliseconds. */
  retry(time: number): this;
  comment(text?: string): this;
  dispatch(): this;
  push(data: unknown, eventName?: string, eventId?: string): this;
  stream(source: Readable | ReadableStream, options?: StreamOptions): Promise<boolean>;
  iterate(iterable: Iterable<unknown> | AsyncIterable<unknown>, options?: IterateOptions): Promise<void>;
  clear(): this;
  read(): string;
}

/** What a session is on; mirrors `Connection` of `better-sse`. */
export abstract class Connection {
  static constants: Readonly<{
    REQUEST_METHOD: string;
    REQUEST_HOST: string;
    RESPONSE_CODE: number;
    RESPONSE_HEADERS: Readonly<Record<string, string>>;
  }>;
  static applyHeaders(from: HeaderMap | Headers, to: Headers): void;
  url: URL;
  /** Its signal is aborted when the connection is closed. */
  request: Request;
  response: Response;
  sendHead(): void;
  /** `false` where the session should wait for `onDrain`. */
  sendChunk(chunk: string | Uint8Array): boolean | void;
  cleanup(): void;
  onDrain: (() => void) | null;
  /** Bytes that wait in the connection. */
  get bufferedBytes(): number;
  end(): void;
}

export interface NodeConnectionOptions {
  /** Defaults to the response's. */
  statusCode?: number;
  headers?: HeaderMap;
  /** gzip, where the client accepts it, flushed behind each event. Defaults to `false`. */
  compress?: boolean | { level?: number };
}

export class NodeHttp1Connection extends Connection {
  constructor(req: IncomingMessage, res: ServerResponse, options?: NodeConnectionOptions);
}
export class NodeHttp2CompatConnection extends Connection {
  constructor(req: Http2ServerRequest, res: Http2ServerResponse, options?: NodeConnectionOptions);
}
export class FetchConnection extends Connection {
  constructor(request: Request, response?: Response | null, options?: Omit<NodeConnectionOptions, 'compress'>);
}

/**
 * What happens to a client for which more than `maxBufferedBytes` wait: its session fails with `ERR_MILLRACE_SSE_SLOW_CLIENT`;
 * the oldest events that wait are dropped; new ones are; or, of events of one name, only the latest waits (and beyond the bound
 * the oldest is dropped).
 */
export type SlowPolicy = 'disconnect' | 'drop-oldest' | 'drop-newest' | 'keep-latest';

export interface DefaultSessionState {
  [key: string]: unknown;
}

export interface SessionOptions<State = DefaultSessionState> extends EventBufferOptions, NodeConnectionOptions {
  /** Whether `lastId` begins with what the client says. Defaults to `true`. */
  trustClientEventId?: boolean;
  /** Milliseconds for the client to wait before it reconnects; `null` to leave that to it. Defaults to 2,000. */
  retry?: number | null;
  /** Milliseconds between comments that keep the connection alive; `null` for none. Defaults to 10,000. */
  keepAlive?: number | null;
  /** Yours. Defaults to `{}`. */
  state?: State;
  /** Bytes that may wait for a slow client. Defaults to 1,048,576. */
  maxBufferedBytes?: number;
  /** What happens beyond. Defaults to `'disconnect'`. */
  onSlow?: SlowPolicy;
  /** Events that `write()` takes before it answers `false`. Defaults to Node's for objects. */
  highWaterMark?: number;
}

/** An event for `session.write()`. */
export interface SseEvent {
  data?: unknown;
  event?: string;
  id?: string;
  /** Milliseconds. */
  retry?: number;
  comment?: string;
}

export interface CloseOptions {
  /** Milliseconds for the client to wait before it reconnects. */
  retry?: number;
  /** Up to so many milliseconds more, at random for each client. Defaults to 0. */
  jitter?: number;
}

/**
 * An open event stream; mirrors `Session` of `better-sse`, and is a Writable in object mode.
 *
 * Events beside a Writable's: `connected`, `disconnected`, `push` (data, name, id), `dropped` (bytes).
 */
export class Session<State = DefaultSessionState> extends Writable {
  constructor(req: IncomingMessage, res: ServerResponse, options?: SessionOptions<State>);
  constructor(req: Http2ServerRequest, res: Http2ServerResponse, options?: SessionOptions<State>);
  constructor(req: Request, res?: Response, options?: SessionOptions<State>);
  constructor(req: Request, options?: SessionOptions<State>);
  constructor(connection: Connection, options?: SessionOptions<State>);
  /** The last id sent, or that the client named. */
  lastId: string;
  isConnected: boolean;
  state: State;
  /** Events dropped because the client was too slow. */
  readonly dropped: number;
  /** Bytes sent that wait for the client. */
  readonly bufferedAmount: number;
  getRequest(): Request;
  getResponse(): Response;
  /** Throws `SseError` where the session is not connected. */
  push(data: unknown, eventName?: string, eventId?: string): this;
  /** Resolves once the client has room for more, or is gone. */
  ready(): Promise<void>;
  stream(source: Readable | ReadableStream, options?: StreamOptions): Promise<boolean>;
  iterate(iterable: Iterable<unknown> | AsyncIterable<unknown>, options?: IterateOptions): Promise<void>;
  batch(batcher: EventBuffer | ((buffer: EventBuffer) => void | Promise<void>)): Promise<void>;
  close(options?: CloseOptions): void;
}

export interface ChannelOptions<State = DefaultSessionState> {
  state?: State;
  /** Events kept for clients that come back: `true` for 1,000 events and 1 MiB. Defaults to none. */
  history?: boolean | { count?: number; bytes?: number; /** Milliseconds. */ maxAge?: number };
  /** The event for a client whose last id is not known any more. Defaults to `'reset'`. */
  resetEvent?: string;
}

export interface BroadcastOptions<State = DefaultSessionState> {
  /** Defaults to a random UUID; with a history, to `<epoch>-<offset>`. */
  eventId?: string;
  filter?: (session: Session<State>) => boolean;
}

/**
 * Events for many sessions; mirrors `Channel` of `better-sse`.
 *
 * Events: `session-registered`, `session-deregistered`, `session-disconnected` (session), `broadcast` (data, name, id).
 */
export class Channel<State = DefaultSessionState, SessionState = DefaultSessionState> extends EventEmitter {
  constructor(options?: ChannelOptions<State>);
  state: State;
  get activeSessions(): ReadonlyArray<Session<SessionState>>;
  get sessionCount(): number;
  register(session: Session<SessionState>): this;
  deregister(session: Session<SessionState>): this;
  broadcast(data: unknown, eventName?: string, options?: BroadcastOptions<SessionState>): this;
  /** Ends all sessions. */
  close(options?: CloseOptions): void;
}

/** Wrong use of a session or channel: `ERR_MILLRACE_SSE_USE`. */
export class SseError extends Error {
  code: string;
}

/**
 * A session, once it is connected. Where the client has gone before that, one that is not (`isConnected`), whose `push()` does
 * nothing.
 */
export function createSession<State = DefaultSessionState>(
  req: IncomingMessage,
  res: ServerResponse,
  options?: SessionOptions<State>,
): Promise<Session<State>>;
export function createSession<State = DefaultSessionState>(
  req: Http2ServerRequest,
  res: Http2ServerResponse,
  options?: SessionOptions<State>,
): Promise<Session<State>>;
export function createSession<State = DefaultSessionState>(
  req: Request,
  res?: Response,
  options?: SessionOptions<State>,
): Promise<Session<State>>;
export function createSession<State = DefaultSessionState>(
  req: Request | Connection,
  options?: SessionOptions<State>,
): Promise<Session<State>>;

type ResponseCallback<State> = (session: Session<State>) => void;
export function createResponse<State = DefaultSessionState>(
  request: Request | Connection,
  callback: ResponseCallback<State>,
): Response;
export function createResponse<State = DefaultSessionState>(
  request: Request | Connection,
  responseOrOptions: Response | SessionOptions<State>,
  callback: ResponseCallback<State>,
): Response;
export function createResponse<State = DefaultSessionState>(
  request: Request,
  response: Response,
  options: SessionOptions<State>,
  callback: ResponseCallback<State>,
): Response;

export function createChannel<State = DefaultSessionState, SessionState = DefaultSessionState>(
  options?: ChannelOptions<State>,
): Channel<State, SessionState>;
export function createEventBuffer(options?: EventBufferOptions): EventBuffer;

export interface EventSourceOptions {
  /** Defaults to `false`. */
  withCredentials?: boolean;
  /** Sent with each request. */
  headers?: ConstructorParameters<typeof Headers>[0];
  /** Defaults to Node's. */
  fetch?: typeof globalThis.fetch;
  /** Where to go on from. Defaults to the start. */
  lastEventId?: string;
  /** Milliseconds before a reconnection, until the server says otherwise. Defaults to 3,000. */
  reconnectInterval?: number;
  /** Milliseconds: each failure in a row doubles the wait, up to this. Defaults to 60,000. */
  maxReconnectInterval?: number;
  /** An event larger than this closes the client. Defaults to 16,777,216. */
  maxEventBytes?: number;
}

/** What `onerror` gets. */
export class EventSourceErrorEvent extends Event {
  readonly message: string;
  /** The response's HTTP status, where there was one. */
  readonly code: number | undefined;
  readonly error: Error | undefined;
}

/** The client of the WHATWG HTML standard. */
export class EventSource extends EventTarget {
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSED: 2;
  constructor(url: string | URL, options?: EventSourceOptions);
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
  readonly url: string;
  readonly readyState: 0 | 1 | 2;
  readonly withCredentials: boolean;
  onopen: ((this: EventSource, event: Event) => void) | null;
  onmessage: ((this: EventSource, event: MessageEvent) => void) | null;
  onerror: ((this: EventSource, event: EventSourceErrorEvent) => void) | null;
  close(): void;
}

/** Parses an event stream: text in, cut anywhere, events out. */
export class EventStreamParser {
  constructor(
    handlers: {
      onEvent: (event: { type: string; data: string; lastEventId: string }) => void;
      /** Milliseconds. */
      onRetry?: (milliseconds: number) => void;
      onComment?: (text: string) => void;
    },
    options?: { /** Defaults to 16,777,216. */ maxEventBytes?: number; lastEventId?: string },
  );
  readonly lastEventId: string;
  /** Throws `RangeError` where an event is larger than `maxEventBytes`. */
  push(text: string): void;
}
