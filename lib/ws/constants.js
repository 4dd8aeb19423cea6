'use strict';

/** Names and numbers of RFC 6455 and of `ws`. */

const EMPTY_BUFFER = Buffer.alloc(0);

/** Ready states, in the order of their numbers. */
const READY_STATES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'];

/** What a frame is (RFC 6455 section 5.2). */
const opcode = Object.freeze({ CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 });

module.exports = {
  BINARY_TYPES: ['nodebuffer', 'arraybuffer', 'fragments', 'blob'],
  /** Milliseconds that a closing handshake may take. */
  CLOSE_TIMEOUT: 30000,
  EMPTY_BUFFER,
  /** RFC 6455 section 1.3. */
  GUID: '258EAFA5-E914-47DA-95CA-C5AB0DC85B11',
  NOOP: () => {},
  READY_STATES,
  opcode,
  /** A listener that stands for `onmessage` and its like. */
  kForOnEventAttribute: Symbol('kIsForOnEventAttribute'),
  kListener: Symbol('kListener'),
  /** The WebSocket of a socket. */
  kWebSocket: Symbol('websocket'),
};
