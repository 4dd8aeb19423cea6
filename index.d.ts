/** File streams with the work in native threads; mirrors the streams of `node:fs`. */
export * as fs from './lib/fs.js';
/** Compression; mirrors `node:zlib`. */
export * as zlib from './lib/zlib.js';
/** Lines and letter case. */
export * as text from './lib/text.js';
/** JSON Lines: validate, edit, parse, stringify. */
export * as jsonl from './lib/jsonl.js';
/** Digests of what flows by. */
export * as crypto from './lib/crypto.js';
/** A server; mirrors `node:http`. */
export * as http from './lib/http.js';
/** Server-sent events: sessions, channels, and the client. */
export * as sse from './lib/sse.js';
/** WebSocket server and client; mirrors `ws`. */
import ws = require('./lib/ws.js');
export { ws };
/** gRPC server and client; mirrors `@grpc/grpc-js`. */
export * as grpc from './lib/grpc.js';
/** Topics with history and replay, across threads. */
export * as hub from './lib/hub.js';
export { compose, Composed } from './lib/compose.js';
export { inspect, NativeTransform, Pipeline, StageStats } from './lib/inspect.js';
export { inspector, Inspector, InspectorOptions, InspectedPipeline, InspectedStage, PipelineSnapshot } from './lib/inspector.js';
