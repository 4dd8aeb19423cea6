/** Where we stand in for a module, what is typed by its own declarations takes ours: programs change an import alone. */

import * as nodeCrypto from 'node:crypto';
import * as nodeFs from 'node:fs';
import * as nodeHttp from 'node:http';
import { Duplex, Readable, Transform, Writable } from 'node:stream';
import * as nodeZlib from 'node:zlib';
import * as grpcJs from '@grpc/grpc-js';
import * as realWs from 'ws';
import * as fs from 'millrace/fs';
import * as grpc from 'millrace/grpc';
import * as http from 'millrace/http';
import * as text from 'millrace/text';
import WebSocket, { WebSocketServer, createWebSocketStream } from 'millrace/ws';
import * as zlib from 'millrace/zlib';

// Streams are Node's.
const readable: nodeFs.ReadStream = fs.createReadStream('a');
const writable: nodeFs.WriteStream = fs.createWriteStream('a');
const transform: Transform = text.lines();
const gzip: nodeZlib.Gzip = zlib.createGzip();
const gunzip: nodeZlib.Gunzip = zlib.createGunzip();
const deflate: nodeZlib.Deflate = zlib.createDeflate();
const inflateRaw: nodeZlib.InflateRaw = zlib.createInflateRaw();
const unzip: nodeZlib.Unzip = zlib.createUnzip();
export const streams: (Readable | Writable)[] = [readable, writable, transform, gzip, gunzip, deflate, inflateRaw, unzip];

// node:fs: a function that is given a module to open files with.
export const files: Pick<typeof nodeFs, never> & {
  createReadStream(path: nodeFs.PathLike, options?: { start?: number; end?: number; highWaterMark?: number }): nodeFs.ReadStream;
  createWriteStream(path: nodeFs.PathLike, options?: { flags?: string; mode?: number }): nodeFs.WriteStream;
} = fs;

// node:zlib.
export const codec: Pick<
  typeof nodeZlib,
  | 'createGzip' | 'createGunzip' | 'createDeflate' | 'createInflate' | 'createDeflateRaw' | 'createInflateRaw' | 'createUnzip'
  | 'gzipSync' | 'gunzipSync' | 'deflateSync' | 'inflateSync' | 'deflateRawSync' | 'inflateRawSync' | 'unzipSync'
  | 'constants' | 'crc32'
> = zlib;
zlib.gzip('a', { level: 9 } satisfies nodeZlib.ZlibOptions, ((error, result) => console.log(error, result)) satisfies nodeZlib.CompressCallback);

// node:http.
const server: nodeHttp.Server = http.createServer((req: nodeHttp.IncomingMessage, res: nodeHttp.ServerResponse) => res.end(req.url));
const options: nodeHttp.ServerOptions = { keepAliveTimeout: 1 };
http.createServer(options, ((req, res) => void res.end(req.url)) satisfies nodeHttp.RequestListener);
export const module: Pick<typeof nodeHttp, 'STATUS_CODES' | 'METHODS' | 'request' | 'get' | 'Agent' | 'globalAgent' | 'IncomingMessage'> = http;

// ws.
// What does not refer to the socket itself: a listener of theirs may be given a socket that can do less than ours.
declare function useSocket(
  socket: Pick<
    realWs.WebSocket,
    | 'binaryType' | 'bufferedAmount' | 'close' | 'extensions' | 'isPaused' | 'pause' | 'ping' | 'pong' | 'protocol' | 'readyState'
    | 'resume' | 'send' | 'terminate' | 'url'
  >,
): void;
declare function useServer(server: Pick<realWs.WebSocketServer, 'path' | 'address' | 'close' | 'shouldHandle'>): void;
const socket = new WebSocket('ws://localhost', { perMessageDeflate: true } satisfies realWs.ClientOptions);
useSocket(socket);
useServer(new WebSocketServer({ server, maxPayload: 1 } satisfies realWs.ServerOptions));
socket.on('message', (data: realWs.RawData, isBinary: boolean) => console.log(data, isBinary));
socket.onclose = (event: Omit<realWs.CloseEvent, 'target'>) => console.log(event.code);
socket.send(Buffer.alloc(1) satisfies realWs.Data, { binary: true });
export const duplex: Duplex = createWebSocketStream(socket);

// grpc-js: definitions and implementations, generated ones too, that are typed by it.
declare const definition: grpcJs.ServiceDefinition;
declare const implementation: grpcJs.UntypedServiceImplementation;
const served = new grpc.Server({ 'grpc.max_concurrent_streams': 1 } satisfies grpcJs.ServerOptions);
served.addService(definition, implementation);
served.addService(definition, {
  unary: ((call, callback) => callback(null, call.request)) satisfies grpcJs.handleUnaryCall<string, string>,
});
export const numbers: Record<keyof typeof grpcJs.status, number | string> = grpc.status;
const failure: Partial<grpcJs.StatusObject> = { code: grpcJs.status.INTERNAL, details: '' };
export const code: grpc.status | undefined = failure.code;

void nodeCrypto;
