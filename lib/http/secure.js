'use strict';

/** The TLS half of a server: its contexts, and what is chosen and told in handshakes, as in `tls.Server`. */

const tls = require('node:tls');
const { invalidArgType, withCode } = require('../internal/errors.js');
const { integer, optionsObject } = require('../internal/options.js');
const { nativeContext, unsupported } = require('../internal/secure-context.js');

const HANDSHAKE_TIMEOUT_MS = 120_000;
const MAX_MS = 2 ** 31 - 1;

/** Options, to be made into native contexts when a server wants them. */
class SecureContext {
  /** @param {any} [options] as `tls.createSecureContext()` takes them */
  constructor(options) {
    this.options = { ...optionsObject(options) };
    /** By the server's part of it. @type {Map<string, any>} */
    this.natives = new Map();
    // Wrong ones are told here and now.
    this.native({});
  }

  /**
   * @param {{ requestCert?: boolean, rejectUnauthorized?: boolean, ALPNProtocols?: any }} shared the server's part
   * @returns {any}
   */
  native(shared) {
    const key = JSON.stringify(shared);
    let native = this.natives.get(key);
    if (native === undefined) {
      native = nativeContext({ ...this.options, ...shared });
      this.natives.set(key, native);
    }
    return native;
  }
}

/** @param {any} given @returns {SecureContext} */
function toContext(given) {
  if (given instanceof SecureContext) return given;
  // One of Node's holds its key where nobody can take it out.
  if (given !== null && typeof given === 'object' && given.context !== undefined) {
    const message = 'A SecureContext of node:tls cannot be used: pass its options, or createSecureContext() of millrace/http';
    throw withCode(new TypeError(message), 'ERR_MILLRACE_TLS_UNSUPPORTED');
  }
  return new SecureContext(given);
}

class Tls {
  /**
   * @param {any} server
   * @param {any} options
   */
  constructor(server, options) {
    this.server = server;
    for (const name of ['SNICallback', 'ALPNCallback']) {
      const value = options[name];
      if (value !== undefined && typeof value !== 'function') throw invalidArgType(`options.${name}`, 'function', value);
    }
    if (options.ALPNCallback && options.ALPNProtocols) {
      const message = 'The ALPNCallback and ALPNProtocols TLS options are mutually exclusive';
      throw withCode(new TypeError(message), 'ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS');
    }
    this.handshakeTimeout = integer(options, 'handshakeTimeout', 1, MAX_MS, HANDSHAKE_TIMEOUT_MS);
    this.sniCallback = options.SNICallback;
    this.alpnCallback = options.ALPNCallback;
    const protocols = options.http2 === false ? ['http/1.1'] : ['h2', 'http/1.1'];
    /** What contexts for names have from the server. */
    this.shared = {
      requestCert: Boolean(options.requestCert),
      rejectUnauthorized: options.rejectUnauthorized !== false,
      ALPNProtocols: options.ALPNCallback ? undefined : options.ALPNProtocols ?? protocols,
    };
    this.default = new SecureContext(contextOptions(options));
    // Of the default one all parts are known.
    this.default.native(this.shared);
    /** @type {[name: string, context: SecureContext][]} */
    this.named = [];
    for (const [name, context] of Object.entries(optionsObject(options.secureContexts))) {
      this.named.push([name, toContext(context)]);
    }
  }

  /** @param {any} options */
  setSecureContext(options) {
    const context = toContext(options);
    context.native(this.shared);
    this.default = context;
    this.hand();
  }

  /**
   * @param {string} name
   * @param {any} options
   */
  addContext(name, options) {
    if (typeof name !== 'string' || name === '') {
      throw withCode(new Error('"servername" is required parameter for Server.addContext'), 'ERR_TLS_REQUIRED_SERVER_NAME');
    }
    const context = toContext(options);
    context.native(this.shared);
    this.named.push([name, context]);
    this.hand();
  }

  /** Hands all contexts down: handshakes from now on go by them. @param {any} [engine] */
  hand(engine = this.server._engine) {
    if (engine === undefined) return;
    const names = this.named.map(([name]) => name);
    const contexts = this.named.map(([, context]) => context.native(this.shared));
    engine.native.setContexts(this.default.native(this.shared), names, contexts, Boolean(this.sniCallback ?? this.alpnCallback));
  }

