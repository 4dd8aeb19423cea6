/// <reference types="node" />
import * as nodeFs from 'node:fs';
import { FileHandle } from 'node:fs/promises';
import { StageStats } from './inspect.js';


/** Options of {@link createReadStream}, as in `node:fs`. */
export interface ReadStreamOptions {
  /** Flags of `open(2)`, as `'r'` or a number. Defaults to `'r'`. */
  flags?: string | number | undefined;
  /** Chunks are strings in this encoding. Defaults to none: chunks are Buffers. */
  encoding?: BufferEncoding | null | undefined;
  /** A file that is open already; `path` is not used. Defaults to opening `path`. */
  fd?: number | FileHandle | null | undefined;
  /** Permissions of a file that the flags create. Defaults to `0o666`. */
  mode?: number | string | undefined;
  /** Close the file at the end and on errors. Defaults to true. */
  autoClose?: boolean | undefined;
  /** Emit `'close'`. Defaults to true. */
  emitClose?: boolean | undefined;
  /** First byte to read, from 0. Defaults to the file's position, which is its start where we open it. */
  start?: number | undefined;
  /** Last byte to read, included. Defaults to `Infinity`. */
  end?: number | undefined;
  /** Bytes in a chunk, and bytes that are read ahead. Defaults to 65,536. */
  highWaterMark?: number | undefined;
  /** Destroys the stream when it is aborted. */
  signal?: AbortSignal | null | undefined;
  /** Functions in place of `node:fs`'s: the stream is then Node's own. */
  fs?: object | null | undefined;
}

/** Options of {@link createWriteStream}, as in `node:fs`, and `atomic`. */
export interface WriteStreamOptions {
  /** Flags of `open(2)`, as `'w'`, `'a'`, `'r+'`, `'wx'`, or a number. Defaults to `'w'`. */
  flags?: string | number | undefined;
  /** Encoding of written strings. Defaults to `'utf8'`. */
  encoding?: BufferEncoding | null | undefined;
  /** A file that is open already; `path` is not used. Defaults to opening `path`. */
  fd?: number | FileHandle | null | undefined;
  /** Permissions of a new file, before the umask. Defaults to `0o666`. */
  mode?: number | string | undefined;
  /** Close the file at the end and on errors. Defaults to true. */
  autoClose?: boolean | undefined;
  /** Emit `'close'`. Defaults to true. */
  emitClose?: boolean | undefined;
  /** Byte at which to begin, from 0. Defaults to the file's position. */
  start?: number | undefined;
  /** Bytes at which `write` returns false. Defaults to Node's own. */
  highWaterMark?: number | undefined;
  /** `fsync(2)` before the file is closed, of an atomic file's folder too. Defaults to false. */
  flush?: boolean | undefined;
  /**
   * Write aside, and take the target's name when all is written: whatever goes wrong, the old file stays whole. Follows links,
   * keeps permissions and (where permitted) owner of an old file, writes FIFOs and devices directly. Only with flags `'w'`,
   * `'wx'`, `'w+'` or `'wx+'`, and without `fd` and `fs`, else `ERR_INVALID_ARG_VALUE`. Defaults to false.
   */
  atomic?: boolean | undefined;
  /** Destroys the stream when it is aborted. */
  signal?: AbortSignal | null | undefined;
  /** Functions in place of `node:fs`'s: the stream is then Node's own. */
  fs?: object | null | undefined;
}

/** Reads a file natively. */
export class ReadStream extends nodeFs.ReadStream {
  constructor(path: nodeFs.PathLike, options?: BufferEncoding | ReadStreamOptions);
  /** The descriptor while the file is open, else `null`. */
  fd: number | null;
  /** The counters of this stream's operator. */
  stats(): StageStats;
}

/** Writes a file natively. */
export class WriteStream extends nodeFs.WriteStream {
  constructor(path: nodeFs.PathLike, options?: BufferEncoding | WriteStreamOptions);
  /** The descriptor while the file is open, else `null`. */
  fd: number | null;
  /** The counters of this stream's operator. */
  stats(): StageStats;
}

/**
 * Reads a file. Mirrors `fs.createReadStream`.
 *
 * @param path of the file
 * @param options an encoding, or options
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE` for options that cannot be
 */
export function createReadStream(path: nodeFs.PathLike, options?: BufferEncoding | ReadStreamOptions): ReadStream;

/**
 * Writes a file. Mirrors `fs.createWriteStream`, with `atomic` beyond it.
 *
 * @param path of the file
 * @param options an encoding, or options
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE` for options that cannot be
 */
export function createWriteStream(path: nodeFs.PathLike, options?: BufferEncoding | WriteStreamOptions): WriteStream;
