'use strict';

/**
 * What a call cost, for clients that balance by it: an `xds.data.orca.v3.OrcaLoadReport` in the trailers. The methods are
 * those of grpc-js's `PerRequestMetricRecorder`.
 */

/** Numbers of fields, all of them doubles or maps from text to double. */
const CPU = 1;
const MEMORY = 2;
const REQUEST_COST = 4;
const UTILIZATION = 5;
const QPS = 6;
const EPS = 7;
const NAMED = 8;
const APPLICATION = 9;

/** @param {number} field @param {number} value @returns {Buffer} */
function double(field, value) {
  const bytes = Buffer.alloc(9);
  bytes[0] = (field << 3) | 1;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

/** @param {number} length @returns {Buffer} */
function varint(length) {
  const bytes = [];
  for (; length > 127; length >>>= 7) bytes.push((length & 127) | 128);
  bytes.push(length);
  return Buffer.from(bytes);
}

/** @param {number} field @param {Buffer} content @returns {Buffer} */
function block(field, content) {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(content.length), content]);
}

class MetricsRecorder {
  constructor() {
    /** @type {Map<number, number>} */
    this.values = new Map();
    /** @type {Map<number, Map<string, number>>} */
    this.maps = new Map();
  }

  /** @param {number} field @param {string} name @param {number} value */
  put(field, name, value) {
    let map = this.maps.get(field);
    if (map === undefined) this.maps.set(field, (map = new Map()));
    map.set(name, value);
  }

  /** @param {string} name @param {number} value */
  recordRequestCostMetric(name, value) {
    this.put(REQUEST_COST, name, value);
  }

  /** @param {string} name @param {number} value */
  recordUtilizationMetric(name, value) {
    this.put(UTILIZATION, name, value);
  }

  /** @param {string} name @param {number} value */
  recordNamedMetric(name, value) {
    this.put(NAMED, name, value);
  }

  /** @param {number} value */
  recordCPUUtilizationMetric(value) {
    this.values.set(CPU, value);
  }

  /** @param {number} value */
  recordMemoryUtilizationMetric(value) {
    this.values.set(MEMORY, value);
  }

  /** @param {number} value */
  recordApplicationUtilizationMetric(value) {
    this.values.set(APPLICATION, value);
  }

  /** @param {number} value */
  recordQpsMetric(value) {
    this.values.set(QPS, value);
  }

  /** @param {number} value */
  recordEpsMetric(value) {
    this.values.set(EPS, value);
  }

  /** @returns {Buffer} the report */
  serialize() {
    const parts = [];
    for (const [field, value] of this.values) parts.push(double(field, value));
    for (const [field, map] of this.maps) {
      for (const [name, value] of map) parts.push(block(field, Buffer.concat([block(1, Buffer.from(name)), double(2, value)])));
    }
    return Buffer.concat(parts);
  }
}

module.exports = { MetricsRecorder };
