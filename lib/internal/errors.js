'use strict';

/** Errors: Node's own, as its `lib/internal/errors.js` words them, and ours (`docs/errors.md`). */

const { getSystemErrorMap, inspect } = require('node:util');

/**
 * Kinds of native failure: the code in JavaScript, and zlib's number where it is one of zlib's.
 *
 * @type {Record<string, { code: string, errno?: number, type?: 'RangeError' | 'TypeError' }>}
 */
const KINDS = {
  ZData: { code: 'Z_DATA_ERROR', errno: -3 },
  ZBuf: { code: 'Z_BUF_ERROR', errno: -5 },
  ZNeedDict: { code: 'Z_NEED_DICT', errno: 2 },
  ZStream: { code: 'Z_STREAM_ERROR', errno: -2 },
  ZMem: { code: 'Z_MEM_ERROR', errno: -4 },
  ZTrailing: { code: 'ERR_TRAILING_JUNK_AFTER_STREAM_END', type: 'TypeError' },
  OutputTooLarge: { code: 'ERR_BUFFER_TOO_LARGE', type: 'RangeError' },
  RatioTooLarge: { code: 'ERR_MILLRACE_ZLIB_RATIO' },
  RowInvalid: { code: 'ERR_MILLRACE_JSONL_INVALID' },
  RowNotObject: { code: 'ERR_MILLRACE_JSONL_NOT_OBJECT' },
  RowNull: { code: 'ERR_MILLRACE_JSONL_NULL' },
  LineTooLong: { code: 'ERR_MILLRACE_TEXT_LINE_TOO_LONG' },
  Utf8: { code: 'ERR_MILLRACE_TEXT_ENCODING' },
  Internal: { code: 'ERR_MILLRACE_INTERNAL' },
};

/** Codes that are made in JavaScript alone. */
const OWN_CODES = [
  'ERR_MILLRACE_LOAD',
  'ERR_MILLRACE_JSONL_STRINGIFY',
  'ERR_MILLRACE_SSE_USE',
  'ERR_MILLRACE_SSE_SLOW_CLIENT',
  'ERR_MILLRACE_WS_SLOW_PEER',
  'ERR_MILLRACE_HTTP_FILES',
  'ERR_MILLRACE_GRPC_PEER',
  'ERR_MILLRACE_GRPC_PLATFORM',
  'ERR_MILLRACE_TLS_UNSUPPORTED',
  'ERR_MILLRACE_TLS_CA',
  'ERR_MILLRACE_TLS_LOOP',
  'ERR_MILLRACE_TLS_OFF',
];

/**
 * The error of a failed operator.
 *
 * @param {string} json as `Operator.failure()` gives it
 * @param {string} stage the stage's name
 * @returns {NodeJS.ErrnoException & { stage?: string, offset?: number, line?: number, dest?: string }}
 */
function fromFailure(json, stage) {
  const failure = JSON.parse(json);
  if (failure.kind === 'Io') return systemError(failure);
  const { code, errno, type } = KINDS[failure.kind] ?? KINDS.Internal;
  const Type = type === 'RangeError' ? RangeError : type === 'TypeError' ? TypeError : Error;
  /** @type {any} */
  const error = new Type(failure.message);
  if (errno !== undefined) error.errno = errno;
  error.code = code;
  error.stage = stage;
  if (failure.offset !== null) error.offset = failure.offset;
  if (failure.line !== null) error.line = failure.line;
  return error;
}

/**
 * As Node's fs words it: `ENOENT: no such file or directory, open 'x'`.
 *
 * @param {{ errno: number, syscall: string, path: string, dest: string | null, message: string }} failure
 * @returns {NodeJS.ErrnoException & { dest?: string }}
 */
function systemError({ errno, syscall, path, dest, message }) {
  const [code, text] = getSystemErrorMap().get(-errno) ?? ['EIO', message];
  // Node names the path for calls that take one, not for those on a descriptor.
  const named = syscall === 'open' || syscall === 'rename' || syscall === 'link';
  const place = named ? ` '${path}'${dest ? ` -> '${dest}'` : ''}` : '';
  /** @type {any} */
  const error = new Error(`${code}: ${text}, ${syscall}${place}`);
  error.errno = -errno;
  error.code = code;
  error.syscall = syscall;
  if (named) error.path = path;
  if (dest) error.dest = dest;
  return error;
}

/**
 * @param {number} bytes that may wait
 * @returns {Error & { code: string }} `ERR_MILLRACE_WS_SLOW_PEER`
 */
function slowPeerError(bytes) {
  return withCode(new Error(`The peer is too slow: more than ${bytes} bytes wait for it`), 'ERR_MILLRACE_WS_SLOW_PEER');
}

