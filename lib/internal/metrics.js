'use strict';

/**
 * What a thread counts for whoever scrapes it: a subscriber of our own channels, from the first time that somebody asks. Names
 * and units are those of OpenTelemetry's conventions where there are any, as Prometheus writes them.
 */

const { callEnd, callStart, requestEnd, requestStart, socketClose, socketOpen, stageEnd } = require('./channels.js');
const { livePorts, nativeBytes } = require('./doorbell.js');
const { Metric } = require('./exposition.js');
const { read } = require('./stats.js');

/** Seconds, as the conventions advise. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Counters of stages: the name behind `millrace_pipeline_stage_`, the reading, and what makes it the unit of its name. */
const STAGE_COUNTERS = /** @type {[string, keyof import('./stats.js').StageStats, number, string][]} */ ([
  ['input_bytes_total', 'bytesIn', 1, 'Bytes that stages took.'],
  ['output_bytes_total', 'bytesOut', 1, 'Bytes that stages gave out.'],
  ['input_rows_total', 'rowsIn', 1, 'Rows that stages took.'],
  ['output_rows_total', 'rowsOut', 1, 'Rows that stages gave out.'],
  ['rejected_rows_total', 'rejected', 1, 'Rows that stages left out.'],
  ['busy_seconds_total', 'busyMs', 1e-3, 'Time at work, all threads added up.'],
  ['starved_seconds_total', 'starvedMs', 1e-3, 'Time without input.'],
  ['held_back_seconds_total', 'heldBackMs', 1e-3, 'Time held back by the consumer.'],
]);

class Metrics {
  constructor() {
    const perRequest = ['http_request_method', 'http_response_status_code'];
    const perCall = ['rpc_method', 'rpc_response_status_code'];
    const histogram = (/** @type {string} */ name, /** @type {string} */ help, /** @type {string[]} */ labels) =>
      new Metric(name, 'histogram', help, labels, BOUNDS);
    this.requests = histogram('http_server_request_duration_seconds', 'Time from head to end of response.', perRequest);
    this.activeRequests = new Metric('http_server_active_requests', 'gauge', 'Requests under way.', ['http_request_method']);
    this.cutOff = new Metric('millrace_http_cut_off_responses_total', 'counter', 'Responses that were not sent to their end.');
    this.calls = histogram('rpc_server_call_duration_seconds', 'Time from the head of a call to its status.', perCall);
    this.activeCalls = new Metric('millrace_grpc_active_calls', 'gauge', 'gRPC calls under way.');
    this.sockets = new Metric('millrace_websocket_connections', 'gauge', 'WebSockets that are open.', ['role']);
    this.closes = new Metric('millrace_websocket_closes_total', 'counter', 'WebSockets that were closed.', ['role', 'code']);
    this.stages = new Metric('millrace_pipeline_stages', 'gauge', 'Native stages that are alive.', ['stage']);
    this.stageQueues = new Metric('millrace_pipeline_stage_queued_bytes', 'gauge', 'Bytes that wait at stages.', ['stage']);
    this.stageEnds = new Metric('millrace_pipeline_stage_ends_total', 'counter', 'Stages that ended.', ['stage', 'error_type']);
    this.stageCounters = STAGE_COUNTERS.map(
      ([name, , , help]) => new Metric(`millrace_pipeline_stage_${name}`, 'counter', help, ['stage']),
    );
    this.native = new Metric('millrace_native_memory_bytes', 'gauge', 'Memory of queues and codecs, not in the JavaScript heap.');
    this.cpu = new Metric('process_cpu_seconds_total', 'counter', 'Processor time, user and system.');
    this.memory = new Metric('process_resident_memory_bytes', 'gauge', 'Resident memory.');
    this.began = new Metric('process_start_time_seconds', 'gauge', 'Start of the process, since 1970.');
    // Nothing has been seen yet, and 0 is something else than unknown.
    for (const metric of [this.cutOff, this.activeCalls]) metric.set(0);
    for (const role of ['server', 'client']) this.sockets.set(0, role);
    /** What was read of a live stage when it was last looked at. @type {WeakMap<object, number[]>} */
    this.lastReadings = new WeakMap();
    this.subscribe();
  }

  subscribe() {
    requestStart.subscribe((message) => this.activeRequests.add(1, /** @type {any} */ (message).method));
    requestEnd.subscribe((message) => {
      const { method, response, duration, error } = /** @type {any} */ (message);
      this.activeRequests.add(-1, method);
      if (error !== undefined) this.cutOff.add(1);
      this.requests.observe(duration, method, response.headersSent ? response.statusCode : 'none');
    });
    callStart.subscribe(() => this.activeCalls.add(1));
    callEnd.subscribe((message) => {
      const { method, statusName, duration } = /** @type {any} */ (message);
      this.activeCalls.add(-1);
      this.calls.observe(duration, method, statusName);
    });
    socketOpen.subscribe((message) => this.sockets.add(1, roleOf(message)));
    socketClose.subscribe((message) => {
      this.sockets.add(-1, roleOf(message));
      this.closes.add(1, roleOf(message), /** @type {any} */ (message).websocket._closeCode);
    });
    stageEnd.subscribe((message) => {
      const { port, name, errorType } = /** @type {any} */ (message);
      this.count(port);
      this.stageEnds.add(1, name, errorType ?? '');
    });
  }

  /**
   * Adds what a stage did since it was last looked at, so that no counter ever goes back.
   *
   * @param {any} port
   * @returns {import('./stats.js').StageStats}
   */
  count(port) {
    const stats = read(port);
    const before = this.lastReadings.get(port);
    const now = STAGE_COUNTERS.map(([, reading]) => /** @type {number} */ (stats[reading]));
    now.forEach((value, i) => {
      const more = Math.max(0, value - (before?.[i] ?? 0));
      this.stageCounters[i].add(more * STAGE_COUNTERS[i][2], port.name);
    });
    this.lastReadings.set(port, now);
    return stats;
  }

  /** @returns {string} what is so at this moment, in the text form */
  text() {
    for (const metric of [this.stages, this.stageQueues]) for (const series of metric.series.values()) series.value = 0;
    for (const port of livePorts()) {
      if (port.made === null || port.stream.destroyed) continue;
      const { queuedBytes } = this.count(port);
      this.stages.add(1, port.name);
      this.stageQueues.add(queuedBytes, port.name);
    }
    this.native.set(nativeBytes());
    const { user, system } = process.cpuUsage();
    this.cpu.set((user + system) / 1e6);
    this.memory.set(process.memoryUsage.rss());
    this.began.set(Date.now() / 1000 - process.uptime());
    return Object.values(this).flat().filter((one) => one instanceof Metric).map((metric) => metric.text()).join('');
  }
}

/** @param {any} message @returns {'server' | 'client'} */
function roleOf({ websocket }) {
  return websocket._isServer ? 'server' : 'client';
}

/** @type {Metrics | undefined} */
let metrics;

/** @returns {Metrics} of this thread; it counts from the first call on */
function threadMetrics() {
  metrics ??= new Metrics();
  return metrics;
}

module.exports = { threadMetrics };
