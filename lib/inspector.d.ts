/// <reference types="node" />
import { IncomingMessage, Server } from 'node:http';
import { Hub } from './hub.js';
import { StageStats } from './inspect.js';

/** A stage of a pipeline: its counters, and where its time went in the last half second; of a finished one in all of its life. */
export interface InspectedStage extends StageStats {
  /** Share of the time at work or waiting for a thread, from 0 to 1. Of a stream of JavaScript's, what its neighbours waited for. */
  busy: number;
  /** Share without input, from 0 to 1. */
  starved: number;
  /** Share held back by the consumer, from 0 to 1. */
  heldBack: number;
  /** Bytes taken in a second. */
  inPerSecond: number;
  /** Bytes given out in a second. */
  outPerSecond: number;
  /** It is closed: its counters are final. */
  done: boolean;
}

export interface InspectedPipeline {
  /** Counts the pipelines of this thread that were watched. */
  id: number;
  state: 'running' | 'finished' | 'failed';
  /** Milliseconds since 1970. */
  began: number;
  /** Milliseconds since 1970; null while it runs. */
  ended: number | null;
  /** What the first stage that failed said. */
  error: { code: string; message: string; stage: string } | null;
  /** Index of the stage that holds the rest back; -1 where none is at work. */
  bottleneck: number;
  /** In the order in which bytes pass them. */
  stages: InspectedStage[];
}

export interface PipelineSnapshot {
  /** Milliseconds since 1970. */
  time: number;
  /** The live ones, up to 100, then those that finished in the last 30 seconds, up to 50. */
  pipelines: InspectedPipeline[];
  /** Live ones that are not among them. */
  more: number;
}

export interface InspectorOptions {
  /**
   * Who may see it: `true` admits, a status from 400 to 599 refuses with it, anything else with 403. May give a promise.
   * Defaults to whoever asks from loopback.
   */
  authorize?: (request: IncomingMessage) => boolean | number | Promise<boolean | number>;
  /** Gets a snapshot twice a second, as topic `pipelines`, while somebody follows that. Defaults to one of its own. */
  hub?: Hub;
}

export class Inspector {
  private constructor();
  readonly path: string;
  readonly hub: Hub;
  /** What the page shows. */
  snapshot(): PipelineSnapshot;
  /** The pages are not served any more. The server's `close` does it, too. */
  close(): void;
}

/**
 * Serves a page under `path` that shows the live pipelines of this thread; `path/pipelines` has them as JSON, `path/events` as an
 * event stream. Other requests are the server's, as before.
 *
 * @param server of `millrace/http`, `node:http` or `node:https`
 * @param path Defaults to `/inspect`.
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 */
export function inspector(server: Pick<Server, 'emit' | 'once'>, path?: string, options?: InspectorOptions): Inspector;
