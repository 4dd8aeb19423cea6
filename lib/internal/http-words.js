'use strict';

/** The words of the table that an HTTP engine gives, and of the commands that it takes. */

/** Kinds of record, as `src/net/http/batch.rs` has them. */
const record = {
  OPEN: 1,
  REQUEST: 2,
  DATA: 3,
  END: 4,
  FAULT: 5,
  PEER_END: 6,
  CLOSED: 7,
  PENDING: 8,
  TIMEOUT: 9,
  STREAM: 11,
  STREAM_DATA: 12,
  RESET: 13,
  HTTP2: 14,
  SESSION_FAULT: 15,
  SECURE: 16,
  HELLO: 17,
  TLS_FAULT: 18,
};

/** Flags of a request, as `src/net/http/batch.rs` has them. */
const flag = { COMPLETE: 1, KEEP_ALIVE: 2, EXPECTS_CONTINUE: 4, EXPECTS_OTHER: 8, UPGRADE: 16, HAS_HOST: 32 };

/** Kinds of command, as `src/net/http/command.rs` has them. */
const command = {
  WRITE: 1,
  WRITE_BUFFER: 2,
  RESPOND: 3,
  PAUSE: 4,
  RESUME: 5,
  FINISH: 6,
  DESTROY: 7,
  DETACH: 8,
  IGNORE: 9,
  HEAD: 10,
  TRAILERS: 11,
  GO_AWAY: 12,
};

/** Set in the number of a stream of HTTP/2; the rest is its place among the streams. */
const STREAM = 2 ** 31;

module.exports = { record, flag, command, STREAM };
