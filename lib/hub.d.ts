import { Session } from './sse.js';

/** What was published. */
export interface HubEvent {
  /** Its number in the hub. */
  offset: number;
  /** `<epoch>-<offset>`: a cursor for `since` and `Last-Event-ID`. */
  id: string;
  /** Milliseconds since 1970. */
  time: number;
  topic: string;
  /** Its name, for server-sent events. */
  event: string | undefined;
  key: string | undefined;
  scope: string | undefined;
  /** A string, or the bytes that were published. */
  data: string | Buffer;
}

export interface HubOptions {
  /** Hubs of one name are one, on all threads of the process. Defaults to none: a hub of this thread. */
  name?: string;
  /** What is kept for who comes back. */
  history?: {
    /** Events of a topic; 0 keeps none. Defaults to 1,000. */
    count?: number;
    /** Bytes of a topic. Defaults to 1,048,576. */
    bytes?: number;
    /** Milliseconds; 0 for no limit. Defaults to 0. */
    maxAge?: number;
    /** Bytes of all topics. Defaults to 67,108,864. */
    totalBytes?: number;
  };
  /** Bytes that may wait while this thread is busy; beyond it subscribers get `onReset('overflow')`. Defaults to 16,777,216. */
  mailboxBytes?: number;
}

export interface PublishOptions {
  /** Its name, for server-sent events. */
  event?: string;
  /** What it is about: of events with one key only the latest counts for `latest()` and `onSlow: 'keep-latest'`. */
  key?: string;
  /** Who may see it: subscribers with this scope. Defaults to all. */
  scope?: string;
}

export interface SubscribeOptions {
  /** The id of the last event that was seen: what was missed comes first. */
  since?: string;
  /** Scopes of events to be seen beside those for all. Defaults to none. */
  scopes?: string[];
  /** Events were missed for good: `since` is too old, or this thread was busy for too long. */
  onReset?: (reason: 'history' | 'overflow') => void;
}

export interface AttachOptions {
  /** Defaults to a session's `lastId`. */
  since?: string;
  scopes?: string[];
  /** Defaults to `'reset'`. */
  resetEvent?: string;
}

export interface Subscription {
  readonly topics: readonly string[];
  readonly closed: boolean;
  /** Ends it. Nothing is told afterwards. */
  close(): void;
}

/** What a WebSocket has of what `attach` needs. */
export interface MessageTarget {
  readonly readyState: number;
  readonly OPEN: number;
  send(data: string | Buffer): void;
  on(event: string, listener: (...args: any[]) => void): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** Topics that feed subscribers of any kind, on any thread of the process. */
export class Hub {
  constructor(options?: HubOptions);
  /** One life of the hub. */
  readonly epoch: string;
  /** The id of the last event. */
  get lastId(): string;
  /** Publishes to all who follow `topic`; never waits. Returns the event's id. Other data than strings and bytes becomes JSON. */
  publish(topic: string, data: unknown, options?: PublishOptions): string;
  /** Follows topics: `*` stands for one segment, `**` at the end for any number. */
  subscribe(topics: string | string[], onEvent: (event: HubEvent) => void, options?: SubscribeOptions): Subscription;
  /** Sends events to an event stream or a WebSocket until it closes. */
  attach(target: Session<any> | MessageTarget, topics: string | string[], options?: AttachOptions): Subscription;
  /** The latest kept event of each key, and of those without one. */
  latest(topic: string): HubEvent[];
  /** Subscriptions of all threads that match `topic`. */
  subscribers(topic: string): number;
  /** What is kept, and how many events this thread missed. */
  stats(): { topics: number; events: number; bytes: number; dropped: number };
}

export function createHub(options?: HubOptions): Hub;
