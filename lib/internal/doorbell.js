'use strict';

/**
 * The JavaScript half of the bridge: news from native operators, work gathered in a tick, and what keeps the event loop
 * and the streams alive meanwhile.
 *
 * - One doorbell serves all streams of a thread. It rings when the list of news goes from empty to non-empty; one poll
 *   takes all of it.
 * - Writes of one tick are gathered natively; at the tick's end each operator that got some is kicked once: cheap work is
 *   done at once on this thread, the rest goes to the pool.
 * - While operators are at work, a timer that never fires keeps the loop alive and a set keeps their streams reachable,
 *   as requests under way do in Node's own modules. An idle stream that nobody refers to can be collected.
 */

const { load } = require('./loader.js');

/** Bits of news; see `flow::event` in Rust. */
const event = Object.freeze({
  READABLE: 1,
  WRITABLE: 2,
  MARK: 4,
  ENDED: 8,
  FAILED: 16,
  SIDE: 32,
  DRAINED: 64,
  CLOSED: 128,
  IDLE: 256,
  OPEN: 512,
});

/**
 * Milliseconds of ticks that follow each other, after which the event loop gets its turn: a pool that is quicker than this
 * thread would have news in each tick, and timers, sockets and promises of others would wait.
 */
const TICKS_MS = 2;
/** Pairs that one poll can take; more are taken by polling again. */
const NEWS_PAIRS = 256;

/** @typedef {import('./input-port.js').InputPort} Port what this thread has to know of a port */

/** @type {any} */
let bell;
/** @type {Buffer} */
let newsBytes;
/** @type {Uint32Array} */
let news;
/** @type {NodeJS.Timeout} */
let keepAlive;
let alive = false;
let lastId = 0;

/** @typedef {{ made: (port: Port) => void, gone: (port: Port) => void }} PortObserver */

/** Who is told of ports that come and go; few programs have one. @type {Set<PortObserver>} */
const observers = new Set();
/** @type {Map<number, WeakRef<Port>>} */
const ports = new Map();
const collected = new FinalizationRegistry((/** @type {number} */ id) => ports.delete(id));
/** Ports whose chains are at work. @type {Set<Port>} */
const held = new Set();
/** Ports that may be let go of. @type {Set<Port>} */
const idle = new Set();
/** Ports to kick at the end of this tick. @type {Port[]} */
let kicks = [];
let kicking = false;
/** When the first tick of this turn of the loop began to work here; 0 for none. */
let turnBegan = 0;
/** News taken and not yet handled: id, bits, id, bits … @type {number[]} */
let queue = [];

/**
 * @param {Port} port
 * @param {object} spec the stage's description
 * @param {Uint8Array} [blob] its bytes (path, dictionary)
 * @returns {{ id: number, operator: any }} the native operator and its number in this thread
 */
function register(port, spec, blob) {
  if (bell === undefined) start();
  do lastId = (lastId + 1) >>> 0;
  while (ports.has(lastId));
  const operator = new (load().Operator)(bell, lastId, JSON.stringify(spec), blob);
  ports.set(lastId, new WeakRef(port));
  collected.register(port, lastId, port);
  bell.reportMemory();
  for (const observer of observers) observer.made(port);
  return { id: lastId, operator };
}

/** @param {Port} port a port whose stream is closed */
function forget(port) {
  ports.delete(port.id);
  collected.unregister(port);
  held.delete(port);
  idle.delete(port);
  bell.reportMemory();
  for (const observer of observers) observer.gone(port);
}

function start() {
  bell = new (load().Doorbell)(poll);
  // Not from the pool: the array must own its bytes.
  newsBytes = Buffer.alloc(4 * (1 + 2 * NEWS_PAIRS));
  news = new Uint32Array(newsBytes.buffer, newsBytes.byteOffset, 1 + 2 * NEWS_PAIRS);
  keepAlive = setInterval(() => {}, 0x7fffffff);
  keepAlive.unref();
}

/**
 * The operator of `port` may have begun to work: the loop and the stream live until it is idle.
 *
 * @param {Port} port
 */
