'use strict';

/** A client's handshake, on Node's own `http` and `https`: agents, TLS, proxies and headers are theirs. */

const { randomBytes } = require('node:crypto');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const querystring = require('node:querystring');
const tls = require('node:tls');
const { CLOSE_TIMEOUT } = require('./constants.js');
const extension = require('./extension.js');
const { abortHandshake, acceptKey, emitErrorAndClose, kAborted } = require('./handshake.js');
const PerMessageDeflate = require('./permessage-deflate.js');

const VERSIONS = [8, 13];
const SUBPROTOCOL = /^[!#$%&'*+\-.0-9A-Z^_`|a-z~]+$/;

/**
 * Begins a handshake, or goes on with one that was redirected.
 *
 * @param {any} websocket
 * @param {string | URL} address
 * @param {string[]} protocols
 * @param {any} [options] the user's
 * @returns {any} the options with their defaults
 * @throws {RangeError | SyntaxError} for what no handshake can be made of
 */
function connect(websocket, address, protocols, options) {
  const opts = {
    allowSynchronousEvents: true,
    autoPong: true,
    closeTimeout: CLOSE_TIMEOUT,
    protocolVersion: 13,
    maxBufferedChunks: 256 * 1024,
    maxFragments: 16 * 1024,
    maxPayload: 100 * 1024 * 1024,
    maxPendingAutoPongs: 60,
    skipUTF8Validation: false,
    perMessageDeflate: true,
    followRedirects: false,
    maxRedirects: 10,
    ...options,
    // The address says these.
    socketPath: undefined,
    hostname: undefined,
    protocol: undefined,
    protocols: undefined,
    timeout: undefined,
    method: 'GET',
    host: undefined,
    path: undefined,
    port: undefined,
  };
  if (!VERSIONS.includes(opts.protocolVersion)) {
    throw new RangeError(
      `Unsupported protocol version: ${opts.protocolVersion} (supported versions: ${VERSIONS.join(', ')})`,
    );
  }

  const url = parseAddress(address);
  websocket._url = url.href;
  const isSecure = url.protocol === 'wss:';
  const isIpc = url.protocol === 'ws+unix:';
  const complaint = complain(url);
  if (complaint) {
    const error = new SyntaxError(complaint);
    if (websocket._redirects === 0) throw error;
    emitErrorAndClose(websocket, error);
    return opts;
  }

  const key = randomBytes(16).toString('base64');
  opts.createConnection = opts.createConnection || (isSecure ? tlsConnect : netConnect);
  opts.defaultPort = opts.defaultPort || (isSecure ? 443 : 80);
  opts.port = url.port || (isSecure ? 443 : 80);
  opts.host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  opts.headers = {
    ...opts.headers,
    'Sec-WebSocket-Version': opts.protocolVersion,
    'Sec-WebSocket-Key': key,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
  };
  opts.path = url.pathname + url.search;
  opts.timeout = opts.handshakeTimeout;

  /** @type {PerMessageDeflate | undefined} */
  let deflate;
  if (opts.perMessageDeflate) {
    deflate = new PerMessageDeflate({ ...opts.perMessageDeflate, isServer: false, maxPayload: opts.maxPayload });
    opts.headers['Sec-WebSocket-Extensions'] = extension.format({ [PerMessageDeflate.extensionName]: deflate.offer() });
  }
  const protocolSet = checkProtocols(protocols);
  if (protocols.length) opts.headers['Sec-WebSocket-Protocol'] = protocols.join(',');
  if (opts.origin) opts.headers[opts.protocolVersion < 13 ? 'Sec-WebSocket-Origin' : 'Origin'] = opts.origin;
  if (url.username || url.password) {
    opts.auth = `${querystring.unescape(url.username)}:${querystring.unescape(url.password)}`;
  }
  if (isIpc) {
    const colon = opts.path.indexOf(':');
    opts.socketPath = colon === -1 ? opts.path : opts.path.slice(0, colon);
    opts.path = colon === -1 ? '' : opts.path.slice(colon + 1);
  }

  if (opts.followRedirects) options = secureRedirect(websocket, opts, options, url, { isIpc, isSecure });
  const request = isSecure ? https.request : http.request;
  /** @type {any} */
  let req = (websocket._req = request(opts));
  // Of a redirect the user may look at the request, and abort it.
  if (opts.followRedirects && websocket._redirects) websocket.emit('redirect', websocket.url, req);

  if (opts.timeout) {
    req.on('timeout', () => abortHandshake(websocket, req, 'Opening handshake has timed out'));
  }

  req.on('error', (/** @type {Error} */ error) => {
    if (req === null || req[kAborted]) return;
    req = websocket._req = null;
    emitErrorAndClose(websocket, error);
  });

  req.on('response', (/** @type {http.IncomingMessage} */ res) => {
    const { location } = res.headers;
    const { statusCode = 0 } = res;
    if (location && opts.followRedirects && statusCode >= 300 && statusCode < 400) {
      if (++websocket._redirects > opts.maxRedirects) {
        abortHandshake(websocket, req, 'Maximum redirects exceeded');
        return;
      }
      req.abort();
      let next;
      try {
        next = new URL(location, address);
      } catch {
        emitErrorAndClose(websocket, new SyntaxError(`Invalid URL: ${location}`));
        return;
      }
      connect(websocket, next, protocols, options);
    } else if (!websocket.emit('unexpected-response', req, res)) {
      abortHandshake(websocket, req, `Unexpected server response: ${statusCode}`);
    }
  });

  req.on('upgrade', (/** @type {http.IncomingMessage} */ res, /** @type {net.Socket} */ socket, /** @type {Buffer} */ head) => {
    websocket.emit('upgrade', res);
    // The user may have closed it meanwhile.
    if (websocket.readyState !== websocket.CONNECTING) return;
    req = websocket._req = null;
    const complaintOfAnswer = checkAnswer(websocket, res, key, protocolSet, deflate);
    if (complaintOfAnswer) {
      abortHandshake(websocket, socket, complaintOfAnswer);
      return;
    }
    websocket.setSocket(socket, head, opts);
  });

  if (opts.finishRequest) opts.finishRequest(req, websocket);
  else req.end();
  return opts;
}

/**
 * @param {string | URL} address
 * @returns {URL} `http` and `https` are as good as `ws` and `wss`
 */
function parseAddress(address) {
  let url;
  if (address instanceof URL) {
    url = address;
  } else {
    try {
      url = new URL(address);
    } catch {
      throw new SyntaxError(`Invalid URL: ${address}`);
    }
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') {
    // Not the user's own.
    url = new URL(url);
    url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  }
  return url;
}

/** @param {URL} url @returns {string | undefined} what is wrong with it */
function complain(url) {
  if (!['ws:', 'wss:', 'ws+unix:'].includes(url.protocol)) {
    return 'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"';
  }
  if (url.protocol === 'ws+unix:' && !url.pathname) return "The URL's pathname is empty";
  if (url.hash) return 'The URL contains a fragment identifier';
}

/** @param {string[]} protocols @returns {Set<string>} */
function checkProtocols(protocols) {
  const set = new Set();
  for (const protocol of protocols) {
    if (typeof protocol !== 'string' || !SUBPROTOCOL.test(protocol) || set.has(protocol)) {
      throw new SyntaxError('An invalid or duplicated subprotocol was specified');
    }
    set.add(protocol);
  }
  return set;
}

/**
 * Credentials stay with the host that they were given for, unless a `redirect` listener takes it on itself.
 *
 * @param {any} websocket
 * @param {any} opts
 * @param {any} options
 * @param {URL} url
 * @param {{ isIpc: boolean, isSecure: boolean }} kind
 * @returns {any} the options for further redirects
 */
function secureRedirect(websocket, opts, options, url, { isIpc, isSecure }) {
  const target = isIpc ? opts.socketPath : url.host;
  if (websocket._redirects === 0) {
    websocket._original = { isIpc, isSecure, target };
    const headers = options && options.headers;
    // A copy: the user's own is not changed.
    options = { ...options, headers: {} };
    for (const [name, value] of Object.entries(headers ?? {})) options.headers[name.toLowerCase()] = value;
  } else if (websocket.listenerCount('redirect') === 0) {
    const { _original: original } = websocket;
    const isSameHost = original.isIpc === isIpc && original.target === target;
    if (!isSameHost || (original.isSecure && !isSecure)) {
      // As curl does since 7.77.
      delete opts.headers.authorization;
      delete opts.headers.cookie;
      if (!isSameHost) delete opts.headers.host;
      opts.auth = undefined;
    }
  }
  // The first Authorization header wins, as with curl.
  if (opts.auth && !options.headers.authorization) {
    options.headers.authorization = `Basic ${Buffer.from(opts.auth).toString('base64')}`;
  }
  return options;
}

/**
 * @param {any} websocket gets what was agreed on
 * @param {http.IncomingMessage} res
 * @param {string} key
 * @param {Set<string>} protocols
 * @param {PerMessageDeflate | undefined} deflate
 * @returns {string | undefined} what is wrong with the server's answer
 */
function checkAnswer(websocket, res, key, protocols, deflate) {
  const { upgrade } = res.headers;
  if (upgrade === undefined || upgrade.toLowerCase() !== 'websocket') return 'Invalid Upgrade header';
  if (res.headers['sec-websocket-accept'] !== acceptKey(key)) return 'Invalid Sec-WebSocket-Accept header';

  const protocol = res.headers['sec-websocket-protocol'];
  if (protocol !== undefined) {
    if (!protocols.size) return 'Server sent a subprotocol but none was requested';
    if (!protocols.has(protocol)) return 'Server sent an invalid subprotocol';
  } else if (protocols.size) {
    return 'Server sent no subprotocol';
  }
  if (protocol) websocket._protocol = protocol;

  const header = res.headers['sec-websocket-extensions'];
  if (header === undefined) return;
  if (!deflate) return 'Server sent a Sec-WebSocket-Extensions header but no extension was requested';
  const name = PerMessageDeflate.extensionName;
  try {
    const extensions = extension.parse(header);
    const names = Object.keys(extensions);
    if (names.length !== 1 || names[0] !== name) return 'Server indicated an extension that was not requested';
    deflate.accept(extensions[name]);
  } catch {
    return 'Invalid Sec-WebSocket-Extensions header';
  }
  websocket._extensions[name] = deflate;
}

/** @param {any} options @returns {net.Socket} */
function netConnect(options) {
  options.path = options.socketPath;
  return net.connect(options);
}

/** @param {any} options @returns {tls.TLSSocket} */
function tlsConnect(options) {
  options.path = undefined;
  if (!options.servername && options.servername !== '') options.servername = net.isIP(options.host) ? '' : options.host;
  return tls.connect(options);
}

module.exports = { connect };
