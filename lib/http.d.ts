import * as http from 'node:http';

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

/** How one file is sent. */
export interface SendFileOptions extends FileOptions {
  /** The path is relative to it, and must not leave it. */
  root?: string;
  /** Defaults to the type by the name. */
  contentType?: string;
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

/** Options of `node:http`'s server. `insecureHTTPParser` has no effect: parsing is always strict. */
export interface ServerOptions<
  Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
  Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof http.ServerResponse,
> extends http.ServerOptions<Request, Response> {}

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
}

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
