'use strict';

/**
 * What millrace tells `node:diagnostics_channel`; docs/observability.md names it all. A message is made only where somebody
 * subscribed, is the same object at the start and at the end of what it tells of, and has its attributes worked out when they
 * are asked for.
 */

const { channel } = require('node:diagnostics_channel');
const { read } = require('./stats.js');

const stageStart = channel('millrace.pipeline.stage.start');
const stageEnd = channel('millrace.pipeline.stage.end');
const requestStart = channel('millrace.http.request.start');
const requestEnd = channel('millrace.http.request.end');
const socketOpen = channel('millrace.ws.open');
const socketClose = channel('millrace.ws.close');
const callStart = channel('millrace.grpc.call.start');
const callEnd = channel('millrace.grpc.call.end');

/**
 * @param {Record<string, unknown>} attributes
 * @returns {Record<string, unknown>} those that are known
 */
function known(attributes) {
  for (const name of Object.keys(attributes)) if (attributes[name] === undefined) delete attributes[name];
  return attributes;
}

/** What all that has a beginning and an end has in common. */
class Span {
  constructor() {
    /** `performance.now()` at the start. */
    this.startTime = performance.now();
    /** Seconds, once it has ended. @type {number | undefined} */
    this.duration = undefined;
    /** What it failed with. @type {any} */
    this.error = undefined;
  }

  /** @param {any} [error] */
  finish(error) {
    this.duration = (performance.now() - this.startTime) / 1000;
    this.error = error ?? undefined;
  }

  /** @returns {string | undefined} the error's code, or its class */
  get errorType() {
    return this.error === undefined ? undefined : (this.error.code ?? this.error.name);
  }
}

/** A native stage of a pipeline, from its first use until its stream is closed. */
class Stage extends Span {
  /** @param {import('./port.js').Port} port */
  constructor(port) {
    super();
    this.stream = port.stream;
    this.name = port.name;
    this.port = port;
  }

  /** @returns {import('./stats.js').StageStats} */
  get stats() {
    return read(this.port);
  }

  get attributes() {
    const { bytesIn, bytesOut, rowsIn, rowsOut, rejected, busyMs, starvedMs, heldBackMs } = this.stats;
    const { offset, line } = this.error ?? {};
    return known({
      'millrace.stage.name': this.name,
      'millrace.stage.bytes_in': bytesIn,
      'millrace.stage.bytes_out': bytesOut,
      'millrace.stage.rows_in': rowsIn,
      'millrace.stage.rows_out': rowsOut,
      'millrace.stage.rows_rejected': rejected,
      'millrace.stage.busy_seconds': busyMs / 1000,
      'millrace.stage.starved_seconds': starvedMs / 1000,
      'millrace.stage.held_back_seconds': heldBackMs / 1000,
      'millrace.error.offset': offset,
      'millrace.error.line': line,
      'error.type': this.errorType,
    });
  }
}

/** Stages whose start somebody heard of. @type {WeakMap<object, Stage>} */
const stages = new WeakMap();

/** @param {import('./port.js').Port} port whose operator was made */
function stageStarted(port) {
  if (!stageStart.hasSubscribers && !stageEnd.hasSubscribers) return;
  const stage = new Stage(port);
  stages.set(port, stage);
  stageStart.publish(stage);
}

/** @param {import('./port.js').Port} port whose stream is closed, and which had an operator */
function stageEnded(port) {
  const stage = stages.get(port);
  if (stage === undefined || stage.duration !== undefined) return;
  stage.finish(port.stream.errored);
  stageEnd.publish(stage);
}

module.exports = {
  Span, known, stageStart, stageEnd, requestStart, requestEnd, socketOpen, socketClose, callStart, callEnd,
  stageStarted, stageEnded,
};
