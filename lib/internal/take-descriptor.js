'use strict';

/**
 * The method by which a socket of millrace's own servers is handed to another of its protocols:
 * `socket[TAKE_DESCRIPTOR]()` returns `{ descriptor, bytes }`: the descriptor, which the new owner closes (-1 where the peer
 * is gone), and what was read from it already. The socket stays as the face: its new owner replaces `write` and the methods
 * beneath it.
 */
module.exports = { TAKE_DESCRIPTOR: Symbol.for('millrace.takeDescriptor') };
