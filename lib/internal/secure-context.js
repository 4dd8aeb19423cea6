'use strict';

/**
 * Options of `tls.createSecureContext()` and of TLS servers, for rustls. What it cannot do is refused by name, so that nobody
 * believes in a setting without effect.
 */

const crypto = require('node:crypto');
const tls = require('node:tls');
const { invalidArgType, invalidArgValue, withCode } = require('./errors.js');
const { boolean, oneOf, optionsObject } = require('./options.js');
const { load } = require('./loader.js');

/** Options of Node's that rustls has nothing for. */
const UNSUPPORTED = [
  'pfx',
  'dhparam',
  'sigalgs',
  'secureProtocol',
  'secureOptions',
  'ticketKeys',
  'privateKeyEngine',
  'privateKeyIdentifier',
  'clientCertEngine',
  'pskCallback',
  'enableTrace',
];
/** Options that ask for TLS where no other says so. */
const TLS_OPTIONS = ['key', 'cert', 'pfx', 'SNICallback', 'secureContexts'];
const VERSIONS = /** @type {const} */ (['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']);
/** Names of groups, as OpenSSL and IANA have them. @type {Record<string, string>} */
const GROUPS = {
  X25519: 'X25519',
  'P-256': 'P-256',
  PRIME256V1: 'P-256',
  SECP256R1: 'P-256',
  'P-384': 'P-384',
  SECP384R1: 'P-384',
};

/**
 * @param {string} option
 * @param {string} [advice]
 * @returns {Error & { code: string }}
 */
function unsupported(option, advice = 'it is OpenSSL\'s, and TLS is rustls\'s here') {
  return withCode(new Error(`The option "${option}" is not supported: ${advice}`), 'ERR_MILLRACE_TLS_UNSUPPORTED');
}

/**
 * @param {any} options of a server
 * @returns {boolean} whether it is to speak TLS
 */
function wantsTls(options) {
  return TLS_OPTIONS.some((name) => options?.[name] !== undefined && options[name] !== null);
}

/**
 * @param {string} name
 * @param {any} value
 * @returns {(string | Uint8Array)[]}
 */
function texts(name, value) {
  if (value === undefined || value === null || value === false || value === '') return [];
  const list = Array.isArray(value) ? value : [value];
  for (const one of list) {
    if (typeof one !== 'string' && !ArrayBuffer.isView(one)) {
      throw invalidArgType(`options.${name}`, ['string', 'Buffer', 'TypedArray', 'DataView'], one);
    }
  }
  return list;
}

/** @param {string | Uint8Array} text @returns {Buffer} */
function bytes(text) {
  if (typeof text === 'string') return Buffer.from(text);
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength);
}

/**
 * @param {any} options
 * @returns {Buffer[]} private keys in PKCS #8: OpenSSL reads and decrypts whatever form they have
 */
function privateKeys(options) {
  const { key, passphrase } = options;
  if (key === undefined || key === null) return [];
  if (passphrase !== undefined && passphrase !== null && typeof passphrase !== 'string') {
    throw invalidArgType('options.passphrase', 'string', passphrase);
  }
  const list = Array.isArray(key) ? key : [key];
  return list.map((one) => {
    const own = typeof one === 'object' && one !== null && !ArrayBuffer.isView(one);
    const [text] = texts('key', own ? one.pem : one);
    const phrase = (own ? one.passphrase : undefined) ?? passphrase;
    return crypto.createPrivateKey({ key: bytes(text), passphrase: phrase }).export({ type: 'pkcs8', format: 'der' });
  });
}

/**
 * @param {any} options
 * @returns {string[]} names of suites as IANA has them; none for all
 */
function cipherSuites({ ciphers }) {
  if (ciphers === undefined || ciphers === null) return [];
  if (typeof ciphers !== 'string') throw invalidArgType('options.ciphers', 'string', ciphers);
  /** @type {string[]} */
  const all = load().TlsContext.cipherSuites();
  /** @type {Set<string>} */
  const chosen = new Set();
  for (const word of ciphers.split(/[:, ]/).filter(Boolean)) {
    const name = word.replace(/^[!+-]/, '');
    // What stands for many suites in OpenSSL's language stands for all that there are: none of them is weak.
    const meant = /^(DEFAULT|HIGH|ALL|COMPLEMENTOFDEFAULT)(@.*)?$/.test(name)
      ? all
      : all.filter((suite) => suite === name || opensslName(suite) === name);
    if (word === name) for (const suite of meant) chosen.add(suite);
    else if (word[0] !== '+') for (const suite of meant) chosen.delete(suite);
  }
  if (chosen.size === 0) throw withCode(new Error('no cipher match'), 'ERR_SSL_NO_CIPHER_MATCH');
  // Those of TLS 1.3 stay unless some are named, as in Node.
  const thirteen = all.filter((suite) => !suite.includes('_WITH_'));
  if (!thirteen.some((suite) => chosen.has(suite))) return [...thirteen, ...chosen];
  return [...chosen];
}

