/// <reference types="node" />
import { Duplex } from 'node:stream';
import { StageStats } from './inspect.js';

/** What `compose` returns. */
export interface Composed extends Duplex {
  /** The counters of its native end: of the first stream, or else of the last. All 0 where neither is native. */
  stats(): StageStats;
}

/**
 * Several streams as one Duplex: what is written goes into the first, what is read comes from the last. Native stages
 * inside are fused with each other, and with native streams that the whole is piped from or to.
 *
 * An error of any of them destroys the whole with that error; destroying the whole destroys all of them.
 *
 * @param streams at least one; all but the first writable, all but the last readable
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 */
export function compose(
  ...streams: [
    NodeJS.ReadableStream | NodeJS.WritableStream,
    ...(NodeJS.ReadableStream | NodeJS.WritableStream)[],
  ]
): Composed;
