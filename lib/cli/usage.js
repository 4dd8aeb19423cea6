'use strict';

/** What people typed, made into options of the stages. */

const jsonl = require('../jsonl.js');

/** Wrong use: exit code 2. */
class UsageError extends Error {}

/**
 * @param {string} text `name=value`
 * @param {string} option
 * @returns {[string, string]}
 */
function pair(text, option) {
  const at = text.indexOf('=');
  if (at <= 0) throw new UsageError(`${option} wants name=value, not '${text}'`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/**
 * @param {string} text
 * @returns {unknown} the JSON that it is, or else the text itself; `now` is the time
 */
function value(text) {
  if (text === 'now') return jsonl.now();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * @param {{ set: string[], remove: string[], rename: string[], hash?: string, maxLineLength: number, threads?: number }} options
 * @returns {object | null} options of `jsonl.edit`, or null where nothing is to be edited
 */
function editOptions({ set, remove, rename, hash, maxLineLength, threads }) {
  if (set.length + remove.length + rename.length === 0 && hash === undefined) return null;
  /** @type {Record<string, any>} */
  const edit = { maxLineLength };
  if (threads !== undefined) edit.threads = threads;
  if (set.length > 0) {
    edit.set = Object.fromEntries(set.map((text) => pair(text, '--set')).map(([name, text]) => [name, value(text)]));
  }
  if (remove.length > 0) edit.remove = remove;
  if (rename.length > 0) edit.rename = Object.fromEntries(rename.map((text) => pair(text, '--rename')));
  if (hash !== undefined) {
    const match = /^(.+?)(?::([a-z0-9]+))?(?::(\d+))?$/.exec(hash);
    if (match === null) throw new UsageError(`--hash wants field:algorithm:length, not '${hash}'`);
    const [, field, algorithm = 'sha256', length] = match;
    edit.hash = length === undefined ? { field, algorithm } : { field, algorithm, length: Number(length) };
  }
  return edit;
}

module.exports = { UsageError, editOptions };