/**
 * @param {string} suite as IANA names it
 * @returns {string} as OpenSSL does
 */
function opensslName(suite) {
  if (!suite.includes('_WITH_')) return suite;
  const name = suite.slice(4).replace('_WITH_', '_').replace(/AES_(\d+)/, 'AES$1').replace(/(CHACHA20_POLY1305)_SHA256$/, '$1');
  return name.replaceAll('_', '-');
}

/** @param {any} options @returns {string[]} */
function groups({ ecdhCurve }) {
  if (ecdhCurve === undefined || ecdhCurve === null || ecdhCurve === 'auto') return [];
  if (typeof ecdhCurve !== 'string') throw invalidArgType('options.ecdhCurve', 'string', ecdhCurve);
  const known = ecdhCurve.split(':').map((name) => GROUPS[name.toUpperCase()]).filter(Boolean);
  if (known.length === 0) throw unsupported('ecdhCurve', `none of ${ecdhCurve} is among X25519, P-256 and P-384`);
  return [...new Set(known)];
}

/**
 * @param {any} protocols names, or their form on the wire
 * @returns {string[]} names, with a unit for each byte
 */
function alpnNames(protocols) {
  if (protocols === undefined || protocols === null) return [];
  if (ArrayBuffer.isView(protocols)) {
    const wire = bytes(/** @type {any} */ (protocols));
    const names = [];
    for (let at = 0; at < wire.length; at += wire[at] + 1) names.push(wire.toString('latin1', at + 1, at + 1 + wire[at]));
    return names;
  }
  if (!Array.isArray(protocols)) {
    throw invalidArgType('options.ALPNProtocols', ['Array', 'Buffer', 'TypedArray', 'DataView'], protocols);
  }
  return protocols.map((name) => {
    const wire = typeof name === 'string' ? Buffer.from(name) : bytes(name);
    if (wire.length < 1 || wire.length > 255) throw invalidArgValue('options.ALPNProtocols', name, 'must have 1 to 255 bytes');
    return wire.toString('latin1');
  });
}

/**
 * @param {any} options
 * @returns {{ tls12: boolean, tls13: boolean }}
 */
function versions(options) {
  const min = VERSIONS.indexOf(oneOf(options, 'minVersion', VERSIONS, /** @type {any} */ (tls.DEFAULT_MIN_VERSION)));
  const max = VERSIONS.indexOf(oneOf(options, 'maxVersion', VERSIONS, /** @type {any} */ (tls.DEFAULT_MAX_VERSION)));
  const tls12 = min <= 2 && max >= 2;
  const tls13 = max >= 3;
  if (!tls12 && !tls13) throw unsupported('maxVersion', 'TLS 1.0 and 1.1 are not spoken');
  return { tls12, tls13 };
}

/** What Node trusts, as DER. @type {Buffer[] | undefined} */
let rootCertificates;

/** @returns {Buffer[]} */
function nodeRoots() {
  rootCertificates ??= tls.rootCertificates.map((text) => Buffer.from(text));
  return rootCertificates;
}

/**
 * @param {any} given options of `tls.createSecureContext()`, and `requestCert`, `rejectUnauthorized` and `ALPNProtocols` of a
 *   server
 * @returns {any} a native context
 * @throws {Error} for what is wrong or not to be had; with OpenSSL's codes where those exist
 */
function nativeContext(given) {
  const options = optionsObject(given);
  for (const name of UNSUPPORTED) {
    const value = options[name];
    if (value === undefined || value === null || value === false || (name === 'dhparam' && value === 'auto')) continue;
    const advice = name === 'pfx' ? 'take its parts out with "openssl pkcs12", and pass "cert" and "key"' : undefined;
    throw unsupported(name, advice);
  }
  const chains = texts('cert', options.cert).map(bytes);
  const keys = privateKeys(options);
  if (chains.length !== keys.length) {
    const missing = chains.length > keys.length ? 'options.key' : 'options.cert';
    throw invalidArgValue(missing, undefined, 'must be given for each of the other');
  }
  const requestCert = Boolean(options.requestCert);
  const spec = {
    requestCert,
    rejectUnauthorized: options.rejectUnauthorized !== false,
    alpn: alpnNames(options.ALPNProtocols),
    cipherSuites: cipherSuites(options),
    groups: groups(options),
    ...versions(options),
    serverOrder: boolean(options, 'honorCipherOrder', true),
    resumption: options.sessionTimeout !== 0,
  };
  const roots = !requestCert ? [] : options.ca ? texts('ca', options.ca).map(bytes) : nodeRoots();
  const { TlsContext } = load();
  try {
    return new TlsContext(JSON.stringify(spec), chains, keys, roots, texts('crl', options.crl).map(bytes));
  } catch (error) {
    const [, code, text] = /^([A-Z][A-Z0-9_]+) (.*)$/s.exec(/** @type {Error} */ (error).message) ?? [];
    throw code === undefined ? error : withCode(new Error(text), code);
  }
}

module.exports = { alpnNames, nativeContext, opensslName, unsupported, wantsTls };
