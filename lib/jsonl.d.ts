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

export interface RowOptions extends StreamOptions {
  /** What a bad row does: end the stream, or be left out. Defaults to `'skip'` with `rejects`, else to `'error'`. */
  onInvalid?: 'error' | 'skip' | undefined;
  /** Longest row in bytes, without its end; a longer one is bad. Defaults to 16,777,216. */
  maxLineLength?: number | undefined;
  /** What invalid UTF-8 does: make its row bad, or become U+FFFD. Defaults to `'error'`. */
  utf8?: 'error' | 'replace' | undefined;
  /** Threads for this stage. Defaults to one a core. */
  threads?: number | undefined;
}

export interface ValidateOptions extends RowOptions {
  /** Gets one JSON line for each row left out: `{"line":…,"offset":…,"reason":…,"row":…}`. */
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

export interface EditOptions extends ValidateOptions {
  /** Members to set: any JSON value, or `now()`. */
  set?: Record<string, unknown> | undefined;
  hash?: HashOptions | undefined;
  /** Members to remove. */
  remove?: readonly string[] | undefined;
  /** Members to rename: old name to new name. */
  rename?: Record<string, string> | undefined;
}

export interface ParseOptions extends RowOptions {
  /** Rows in an array, which come instead of rows one by one; `true` for arrays as large as is quickest. */
  batch?: number | true | undefined;
}

export type StringifyOptions = StreamOptions;

/** Lets rows pass that are valid JSON, byte for byte. */
export function validate(options?: ValidateOptions): RowTransform;
/** Edits members of each row's object: remove, then rename, then set, then hash. */
export function edit(options?: EditOptions): RowTransform;
/** Rows into objects: one by one, or in arrays of up to `batch`. */
export function parse(options?: ParseOptions): NativeTransform;
/** Values into rows, as `JSON.stringify` writes them. */
export function stringify(options?: StringifyOptions): NativeTransform;
/** A value for `set`: the time at which a row is edited. */
export function now(): object;
