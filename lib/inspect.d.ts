/// <reference types="node" />
import { Transform } from 'node:stream';

/** The counters of one stage, from its first use: being piped, written to, read or ended. */
export interface StageStats {
  /** The stage's name: `'gzip'`, `'validate'`; of a stream of JavaScript's, its class. */
  stage: string;
  /** False for a stream of JavaScript's between native ones: it has no counters, and all are 0. */
  native: boolean;
  /** Bytes taken. */
  bytesIn: number;
  /** Bytes given out. */
  bytesOut: number;
  /** Rows taken, for stages that know rows. */
  rowsIn: number;
  /** Rows given out. */
  rowsOut: number;
  /** Rows left out. */
  rejected: number;
  /** Time at work, all threads added up, in milliseconds. */
  busyMs: number;
  /** Time without input, in milliseconds. */
  starvedMs: number;
  /** Time held back by the consumer, in milliseconds. */
  heldBackMs: number;
  /** Time since it was first used, or until it ended, in milliseconds. Before its first use 0. */
  lifeMs: number;
  /** Bytes that wait in front of it and behind it. */
  queuedBytes: number;
  /** Bytes there at which its producer waits, or it does. 0 where that is not known. */
  queueLimit: number;
  /** Its output goes straight to the next stage. */
  fused: boolean;
}

/** A transform whose work is native. */
export interface NativeTransform extends Transform {
  /** The counters of this stream's stage. */
  stats(): StageStats;
}

/** Streams that are piped into each other. */
export interface Pipeline {
  /** In the order in which bytes pass them. */
  stages: StageStats[];
  /** The name of the stage that holds the rest back: the one that waited least. `null` where no stage has counters. */
  bottleneck: string | null;
  /** Its index in `stages`, or -1. */
  bottleneckIndex: number;
}

/** Every live pipeline of this thread that has a native stage. A stream that nobody piped or used yet is none. */
export function inspect(): Pipeline[];

/**
 * The stage that holds the rest back: the one that waited least, for input or for room.
 *
 * @returns its index, or -1 where no stage has counters
 */
export function bottleneck(stages: StageStats[]): number;
