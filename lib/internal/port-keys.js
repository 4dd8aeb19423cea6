'use strict';

/** What a stream and its port know of each other: where the ports hang, and what a port calls on its stream. */

/** The port of a stream's native input, where it has one. */
const kInput = Symbol('millrace.input');
/** The port of a stream's native output, where it has one. */
const kOutput = Symbol('millrace.output');
/** The composed stream that a stream is part of. */
const kComposed = Symbol('millrace.composed');
/** The streams of a composed one. */
const kParts = Symbol('millrace.parts');
/** A stream's own `read` and `write` methods, where they are not its port's. */
const kOwnMethods = Symbol('millrace.ownMethods');
/** Called on the stream when all output came. */
const kOutputEnded = Symbol('millrace.outputEnded');
/** Called on the stream when its file is open. */
const kOpened = Symbol('millrace.opened');
/** Called on the stream when its operator failed, instead of `destroy`. */
const kFailed = Symbol('millrace.failed');
/** Called on the stream when its file is open, or cannot be opened, and the stream is destroyed already. */
const kSettled = Symbol('millrace.settled');
/** Called on the stream when rejected rows wait. */
const kSideReady = Symbol('millrace.sideReady');

module.exports = {
  kInput,
  kOutput,
  kComposed,
  kParts,
  kOwnMethods,
  kOutputEnded,
  kOpened,
  kFailed,
  kSettled,
  kSideReady,
};
