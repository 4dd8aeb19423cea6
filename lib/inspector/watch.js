'use strict';

/** Live pipelines over time: who they are from one look to the next, what each stage did since then, and how they ended. */

const { EventEmitter } = require('node:events');
const { observers } = require('../internal/doorbell.js');
const { livePaths } = require('../internal/live-paths.js');
const { read } = require('../internal/stats.js');
const { shares, bottleneckOf, UNKNOWN } = require('./shares.js');

const INTERVAL_MS = 500;
/** Finished pipelines stay for so long, and so many of them. */
const KEPT_MS = 30_000;
const KEPT = 50;
/** In one snapshot; the rest is counted. */
const MOST = 100;
/** Looking for pipelines that come and go takes this part of the thread's time at the most. */
const LOOKS_SHARE = 1 / 20;

/** @typedef {import('../internal/stats.js').StageStats} StageStats */
/** @typedef {{ busy: number, starved: number, heldBack: number, inPerSecond: number, outPerSecond: number }} Rates */

/**
 * @typedef {object} Stage
 * @property {WeakRef<any>} stream
 * @property {StageStats} stats the last that were read
 * @property {StageStats} before those that the rates began from
 * @property {Rates} rates
 * @property {boolean} isGone its stream is closed: these counters are final
 */

/**
 * @typedef {object} Entry
 * @property {number} id counts pipelines
 * @property {number} began milliseconds since 1970
 * @property {number | null} ended
 * @property {{ code: string, message: string, stage: string } | null} error what the first stage that failed said
 * @property {Stage[]} stages in the order in which bytes pass them
 * @property {number} measured when the rates were made
 */

/**
 * Emits `look` (a snapshot, twice a second) and `finished` (a pipeline of it). Holds no stream: one that nobody refers to can
 * be collected while it is watched.
 */
class PipelineWatch extends EventEmitter {
  constructor() {
    super();
    this.setMaxListeners(0);
    this.count = 0;
    /** @type {Set<Entry>} */
    this.live = new Set();
    /** The newest last. @type {Entry[]} */
    this.finished = [];
    /** Stages by their stream: several where it is piped into several. @type {WeakMap<any, { entry: Entry, stage: Stage }[]>} */
    this.places = new WeakMap();
    this.looking = false;
    this.lookMs = 0;
    this.lookedAt = 0;
    this.began = 0;
    this.observer = {
      made: () => this.lookSoon(),
      gone: (/** @type {any} */ port) => this.gone(port),
    };
    /** @type {NodeJS.Timeout | undefined} */
    this.timer = undefined;
  }

  start() {
    observers.add(this.observer);
    this.timer = setInterval(() => this.tick(), INTERVAL_MS);
    // What is watched keeps the process alive, or nothing does.
    this.timer.unref();
    this.look();
  }

  stop() {
    clearInterval(this.timer);
    observers.delete(this.observer);
  }

  /** A pipeline is being put together: at the end of the tick it is whole, and a turn of the loop later it may be over. */
  lookSoon() {
    if (this.looking) return;
    this.looking = true;
    const look = () => {
      this.looking = false;
      if (this.timer !== undefined) this.look();
    };
    const rest = this.lookedAt + this.lookMs / LOOKS_SHARE - performance.now();
    if (rest > 0) setTimeout(look, rest).unref();
    else process.nextTick(look);
  }

  tick() {
    this.look();
    const now = Date.now();
    for (const entry of this.live) measure(entry);
    while (this.finished.length > KEPT || now - (this.finished[0]?.ended ?? now) > KEPT_MS) this.finished.shift();
    this.emit('look', this.snapshot());
  }

  /** Finds the pipelines that there are. */
  look() {
    const began = performance.now();
    /** @type {Set<Entry>} */
    const seen = new Set();
    for (const path of livePaths()) seen.add(this.follow(path));
    for (const entry of this.live) if (!seen.has(entry)) this.finish(entry);
    this.lookedAt = performance.now();
    this.lookMs = this.lookedAt - began;
  }

