'use strict';

/**
 * The method by which a socket of millrace's own servers is handed to another of its protocols:
 * `socket[TAKE_DESCRIPTOR]()` returns `{ fd, head }`, the descriptor and bytes that were read from it and belong to the
 * new owner, or null where it cannot be handed over. The socket reads and writes its descriptor no more, and stays as
 * the face: its owner replaces `_read`, `_write`, `_writev` and `_final`, and duplicates the descriptor, which the
 * socket closes when it is destroyed.
 */
module.exports = { TAKE_DESCRIPTOR: Symbol.for('millrace.takeDescriptor') };
