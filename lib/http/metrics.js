'use strict';

/** `server.metrics()`: what the thread counted, and what the server knows of itself, at a path. */

const { invalidArgType, invalidArgValue } = require('../internal/errors.js');
const { CONTENT_TYPE, Metric } = require('../internal/exposition.js');
const { threadMetrics } = require('../internal/metrics.js');
const { optionsObject } = require('../internal/options.js');

class MetricsRoute {
  /**
   * @param {any} server
   * @param {{ authorize?: (req: any) => unknown }} options
   */
  constructor(server, { authorize }) {
    this.server = server;
    this.authorize = authorize;
    this.counted = threadMetrics();
    this.connections = new Metric('millrace_http_connections', 'gauge', 'Connections of the server, whatever they speak.');
    this.streams = new Metric('millrace_event_stream_connections', 'gauge', 'Clients of event streams.', ['path']);
    this.dropped = new Metric(
      'millrace_event_stream_dropped_events_total', 'counter', 'Events that slow clients did not get.', ['path']);
    this.slow = new Metric('millrace_event_stream_slow_clients_total', 'counter', 'Clients that were too slow.', ['path']);
  }

  /**
   * @param {any} req
   * @param {any} res
   */
  async serve(req, res) {
    let status = 200;
    try {
      if (this.authorize !== undefined && (await this.authorize(req)) !== true) status = 403;
    } catch (error) {
      status = 500;
      process.emitWarning(error instanceof Error ? error : new Error(String(error)));
    }
    if (res.destroyed) return;
    const body = status === 200 ? this.text() : '';
    const length = Buffer.byteLength(body);
    res.writeHead(status, { 'Content-Type': CONTENT_TYPE, 'Content-Length': length, 'Cache-Control': 'no-store' });
    res.end(body);
  }

  /** @returns {string} */
  text() {
    const { server } = this;
    this.connections.set(server._taken.size + (server._engine?.connections ?? 0));
    for (const [path, route] of server._routes) {
      if (route instanceof MetricsRoute) continue;
      const { connections, dropped, slow } = route.stats();
      this.streams.set(connections, path);
      this.dropped.set(dropped, path);
      this.slow.set(slow, path);
    }
    return this.counted.text() + [this.connections, this.streams, this.dropped, this.slow].map((one) => one.text()).join('');
  }
}

/**
 * @param {unknown} path
 * @param {unknown} given
 * @param {any} server
 * @returns {MetricsRoute}
 */
function metricsRoute(path, given, server) {
  if (typeof path !== 'string') throw invalidArgType('path', 'string', path);
  if (!path.startsWith('/') || /[?#]/.test(path)) {
    throw invalidArgValue('path', path, "must begin with a slash and have no '?' or '#'");
  }
  const options = optionsObject(given);
  if (options.authorize !== undefined && typeof options.authorize !== 'function') {
    throw invalidArgType('options.authorize', 'function', options.authorize);
  }
  return new MetricsRoute(server, options);
}

module.exports = { metricsRoute };