  /**
   * @param {{ stream: any, stats: StageStats }[]} path
   * @returns {Entry} the one that it was before, or a new one
   */
  follow(path) {
    const entry = this.entryOf(path.map(({ stream }) => stream)) ?? this.begin();
    const stages = path.map(({ stream, stats }) => {
      const known = entry.stages.find((stage) => stage.stream.deref() === stream);
      if (known !== undefined) {
        if (!known.isGone) known.stats = stats;
        return known;
      }
      const stage = { stream: new WeakRef(stream), stats, before: stats, rates: UNKNOWN, isGone: false };
      this.places.set(stream, [...(this.places.get(stream) ?? []), { entry, stage }]);
      return stage;
    });
    if (stages.some((stage) => !entry.stages.includes(stage))) {
      // Those that are done already came before what is still at work.
      entry.stages = [...entry.stages.filter((stage) => !stages.includes(stage)), ...stages];
    }
    return entry;
  }

  /**
   * @param {any[]} streams
   * @returns {Entry | undefined} the live pipeline that this is the rest of, or a longer form of
   */
  entryOf(streams) {
    for (let i = streams.length - 1; i >= 0; i--) {
      for (const { entry } of this.places.get(streams[i]) ?? []) {
        if (!this.live.has(entry)) continue;
        const last = entry.stages[entry.stages.length - 1].stream.deref();
        // A stream that is piped into two is in two pipelines, which the last stream tells apart.
        if (last === streams[i] || last === undefined || last.destroyed) return entry;
      }
    }
    return undefined;
  }

  /** @returns {Entry} */
  begin() {
    const now = performance.now();
    const entry = { id: ++this.count, began: Date.now(), ended: null, error: null, stages: [], measured: now };
    this.live.add(entry);
    return entry;
  }

  /** @param {any} port of a stream that is closed: its counters are final */
  gone(port) {
    const { stream } = port;
    for (const { entry, stage } of this.places.get(stream) ?? []) {
      stage.stats = read(port);
      stage.isGone = true;
      const { errored } = stream;
      if (!errored || entry.error !== null || errored.code === 'ERR_STREAM_PREMATURE_CLOSE') continue;
      entry.error = { code: String(errored.code ?? errored.name), message: String(errored.message), stage: stage.stats.stage };
    }
    this.lookSoon();
  }

  /** @param {Entry} entry */
  finish(entry) {
    this.live.delete(entry);
    entry.ended = Date.now();
    const all = entry.stages.map(({ stats }) => stats);
    shares(all, all.map(() => null)).forEach((rates, index) => (entry.stages[index].rates = rates));
    this.finished.push(entry);
    if (this.finished.length > KEPT) this.finished.shift();
    this.emit('finished', describe(entry));
  }

  /** @returns {Snapshot} */
  snapshot() {
    const live = [...this.live];
    const shown = live.slice(0, MOST);
    return {
      time: Date.now(),
      pipelines: [...shown, ...this.finished.toReversed()].map(describe),
      more: live.length - shown.length,
    };
  }
}

/**
 * @typedef {object} Snapshot
 * @property {number} time milliseconds since 1970
 * @property {ReturnType<typeof describe>[]} pipelines the live ones first, then those that finished lately
 * @property {number} more live pipelines that are not among them
 */

/** @param {Entry} entry makes its rates those since they were made last */
function measure(entry) {
  const now = performance.now();
  const befores = entry.stages.map(({ before }) => before);
  const rates = shares(entry.stages.map(({ stats }) => stats), befores, now - entry.measured);
  entry.measured = now;
  entry.stages.forEach((stage, index) => {
    stage.rates = rates[index];
    stage.before = stage.stats;
  });
}

/** @param {Entry} entry */
function describe({ id, began, ended, error, stages }) {
  const state = ended === null ? 'running' : error === null ? 'finished' : 'failed';
  return {
    id,
    state,
    began,
    ended,
    error,
    bottleneck: bottleneckOf(stages.map(({ rates }) => rates)),
    stages: stages.map(({ stats, rates, isGone }) => ({ ...stats, ...rates, done: isGone })),
  };
}

module.exports = { PipelineWatch, INTERVAL_MS };
