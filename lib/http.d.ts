import * as http from 'node:http';

export {
  Agent, ClientRequest, IncomingMessage, METHODS, OutgoingMessage, STATUS_CODES, ServerResponse, get, globalAgent,
  maxHeaderSize, request, setMaxIdleHTTPParsers, validateHeaderName, validateHeaderValue,
} from 'node:http';
export type {
  AgentOptions, ClientRequestArgs, IncomingHttpHeaders, OutgoingHttpHeader, OutgoingHttpHeaders, RequestListener,
  RequestOptions,
} from 'node:http';

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
  Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof http.ServerResponse,
> extends http.Server<Request, Response> {}

/**
 * A server; `listener` gets each request.
 *
 * @throws what `node:http` throws for wrong options
 */
export function createServer<
  Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
  Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof http.ServerResponse,
>(listener?: http.RequestListener<Request, Response>): Server<Request, Response>;
export function createServer<
  Request extends typeof http.IncomingMessage = typeof http.IncomingMessage,
  Response extends typeof http.ServerResponse<InstanceType<Request>> = typeof http.ServerResponse,
>(
  options: ServerOptions<Request, Response>,
  listener?: http.RequestListener<Request, Response>,
): Server<Request, Response>;
