'use strict';

/** Service configs: how calls of a service's methods are treated, as `service_config.proto` of grpc/grpc-proto has it. */

const os = require('node:os');
const { status } = require('../constants.js');

const DURATION = /^\d+(\.\d{1,9})?s$/;

/** @param {any} value @param {string} where @returns {number} ms */
function durationMs(value, where) {
  if (typeof value !== 'string' || !DURATION.test(value)) {
    throw new Error(`Invalid ${where} must be a string consisting of a positive integer or decimal followed by s`);
  }
  return Number(value.slice(0, -1)) * 1000;
}

/** @param {any} value @param {string} where @returns {number} */
function statusCode(value, where) {
  if (typeof value === 'number') {
    if (typeof status[value] !== 'string') throw new Error(`Invalid ${where} value not in status code range`);
    return value;
  }
  if (typeof value !== 'string') throw new Error(`Invalid ${where} value must be a string or number`);
  const code = status[value.toUpperCase()];
  if (typeof code !== 'number') throw new Error(`Invalid ${where} value not a status code name`);
  return code;
}

/** @param {any} policy @param {string} where @returns {number} */
function attempts(policy, where) {
  if (!Number.isInteger(policy.maxAttempts) || policy.maxAttempts < 2) {
    throw new Error(`Invalid ${where}: maxAttempts must be an integer at least 2`);
  }
  return policy.maxAttempts;
}

/** @param {any} policy */
function retryPolicy(policy) {
  const where = 'method config retry policy';
  const maxAttempts = attempts(policy, where);
  const initialBackoffMs = durationMs(policy.initialBackoff, `${where}: initialBackoff`);
  const maxBackoffMs = durationMs(policy.maxBackoff, `${where}: maxBackoff`);
  if (typeof policy.backoffMultiplier !== 'number' || policy.backoffMultiplier <= 0) {
    throw new Error(`Invalid ${where}: backoffMultiplier must be a number greater than 0`);
  }
  const codes = policy.retryableStatusCodes;
  if (!Array.isArray(codes)) throw new Error(`Invalid ${where}: retryableStatusCodes is required`);
  if (codes.length === 0) throw new Error(`Invalid ${where}: retryableStatusCodes must be non-empty`);
  return {
    maxAttempts,
    initialBackoffMs,
    maxBackoffMs,
    backoffMultiplier: policy.backoffMultiplier,
    codes: new Set(codes.map((code) => statusCode(code, `${where}: retryableStatusCodes`))),
  };
}

/** @param {any} policy */
function hedgingPolicy(policy) {
  const where = 'method config hedging policy';
  const codes = policy.nonFatalStatusCodes ?? [];
  return {
    maxAttempts: attempts(policy, where),
    delayMs: policy.hedgingDelay === undefined ? 0 : durationMs(policy.hedgingDelay, `${where}: hedgingDelay`),
    codes: new Set(Array.isArray(codes) ? codes.map((code) => statusCode(code, `${where}: nonFatalStatusCodes`)) : []),
  };
}

/** @param {any} name @returns {string} what {@link methodConfigs} finds it by */
function nameKey(name) {
  const { service = '', method = '' } = name;
  if (typeof service !== 'string') {
    throw new Error(`Invalid method config name: invalid service: expected type string, got ${typeof service}`);
  }
  if (typeof method !== 'string') {
    throw new Error(`Invalid method config name: invalid method: expected type string, got ${typeof method}`);
  }
  if (service === '' && 'method' in name && name.method !== undefined) {
    throw new Error('Invalid method config name: method set with empty or unset service');
  }
  return `${service}/${method}`;
}

/** @param {any} timeout @returns {number} ms */
function timeoutMs(timeout) {
  if (typeof timeout === 'object' && timeout !== null) {
    if (typeof timeout.seconds !== 'number') throw new Error('Invalid method config: invalid timeout.seconds');
    if (typeof timeout.nanos !== 'number') throw new Error('Invalid method config: invalid timeout.nanos');
    return timeout.seconds * 1000 + Math.floor(timeout.nanos / 1e6);
  }
  if (typeof timeout !== 'string' || !DURATION.test(timeout)) throw new Error('Invalid method config: invalid timeout');
  return Math.floor(Number(timeout.slice(0, -1)) * 1000);
}

/**
 * @param {any} config
 * @param {string} key
 * @param {string} type
 */
function optional(config, key, type) {
  if (key in config && typeof config[key] !== type) throw new Error(`Invalid method config: invalid ${key}`);
  return config[key];
}

