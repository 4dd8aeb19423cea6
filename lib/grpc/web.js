'use strict';

/**
 * gRPC-Web: which requests of an HTTP server are calls, and which origins may make them (the CORS protocol of the Fetch
 * standard). Without `millrace.web_origins` a browser lets pages of the same origin alone call: the content types of gRPC-Web
 * are none that it sends elsewhere without asking.
 */

const { invalidArgType, invalidArgValue } = require('../internal/errors.js');

const WEB = 'application/grpc-web';
const TEXT = 'application/grpc-web-text';
const DEFAULT_MAX_AGE_SECONDS = 7200;

const none = () => /** @type {string[]} */ ([]);

/** @param {any} options of a server */
function originsOf(options) {
  const origins = options['millrace.web_origins'] ?? [];
  if (origins === '*' || typeof origins === 'function') return origins;
  if (typeof origins === 'string') return [origins];
  if (!Array.isArray(origins)) throw invalidArgType('options["millrace.web_origins"]', ['string', 'Array', 'Function'], origins);
  return origins;
}

class Web {
  /** @param {any} options of a server */
  constructor(options) {
    this.origins = originsOf(options);
    this.credentials = Boolean(options['millrace.web_credentials']);
    this.maxAge = options['millrace.web_max_age'] ?? DEFAULT_MAX_AGE_SECONDS;
    if (this.credentials && this.origins === '*') {
      // Any page could act for whoever is logged in.
      throw invalidArgValue('options["millrace.web_credentials"]', true, 'needs origins by name');
    }
  }

  /**
   * @param {string | undefined} origin of a page
   * @returns {string[]} fields that let it have the answer; none where it may not
   */
  allow(origin) {
    const { origins } = this;
    if (origins === '*') return ['access-control-allow-origin', '*'];
    if (Array.isArray(origins) && origins.length === 0) return [];
    // Whatever the answer is, it depends on who asks.
    const fields = ['vary', 'origin'];
    if (origin === undefined || !(typeof origins === 'function' ? origins(origin) : origins.includes(origin))) return fields;
    fields.push('access-control-allow-origin', origin);
    if (this.credentials) fields.push('access-control-allow-credentials', 'true');
    return fields;
  }

  /**
   * Answers what a browser asks before it lets a page call.
   *
   * @param {any} request
   * @param {any} response
   */
  preflight(request, response) {
    const fields = this.allow(request.headers.origin);
    if (fields.includes('access-control-allow-origin')) {
      fields.push('access-control-allow-methods', 'POST', 'access-control-max-age', String(this.maxAge));
      const names = request.headers['access-control-request-headers'];
      // All of them are metadata.
      if (names !== undefined) fields.push('access-control-allow-headers', names);
    }
    response.writeHead(204, fields);
    response.end();
  }

  /** @param {any} request @returns {(names: string[]) => string[]} what is added to a head with fields of these names */
  fieldsFor({ headers: { origin } }) {
    const fields = this.allow(origin);
    if (!fields.includes('access-control-allow-origin')) return () => fields;
    return (names) => [...fields, 'access-control-expose-headers', names.join(',')];
  }
}

/**
 * @param {Web | null} web null where it is not served
 * @param {any} request
 * @returns {{ types: [string, string], fields: (names: string[]) => string[] } | null} how the call is carried; null for what
 *   is none
 */
function carriageOf(web, request) {
  const { method, headers, httpVersionMajor } = request;
  const type = headers['content-type'];
  if (method !== 'POST' || type === undefined || !type.startsWith('application/grpc')) return null;
  if (!type.startsWith(WEB)) {
    // Its trailers need HTTP/2.
    return httpVersionMajor < 2 ? null : { types: [type, type], fields: none };
  }
  if (web === null) return null;
  const accept = headers.accept ?? '';
  const answer = accept.includes(TEXT) ? TEXT : accept.includes(WEB) ? WEB : type;
  return { types: [type, answer], fields: web.fieldsFor(request) };
}

/** @param {any} request @returns {boolean} whether a browser asks for a page whether it may call */
function isPreflight({ method, headers }) {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

module.exports = { Web, carriageOf, isPreflight };
