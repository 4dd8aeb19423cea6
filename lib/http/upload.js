'use strict';

/**
 * A request's body on its way past JavaScript, into a native stream. `socket` is that of a connection, or of a stream of
 * HTTP/2: it has `incoming`, `upload`, `received` bytes that came here, and `fed()`, those that did not.
 */

const { Feed, feedTarget } = require('../internal/native-source.js');

/**
 * Hands bytes that came here on into the stream that the request is piped into, where nobody looks.
 *
 * @param {any} socket
 * @param {Buffer} bytes of all connections
 * @param {number} start of those of a body
 * @param {number} end
 * @returns {boolean} whether they went there
 */
function feedUpload(socket, bytes, start, end) {
  const req = socket.incoming;
  if (req === null || req.destroyed || socket.upload !== null) return false;
  const port = feedTarget(req);
  if (port === null || port.operator.inboxBytes() >= port.inboxBound) return false;
  socket.received += end - start;
  port.feed(bytes.subarray(start, end));
  // What comes later need not come here at all.
  socket.engine.linking.push(socket);
  return true;
}

/**
 * Lets the rest of the body go past JavaScript, where nobody looks.
 *
 * @param {any} socket
 */
function linkUpload(socket) {
  const { engine, incoming: req } = socket;
  if (req === null || req.destroyed || socket.upload !== null || socket.released) return;
  const port = feedTarget(req);
  if (port === null) return;
  if (engine.at < engine.count) {
    engine.linking.push(socket);
    return;
  }
  if (!engine.native.linkUpload(socket.id, port.operator)) return;
  const before = socket.receivedBefore + socket.fed();
  socket.upload = new Feed(req, port, { bytes: () => socket.bytesRead - before, unlink: () => unlinked(socket) });
}

/** @param {any} socket whose body comes to JavaScript again, or is over */
function unlinked(socket) {
  socket.upload = null;
  if (socket.released) return;
  // Bytes may have come a moment ago.
  socket.timer?.refresh();
  socket.engine.native.unlinkUpload(socket.id);
  // What waited in front of a full stage is here now.
  socket.engine.receiveSoon();
}

/**
 * @param {any} socket
 * @returns {number} bytes of the bodies that go past JavaScript now, those of its streams included
 */
function passing(socket) {
  let bytes = socket.upload === null ? 0 : socket.fed();
  for (const stream of socket.streams) bytes += passing(stream);
  return bytes;
}

/**
 * @param {any} socket for which no byte was seen
 * @returns {boolean} whether bytes went past JavaScript since this was asked last
 */
function hasPassed(socket) {
  const bytes = passing(socket);
  const more = bytes > 0 && bytes !== socket.fedBefore;
  socket.fedBefore = bytes;
  return more;
}

module.exports = { feedUpload, hasPassed, linkUpload };
