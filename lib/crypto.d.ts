/// <reference types="node" />
import { Transform, TransformOptions } from 'node:stream';
import { StageStats } from './inspect.js';

/**
 * A digest algorithm: `sha256`, `sha512`, `sha1` (FIPS 180-4), `md5` (RFC 1321), `crc32` (that of gzip, RFC 1952
 * section 8), `blake3` (32 bytes), `xxh3` (XXH3-64 with seed 0; not cryptographic). Numbers are written highest byte
 * first.
 */
export type HashAlgorithm = 'sha256' | 'sha512' | 'sha1' | 'md5' | 'crc32' | 'blake3' | 'xxh3';

/** Options of {@link hash}. */
export interface HashOptions<A extends HashAlgorithm = HashAlgorithm>
  extends Pick<
    TransformOptions,
    'highWaterMark' | 'readableHighWaterMark' | 'writableHighWaterMark' | 'signal' | 'emitClose' | 'autoDestroy' | 'allowHalfOpen'
  > {
  /** What to digest with, all in one pass; one that is named twice counts once. Defaults to `['sha256']`. */
  algorithms?: readonly A[] | undefined;
  /** How digests are written. Defaults to `'hex'`. */
  encoding?: 'hex' | 'base64' | 'base64url' | undefined;
}

/** Digests by algorithm. */
export type Digests<A extends HashAlgorithm = HashAlgorithm> = Readonly<Record<A, string>>;

/** Hands its input on as it is, and digests it meanwhile. Emits `'digests'` before `'end'`. */
export class Hash<A extends HashAlgorithm = 'sha256'> extends Transform {
  constructor(options?: HashOptions<A>);
  /** The digests, once all bytes have passed; before that `undefined`. */
  readonly digests: Digests<A> | undefined;
  /** The counters of this stream's operator. */
  stats(): StageStats;

  addListener(event: 'digests', listener: (digests: Digests<A>) => void): this;
  addListener(event: string | symbol, listener: (...args: any[]) => void): this;
  on(event: 'digests', listener: (digests: Digests<A>) => void): this;
  on(event: string | symbol, listener: (...args: any[]) => void): this;
  once(event: 'digests', listener: (digests: Digests<A>) => void): this;
  once(event: string | symbol, listener: (...args: any[]) => void): this;
}

/**
 * A pass-through that digests what flows by.
 *
 * @param options what to digest with
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` for options that cannot be
 */
export function hash<A extends HashAlgorithm = 'sha256'>(options?: HashOptions<A>): Hash<A>;
