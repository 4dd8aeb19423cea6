'use strict';

/**
 * Files that are dropped on the page. One request brings a file and another takes what becomes of it; between them is one native
 * chain, so that a file of any size needs neither memory nor disk here, and whoever is slower holds the other back.
 */

const crypto = require('node:crypto');
const { Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { hash } = require('../crypto.js');
const jsonl = require('../jsonl.js');
const zlib = require('../zlib.js');
const { SECURITY } = require('../internal/page-assets.js');

/** At work or waiting for their other half. */
const MOST_JOBS = 8;
/** For the other half of a job to come, and for a file to go on. */
const WAIT_MS = 30_000;
const PROGRESS_MS = 250;
/** Of rejected rows that are shown; the rest is counted. */
const SHOWN_REJECTS = 100;
const SHOWN_REJECT_BYTES = 400;
const DEFAULT_UPLOAD_BYTES = 16 * 1024 ** 3;
/** Of a gzipped file: more than that comes out of none but a bomb. */
const MAX_RATIO = 1000;
const NAME_LENGTH = 200;

/**
 * @typedef {object} Progress what the page is told
 * @property {string} id
 * @property {string} name
 * @property {'waiting' | 'running' | 'done' | 'failed'} state
 * @property {number | null} size bytes of the upload, where they are known
 * @property {number} bytesIn
 * @property {number} bytesOut
 * @property {number} rowsIn
 * @property {number} rowsOut
 * @property {number} rejected
 * @property {number} ms
 * @property {string | null} sha256 of the download, once it is done
 * @property {{ code: string, message: string } | null} error
 * @property {{ line: number, offset: number, reason: string, row: string }[]} rejects the first of them, once it is done
 */

/** Keeps the first rejected rows, cut to what a page shows, and takes the others without keeping them. */
class Rejects extends Writable {
  constructor() {
    super();
    /** @type {Progress['rejects']} */
    this.rows = [];
    /** What came of a row whose end did not, bounded as what is shown of it. */
    this.begun = '';
  }

  /** @param {Buffer} chunk @param {string} _encoding @param {() => void} callback */
  _write(chunk, _encoding, callback) {
    if (this.rows.length < SHOWN_REJECTS) {
      const lines = `${this.begun}${chunk.toString()}`.split('\n');
      this.begun = /** @type {string} */ (lines.pop()).slice(0, 4 * SHOWN_REJECT_BYTES);
      for (const line of lines) if (this.rows.length < SHOWN_REJECTS) this.keep(line);
    }
    callback();
  }

  /** @param {string} line */
  keep(line) {
    const head = /^\{"line":(\d+),"offset":(\d+)/.exec(line);
    let row = { reason: 'longer than what is shown', row: line };
    try {
      row = JSON.parse(line);
    } catch {
      // Cut: what stands before the row is told nevertheless.
    }
    this.rows.push({
      line: Number(head?.[1] ?? 0),
      offset: Number(head?.[2] ?? 0),
      reason: String(row.reason).slice(0, SHOWN_REJECT_BYTES),
      row: String(row.row).slice(0, SHOWN_REJECT_BYTES),
    });
  }
}

class Job {
  /** @param {string} name @param {number | null} size */
  constructor(name, size) {
    this.id = crypto.randomBytes(12).toString('hex');
    this.name = name;
    this.size = size;
    this.began = performance.now();
    /** @type {Progress['state']} */
    this.state = 'waiting';
    /** @type {{ req: any, res: any } | null} */
    this.input = null;
    /** @type {any} */
    this.output = null;
    this.isGzip = /\.gz$/i.test(name);
    /** Of rows that are no JSON, and of rows that are no objects. */
    this.rejects = [new Rejects(), new Rejects()];
    this.validate = jsonl.validate({ rejects: this.rejects[0] });
    this.edit = jsonl.edit({
      set: { processedAt: jsonl.now() },
      hash: { field: 'hash', algorithm: 'sha256', length: 8 },
      rejects: this.rejects[1],
    });
    this.tap = hash({ algorithms: ['sha256'], encoding: 'hex' });
    /** @type {any} */
    this.first = this.isGzip ? zlib.createGunzip({ maxRatio: MAX_RATIO }) : this.validate;
    /** @type {Progress['error']} */
    this.error = null;
    this.ms = 0;
    this.seen = 0;
    this.seenAt = this.began;
  }

  /** @returns {string} what the download is called */
  outputName() {
    return `${this.name.replace(/\.gz$/i, '').replace(/\.(?:jsonl|ndjson|json|log|txt)$/i, '')}.clean.jsonl.gz`;
  }

  /** @returns {any[]} the stages between upload and download */
  stages() {
    return [...new Set([this.first, this.validate, this.edit, zlib.createGzip(), this.tap])];
  }

  /** @returns {Progress} */
  progress() {
    const [checked, edited] = [this.validate.stats(), this.edit.stats()];
    const isOver = this.state === 'done' || this.state === 'failed';
    return {
      id: this.id,
      name: this.name,
      state: this.state,
      size: this.size,
      bytesIn: this.first.stats().bytesIn,
      bytesOut: this.tap.stats().bytesOut,
      rowsIn: checked.rowsIn,
      rowsOut: edited.rowsOut,
      rejected: checked.rejected + edited.rejected,
      ms: isOver ? this.ms : performance.now() - this.began,
      sha256: this.state === 'done' ? /** @type {any} */ (this.tap.digests).sha256 : null,
      error: this.error,
      rejects: isOver ? this.rejects.flatMap(({ rows }) => rows).slice(0, SHOWN_REJECTS) : [],
    };
  }
}

class Jobs {
  /**
   * @param {object} options
   * @param {(progress: Progress) => void} options.onProgress
   * @param {(level: 'info' | 'warn', text: string) => void} options.onLog
   * @param {number} [options.maxUploadBytes] Defaults to 16 GiB.
   */
  constructor({ onProgress, onLog, maxUploadBytes = DEFAULT_UPLOAD_BYTES }) {
    this.onProgress = onProgress;
    this.onLog = onLog;
    this.maxUploadBytes = maxUploadBytes;
    /** @type {Map<string, Job>} */
    this.jobs = new Map();
    this.timer = setInterval(() => this.tick(), PROGRESS_MS);
    this.timer.unref();
  }

  close() {
    clearInterval(this.timer);
  }

  /**
   * @param {string} name
   * @param {number | null} size
   * @returns {Job | number} the status of a refusal
   */
  open(name, size) {
    if (this.jobs.size >= MOST_JOBS) return 429;
    if (size !== null && size > this.maxUploadBytes) return 413;
    const job = new Job(name.slice(0, NAME_LENGTH), size);
    this.jobs.set(job.id, job);
    return job;
  }

  /**
   * One of the two requests of a job.
   *
   * @param {string} id
   * @param {any} req
   * @param {any} res
   * @returns {number} 0, or the status of a refusal
   */
  join(id, req, res) {
    const job = this.jobs.get(id);
    if (job === undefined) return 404;
    if (req.method === 'PUT') {
      if (job.input !== null) return 409;
      if (Number(req.headers['content-length'] ?? 0) > this.maxUploadBytes) return 413;
      job.input = { req, res };
    } else {
      if (job.output !== null) return 409;
      job.output = res;
    }
    res.once('close', () => {
      // Gone before the other one came.
      if (job.state === 'waiting') this.fail(job, 'ERR_STREAM_PREMATURE_CLOSE', 'one of the two requests was given up');
    });
    if (job.input !== null && job.output !== null) void this.run(job);
    return 0;
  }

  /** @param {Job} job */
  async run(job) {
    const { req, res } = /** @type {{ req: any, res: any }} */ (job.input);
    const { output } = job;
    job.state = 'running';
    job.began = job.seenAt = performance.now();
    output.writeHead(200, {
      ...SECURITY,
      'Content-Type': 'application/gzip',
      'Content-Disposition': attachment(job.outputName()),
      'Cache-Control': 'no-store',
    });
    // The browser is to begin the download now, not when the first block is compressed.
    output.flushHeaders();
    try {
      await pipeline([req, ...job.stages(), output]);
      job.state = 'done';
      job.ms = performance.now() - job.began;
    } catch (error) {
      const { code, message } = /** @type {any} */ (error);
      this.fail(job, String(code), String(message));
    }
    if (job.state !== 'done') return;
    this.jobs.delete(job.id);
    const { rowsIn, rejected } = job.progress();
    this.onLog('info', `${job.name}: ${rowsIn} rows, ${rejected} rejected, ${Math.round(job.ms)} ms`);
    this.onProgress(job.progress());
    if (!res.destroyed) res.writeHead(204).end();
  }

  /**
   * @param {Job} job
   * @param {string} code
   * @param {string} message
   */
  fail(job, code, message) {
    if (job.state === 'failed') return;
    job.state = 'failed';
    job.ms = performance.now() - job.began;
    job.error = { code, message };
    this.jobs.delete(job.id);
    this.onLog('warn', `${job.name}: ${message} [${code}]`);
    this.onProgress(job.progress());
    job.output?.destroy();
    if (job.input === null) return;
    const { req, res } = job.input;
    // Who has sent all of it waits for an answer.
    if (req.complete && !res.destroyed) res.writeHead(422, { ...SECURITY, 'Content-Length': 0 }).end();
    else res.destroy();
  }

  tick() {
    const now = performance.now();
    for (const job of [...this.jobs.values()]) {
      const progress = job.progress();
      const moved = progress.bytesIn + progress.bytesOut;
      if (moved !== job.seen) {
        job.seen = moved;
        job.seenAt = now;
      }
      if (progress.bytesIn > this.maxUploadBytes) this.fail(job, 'ERR_UPLOAD_TOO_LARGE', `larger than ${this.maxUploadBytes} bytes`);
      else if (now - job.seenAt > WAIT_MS) this.fail(job, 'ERR_UPLOAD_TIMEOUT', 'nothing came or went for too long');
      else if (job.state === 'running') this.onProgress(progress);
    }
  }
}

/**
 * @param {string} name from outside
 * @returns {string} a `Content-Disposition` for it (RFC 6266, RFC 8187)
 */
function attachment(name) {
  const plain = name.replace(/[^\w .()-]/g, '_');
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

module.exports = { Jobs, attachment };
