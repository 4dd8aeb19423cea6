'use strict';

/**
 * Joins one native HTTP server to its sockets in JavaScript: what a turn brought is read from one packed batch, and what
 * is written within a tick goes down in one call. It knows nothing of requests and responses as objects: sockets do.
 */

const { getEventLoop } = require('./event-loop.js');
const { load } = require('./loader.js');
const { PackedEngine, IN_PLACE_BYTES, SLAB_BYTES } = require('./packed-engine.js');
const { record, command, STREAM } = require('./http-words.js');

/** Text of so many UTF-16 units always fits, at three bytes each. */
const SURE_UNITS = SLAB_BYTES / 3;

/**
 * @typedef {object} EngineSocket what an engine asks of the sockets that its owner makes
 * @property {number} id
 * @property {(flags: number, method: string, minor: number, url: string, fields: string[]) => void} onRequest
 * @property {(bytes: Buffer, start: number, end: number, last?: boolean) => boolean} feed takes bytes that need be no chunk
 * @property {() => void} link may let its bytes go past JavaScript: there are no others of it here
 * @property {(chunk: Buffer, last?: boolean) => void} onData `last` where nothing more comes until it is resumed
 * @property {(trailers: string[]) => void} onEnd
 * @property {(code: string, reason: string, packet: Buffer) => void} onFault
 * @property {() => void} onPeerEnd
 * @property {(errno: number) => void} onClosed
 * @property {(bytes: number) => void} onPending
 * @property {(which: number) => void} onTimeout
 * @property {() => void} onFlushed
 * @property {(waiting: number) => void} onSent
 * @property {(id: number, number: number) => EngineSocket} onStream makes the socket of a stream
 * @property {(code: number) => void} onReset
 * @property {() => void} onHttp2
 * @property {(code: number, message: string) => void} onSessionFault
 * @property {(alpn: string, code: string, judgement: number) => void} [onSecure]
 * @property {(servername: string, protocols: string[]) => void} [onHello]
 * @property {(code: string, reason: string) => void} [onTlsFault]
 */

class Engine extends PackedEngine {
  /**
   * @param {object} settings see `src/binding/http_settings.rs`
   * @param {(id: number) => EngineSocket} open makes the socket of a connection
   */
  constructor(settings, open) {
    super();
    const { HttpServer } = load();
    this.open = open;
    /** @type {(EngineSocket | undefined)[]} */
    this.sockets = [];
    /** Streams of HTTP/2, which are to their requests what sockets are. @type {(EngineSocket | undefined)[]} */
    this.streams = [];
    this.connections = 0;
    this.native = new HttpServer(getEventLoop(), JSON.stringify(settings), () => this.receive());
    /** @type {string[]} */
    this.methods = HttpServer.methods();
    /** Sockets with bytes in the slab. @type {EngineSocket[]} */
    this.written = [];
    /** Sockets that would be linked. @type {EngineSocket[]} */
    this.linking = [];
    /** What is being broadcast. @type {import('./shared-frame.js').SharedFrame | null} */
    this.gathering = null;
    /** Who gets it. @type {Uint32Array | null} */
    this.broadcastIds = null;
  }

  // Up.

  dispatched() {
    if (this.linking.length > 0) this.link();
    super.dispatched();
  }

  /** Lets sockets link what no bytes in JavaScript precede. */
  link() {
    if (this.at < this.count) return;
    const { linking } = this;
    this.linking = [];
    for (const socket of linking) socket.link();
  }

