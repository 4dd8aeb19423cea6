import * as nodeZlib from 'node:zlib';
import { ZlibOptions } from 'node:zlib';
import { StageStats } from './inspect.js';

export * from 'node:zlib';

/** What streams of the deflate family take beyond `node:zlib`'s options. */
export interface DeflateFamilyOptions extends ZlibOptions {
  /** Most bytes of output, of streams too; more is `ERR_BUFFER_TOO_LARGE`. Defaults to no limit for streams. */
  maxOutputLength?: number | undefined;
  /** Largest output as a multiple of the input, judged from 1 MiB of output on; more is `ERR_MILLRACE_ZLIB_RATIO`. */
  maxRatio?: number | undefined;
  /** Whether input after the compressed data is an error. Defaults to `false`. */
  rejectGarbageAfterEnd?: boolean | undefined;
  /** How many gzip members are read. Defaults to `'all'`. */
  members?: 'all' | 'first' | undefined;
  /** Threads for this stream. Defaults to one a core. */
  threads?: number | undefined;
  /** Bytes accepted before `write` says no. */
  highWaterMark?: number | undefined;
  /** Ends the work with an `AbortError`. */
  signal?: AbortSignal | undefined;
}

/** What streams of the deflate family have beyond `node:zlib`'s. */
export interface NativeZlib {
  /** The stage's counters now. */
  stats(): StageStats;
  /** What followed the compressed data, its first MiB. */
  readonly remainder: Buffer;
}

export function createGzip(options?: DeflateFamilyOptions): nodeZlib.Gzip & NativeZlib;
export function createGunzip(options?: DeflateFamilyOptions): nodeZlib.Gunzip & NativeZlib;
export function createDeflate(options?: DeflateFamilyOptions): nodeZlib.Deflate & NativeZlib;
export function createInflate(options?: DeflateFamilyOptions): nodeZlib.Inflate & NativeZlib;
export function createDeflateRaw(options?: DeflateFamilyOptions): nodeZlib.DeflateRaw & NativeZlib;
export function createInflateRaw(options?: DeflateFamilyOptions): nodeZlib.InflateRaw & NativeZlib;
export function createUnzip(options?: DeflateFamilyOptions): nodeZlib.Unzip & NativeZlib;

/** CRC-32 of `data`, going on from `value`. */
export function crc32(data: string | NodeJS.ArrayBufferView, value?: number): number;

type OneShot = (buffer: nodeZlib.InputType, options?: DeflateFamilyOptions) => Promise<Buffer>;

/** One-shots with promises; `signal` ends one with an `AbortError`. */
export const promises: Readonly<{
  gzip: OneShot;
  gunzip: OneShot;
  deflate: OneShot;
  inflate: OneShot;
  deflateRaw: OneShot;
  inflateRaw: OneShot;
  unzip: OneShot;
}>;
