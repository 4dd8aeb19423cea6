'use strict';

/**
 * The files of our own pages, in memory: few, small, and the same for every visitor. What a page may do is said by a strict
 * content-security policy: everything from its own origin, nothing inline, nobody may frame it.
 */

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');

const PAGE = path.join(__dirname, '..', '..', 'page');
/** Smaller files are sent as they are: a packet is sent anyway. */
const COMPRESS_BYTES = 1024;
/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** With each answer of ours, pages or not. */
const SECURITY = Object.freeze({
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
});

/** @typedef {{ type: string, body: Buffer, gzip: Buffer | null, etag: string }} Asset */

/**
 * @param {string} file
 * @returns {Asset}
 */
function readAsset(file) {
  const body = fs.readFileSync(file);
  const type = TYPES[path.extname(file)];
  const gzip = body.length < COMPRESS_BYTES ? null : zlib.gzipSync(body, { level: 9 });
  return { type, body, gzip, etag: crypto.createHash('sha256').update(body).digest('base64url').slice(0, 22) };
}

/** The chart library's own files. */
const vendored = () => ({
  'uplot.js': require.resolve('uplot/dist/uPlot.esm.js'),
  'uplot.css': require.resolve('uplot/dist/uPlot.min.css'),
});

/** Files under `page/` by their names there, and those of libraries. */
class PageAssets {
  /** @param {boolean} [withCharts] Defaults to `false`. */
  constructor(withCharts = false) {
    /** @type {Map<string, Asset>} */
    this.assets = new Map();
    for (const name of fs.readdirSync(PAGE)) {
      if (path.extname(name) in TYPES) this.assets.set(name, readAsset(path.join(PAGE, name)));
    }
    if (!withCharts) return;
    for (const [name, file] of Object.entries(vendored())) this.assets.set(name, readAsset(file));
  }

  /**
   * Answers a GET or HEAD with an asset.
   *
   * @param {any} req
   * @param {any} res
   * @param {string} name
   * @returns {boolean} false where there is none of that name, and nothing was done
   */
  serve(req, res, name) {
    const asset = this.assets.get(name);
    if (asset === undefined || (req.method !== 'GET' && req.method !== 'HEAD')) return false;
    const isGzip = asset.gzip !== null && /\bgzip\b(?!\s*;\s*q=0(?:\.0+)?\b)/.test(req.headers['accept-encoding'] ?? '');
    const etag = `"${asset.etag}${isGzip ? '-gzip' : ''}"`;
    const head = {
      ...SECURITY,
      'Content-Type': asset.type,
      // A new version of the package is seen at once; what did not change is not sent again.
      'Cache-Control': 'no-cache',
      ETag: etag,
      Vary: 'Accept-Encoding',
    };
    if (req.headers['if-none-match']?.includes(etag)) {
      res.writeHead(304, head).end();
      return true;
    }
    const body = isGzip ? /** @type {Buffer} */ (asset.gzip) : asset.body;
    res.writeHead(200, { ...head, ...(isGzip ? { 'Content-Encoding': 'gzip' } : {}), 'Content-Length': body.length });
    res.end(req.method === 'HEAD' ? undefined : body);
    return true;
  }
}

module.exports = { PageAssets, SECURITY };
