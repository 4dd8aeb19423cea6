'use strict';

/**
 * The bridge to the native WebSocket engine of this thread.
 *
 * In: the engine packs what came for all connections in a turn of the loop into one table, and calls `onBatch` once.
 * Out: frames of a tick are packed into one slab, handed down in one call, and written with one system call for each
 * connection. A frame that is large goes down at once, without the slab.
 */

const { EMPTY_BUFFER } = require('./constants.js');
const { load } = require('../internal/loader.js');
const { getEventLoop } = require('../internal/event-loop.js');

/** @typedef {import('./connection.js').Connection} Connection */

/** Kinds of rows; `EventKind` in Rust. */
const event = Object.freeze({
  TEXT: 1,
  BINARY: 2,
  FRAGMENT_END: 3,
  CLOSE: 8,
  PING: 9,
  PONG: 10,
  BREACH: 11,
  END: 12,
  FAILURE: 13,
  WRITTEN: 14,
  EXPIRED: 15,
  OUTPUT: 16,
  OVERFLOW: 17,
  DROPPED: 18,
});

/** Bits of a frame's flags beside its opcode; see `flag` in Rust. */
const flag = Object.freeze({ FIN: 16, COMPRESS: 32, TICKET: 64, MASKED: 128, OWN_MASK: 256, RAW: 512 });

/** A row's payload is a buffer of its own. */
const WHOLE = 256;
const INDEX_MASK = (1 << 20) - 1;
/** No connection's number. */
const NOBODY = 0xffffffff;
const TABLE_ROWS = 4096;
const OUTCOME_ROWS = 1024;
const SLAB_BYTES = 256 << 10;
const QUEUE_ROWS = 4096;
/** Bytes from which a payload does not go through the slab. */
const LARGE_BYTES = 16 << 10;

const FastBuffer = /** @type {any} */ (Buffer)[Symbol.species];

/** @type {any} */
let native;
/** @type {any} */
let eventLoop;
/** @type {Uint32Array} */
let table;
/** @type {Uint32Array} */
let outcomes;
/** Frames of this tick. @type {Buffer} */
let slab;
let slabBytes = 0;
/** @type {Uint32Array} */
let queue;
let queueRows = 0;
/** Counts flushes: what a connection queued in an earlier one is not in the slab any more. */
let generation = 0;
let flushing = false;
let flushScheduled = false;
let dispatching = false;
/** Batches that wait behind one whose handler threw. @type {Batch[]} */
const backlog = [];
/** What came on Node's sockets while a batch was handed out. @type {[Connection, Buffer][]} */
const fed = [];

/** @type {(Connection | undefined)[]} */
const connections = [];

/** Who follows what. @type {WeakMap<import('../hub/hub.js').Hub, any>} */
const topicsOfHubs = new WeakMap();

/** @typedef {{ rows: Uint32Array, count: number, slabs: ArrayBuffer[], wholes: Buffer[] }} Batch */

function start() {
  table = new Uint32Array(4 * TABLE_ROWS);
  outcomes = new Uint32Array(4 * OUTCOME_ROWS);
  queue = new Uint32Array(4 * QUEUE_ROWS);
  slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  native = new (load().WebSocketEngine)(onBatch, table, outcomes);
  eventLoop = getEventLoop();
  if (eventLoop !== null) native.join(eventLoop);
  // What was sent in the last tick of a program is sent.
  process.on('exit', flush);
}

/**
 * @param {Connection} connection
 * @param {object} options see `WebSocketOptions` in Rust
 * @returns {number} its number
 */
function open(connection, options) {
  prepare();
  const id = native.open(options);
  connections[id & INDEX_MASK] = connection;
  return id;
}

/** @param {Connection} connection */
function close(connection) {
  const index = connection.id & INDEX_MASK;
  if (connections[index] !== connection) return;
  connections[index] = undefined;
  native.close(connection.id);
}

/**
 * Gives the connection a descriptor of its own.
 *
 * @param {Connection} connection
 * @param {number} descriptor of its socket
 * @param {any} [session] TLS on it
 * @returns {boolean} whether that worked
 */
function attach(connection, descriptor, session) {
  if (eventLoop === null) return false;
  try {
    native.attach(connection.id, descriptor, eventLoop, session ?? null);
    return true;
  } catch {
    return false;
  }
}

/** Ends a connection's own socket, and the TLS session on it, once all is written. @param {Connection} connection */
function end(connection) {
  pack();
  native.end(connection.id);
  flush();
}

/**
 * Takes the connection's descriptor away: its bytes pass through somebody else again.
 *
 * @param {Connection} connection
 * @returns {number} the descriptor, for the caller to close
 */
function release(connection) {
  const descriptor = native.release(connection.id);
  flush();
  return descriptor;
}

