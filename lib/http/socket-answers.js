'use strict';

/** Answers whose bytes do not pass through JavaScript: what is piped from a native stream, and files. */

const { STATUS_CODES } = require('node:http');
const { withCode } = require('../internal/errors.js');
const { expectDrain, markFinished } = require('./requests.js');

/**
 * Moves output of an operator into a connection, framed as the response says.
 *
 * @param {any} socket
 * @param {any} res
 * @param {any} operator
 * @param {number} most bytes
 * @returns {{ outcome: number, room: boolean }}
 */
function takeOutput(socket, res, operator, most) {
  const { engine } = socket;
  // What was written before it goes before it.
  engine.flushWithin();
  const outcome = socket.released ? 0 : engine.native.takeOutput(socket.id, operator, most, res.chunkedEncoding);
  if (outcome > 0) {
    socket.bytesWritten += outcome + (res.chunkedEncoding ? outcome.toString(16).length + 4 : 0);
    socket.waiting = engine.native.pending(socket.id);
    socket.timer?.refresh();
  }
  if (socket.waiting > 0) engine.receiveSoon();
  const hasRoom = socket.waiting < socket.writableHighWaterMark;
  if (!hasRoom) {
    socket.needsDrain = true;
    expectDrain(res);
  }
  return { outcome, room: hasRoom };
}

/**
 * Takes its part in a broadcast.
 *
 * @param {any} socket
 * @param {any} res
 * @param {import('../internal/shared-frame.js').SharedFrame} frame
 * @returns {boolean} whether there is room for more
 */
function share(socket, res, frame) {
  const bytes = frame.add(socket.engine, socket.id, res.chunkedEncoding);
  socket.bytesWritten += bytes;
  socket.waiting += bytes;
  socket.timer?.refresh();
  const mark = socket.writableHighWaterMark;
  if (socket.waiting < mark) return true;
  // Only the system can tell whether there is room.
  frame.commit();
  socket.engine.native.sendQueued();
  socket.waiting = socket.engine.native.pending(socket.id);
  if (socket.waiting < mark) return true;
  socket.needsDrain = true;
  expectDrain(res);
  return false;
}

/**
 * Answers with a file. What the response's own methods would note is noted here.
 *
 * @param {any} socket
 * @param {any} res
 * @param {object} spec see `SendSpec` in `src/binding/http_settings.rs`
 * @param {((error?: Error) => void) | undefined} callback
 * @returns {{ errno?: number }}
 */
function sendFile(socket, res, spec, callback) {
  socket.engine.flush();
  if (socket.released) return { errno: 32 };
  const outcome = JSON.parse(socket.engine.native.sendFile(socket.id, JSON.stringify(spec)));
  if (outcome.errno !== undefined) return outcome;
  res.statusCode = outcome.status;
  res.statusMessage ??= STATUS_CODES[outcome.status];
  res._header = `HTTP/1.1 ${outcome.status} ${res.statusMessage}\r\n\r\n`;
  res._headerSent = true;
  res._last = !res.shouldKeepAlive && socket.streamId === undefined;
  res.finished = true;
  socket.bytesWritten += outcome.bytes;
  socket.waiting = socket.engine.native.pending(socket.id);
  if (socket.waiting > 0) socket.engine.receiveSoon();
  if (callback !== undefined) {
    const done = () => {
      res.removeListener('finish', done);
      res.removeListener('close', done);
      callback(res.writableFinished ? undefined : withCode(new Error('Request aborted'), 'ECONNABORTED'));
    };
    res.on('finish', done);
    res.on('close', done);
  }
  res._finish();
  const finish = (/** @type {Error | undefined} */ error) => {
    if (error !== undefined) return;
    markFinished(res);
    res.emit('finish');
  };
  if (socket.waiting === 0) process.nextTick(finish);
  else socket.callbacks.push(socket.bytesWritten, finish);
  return outcome;
}

module.exports = { share, takeOutput, sendFile };
