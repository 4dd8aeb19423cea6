'use strict';

/**
 * One trial: one case, one side, one fresh process. Reads a job as JSON from its first argument, does the work, and
 * prints one line of JSON with what it cost. Loading modules is outside the clock, and so is the start of the process.
 */

const fs = require('node:fs');
const { monitorEventLoopDelay, performance } = require('node:perf_hooks');
const { findCase } = require('./cases');

/** Milliseconds between two looks of the delay monitor; subtracted from what it reports, which counts from the last look. */
const DELAY_RESOLUTION = 2;

/**
 * The highest resident size of this process so far, in bytes. Linux's `ru_maxrss` starts from the size that the parent
 * had at the fork, so the kernel's count for this memory map is taken where there is one.
 *
 * @returns {number}
 */
function peakRss() {
  try {
    const status = fs.readFileSync('/proc/self/status', 'latin1');
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(status);
    if (found) return Number(found[1]) * 1024;
  } catch {
    // Not Linux: the portable figure below is what there is.
  }
  return process.resourceUsage().maxRSS * 1024;
}

/**
 * @param {import('./cases').Job} job
 */
async function main(job) {
  const work = findCase(job.case).sides[job.side].load();
  const prepared = work.prepare ? await work.prepare(job) : undefined;

  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION });
  delay.enable();
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const facts = await work.run(job, prepared);
  const seconds = (performance.now() - start) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  delay.disable();

  /** @param {number} nanoseconds */
  const beyondResolution = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - DELAY_RESOLUTION);
  return {
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    peakRss: peakRss(),
    // A synchronous loop never lets the monitor look, and so has no delay to report.
    delayP99: delay.count > 10 ? beyondResolution(delay.percentile(99)) : null,
    delayMax: delay.count > 10 ? beyondResolution(delay.max) : null,
    facts,
  };
}

main(JSON.parse(process.argv[2])).then(
  (result) => fs.writeSync(1, `${JSON.stringify(result)}\n`),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
