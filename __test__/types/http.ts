import { IncomingMessage as NodeIncomingMessage, Server as NodeServer } from 'node:http';
import { http as namespace } from 'millrace';
import { Server as GrpcServer, ServiceDefinition } from 'millrace/grpc';
import { createSecureContext, createServer, SecureSocket, Server, STATUS_CODES } from 'millrace/http';

const server: Server = createServer((req, res) => {
  const url: string | undefined = req.url;
  const same: NodeIncomingMessage = req;
  res.writeHead(200, { 'content-type': 'text/plain' }).end(`${url} ${same.method}`);
});
const node: NodeServer = server.listen({ port: 0, host: '127.0.0.1' }, () => {});
node.close();
createServer({ keepAliveTimeout: 1000, maxHeaderSize: 8192 });
createServer((_req, res) => {
  res.sendFile('/a', { maxAge: '1d' }, (error) => void error?.message);
}).files('/', 'public', { precompressed: ['br'], dotfiles: 'deny' });
const route = server.events('/events', {
  topics: 'rooms/*',
  authorize: async (req) => (req.headers.authorization ? { scopes: ['staff'] } : 401),
  onSlow: 'keep-latest',
});
const { dropped }: { dropped: number } = route.stats();
route.hub.publish('rooms/1', { dropped });
// @ts-expect-error: no such policy
server.events('/other', { topics: 'a', onSlow: 'wait' });
const secure = createServer({
  key: 'key', cert: ['one', Buffer.from('two')], requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'],
  secureContexts: { 'a.test': { key: 'key', cert: 'cert' } },
  SNICallback: (name, callback) => callback(null, name === 'b.test' ? createSecureContext({ cert: 'cert' }) : undefined),
}, (req, res) => {
  const socket = req.socket as SecureSocket;
  const protocol: string | null = socket.getProtocol();
  res.end(socket.authorized ? protocol : socket.authorizationError);
});
secure.setSecureContext({ key: 'key', cert: 'cert' });
secure.addContext('*.test', createSecureContext());
// @ts-expect-error: no such version
createServer({ minVersion: 'SSLv3' });
namespace.createServer();
const text: string | undefined = STATUS_CODES[404];
void text;

// @ts-expect-error: no such option's type
createServer({ keepAliveTimeout: 'soon' });

createServer({ closeDeadline: 1000 }).close({ deadline: 0, retry: 1, jitter: 2 }, (error?: Error) => void error).close();
// @ts-expect-error: not an option
server.close({ grace: 1 });

createServer({ http2: false });
createServer({ http2: { maxConcurrentStreams: 10, idleTimeout: 0 } });
// @ts-expect-error: not an option
createServer({ http2: { windows: 1 } });
server.files('/', 'public', { compress: { level: 6, threshold: 0, maxBytes: 1, cacheBytes: 2 } });

const grpcServer: GrpcServer = server.grpc(
  {} as ServiceDefinition,
  { one: async () => ({}) },
  { 'millrace.web_origins': ['https://a.test'], 'grpc.max_receive_message_length': -1 },
);
grpcServer.addService({} as ServiceDefinition, {});
server.grpc({} as ServiceDefinition, {}, { 'millrace.web_origins': (origin: string) => origin.endsWith('.test') });
// @ts-expect-error: an origin is text
server.grpc({} as ServiceDefinition, {}, { 'millrace.web_origins': 1 });

createServer({ metrics: true });
createServer({ metrics: { path: '/m', authorize: async (req) => req.headers.authorization === 'me' } }).metrics('/other', {});
// @ts-expect-error a path or options
createServer({ metrics: 1 });