  /**
   * A client waits for what its name and its protocols get.
   *
   * @param {any} socket
   * @param {string} servername
   * @param {string[]} protocols
   */
  onHello(socket, servername, protocols) {
    const { sniCallback, alpnCallback } = this;
    let called = false;
    const choose = (/** @type {Error | null | undefined} */ error, /** @type {any} */ context) => {
      if (called) {
        // As in Node, which counts the calls.
        socket.destroy(withCode(new Error('Callback called multiple times'), 'ERR_MULTIPLE_CALLBACK'));
        return;
      }
      called = true;
      if (socket.destroyed) return;
      try {
        if (error) throw error;
        const chosen = context ? toContext(context) : this.forName(servername);
        const alpn = alpnCallback && protocols.length > 0 ? this.chooseAlpn({ servername, protocols }) : undefined;
        socket.choose(chosen.native(this.shared), alpn);
      } catch (failure) {
        socket.failHandshake(failure);
      }
    };
    if (sniCallback === undefined || servername === '') choose(null, undefined);
    else sniCallback.call(socket, servername, choose);
  }

  /** @param {{ servername: string, protocols: string[] }} hello @returns {Buffer | undefined} */
  chooseAlpn(hello) {
    const chosen = this.alpnCallback(hello);
    if (chosen === undefined) throw withCode(new Error('no application protocol'), 'ERR_SSL_NO_APPLICATION_PROTOCOL');
    if (!hello.protocols.includes(chosen)) {
      const offered = hello.protocols.join(', ');
      const message = `ALPN callback returned a value (${chosen}) that did not match any of the client's offered protocols (${offered})`;
      throw withCode(new TypeError(message), 'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT');
    }
    return Buffer.from(chosen, 'latin1');
  }

  /** @param {string} servername @returns {SecureContext} */
  forName(servername) {
    for (const [pattern, context] of [...this.named].reverse()) {
      const parts = pattern.split('*').map((part) => part.replace(/[.+^${}()|[\]\\?]/g, '\\$&'));
      if (new RegExp(`^${parts.join('[^.]*')}$`, 'i').test(servername)) return context;
    }
    return this.default;
  }

  /**
   * Serves a connection that was handed in: with Node's own TLS, for its bytes are Node's.
   *
   * @param {any} socket
   * @param {(this: any, socket: any) => void} serve
   */
  serveByNode(socket, serve) {
    const { server } = this;
    const options = { ...server._options, SNICallback: undefined, ALPNCallback: undefined, secureContexts: undefined };
    const secure = new tls.TLSSocket(socket, {
      ...options,
      ...this.shared,
      isServer: true,
      secureContext: tls.createSecureContext({ ...options, ...this.default.options }),
    });
    secure.on('error', (error) => server.emit('tlsClientError', error, secure));
    secure.once('secure', () => {
      secure.removeAllListeners('error');
      serve.call(server, secure);
    });
  }
}

/** @param {any} options of a server @returns {any} those of a context */
function contextOptions(options) {
  const { key, cert, ca, passphrase, pfx, crl, ciphers, dhparam, ecdhCurve, honorCipherOrder } = options;
  const { minVersion, maxVersion, secureProtocol, secureOptions, sigalgs, sessionTimeout } = options;
  const { ticketKeys, privateKeyEngine, privateKeyIdentifier, clientCertEngine, pskCallback, enableTrace } = options;
  return {
    key, cert, ca, passphrase, pfx, crl, ciphers, dhparam, ecdhCurve, honorCipherOrder, minVersion, maxVersion,
    secureProtocol, secureOptions, sigalgs, sessionTimeout, ticketKeys, privateKeyEngine, privateKeyIdentifier,
    clientCertEngine, pskCallback, enableTrace,
  };
}

/** @param {any} server @returns {Tls} */
function tlsOf(server) {
  if (server._tls === undefined) {
    throw withCode(new Error('The server does not speak TLS: it was made without key and cert'), 'ERR_MILLRACE_TLS_OFF');
  }
  return server._tls;
}

/** @param {any} [options] @returns {SecureContext} */
function createSecureContext(options) {
  return new SecureContext(options);
}

module.exports = { SecureContext, Tls, createSecureContext, tlsOf, unsupported };
