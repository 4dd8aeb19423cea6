'use strict';

const http = require('node:http');
const path = require('node:path');
const { getSystemErrorMap } = require('node:util');
const { invalidArgType, invalidArgValue, withCode } = require('../internal/errors.js');
const { optionsObject } = require('../internal/options.js');
const { kTakeOutput } = require('../internal/native-sink.js');
const { compression, noFiles, policy } = require('./files.js');
const { sendFile, share, takeOutput } = require('./socket-answers.js');
const { StreamSocket } = require('./http2-stream.js');
const { kShare } = require('../internal/shared-frame.js');
const { SocketFace } = require('./socket-face.js');

/** What a file's absence and its like are in HTTP. @type {Record<string, number>} */
const STATUS = { ENOENT: 404, ENOTDIR: 404, ENAMETOOLONG: 404, EISDIR: 404, EACCES: 403, EPERM: 403 };
/** Fields of a request that decide about a file. */
const CONDITIONS = [
  'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range', 'accept-encoding',
];

/** @param {any} socket */
function isOurs(socket) {
  return socket instanceof SocketFace || socket instanceof StreamSocket;
}

class ServerResponse extends http.ServerResponse {
  /**
   * @param {any} operator of a native stream that is piped into this
   * @param {number} most bytes
   * @returns {{ outcome: number, room: boolean } | undefined} undefined where it has to be written
   */
  [kTakeOutput](operator, most) {
    const res = /** @type {any} */ (this);
    const { socket } = res;
    // Who replaced `write`, as compression does, wants the bytes.
    if (this.write !== http.ServerResponse.prototype.write || res.finished || this.destroyed) return undefined;
    if (socket === null || !isOurs(socket) || socket.destroyed || this.strictContentLength) return undefined;
    // What it keeps until it is uncorked, by Node.js 26 each write of a tick, goes first.
    if (this.writableCorked > 0) return undefined;
    if (!res._header) res._implicitHeader();
    if (!res._hasBody) return undefined;
    if (!res._headerSent) res._send('', 'latin1');
    return takeOutput(socket, res, operator, most);
  }

  /**
   * @param {import('../internal/shared-frame.js').SharedFrame} frame bytes that other responses get, too
   * @returns {boolean | undefined} whether there is room for more; undefined where it has to be written
   */
  [kShare](frame) {
    const res = /** @type {any} */ (this);
    const { socket } = res;
    if (this.write !== http.ServerResponse.prototype.write || res.finished || this.destroyed) return undefined;
    if (!(res.socket instanceof SocketFace) || !socket.carries(res) || this.strictContentLength) return undefined;
    // Its head, or what is corked, goes first.
    if (!res._headerSent || !res._hasBody || this.writableCorked > 0) return undefined;
    return share(socket, res, frame);
  }

  /**
   * Answers with a file, without its bytes entering JavaScript: conditional and range requests, validators and type are
   * seen to. Fields that were set stay, and go before the file's own.
   *
   * @param {string} file absolute, or relative to `options.root`
   * @param {any} [given]
   * @param {(error?: Error) => void} [callback] once all is sent, or could not be; without it an error is answered
   * @returns {this}
   */
  sendFile(file, given, callback) {
    if (typeof given === 'function') {
      callback = given;
      given = undefined;
    }
    if (typeof file !== 'string') throw invalidArgType('path', 'string', file);
    const options = optionsObject(given);
    const place = locate(file, options);
    const res = /** @type {any} */ (this);
    if (res._header) throw withCode(new Error('Cannot send a file after headers are sent'), 'ERR_HTTP_HEADERS_SENT');
    const { socket, req } = res;
    if (socket === null || socket.destroyed) {
      fail(res, withCode(new Error('Cannot send a file on a closed connection'), 'ERR_STREAM_DESTROYED'), callback);
      return this;
    }
    if (!isOurs(socket)) {
      fail(res, noFiles(), callback);
      return this;
    }
    /** @type {Record<string, string>} */
    const request = {};
    for (const name of CONDITIONS) if (typeof req.headers[name] === 'string') request[name] = req.headers[name];
    const outcome = sendFile(socket, res, {
      path: place,
      contentType: this.hasHeader('content-type') ? '' : options.contentType,
      headOnly: req.method === 'HEAD',
      keepAlive: this.shouldKeepAlive,
      compress: compression(options),
      policy: { ...policy({ ...options, headers: { ...set(res), ...options.headers } }) },
      request,
    }, callback);
    if (outcome.errno !== undefined) fail(res, systemError(outcome.errno, place), callback);
    return this;
  }
}

/**
 * @param {any} res
 * @returns {Record<string, any>} the fields that were set, in their own letter case
 */
function set(res) {
  const names = res.getRawHeaderNames();
  return Object.fromEntries(names.map((/** @type {string} */ name) => [name, res.getHeader(name)]));
}

/**
 * @param {string} file
 * @param {Record<string, any>} options
 * @returns {string} its path
 */
function locate(file, options) {
  if (file.includes('\0')) throw invalidArgValue('path', file, 'must be a string without null bytes');
  const { root } = options;
  if (root === undefined) {
    if (!path.isAbsolute(file)) throw invalidArgValue('path', file, 'must be absolute, or options.root given');
    return file;
  }
  if (typeof root !== 'string') throw invalidArgType('options.root', 'string', root);
  const place = path.join(path.resolve(root), file);
  // What a user may have named must not leave the root.
  if (place !== path.resolve(root) && !place.startsWith(path.resolve(root) + path.sep)) {
    throw invalidArgValue('path', file, 'must lie within options.root');
  }
  return place;
}

/**
 * @param {number} errno
 * @param {string} file
 * @returns {NodeJS.ErrnoException & { status?: number }}
 */
function systemError(errno, file) {
  const [code, text] = getSystemErrorMap().get(-errno) ?? ['EIO', 'i/o error'];
  const error = new Error(`${code}: ${text}, open '${file}'`);
  return Object.assign(error, { code, errno: -errno, syscall: 'open', path: file, status: STATUS[code] ?? 500 });
}

/**
 * @param {any} res
 * @param {any} error
 * @param {((error?: Error) => void) | undefined} callback
 */
function fail(res, error, callback) {
  if (callback !== undefined) process.nextTick(callback, error);
  else if (!res.destroyed && res.socket !== null) {
    const status = error.status ?? 500;
    // They are the file's, which is not sent.
    for (const name of res.getHeaderNames()) res.removeHeader(name);
    res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
    res.end(`${status} ${http.STATUS_CODES[status]}\n`);
  }
}

module.exports = { ServerResponse };