/**
 * As Node's net words it: `read ECONNRESET`.
 *
 * @param {number} errno positive
 * @param {string} syscall
 * @returns {NodeJS.ErrnoException}
 */
function systemCallError(errno, syscall) {
  const [code] = getSystemErrorMap().get(-errno) ?? ['EIO'];
  return Object.assign(new Error(`${syscall} ${code}`), { errno: -errno, code, syscall });
}

/**
 * Gives an error Node's look: the code in its stack and in its name as printed.
 *
 * @template {Error} E
 * @param {E} error
 * @param {string} code
 * @returns {E & { code: string }}
 */
function withCode(error, code) {
  const coded = /** @type {E & { code: string }} */ (error);
  const { name } = error;
  coded.name = `${name} [${code}]`;
  // The stack is written when it is first read, with the name as it is then.
  void coded.stack;
  coded.name = name;
  Object.defineProperty(coded, 'name', { value: name, enumerable: false, configurable: true, writable: true });
  coded.code = code;
  return coded;
}

/** @param {unknown} value @returns {string} Node's "Received …" */
function received(value) {
  if (value == null) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') {
    return value.constructor?.name
      ? ` Received an instance of ${value.constructor.name}`
      : ` Received ${inspect(value, { depth: -1 })}`;
  }
  let text = inspect(value, { colors: false });
  if (text.length > 28) text = `${text.slice(0, 25)}...`;
  return ` Received type ${typeof value} (${text})`;
}

/**
 * @param {string} name of the argument, or `options.x` of a property
 * @param {string | string[]} expected type names in lower case, class names with a capital
 * @param {unknown} value
 * @returns {TypeError & { code: string }} `ERR_INVALID_ARG_TYPE`
 */
function invalidArgType(name, expected, value) {
  const all = Array.isArray(expected) ? expected : [expected];
  const types = all.filter((e) => /^[a-z]/.test(e));
  const classes = all.filter((e) => /^[A-Z]/.test(e));
  const list = (/** @type {string[]} */ words) =>
    words.length > 2
      ? `${words.slice(0, -1).join(', ')}, or ${words[words.length - 1]}`
      : words.join(' or ');
  const parts = [];
  if (types.length) parts.push(`${types.length > 1 ? 'one of type' : 'of type'} ${list(types)}`);
  if (classes.length) parts.push(`an instance of ${list(classes)}`);
  const what = name.endsWith(' argument') ? name : `"${name}" ${name.includes('.') ? 'property' : 'argument'}`;
  return withCode(
    new TypeError(`The ${what} must be ${parts.join(' or ')}.${received(value)}`),
    'ERR_INVALID_ARG_TYPE',
  );
}

/**
 * @param {string} name
 * @param {unknown} value
 * @param {string} [reason]
 * @returns {TypeError & { code: string }} `ERR_INVALID_ARG_VALUE`
 */
function invalidArgValue(name, value, reason = 'is invalid') {
  let text = inspect(value);
  if (text.length > 128) text = `${text.slice(0, 128)}...`;
  const kind = name.includes('.') ? 'property' : 'argument';
  return withCode(new TypeError(`The ${kind} '${name}' ${reason}. Received ${text}`), 'ERR_INVALID_ARG_VALUE');
}

/**
 * @param {string} name
 * @param {string} range as in `>= 0 && <= 9`
 * @param {unknown} value
 * @returns {RangeError & { code: string }} `ERR_OUT_OF_RANGE`
 */
function outOfRange(name, range, value) {
  let text = inspect(value);
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) > 2 ** 32) {
    text = String(value).replace(/\B(?=(\d{3})+(?!\d))/g, '_');
  }
  return withCode(
    new RangeError(`The value of "${name}" is out of range. It must be ${range}. Received ${text}`),
    'ERR_OUT_OF_RANGE',
  );
}

/**
 * @param {string} method
 * @returns {Error & { code: string }} `ERR_STREAM_DESTROYED`
 */
function destroyedError(method) {
  return withCode(new Error(`Cannot call ${method} after a stream was destroyed`), 'ERR_STREAM_DESTROYED');
}

/**
 * @param {AbortSignal} signal
 * @returns {Error & { code: string }} Node's `AbortError`
 */
function abortError(signal) {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  error.name = 'AbortError';
  return Object.assign(error, { code: 'ABORT_ERR' });
}

module.exports = {
  KINDS,
  OWN_CODES,
  fromFailure,
  withCode,
  abortError,
  destroyedError,
  slowPeerError,
  systemCallError,
  invalidArgType,
  invalidArgValue,
  outOfRange,
};