  /** Works off one record; it is passed before its socket is called. */
  one() {
    const { words, at } = this;
    const id = words[at + 1];
    const socket = id < STREAM ? this.sockets[id] : this.streams[id - STREAM];
    switch (words[at]) {
      case record.OPEN:
        this.at = at + 2;
        this.connections++;
        this.sockets[id] = this.open(id);
        break;
      case record.REQUEST:
        this.request(socket);
        break;
      case record.DATA: {
        this.at = at + 4;
        const start = words[at + 2];
        const length = words[at + 3];
        if (socket === undefined || socket.feed(this.bytes, start, start + length)) break;
        socket.onData(this.chunk(start, start + length));
        break;
      }
      case record.END: {
        const count = words[at + 4];
        this.at = at + 5 + count * 2;
        if (socket === undefined) break;
        socket.onEnd(count === 0 ? [] : this.fields(words[at + 2], words[at + 3], 0, at + 5, count));
        break;
      }
      case record.FAULT: {
        this.at = at + 6;
        const start = words[at + 2];
        const code = start + words[at + 3];
        const reason = code + words[at + 4];
        socket?.onFault(
          this.bytes.latin1Slice(code, reason),
          this.bytes.latin1Slice(reason, reason + words[at + 5]),
          Buffer.from(this.bytes.subarray(start, code)),
        );
        break;
      }
      case record.PEER_END:
        this.at = at + 2;
        socket?.onPeerEnd();
        break;
      case record.CLOSED:
        this.at = at + 3;
        socket?.onClosed(words[at + 2]);
        break;
      case record.PENDING:
        this.at = at + 3;
        socket?.onPending(words[at + 2]);
        break;
      case record.TIMEOUT:
        this.at = at + 3;
        socket?.onTimeout(words[at + 2]);
        break;
      case record.STREAM: {
        this.at = at + 4;
        const connection = this.sockets[words[at + 2]];
        this.streams[id - STREAM] = connection?.onStream(id, words[at + 3]);
        // Nobody is there any more to whom it could speak.
        if (connection === undefined) this.push(command.DESTROY, id, 7);
        break;
      }
      case record.STREAM_DATA: {
        this.at = at + 5;
        const start = words[at + 2];
        const end = start + words[at + 3];
        const last = words[at + 4] === 1;
        if (socket === undefined || socket.feed(this.bytes, start, end, last)) break;
        socket.onData(this.chunk(start, end), last);
        break;
      }
      case record.RESET:
        this.at = at + 3;
        socket?.onReset(words[at + 2]);
        break;
      case record.HTTP2:
        this.at = at + 2;
        socket?.onHttp2();
        break;
      case record.SESSION_FAULT: {
        this.at = at + 5;
        const start = words[at + 3];
        socket?.onSessionFault(words[at + 2], this.bytes.latin1Slice(start, start + words[at + 4]));
        break;
      }
      case record.SECURE: {
        const [alpn, code] = this.texts(at);
        this.at = at + 6;
        socket?.onSecure?.(alpn, code, words[at + 5]);
        break;
      }
      case record.HELLO: {
        const [servername, list] = this.texts(at);
        this.at = at + 5;
        const protocols = [];
        for (let i = 0; i < list.length; ) {
          const start = i + 1;
          i = start + list.charCodeAt(i);
          protocols.push(list.slice(start, i));
        }
        socket?.onHello?.(servername, protocols);
        break;
      }
      case record.TLS_FAULT: {
        const [code, reason] = this.texts(at);
        this.at = at + 5;
        socket?.onTlsFault?.(code, reason);
        break;
      }
      default:
        this.at = this.count;
        throw new Error(`record of kind ${words[at]}`);
    }
  }

  /**
   * @param {number} at of a record whose place and two lengths tell of two texts
   * @returns {[string, string]}
   */
  texts(at) {
    const start = this.words[at + 2];
    const middle = start + this.words[at + 3];
    return [this.bytes.latin1Slice(start, middle), this.bytes.latin1Slice(middle, middle + this.words[at + 4])];
  }

  /** @param {EngineSocket | undefined} socket */
  request(socket) {
    const { words, at } = this;
    const count = words[at + 8];
    this.at = at + 9 + count * 2;
    if (socket === undefined) return;
    const start = words[at + 5];
    const target = words[at + 7];
    const text = this.bytes.latin1Slice(start, start + words[at + 6]);
    /** @type {string[]} */
    const fields = new Array(count * 2);
    let place = target;
    for (let i = 0; i < count * 2; i++) {
      const end = place + words[at + 9 + i];
      fields[i] = text.substring(place, end);
      place = end;
    }
    socket.onRequest(words[at + 2], this.methods[words[at + 3]], words[at + 4], text.substring(0, target), fields);
  }

  /**
   * @param {number} start of the text in the bytes
   * @param {number} length of the text
   * @param {number} place of the first name in the text
   * @param {number} table of the lengths in the words
   * @param {number} count of fields
   * @returns {string[]} names and values
   */
  fields(start, length, place, table, count) {
    const text = this.bytes.latin1Slice(start, start + length);
    /** @type {string[]} */
    const fields = new Array(count * 2);
    for (let i = 0; i < count * 2; i++) {
      const end = place + this.words[table + i];
      fields[i] = text.substring(place, end);
      place = end;
    }
    return fields;
  }

  // Down.

  makeRoom() {
    this.flushWithin();
  }

