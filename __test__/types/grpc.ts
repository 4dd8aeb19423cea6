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
