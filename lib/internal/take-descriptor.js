'use strict';

/**
 * The method by which a socket of millrace's own servers is handed to another of its protocols:
 * `socket[TAKE_DESCRIPTOR]()` returns `{ fd, head, session }`: the descriptor, what was read from it and seen by nobody, and
 * the TLS session on it where there is one, which the new owner ends with its side; or null where the peer is gone or bytes
 * wait to be sent. The socket stays as the face: its new owner replaces `_read`, `_write` and `_writev`, calls the socket's
 * own `_final` and `_destroy` when its bytes are sent. It uses a duplicate of the descriptor, or closes it and says so with
 * `socket.descriptor = -1`: what is open then the socket closes when it is destroyed.
 */
module.exports = { TAKE_DESCRIPTOR: Symbol.for('millrace.takeDescriptor') };
