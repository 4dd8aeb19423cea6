'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');

const RETRY_MS = 200;

/**
 * Runs `work` while this process alone holds the lock file, which names its holder. The lock of a process that died
 * is taken over.
 *
 * @template T
 * @param {string} file
 * @param {(holder: number) => void} onWait called once when another process has the lock
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
async function withLock(file, onWait, work) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  let told = false;
  while (!acquire(file)) {
    const holder = holderOf(file);
    if (holder === undefined) continue;
    if (!alive(holder)) {
      takeAway(file, holder);
      continue;
    }
    if (!told) onWait(holder);
    told = true;
    await delay(RETRY_MS);
  }
  const release = () => fs.rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

/**
 * @param {string} file
 * @returns {boolean} false where somebody else has the lock
 */
function acquire(file) {
  // Written aside and linked, so that nobody ever sees a lock without its holder's id.
  const aside = `${file}.${process.pid}`;
  fs.writeFileSync(aside, `${process.pid}\n`);
  try {
    fs.linkSync(aside, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(aside);
  }
}

/**
 * @param {string} file
 * @returns {number | undefined} undefined where the lock has just been released
 */
function holderOf(file) {
  try {
    return Number(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * @param {number} pid
 * @returns {boolean}
 */
function alive(pid) {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * Removes a dead holder's lock. It is moved away first: of two processes that saw the same dead holder only one can
 * move it, and the other must not remove the winner's new lock.
 *
 * @param {string} file
 * @param {number} deadHolder
 */
function takeAway(file, deadHolder) {
  const away = `${file}.dead.${process.pid}`;
  try {
    fs.renameSync(file, away);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return;
    throw error;
  }
  const moved = holderOf(away);
  try {
    if (moved !== deadHolder && moved !== undefined) fs.linkSync(away, file);
  } finally {
    fs.rmSync(away, { force: true });
  }
}

module.exports = { withLock };
