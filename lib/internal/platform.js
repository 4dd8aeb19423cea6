'use strict';

/**
 * The C library that this process runs on. Costs about 5 ms, so it is asked only when building the addon and when
 * loading it has failed.
 *
 * @returns {string} `'glibc 2.36'`, `'musl'`, or `'none'` where the platform has no such choice
 */
function libc() {
  if (process.platform !== 'linux') return 'none';
  /** @type {NodeJS.ProcessReport & { excludeNetwork?: boolean } | undefined} */
  const report = process.report;
  if (report === undefined) return 'glibc';
  const network = report.excludeNetwork;
  // Otherwise the report looks up the name of each open connection's peer, which can take seconds.
  report.excludeNetwork = true;
  try {
    const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (report.getReport());
    return header.glibcVersionRuntime === undefined ? 'musl' : `glibc ${header.glibcVersionRuntime}`;
  } finally {
    report.excludeNetwork = network;
  }
}

/**
 * The names that the addon may have on this platform, the likelier first. Both C libraries are named on Linux, since
 * to try the second costs less than to find out which one is in use.
 *
 * @returns {string[]} such as `['linux-x64', 'linux-x64-musl']`
 */
function triples() {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === 'linux' ? [name, `${name}-musl`] : [name];
}

/**
 * The one name that an addon built on this machine gets.
 *
 * @returns {string} such as `'linux-x64'`
 */
function triple() {
  const [plain, musl] = triples();
  return libc() === 'musl' ? musl : plain;
}

/**
 * @param {string} name as `triples()` gives it
 * @returns {boolean} whether a package with an addon is published for it
 */
function prebuilt(name) {
  return /^(linux|darwin|win32)-(x64|arm64)(-musl)?$/.test(name);
}

module.exports = { libc, prebuilt, triple, triples };
