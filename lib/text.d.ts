import { TransformOptions } from 'node:stream';
import { NativeTransform } from './inspect.js';

/** Options of Node's stream constructors that every stage takes. */
type StreamOptions = Pick<
  TransformOptions,
  | 'highWaterMark'
  | 'readableHighWaterMark'
  | 'writableHighWaterMark'
  | 'encoding'
  | 'defaultEncoding'
  | 'allowHalfOpen'
  | 'autoDestroy'
  | 'emitClose'
  | 'signal'
>;

/** Options of {@link lines}. */
export interface LinesOptions extends StreamOptions {
  /** Longest line in bytes, without its end. Defaults to 16,777,216; at most 1,073,741,824. */
  maxLength?: number | undefined;
  /** Lines keep the ends that they came with. Defaults to `false`. */
  keepEnds?: boolean | undefined;
  /**
   * What becomes of a longer line: the stream fails with `ERR_MILLRACE_TEXT_LINE_TOO_LONG`, the line is left out, or its
   * first `maxLength` bytes are kept. Defaults to `'error'`.
   */
  onTooLong?: 'error' | 'skip' | 'truncate' | undefined;
  /** One string a line for the reader, instead of batches of lines in bytes. Defaults to `false`. */
  objectMode?: boolean | undefined;
  /** The same as `objectMode`. */
  readableObjectMode?: boolean | undefined;
  /** Threads for this stream. Defaults to all that there are. */
  threads?: number | undefined;
}

/** Options of {@link upperCase} and {@link lowerCase}. */
export interface CaseOptions extends StreamOptions {
  /**
   * What invalid UTF-8 does: end the stream with `ERR_MILLRACE_TEXT_ENCODING`, or become U+FFFD, one for each maximal part of
   * a character, as in `buffer.toString()`. Defaults to `'replace'`.
   */
  utf8?: 'error' | 'replace' | undefined;
  /** Threads for this stream. Defaults to all that there are. */
  threads?: number | undefined;
}

/**
 * Splits at LF and CRLF: batches of whole lines in bytes, or strings one by one in object mode.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE` for options that cannot be
 */
export function lines(options?: LinesOptions): NativeTransform;

/** UTF-8 text in upper case, as `String.prototype.toUpperCase` of the whole text. */
export function upperCase(options?: CaseOptions): NativeTransform;

/** UTF-8 text in lower case, as `String.prototype.toLowerCase` of the whole text. */
export function lowerCase(options?: CaseOptions): NativeTransform;
