import * as nodeZlib from 'node:zlib';
import { Transform, TransformOptions } from 'node:stream';
import { promisify } from 'node:util';
import { StageStats } from './inspect.js';

// Constants, codes, brotli, zstd, and whatever else the running Node has.
export * from 'node:zlib';

/** What the one-shots of the installed `@types/node` give. */
type Bytes = ReturnType<typeof nodeZlib.gzipSync>;

/**
 * Options of gzip, deflate, raw deflate and their inverses: `node:zlib`'s, those of Node's streams, and ours.
 *
 * Wrong types and ranges throw `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` and `ERR_OUT_OF_RANGE`, in Node's words.
 */
export interface ZlibOptions extends nodeZlib.ZlibOptions, Pick<
  TransformOptions,
  'readableHighWaterMark' | 'writableHighWaterMark' | 'allowHalfOpen' | 'autoDestroy' | 'emitClose' | 'defaultEncoding'
> {
  /** 0 (stored) to 9 (smallest), or -1 for 6. Compression only. Defaults to -1. */
  level?: number | undefined;
  /**
   * The window is 2 to this power bytes: 8 to 15, 9 to 15 for gzip, 0 for what the header says where one is read. Defaults to 15.
   */
  windowBits?: number | undefined;
  /** Memory for the serial encoder: 1 to 9. Compression only. Defaults to 8. */
  memLevel?: number | undefined;
  /** One of `Z_DEFAULT_STRATEGY`, `Z_FILTERED`, `Z_HUFFMAN_ONLY`, `Z_RLE`, `Z_FIXED`. Compression only. Defaults to the first. */
  strategy?: number | undefined;
  /** Bytes that both sides know beforehand; gzip has no use for them. Defaults to none. */
  dictionary?: NodeJS.ArrayBufferView | ArrayBuffer | undefined;
  /** The flush behind each write. Defaults to `Z_NO_FLUSH`. */
  flush?: number | undefined;
  /** The flush at the end; with `Z_SYNC_FLUSH`, truncated input is no error. Defaults to `Z_FINISH`. */
  finishFlush?: number | undefined;
  /**
   * Bytes of the largest chunk of a stream's output, at least 64. Defaults to 16,384 at first, doubled by each full chunk up to
   * 65,536.
   */
  chunkSize?: number | undefined;
  /** One-shots give `{ buffer, engine }`. Defaults to `false`. */
  info?: boolean | undefined;
  /**
   * Most bytes of output, of streams too; one more is `ERR_BUFFER_TOO_LARGE`. Defaults to `buffer.kMaxLength` for one-shots and
   * to no limit for streams.
   */
  maxOutputLength?: number | undefined;
  /**
   * Largest output as a multiple of the input consumed, judged from 1 MiB of output on; more is `ERR_MILLRACE_ZLIB_RATIO`.
   * Decompression only. Defaults to no limit.
   */
  maxRatio?: number | undefined;
  /**
   * Whether bytes after the compressed data are `ERR_TRAILING_JUNK_AFTER_STREAM_END`. Decompression only. Defaults to `false`.
   */
  rejectGarbageAfterEnd?: boolean | undefined;
  /** How many gzip members are read. Defaults to `'all'`. */
  members?: 'all' | 'first' | undefined;
  /** Most threads at work for this stream, 1 to 256. Defaults to one a core. */
  threads?: number | undefined;
  /** Bytes accepted before `write` says no, and held for a reader. Defaults to Node's. */
  highWaterMark?: number | undefined;
  /** Ends a stream, a callback or a promise one-shot with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** What all seven streams have beside a `Transform`'s members. */
export interface ZlibStream {
  /** Bytes that the codec consumed: exact where the compressed data ended before its input did. */
  bytesWritten: number;
  /** @deprecated Use `bytesWritten`. */
  readonly bytesRead: number;
  /** What followed the compressed data, its first MiB. */
  readonly remainder: Buffer;
  /** Destroys the stream; the callback comes at `close`. */
  close(callback?: (error?: Error | null) => void): void;
  /** Makes all input so far readable, behind the writes before it. `kind` defaults to `Z_FULL_FLUSH`. */
  flush(callback?: () => void): void;
  flush(kind?: number, callback?: () => void): void;
  /** Changes level and strategy from here on; of no effect where data is decompressed. */
  params(level: number, strategy: number, callback?: (error?: Error | null) => void): void;
  /** Back to the state of a new stream. */
  reset(): void;
  /** The stage's counters now. */
  stats(): StageStats;
}

export class Gzip extends Transform {
  constructor(options?: ZlibOptions);
}
export interface Gzip extends ZlibStream {}
export class Gunzip extends Transform {
  constructor(options?: ZlibOptions);
}
export interface Gunzip extends ZlibStream {}
export class Deflate extends Transform {
  constructor(options?: ZlibOptions);
}
export interface Deflate extends ZlibStream {}
export class Inflate extends Transform {
  constructor(options?: ZlibOptions);
}
export interface Inflate extends ZlibStream {}
export class DeflateRaw extends Transform {
  constructor(options?: ZlibOptions);
}
export interface DeflateRaw extends ZlibStream {}
export class InflateRaw extends Transform {
  constructor(options?: ZlibOptions);
}
export interface InflateRaw extends ZlibStream {}
/** Reads gzip or zlib data, whichever the header says. */
export class Unzip extends Transform {
  constructor(options?: ZlibOptions);
}
export interface Unzip extends ZlibStream {}

export function createGzip(options?: ZlibOptions): Gzip;
export function createGunzip(options?: ZlibOptions): Gunzip;
export function createDeflate(options?: ZlibOptions): Deflate;
export function createInflate(options?: ZlibOptions): Inflate;
export function createDeflateRaw(options?: ZlibOptions): DeflateRaw;
export function createInflateRaw(options?: ZlibOptions): InflateRaw;
export function createUnzip(options?: ZlibOptions): Unzip;

/** What a one-shot gives with `info: true`. */
export interface WithInfo<Engine> {
  buffer: Bytes;
  /** A closed stream with `bytesWritten` and `remainder`. */
  engine: Engine;
}

/** Options that ask for more than bytes. */
export type InfoOptions = ZlibOptions & { info: true };

/** Whole buffers, at once. */
export interface SyncMethod<Engine> {
  (buffer: nodeZlib.InputType, options: InfoOptions): WithInfo<Engine>;
  (buffer: nodeZlib.InputType, options?: ZlibOptions): Bytes;
}

/** Whole buffers, off this thread where they are large. */
export interface PromiseMethod<Engine> {
  (buffer: nodeZlib.InputType, options: InfoOptions): Promise<WithInfo<Engine>>;
  (buffer: nodeZlib.InputType, options?: ZlibOptions): Promise<Bytes>;
}

/** Whole buffers, off this thread where they are large; for `util.promisify`, too. */
export interface CallbackMethod<Engine> {
  (buffer: nodeZlib.InputType, callback: nodeZlib.CompressCallback): void;
  (buffer: nodeZlib.InputType, options: InfoOptions, callback: (error: Error | null, result: WithInfo<Engine>) => void): void;
  (buffer: nodeZlib.InputType, options: ZlibOptions | undefined, callback: nodeZlib.CompressCallback): void;
  [promisify.custom]: PromiseMethod<Engine>;
  /** There for `@types/node`'s way to say the same; no program can call it. */
  __promisify__: PromiseMethod<Engine>;
}

export const gzip: CallbackMethod<Gzip>;
export const gunzip: CallbackMethod<Gunzip>;
export const deflate: CallbackMethod<Deflate>;
export const inflate: CallbackMethod<Inflate>;
export const deflateRaw: CallbackMethod<DeflateRaw>;
export const inflateRaw: CallbackMethod<InflateRaw>;
export const unzip: CallbackMethod<Unzip>;

export const gzipSync: SyncMethod<Gzip>;
export const gunzipSync: SyncMethod<Gunzip>;
export const deflateSync: SyncMethod<Deflate>;
export const inflateSync: SyncMethod<Inflate>;
export const deflateRawSync: SyncMethod<DeflateRaw>;
export const inflateRawSync: SyncMethod<InflateRaw>;
export const unzipSync: SyncMethod<Unzip>;

/** The one-shots with promises. */
export const promises: Readonly<{
  gzip: PromiseMethod<Gzip>;
  gunzip: PromiseMethod<Gunzip>;
  deflate: PromiseMethod<Deflate>;
  inflate: PromiseMethod<Inflate>;
  deflateRaw: PromiseMethod<DeflateRaw>;
  inflateRaw: PromiseMethod<InflateRaw>;
  unzip: PromiseMethod<Unzip>;
}>;

/** CRC-32 of `data` (a string's UTF-8), going on from `value`, a u32. `value` defaults to 0. */
export function crc32(data: string | NodeJS.ArrayBufferView, value?: number): number;
