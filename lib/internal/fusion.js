'use strict';

/**
 * When two native streams that are piped into each other run as one.
 *
 * `pipe` itself stays Node's: its listeners, its events, its `unpipe`. What is decided here is only whether the bytes of
 * a pipe that nobody looks into go through its `data` listener or straight from one operator to the next. So whatever
 * may be observed makes the link fall back to JavaScript, at any time, without a byte lost or moved out of order:
 * a second `data` or `readable` listener, `setEncoding`, `pause`, a second `pipe`, `unpipe`, `cork`, a replaced method.
 *
 * A stream that flows into nothing (`resume()` without a listener) is a link to nowhere, and ends by the same rules.
 */

const { Writable } = require('node:stream');
const { enabled, hasNodesMethods, isPipedUnseen } = require('./observed.js');
const { kInput, kOutput, kOwnMethods } = require('./port-keys.js');

/**
 * @param {any} source a stream with a native output
 * @returns {boolean} whether no method that sees bytes was replaced
 */
function hasOwnMethods(source) {
  return (
    hasNodesMethods(source) &&
    source._read === (source[kOwnMethods]?.read ?? source[kOutput].ownRead)
  );
}

/**
 * @param {any} source a stream with a native output
 * @returns {boolean} whether it flows (`resume()`) without a listener for its data
 */
function mayFlowUnseen(source) {
  return enabled && source._readableState.flowing === true && source.listenerCount('data') === 0;
}

/**
 * Whether nobody looks at the output of `source`: it flows, and there is no listener, no pipe, no decoder. The first chunk
 * was emitted, as `readableDidRead` tells.
 *
 * @param {any} source a stream with a native output
 * @returns {boolean}
 */
function nobodyLooks(source) {
  const state = source._readableState;
  return (
    mayFlowUnseen(source) &&
    state.dataEmitted &&
    state.pipes.length === 0 &&
    !state.objectMode &&
    !state.decoder &&
    source.listenerCount('readable') === 0 &&
    source[kOutput].stream === source &&
    source[kOutput].outer === null &&
    hasOwnMethods(source)
  );
}

/**
 * @param {any} source a stream with a native output
 * @returns {boolean} whether nobody looks, and what Node has read is emitted
 */
function flowsUnseen(source) {
  return nobodyLooks(source) && source._readableState.length === 0;
}

/**
 * Whether bytes may go straight into where they are piped.
 *
 * @param {any} target
 * @param {any} [feeder] who feeds it already and asks again
 * @returns {import('./port.js').Port | null} its port
 */
function inputOf(target, feeder = null) {
  /** @type {import('./port.js').Port | undefined} */
  const port = target[kInput];
  if (
    port === undefined ||
    port.previous !== null ||
    port.feeder !== feeder ||
    port.failed ||
    target.destroyed ||
    target.writableEnded ||
    target.writableObjectMode ||
    target._writableState.length !== 0 ||
    target.writableCorked > 0 ||
    target.write !== (port.ownAccept ?? Writable.prototype.write) ||
    target._write !== (target[kOwnMethods]?.write ?? port.ownWrite) ||
    (port.ownTransform !== undefined && target._transform !== port.ownTransform)
  ) {
    return null;
  }
  return port;
}

/**
 * Whether the output of `source` may go straight to where it is piped.
 *
 * @param {any} source a stream with a native output
 * @returns {import('./port.js').Port | null} the port to link to
 */
function linkTarget(source) {
  return isPipedUnseen(source) && hasOwnMethods(source) ? inputOf(source._readableState.pipes[0]) : null;
}

/**
 * Links `source` to where it is piped, where that is possible; where it flows and nobody looks, its output ends there.
 *
 * @param {any} source
 * @returns {boolean} whether its output does not come to JavaScript now
 */
function fuse(source) {
  const port = source[kOutput];
  if (port.next !== null || port.discarding) return true;
  const target = linkTarget(source);
  if (target === null) return considerDiscard(source);
  port.link(target);
  return true;
}

/**
 * Where `source` flows and perhaps nobody looks, the end of this tick decides: what Node is reading flows out first.
 *
 * @param {any} source
 * @returns {boolean} whether that also asks for data, so that no more comes to JavaScript meanwhile
 */
function considerDiscard(source) {
  const port = source[kOutput];
  if (!mayFlowUnseen(source)) return false;
  const asks = nobodyLooks(source);
  if (asks) port.asksLater = true;
  if (!port.considering) {
    port.considering = true;
    process.nextTick(decideDiscard, source);
  }
  return asks;
}

/** @param {any} source */
function decideDiscard(source) {
  const port = source[kOutput];
  const asks = port.asksLater;
  port.considering = false;
  port.asksLater = false;
  if (port.next !== null || source.destroyed) return;
  if ((asks || port.wantsData) && flowsUnseen(source)) port.discard();
  else if (asks) askFor(source);
}

/** @param {any} source whose data somebody may want to see after all */
function askFor(source) {
  const target = linkTarget(source);
  if (target === null) source[kOutput].want();
  else source[kOutput].link(target);
}

/**
 * Someone may look now: bytes of `source` go through JavaScript again where its link does not hold any more.
 *
 * @param {any} source
 */
function reconsider(source) {
  const port = source[kOutput];
  if (port === undefined) return;
  if (port.discarding && !flowsUnseen(source)) port.keep();
  if (port.next === null) return;
  const state = source._readableState;
  if (
    state.pipes.length !== 1 ||
    state.pipes[0][kInput] !== port.next ||
    state.flowing !== true ||
    state.decoder ||
    source.listenerCount('data') !== 1 ||
    source.listenerCount('readable') !== 0
  ) {
    port.unlink();
  }
}

module.exports = { fuse, inputOf, reconsider };
