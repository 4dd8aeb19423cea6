import { TransformOptions, Writable } from 'node:stream';
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

/** A transform over rows. */
export type RowTransform = NativeTransform;

/** What `validate`, `edit` and `parse` take. */
export interface RowOptions extends StreamOptions {
  /**
   * What a bad row does: end the stream with `ERR_MILLRACE_JSONL_INVALID`, or be left out. Defaults to `'skip'` with `rejects`,
   * else to `'error'`.
   */
  onInvalid?: 'error' | 'skip' | undefined;
  /** Longest row in bytes, without its LF or CRLF; a longer one is bad. Defaults to 16,777,216; at most 1,073,741,824. */
  maxLineLength?: number | undefined;
  /** What invalid UTF-8 does: make its row bad, or become U+FFFD. Defaults to `'error'`. */
  utf8?: 'error' | 'replace' | undefined;
  /** Threads for this stage. Defaults to one a core. */
  threads?: number | undefined;
}

/** What `rejects` gets for a row that is left out: a JSON line, or in object mode an object. */
export interface DeadLetter {
  /** Line in the stage's input, from 1. */
  line: number;
  /** Byte in the stage's input at which the row starts, from 0. */
  offset: number;
  /** What is wrong with the row, for people. */
  reason: string;
  /** The row without its line end; bytes that are not UTF-8 are U+FFFD. */
  row: string;
  /** The row's bytes, where it is not UTF-8 and not too long. */
  rowBase64?: string;
  /** Bytes of the row, where it is longer than `maxLineLength`. */
  length?: number;
  /** Of a row that is too long, `row` is only the start: where `rejects` is in object mode. */
  truncated?: true;
  /** A row that is too long is not UTF-8. */
  lossy?: true;
}

/** Options of {@link validate}. */
export interface ValidateOptions extends RowOptions {
  /**
   * Gets one {@link DeadLetter} for each row left out. While it does not take more, the stage waits. A row longer than
   * `maxLineLength` is written to it whole, in parts. Defaults to none.
   */
  rejects?: Writable | undefined;
  /** Whether `rejects` ends with this stream. Defaults to `true`, but for standard output and error. */
  endRejects?: boolean | undefined;
}

/** A digest of the row as it goes out, without the member that takes it. */
export interface HashOptions {
  /** The member that takes it. */
  field: string;
  /** Defaults to `'sha256'`. */
  algorithm?: 'sha256' | 'sha512' | 'sha1' | 'md5' | 'crc32' | 'blake3' | 'xxh3' | undefined;
  /** Hex characters, from the first. Defaults to all. */
  length?: number | undefined;
}

/** Options of {@link edit}. */
export interface EditOptions extends ValidateOptions {
  /** Members to set: any JSON value, or `now()`. In their place, or at the end in this order. Defaults to none. */
  set?: Record<string, unknown> | undefined;
  /** A digest of the row. Defaults to none. */
  hash?: HashOptions | undefined;
  /** Members to remove. Defaults to none. */
  remove?: readonly string[] | undefined;
  /**
   * Members to rename, all at once: old name to new name; one that had the new name gives way. Of an old name that stands twice,
   * the first place and the last value stay. Defaults to none.
   */
  rename?: Record<string, string> | undefined;
}

/** Options of {@link parse}. */
export interface ParseOptions extends RowOptions {
  /**
   * Most rows in an array, from 1 to 1,048,576, or `true` for arrays as large as is quickest. Defaults to rows one by one, where a
   * row `null` is bad (`ERR_MILLRACE_JSONL_NULL`), since an object stream takes it for its end.
   */
  batch?: number | true | undefined;
}

/** Options of {@link stringify}. */
export type StringifyOptions = StreamOptions;

/**
 * Lets rows pass that are valid JSON, byte for byte.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE` for options that cannot be
 */
export function validate(options?: ValidateOptions): RowTransform;
/**
 * Edits members of each row's object: remove, then rename, then set, then hash. All else keeps its bytes.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE` for options that cannot be
 */
export function edit(options?: EditOptions): RowTransform;
/**
 * Rows into objects: one by one, or in arrays of up to `batch`.
 *
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE` for options that cannot be
 */
export function parse(options?: ParseOptions): NativeTransform;
/** Values into rows, as `JSON.stringify` writes them; one that has no JSON fails the stream: `ERR_MILLRACE_JSONL_STRINGIFY`. */
export function stringify(options?: StringifyOptions): NativeTransform;
/** A value for `set`: the time at which a row is edited. */
export function now(): object;