  /**
   * Queues bytes for a socket.
   *
   * @param {EngineSocket} socket is told by `onFlushed` when they went down
   * @param {string | Uint8Array} data
   * @param {BufferEncoding | undefined} encoding of a string
   * @returns {number} bytes
   */
  write(socket, data, encoding) {
    if (typeof data === 'string') return this.writeText(socket, data, encoding);
    const { length } = data;
    if (length >= IN_PLACE_BYTES) return this.writeBuffer(socket, data);
    const start = this.room(length);
    this.slab.set(data, start);
    this.extend(socket, start, length);
    return length;
  }

  /**
   * @param {EngineSocket} socket
   * @param {Uint8Array} data is read in place
   * @returns {number} bytes
   */
  writeBuffer(socket, data) {
    this.pushBuffer(command.WRITE_BUFFER, socket.id, data);
    this.written.push(socket);
    return data.length;
  }

  /**
   * @param {EngineSocket} socket
   * @param {string} text
   * @param {BufferEncoding | undefined} encoding
   * @returns {number} bytes
   */
  writeText(socket, text, encoding) {
    const units = text.length;
    const latin1 = encoding === 'latin1' || encoding === 'ascii' || encoding === 'binary';
    const utf8 = encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'utf-8';
    if (units > SURE_UNITS || !(latin1 || utf8)) return this.writeBuffer(socket, Buffer.from(text, encoding));
    const start = this.room(latin1 ? units : units * 3);
    const length = latin1 ? this.slab.latin1Write(text, start, units) : this.slab.utf8Write(text, start, units * 3);
    this.slabUsed = start + length;
    this.extend(socket, start, length);
    return length;
  }

  /**
   * A command for bytes in the slab; those that follow the last command's go with it.
   *
   * @param {EngineSocket} socket
   * @param {number} start
   * @param {number} length
   */
  extend(socket, start, length) {
    const { commands } = this;
    const { id } = socket;
    const last = (this.commandCount - 1) * 4;
    if (
      last >= 0 &&
      commands[last] === command.WRITE &&
      commands[last + 1] === id &&
      commands[last + 2] + commands[last + 3] === start
    ) {
      commands[last + 3] += length;
    } else {
      this.push(command.WRITE, id, start, length);
      this.written.push(socket);
    }
  }

  /** Hands down what is gathered, tells the sockets whose bytes these are, and works off what came of it. */
  flush() {
    if (this.commandCount === 0) return;
    const { written } = this;
    this.written = [];
    if (this.submit()) this.receive();
    for (const socket of written) socket.onFlushed();
  }

  submit() {
    // What was gathered came before.
    this.gathering?.commit();
    return super.submit();
  }

  /** The same from within a write: nobody is called before it returned, but each socket knows what waits. */
  flushWithin() {
    if (this.commandCount === 0) return;
    const { written } = this;
    this.written = [];
    this.submit();
    for (const socket of written) socket.onSent(this.native.pending(socket.id));
    setImmediate(() => {
      this.receive();
      for (const socket of written) socket.onFlushed();
    });
  }

  /**
   * Queues fields for a stream.
   *
   * @param {EngineSocket} socket is told by `onFlushed` when they went down
   * @param {number} kind of command
   * @param {string} text see `src/net/http/http2/fields.rs`
   */
  writeFields(socket, kind, text) {
    const { length } = text;
    if (length > SLAB_BYTES) throw new RangeError('The head is larger than 64 KiB');
    const start = this.room(length);
    this.slab.latin1Write(text, start, length);
    this.push(kind, socket.id, start, length);
    this.written.push(socket);
  }

  /**
   * @param {number} id of a stream that is done with
   * @param {number} code of RFC 9113 section 7; 0 where it is complete, or nothing more of it is wanted
   */
  releaseStream(id, code) {
    if (this.streams[id - STREAM] === undefined) return;
    this.streams[id - STREAM] = undefined;
    this.push(command.DESTROY, id, code);
  }

  /** @param {number} id of a socket whose bytes of this tick are not to be sent */
  discard(id) {
    for (let at = 0; at < this.commandCount * 4; at += 4) {
      const kind = this.commands[at];
      if (this.commands[at + 1] === id && (kind === command.WRITE || kind === command.WRITE_BUFFER)) this.commands[at] = 0;
    }
  }

  /** @param {number} id of a socket whose descriptor is another's; it still counts as a connection */
  forget(id) {
    this.sockets[id] = undefined;
  }

  /** @param {number} id of a socket that is done with */
  release(id) {
    if (this.sockets[id] === undefined) return;
    this.sockets[id] = undefined;
    this.connections--;
    this.push(command.DESTROY, id);
  }
}

module.exports = { Engine };
