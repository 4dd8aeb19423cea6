import {
  Metadata,
  Server,
  ServerCredentials,
  ServerDuplexStream,
  ServerInterceptingCall,
  ServerWritableStream,
  ServiceDefinition,
  experimental,
  handleUnaryCall,
  sendUnaryData,
  ServerUnaryCall,
  status,
} from 'millrace/grpc';
import { grpc as namespace } from 'millrace';
import * as grpc from 'millrace/grpc';

interface Question {
  text: string;
}
interface Answer {
  words: number;
}

declare const service: ServiceDefinition;

const server: Server = new namespace.Server({
  'grpc.max_receive_message_length': 1 << 20,
  'millrace.compression': ['zstd', 'gzip'],
  'grpc.http2.unknown': 1,
  interceptors: [(method, call) => (method.requestStream ? call : new ServerInterceptingCall(call))],
});

const ask: handleUnaryCall<Question, Answer> = async (call) => ({ words: call.request.text.length });
server.addService(service, {
  ask,
  answer(call: ServerUnaryCall<Question, Answer>, callback: sendUnaryData<Answer>) {
    const trailer = new Metadata();
    trailer.set('who-bin', Buffer.from(call.getPeer()));
    if (call.request.text === '') callback({ code: status.INVALID_ARGUMENT, details: 'no text' });
    else callback(null, { words: 1 }, trailer);
  },
  list(call: ServerWritableStream<Question, Answer>) {
    const room: boolean = call.write({ words: call.request.text.length });
    if (!room) call.once('drain', () => call.end(new Metadata()));
  },
  async *talk(call: ServerDuplexStream<Question, Answer>) {
    for await (const question of call) yield { words: question.text.length };
  },
});
const provider = new experimental.FileWatcherCertificateProvider({ caCertificateFile: 'ca.pem', refreshIntervalMs: 1000 });
server.bindAsync('[::]:0', experimental.createCertificateProviderServerCredentials(provider, null, false), (error, port) => {
  if (error === null) server.drain(`[::]:${port.toFixed(0)}`, 100);
  server.tryShutdown((failure) => console.log(failure?.message));
});
server.createConnectionInjector(ServerCredentials.createInsecure()).destroy();

// @ts-expect-error: a port is text
server.bindAsync(50051, ServerCredentials.createInsecure(), () => {});

// The client.

const Asker = grpc.makeClientConstructor(service, 'Asker');
const client = new Asker('localhost:50051', grpc.credentials.createSsl(Buffer.from('ca')), {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  interceptors: [
    (options, nextCall) =>
      new grpc.InterceptingCall(nextCall(options), {
        start: (metadata, listener, next) => next(metadata, new grpc.ListenerBuilder().withOnReceiveStatus((s, n) => n(s)).build()),
      }),
  ],
});
const call: grpc.ClientUnaryCall = client.makeUnaryRequest(
  '/a/b',
  (question: Question) => Buffer.from(question.text),
  (bytes): Answer => ({ words: bytes.length }),
  { text: 'how many' },
  { deadline: Date.now() + 1000, propagate_flags: grpc.propagate.DEADLINE },
  (error, value) => console.log(error?.code === status.OK, value?.words.toFixed()),
);
call.cancel();
const duplex = client.makeBidiStreamRequest('/a/c', (n: number) => Buffer.from(`${n}`), (bytes) => bytes.length, new Metadata());
const hasRoom: boolean = duplex.write(5);
if (!hasRoom) duplex.once('drain', () => duplex.end());
const packageDefinition: grpc.PackageDefinition = grpc.loadSync('a.proto', { longs: String, includeDirs: ['protos'] });
grpc.loadPackageDefinition(packageDefinition);
client.waitForReady(Infinity, (error) => console.log(error?.message));

// @ts-expect-error: a channel has credentials
new grpc.Client('localhost:50051');
