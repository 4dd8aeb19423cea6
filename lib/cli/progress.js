'use strict';

/** Progress on standard error: a bar on a terminal, a plain line now and then elsewhere. */

const { isatty } = require('node:tty');
const { SingleBar, Presets } = require('cli-progress');
const { say } = require('./summary.js');
const { bytes, rate } = require('./units.js');

/** On a terminal. */
const BAR_MS = 100;
/** Elsewhere: a log should not fill with it. */
const LINE_MS = 5000;

class Progress {
  /**
   * @param {{ stream: any, bytes: number | null, name: string }} source
   * @param {any[]} stages
   * @param {boolean} toStandard the data goes to standard output
   */
  constructor(source, stages, toStandard) {
    this.source = source;
    this.stages = stages;
    this.began = Date.now();
    this.stopped = false;
    /** @type {SingleBar | null} */
    this.bar = null;
    // A bar would stand in the midst of data that a terminal shows.
    const terminal = process.stderr.isTTY && !(toStandard && isatty(1));
    if (terminal) {
      this.bar = new SingleBar(
        {
          format: source.bytes
            ? '{bar} {percentage}% | {done} of {all} | {rate} | ETA {eta_formatted}{rows}'
            : '{done} | {rate}{rows}',
          stream: process.stderr,
          hideCursor: true,
          clearOnComplete: true,
          // Ours handles the interrupt, and stops the bar then.
          gracefulExit: false,
          etaBuffer: 50,
        },
        Presets.shades_classic,
      );
      this.bar.start(source.bytes || 1, 0, this.values());
    }
    this.timer = setInterval(() => this.tell(), terminal ? BAR_MS : LINE_MS);
    // The pipeline keeps the process alive, not its progress.
    this.timer.unref();
  }

  /** @returns {number} bytes of the input so far */
  done() {
    const { stream } = this.source;
    return stream.bytesRead ?? this.stages[0]?.stats().bytesIn ?? 0;
  }

  /** @returns {{ done: string, all: string, rate: string, rows: string }} */
  values() {
    const done = this.done();
    const seconds = (Date.now() - this.began) / 1000;
    const rows = this.stages.map((stage) => stage.stats()).find((stats) => stats.rowsIn > 0);
    return {
      done: bytes(done),
      all: this.source.bytes === null ? '?' : bytes(this.source.bytes),
      rate: rate(done, seconds),
      rows: rows ? ` | ${rows.rowsIn} rows, ${rows.rejected} bad` : '',
    };
  }

  tell() {
    const values = this.values();
    if (this.bar) {
      this.bar.update(Math.min(this.done(), this.source.bytes || 1), values);
      return;
    }
    const share = this.source.bytes ? ` (${Math.floor((100 * this.done()) / this.source.bytes)}%)` : '';
    const all = this.source.bytes === null ? '' : ` of ${values.all}`;
    say(process.stderr, `millrace: ${values.done}${all}${share}, ${values.rate}${values.rows.replace(' | ', ', ')}\n`);
  }

  stop() {
    if (this.stopped) return;
    this.stopped = true;
    clearInterval(this.timer);
    if (this.bar) {
      this.tell();
      this.bar.stop();
    }
  }
}

module.exports = { Progress };