/** @returns {any} what the native engine has for sockets that connections own: see `src/binding/websocket_sockets.rs` */
const sockets = () => native;

/** Loads what is native, where it is not. */
function prepare() {
  if (native === undefined) start();
}

/** @returns {boolean} whether sockets can be taken over here */
function canAttach() {
  prepare();
  return eventLoop !== null;
}

/**
 * @param {number} count rows in the table
 * @param {ArrayBuffer[]} slabs
 * @param {Buffer[]} wholes
 * @param {number} rest rows that follow in another call at once
 */
function onBatch(count, slabs, wholes, rest) {
  if (backlog.length > 0) {
    backlog.push({ rows: table.slice(0, 4 * count), count, slabs, wholes });
    if (!dispatching) drainBacklog();
    return;
  }
  dispatch(table, 0, count, slabs, wholes);
  if (rest === 0 && fed.length > 0) feedDeferred();
}

/**
 * @param {Uint32Array} rows
 * @param {number} row the first
 * @param {number} count
 * @param {ArrayBuffer[]} slabs
 * @param {Buffer[]} wholes
 */
function dispatch(rows, row, count, slabs, wholes) {
  dispatching = true;
  try {
    while (row < count) {
      const at = 4 * row++;
      const id = rows[at];
      const connection = connections[id & INDEX_MASK];
      // News of a connection that was closed meanwhile are nobody's.
      if (connection === undefined || connection.id !== id) continue;
      const word = rows[at + 1];
      const third = rows[at + 2];
      const length = rows[at + 3];
      const kind = word & 255;
      if (kind <= event.BINARY) {
        connection.onMessage(payloadOf(word, third, length, slabs, wholes), kind === event.BINARY);
      } else if (kind > event.BREACH || kind === event.FRAGMENT_END) {
        connection.onNews(kind, third, length);
      } else {
        connection.onControl(kind, payloadOf(word, third, length, slabs, wholes), word >>> 16);
      }
    }
  } finally {
    dispatching = false;
    if (row < count) {
      // A handler threw. Its exception goes its way; the others' news are told behind it.
      backlog.unshift({ rows: rows.slice(4 * row, 4 * count), count: count - row, slabs, wholes });
      setImmediate(drainBacklog);
    }
    flush();
  }
}

/**
 * @param {number} word
 * @param {number} place
 * @param {number} length
 * @param {ArrayBuffer[]} slabs
 * @param {Buffer[]} wholes
 * @returns {Buffer}
 */
function payloadOf(word, place, length, slabs, wholes) {
  if (length === 0) return EMPTY_BUFFER;
  return (word & WHOLE) === 0 ? new FastBuffer(slabs[place >>> 16], place & 0xffff, length) : wholes[place];
}

function drainBacklog() {
  while (backlog.length > 0 && !dispatching) {
    const { rows, count, slabs, wholes } = /** @type {Batch} */ (backlog.shift());
    dispatch(rows, 0, count, slabs, wholes);
  }
  if (fed.length > 0) feedDeferred();
}

/**
 * Bytes that came on a socket of Node's. What they hold is told before this returns, unless a batch is being told.
 *
 * @param {Connection} connection
 * @param {Buffer} chunk unmasked in place
 */
function feed(connection, chunk) {
  if (dispatching || backlog.length > 0) fed.push([connection, chunk]);
  else native.feed(connection.id, chunk);
}

function feedDeferred() {
  while (fed.length > 0 && !dispatching && backlog.length === 0) {
    const [connection, chunk] = /** @type {[Connection, Buffer]} */ (fed.shift());
    native.feed(connection.id, chunk);
  }
}

/**
 * Queues a frame, or bytes as they are.
 *
 * @param {Connection} connection
 * @param {number} flags the opcode, and bits of `flag`
 * @param {Uint8Array | string} data
 * @param {number} length in bytes
 * @param {Uint8Array} [mask]
 */
function send(connection, flags, data, length, mask) {
  const bytes = mask === undefined ? length : length + 4;
  if (bytes >= LARGE_BYTES) {
    pack();
    let payload = typeof data === 'string' ? Buffer.from(data) : data;
    if (mask !== undefined) payload = Buffer.concat([mask, payload]);
    native.send(connection.id, flags, payload);
  } else {
    if (queueRows === QUEUE_ROWS || slabBytes + bytes > SLAB_BYTES) pack();
    let at = slabBytes;
    const row = 4 * queueRows++;
    queue[row] = connection.id;
    queue[row + 1] = flags;
    queue[row + 2] = at;
    queue[row + 3] = bytes;
    if (mask !== undefined) {
      slab.set(mask, at);
      at += 4;
    }
    if (typeof data === 'string') slab.write(data, at, length, 'utf8');
    else slab.set(data, at);
    slabBytes += bytes;
    if (connection.packedIn !== generation) {
      connection.packedIn = generation;
      connection.packedBytes = 0;
    }
    // How long a compressed frame will be is not known yet: its plain length is counted.
    connection.packedBytes += flags & flag.COMPRESS ? length : length + headerBytes(length, flags);
  }
  scheduleFlush();
}