/** @param {any} config */
function methodConfig(config) {
  if (!Array.isArray(config.name)) throw new Error('Invalid method config: invalid name array');
  const names = config.name.map(nameKey);
  if ('retryPolicy' in config && 'hedgingPolicy' in config) {
    throw new Error('Invalid method config: retryPolicy and hedgingPolicy cannot both be specified');
  }
  return {
    names,
    waitForReady: optional(config, 'waitForReady', 'boolean'),
    timeoutMs: 'timeout' in config ? timeoutMs(config.timeout) : undefined,
    maxRequestBytes: optional(config, 'maxRequestBytes', 'number'),
    maxResponseBytes: optional(config, 'maxResponseBytes', 'number'),
    retry: 'retryPolicy' in config ? retryPolicy(config.retryPolicy) : undefined,
    hedging: 'hedgingPolicy' in config ? hedgingPolicy(config.hedgingPolicy) : undefined,
  };
}

/** @param {any} throttling */
function retryThrottling({ maxTokens, tokenRatio }) {
  if (typeof maxTokens !== 'number' || maxTokens <= 0 || maxTokens > 1000) {
    throw new Error('Invalid retryThrottling: maxTokens must be a number in (0, 1000]');
  }
  if (typeof tokenRatio !== 'number' || tokenRatio <= 0) {
    throw new Error('Invalid retryThrottling: tokenRatio must be a number greater than 0');
  }
  return { maxTokens: Number(maxTokens.toFixed(3)), tokenRatio: Number(tokenRatio.toFixed(3)) };
}

/** @param {any} config @returns {{ name: string, config: any }} */
function balancing(config) {
  if (typeof config !== 'object' || config === null) {
    throw new Error(`Invalid loadBalancingConfig: unexpected type ${typeof config}`);
  }
  const keys = Object.keys(config);
  if (keys.length > 1) throw new Error(`Invalid loadBalancingConfig: unexpected multiple keys ${keys}`);
  if (keys.length === 0) throw new Error('Invalid loadBalancingConfig: load balancing policy name required');
  return { name: keys[0], config: config[keys[0]] ?? {} };
}

/**
 * @typedef {object} ServiceConfig
 * @property {{ name: string, config: any }[]} balancing the first that is known is taken
 * @property {Map<string, any>} methods by `service/method`, `service/` and `/`
 * @property {{ maxTokens: number, tokenRatio: number }} [throttling]
 */

/**
 * @param {any} given
 * @returns {ServiceConfig}
 * @throws {Error} where it is none
 */
function parseServiceConfig(given) {
  if ('loadBalancingPolicy' in given && typeof given.loadBalancingPolicy !== 'string') {
    throw new Error('Invalid service config: invalid loadBalancingPolicy');
  }
  if ('loadBalancingConfig' in given && !Array.isArray(given.loadBalancingConfig)) {
    throw new Error('Invalid service config: invalid loadBalancingConfig');
  }
  const methods = new Map();
  for (const config of Array.isArray(given.methodConfig) ? given.methodConfig.map(methodConfig) : []) {
    for (const name of config.names) {
      if (methods.has(name)) throw new Error(`Invalid service config: duplicate name ${name}`);
      methods.set(name, config);
    }
  }
  return {
    balancing: (given.loadBalancingConfig ?? []).map(balancing),
    methods,
    throttling: 'retryThrottling' in given ? retryThrottling(given.retryThrottling) : undefined,
  };
}

const NO_CONFIG = Object.freeze({});

/**
 * @param {ServiceConfig} config
 * @param {string} path of a method
 * @returns {any} what is said of it
 */
function methodConfigOf({ methods }, path) {
  if (methods.size === 0) return NO_CONFIG;
  const [service = '', method = ''] = path.split('/').filter(Boolean);
  return methods.get(`${service}/${method}`) ?? methods.get(`${service}/`) ?? methods.get('/') ?? NO_CONFIG;
}

/**
 * @param {string[][]} records of type TXT
 * @param {number} percentage of clients, 0 to 100, that this one stands at
 * @returns {ServiceConfig | undefined} the first in `grpc_config=` that is meant for it
 * @throws {Error} where there is such a record, and nothing in it is
 */
function selectServiceConfig(records, percentage) {
  const record = records.find(([start]) => start?.startsWith('grpc_config='));
  if (record === undefined) return undefined;
  const choices = JSON.parse(record.join('').slice('grpc_config='.length));
  if (!Array.isArray(choices)) throw new Error('Invalid service config list');
  for (const choice of choices) {
    const { clientLanguage, clientHostname, percentage: share, serviceConfig } = choice;
    if (serviceConfig === undefined) throw new Error('Invalid service config choice: missing service config');
    if (typeof share === 'number' && percentage > share) continue;
    if (Array.isArray(clientHostname) && !clientHostname.includes(os.hostname())) continue;
    if (Array.isArray(clientLanguage) && !clientLanguage.includes('node')) continue;
    return parseServiceConfig(serviceConfig);
  }
  throw new Error('No matching service config found');
}

module.exports = { methodConfigOf, parseServiceConfig, selectServiceConfig };
