'use strict';

/** The socket of a connection in TLS, in the shape of `tls.TLSSocket`. */

const { X509Certificate } = require('node:crypto');
const { TAKE_DESCRIPTOR } = require('../internal/take-descriptor.js');
const { opensslName } = require('../internal/secure-context.js');
const { withCode } = require('../internal/errors.js');
const { onSocketError } = require('./requests.js');
const { Socket } = require('./socket.js');

class SecureSocket extends Socket {
  /**
   * @param {any} server
   * @param {import('../internal/http-engine.js').Engine} engine
   * @param {number} id
   */
  constructor(server, engine, id) {
    super(server, engine, id);
    /** The handshake is over. */
    this.secure = false;
    this.authorized = false;
    /** @type {string | null} */
    this.authorizationError = null;
    /** @type {string | false} */
    this.alpnProtocol = false;
    /** Kept from when it was first asked for, as a closed socket still has it. @type {any} */
    this._facts = undefined;
    /** In DER. @type {Buffer[] | undefined} */
    this._certificates = undefined;
    /** Why the session ended. @type {any} */
    this._fault = null;
  }

  get encrypted() {
    return true;
  }

  /** The name that the client asked for, or false. @returns {string | false} */
  get servername() {
    return this.facts()?.serverName ?? false;
  }

  /** @returns {any} what the handshake came to; null before its end */
  facts() {
    if (this._facts !== undefined) return this._facts;
    const text = this.secure && !this.released ? this.engine.native.session(this.id) : null;
    if (text === null) return null;
    this._facts = JSON.parse(text);
    return this._facts;
  }

  /** @returns {string | null} */
  getProtocol() {
    return this.facts()?.version ?? null;
  }

  /** @returns {{ name: string, standardName: string, version: string } | undefined} */
  getCipher() {
    const facts = this.facts();
    if (facts === null) return undefined;
    const { cipherSuite: standardName, version } = facts;
    return { name: opensslName(standardName), standardName, version };
  }

  /** Whether an earlier session was resumed. @returns {boolean} */
  isSessionReused() {
    return this.facts()?.resumed ?? false;
  }

  /** @returns {Buffer[]} the peer's certificate and those that it sent with it */
  certificates() {
    if (this._certificates !== undefined) return this._certificates;
    if (!this.secure || this.released) return [];
    this._certificates = this.engine.native.peerCertificates(this.id);
    return /** @type {Buffer[]} */ (this._certificates);
  }

  /**
   * @param {boolean} [detailed] with `issuerCertificate`, up to the root where the peer sent it
   * @returns {any} the peer's certificate; an object without properties where there is none, null once destroyed
   */
  getPeerCertificate(detailed = false) {
    const [first, ...rest] = this.certificates();
    if (first === undefined) return this.destroyed ? null : {};
    const certificate = new X509Certificate(first);
    const object = /** @type {any} */ (certificate.toLegacyObject());
    if (!detailed) return object;
    let [below, objectBelow] = [certificate, object];
    for (const raw of rest) {
      const above = new X509Certificate(raw);
      if (!below.checkIssued(above)) break;
      objectBelow.issuerCertificate = above.toLegacyObject();
      [below, objectBelow] = [above, objectBelow.issuerCertificate];
    }
    if (below.checkIssued(below)) objectBelow.issuerCertificate = objectBelow;
    return object;
  }

  /** @returns {X509Certificate | undefined} */
  getPeerX509Certificate() {
    const [first] = this.certificates();
    return first === undefined ? undefined : new X509Certificate(first);
  }

  /** Sessions are resumed by tickets that the server keeps to itself. */
  getSession() {
    return undefined;
  }

  getTLSTicket() {
    return undefined;
  }

  /** TLS 1.3 has none, and rustls none in 1.2. */
  renegotiate() {
    return false;
  }

  disableRenegotiation() {}

  enableTrace() {}

  /** @returns {boolean} */
  setMaxSendFragment() {
    return false;
  }

  // Handshakes.

  /**
   * @param {string} alpn
   * @param {string} code what is wrong with the client's certificate
   * @param {number} judgement 0 where none was asked for, 1 for a right one
   */
  onSecure(alpn, code, judgement) {
    this.secure = true;
    this.alpnProtocol = alpn === '' ? false : alpn;
    this.authorized = judgement === 1;
    if (judgement === 2) this.authorizationError = code;
    this.server.emit('secureConnection', this);
  }

  /**
   * @param {string} servername
   * @param {string[]} protocols
   */
  onHello(servername, protocols) {
    this.server._tls.onHello(this, servername, protocols);
  }

  /**
   * @param {any} context
   * @param {Buffer | undefined} alpn
   */
  choose(context, alpn) {
    if (this.released) return;
    if (this.engine.native.choose(this.id, context, alpn)) this.engine.receiveSoon();
  }

  /** @param {any} error */
  failHandshake(error) {
    if (this.destroyed) return;
    this.server.emit('tlsClientError', error, this);
    this.destroy();
  }

  /**
   * @param {string} code
   * @param {string} reason
   */
  onTlsFault(code, reason) {
    this._fault = withCode(new Error(reason), code);
    if (code.startsWith('ERR_SSL_')) Object.assign(this._fault, { library: 'SSL routines', reason });
  }

  /** @param {number} errno */
  onClosed(errno) {
    const { _fault: fault } = this;
    if (!this.secure) {
      this.release();
      this.failHandshake(fault ?? withCode(new Error('socket hang up'), 'ECONNRESET'));
    } else if (fault !== null) {
      this.release();
      onSocketError(this.server, this, fault);
    } else super.onClosed(errno);
  }

  release() {
    // What a closed socket is still asked for.
    if (!this.released && this.secure && this._facts === undefined) this.facts();
    super.release();
  }

  /** @returns {any} */
  [TAKE_DESCRIPTOR]() {
    if (this.mode !== 1) return null;
    this.facts();
    if (this.authorized || this.authorizationError !== null) this.certificates();
    return /** @type {any} */ (Socket.prototype)[TAKE_DESCRIPTOR].call(this);
  }
}

module.exports = { SecureSocket };