/** Within a batch, all is written behind it. */
function scheduleFlush() {
  if (dispatching || flushScheduled) return;
  flushScheduled = true;
  process.nextTick(flush);
}

/**
 * @param {number} length of the payload
 * @param {number} flags
 * @returns {number} bytes of the frame's header
 */
function headerBytes(length, flags) {
  if (flags & flag.RAW) return 0;
  return (length < 126 ? 2 : length < 65536 ? 4 : 10) + (flags & flag.MASKED ? 4 : 0);
}

/**
 * A connection goes while frames of it are packed: what would have to be compressed, and all behind it, is not sent any
 * more, as in `ws`, where compression takes its time.
 *
 * @param {Connection} connection
 * @returns {number} how many of the frames taken back have a callback
 */
function takeBackCompressed(connection) {
  let tickets = 0;
  let found = false;
  for (let row = 0; row < 4 * queueRows; row += 4) {
    if (queue[row] !== connection.id) continue;
    found ||= (queue[row + 1] & flag.COMPRESS) !== 0;
    if (!found) continue;
    if (queue[row + 1] & flag.TICKET) tickets++;
    queue[row] = NOBODY;
  }
  return tickets;
}

/** Hands the packed frames down. */
function pack() {
  if (queueRows === 0) return;
  native.queue(slab, queue, queueRows);
  queueRows = 0;
  slabBytes = 0;
  generation++;
}

/** Hands all frames down and writes them. */
function flush() {
  flushScheduled = false;
  if (flushing || native === undefined) return;
  flushing = true;
  try {
    pack();
    let count = native.flush();
    for (;;) {
      for (let at = 0; at < 4 * count; at += 4) {
        const connection = connections[outcomes[at] & INDEX_MASK];
        if (connection === undefined || connection.id !== outcomes[at]) continue;
        connection.onNews(outcomes[at + 1], outcomes[at + 2], outcomes[at + 3]);
      }
      if (count < OUTCOME_ROWS) break;
      count = native.more();
    }
  } finally {
    flushing = false;
  }
}

/**
 * @param {Connection} connection
 * @returns {number} bytes that are queued and not written, framing included
 */
function buffered(connection) {
  return native.buffered(connection.id) + (connection.packedIn === generation ? connection.packedBytes : 0);
}

/**
 * Queues one message for many: framed once, and compressed once.
 *
 * @param {Uint32Array} ids of connections; unknown ones are passed over
 * @param {number} code `TEXT` or `BINARY`
 * @param {boolean} compress
 * @param {Uint8Array} bytes
 */
function broadcast(ids, code, compress, bytes) {
  // What was sent before comes before.
  pack();
  native.broadcast(ids, code, compress, bytes);
  scheduleFlush();
}

/**
 * @param {import('../hub/hub.js').Hub} hub
 * @returns {any} who of this thread's connections follows what on it, natively; null where there is no reactor
 */
function topics(hub) {
  if (!canAttach()) return null;
  let followers = topicsOfHubs.get(hub);
  if (followers === undefined) {
    const { WebSocketTopics } = /** @type {any} */ (load());
    followers = new WebSocketTopics(hub.native, native, eventLoop, hub.mailboxBytes);
    topicsOfHubs.set(hub, followers);
  }
  return followers;
}

/** @param {Connection} connection @returns {number} milliseconds since the peer was last heard of */
const silence = (connection) => native.silence(connection.id);
/** @param {Connection} connection @returns {Buffer} the frames of a connection on a socket of Node's */
const takeOutput = (connection) => native.takeOutput(connection.id);
/** @param {Connection} connection @param {boolean} paused */
const setPaused = (connection, paused) => native.setPaused(connection.id, paused);
/** @param {Connection} connection what it still sends is dropped */
const setDeaf = (connection) => native.setDeaf(connection.id);
/** @param {Connection} connection @param {boolean} wanted */
const setFragments = (connection, wanted) => native.setFragments(connection.id, wanted);
/** @param {Connection} connection @param {boolean} referenced */
const setReferenced = (connection, referenced) => native.setReferenced(connection.id, referenced);

module.exports = {
  attach,
  broadcast,
  buffered,
  canAttach,
  close,
  end,
  event,
  feed,
  flag,
  flush,
  open,
  pack,
  prepare,
  release,
  scheduleFlush,
  send,
  setDeaf,
  setFragments,
  setPaused,
  setReferenced,
  silence,
  sockets,
  takeBackCompressed,
  takeOutput,
  topics,
};