function touch(port) {
  if (bell === undefined) start();
  held.add(port);
  if (!alive) {
    alive = true;
    keepAlive.ref();
    // Where nothing came of it after all, no bell will ring to say so.
    process.nextTick(poll);
  }
}

/**
 * Runs the operator of `port` at the end of this tick.
 *
 * @param {Port} port
 */
function kickSoon(port) {
  if (port.kicked) return;
  port.kicked = true;
  kicks.push(port);
  if (!kicking) {
    kicking = true;
    process.nextTick(kickAll);
  }
}

function kickAll() {
  kicking = false;
  const due = kicks;
  kicks = [];
  /** @type {Set<number> | undefined} */
  let done;
  for (const port of due) {
    port.kicked = false;
    touch(port);
    if (port.operator.kick()) (done ??= new Set()).add(port.id);
  }
  // No bell rings for what was done here; for the pool's work one does.
  if (done === undefined) return;
  if (!isLong()) {
    poll();
    return;
  }
  takeNews();
  handle(done);
  if (queue.length > 0 || idle.size > 0) setImmediate(poll);
}

/** @returns {boolean} whether ticks have followed each other for so long that the loop should have its turn */
function isLong() {
  const now = performance.now();
  if (turnBegan === 0) {
    turnBegan = now;
    setImmediate(() => {
      turnBegan = 0;
    });
  }
  return now - turnBegan > TICKS_MS;
}

/** Takes all news and hands them to their streams; where nothing is at work any more, lets the loop go. */
function poll() {
  for (;;) {
    takeNews();
    handle();
    if (idle.size > 0) release();
    if (queue.length > 0) continue;
    if (bell.isActive()) {
      // Handlers may have set operators going whose ports were not touched.
      if (!alive) {
        alive = true;
        keepAlive.ref();
      }
      return;
    }
    // An operator tells its news before it counts as idle, so what is not in the list now will not come.
    takeNews();
    if (queue.length === 0) break;
  }
  if (alive) {
    alive = false;
    keepAlive.unref();
    held.clear();
    for (const port of kicks) held.add(port);
  }
}

/**
 * Lets go of ports whose chains are idle. An operator tells its news before it counts as idle: so first who is idle, then
 * what was told. A port with news must stay, or its stream might be collected before it hears them.
 */
function release() {
  const resting = [...idle].filter((port) => !port.isChainActive());
  idle.clear();
  takeNews();
  const told = new Set(queue.filter((_, index) => index % 2 === 0));
  for (const port of resting) {
    if (!port.chain().some(({ id }) => told.has(id))) held.delete(port);
  }
}

function takeNews() {
  let count;
  do {
    count = bell.poll(newsBytes);
    for (let i = 1; i <= 2 * count; i++) queue.push(news[i]);
  } while (count === NEWS_PAIRS);
}

/** @param {Set<number>} [only] ports; the news of others stay. Defaults to all. */
function handle(only) {
  if (queue.length === 0) return;
  let now = queue;
  queue = [];
  if (only !== undefined) {
    const all = now;
    now = [];
    for (let i = 0; i < all.length; i += 2) (only.has(all[i]) ? now : queue).push(all[i], all[i + 1]);
  }
  let at = 0;
  try {
    while (at < now.length) {
      const port = ports.get(now[at])?.deref();
      const bits = now[at + 1];
      at += 2;
      if (port === undefined) continue;
      port.resource.runInAsyncScope(/** @type {any} */ (port).onNews, port, bits);
      if (bits & event.IDLE) idle.add(port);
    }
  } finally {
    // A listener threw: the news of the others are still to be told.
    if (at < now.length) {
      queue = now.slice(at).concat(queue);
      process.nextTick(handle);
    }
  }
}

/** @returns {Generator<Port>} the ports of all live streams */
function* livePorts() {
  for (const ref of ports.values()) {
    const port = ref.deref();
    if (port !== undefined) yield port;
  }
}

/** @returns {number} bytes of native memory that this thread's operators hold */
function nativeBytes() {
  return bell === undefined ? 0 : bell.nativeBytes();
}

module.exports = { nativeBytes, event, observers, register, forget, touch, kickSoon, isLong, livePorts };
