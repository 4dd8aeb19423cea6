'use strict';

const { invalidArgType, invalidArgValue } = require('./errors.js');

const MAX_TOPIC_BYTES = 1024;

/**
 * @param {unknown} topic
 * @returns {string} one that can be published to
 */
function checkTopic(topic) {
  if (typeof topic !== 'string') throw invalidArgType('topic', 'string', topic);
  if (!fits(topic) || topic.split('/').some(isWild)) {
    throw invalidArgValue('topic', topic, `must have 1 to ${MAX_TOPIC_BYTES} bytes and no '*' or '**' as a segment`);
  }
  return topic;
}

/**
 * @param {unknown} patterns
 * @returns {string[]} well-formed ones, each once
 */
function checkPatterns(patterns) {
  const all = Array.isArray(patterns) ? patterns : [patterns];
  for (const pattern of all) {
    if (typeof pattern !== 'string') throw invalidArgType('topics', ['string', 'Array'], pattern);
    if (!fits(pattern) || pattern.split('/').slice(0, -1).includes('**')) {
      throw invalidArgValue('topics', pattern, `must have 1 to ${MAX_TOPIC_BYTES} bytes, and '**' at the end only`);
    }
  }
  return [...new Set(all)];
}

/** @param {string} text */
function fits(text) {
  return text.length > 0 && Buffer.byteLength(text) <= MAX_TOPIC_BYTES;
}

/** @param {string} segment */
function isWild(segment) {
  return segment === '*' || segment === '**';
}

/**
 * @param {string} pattern
 * @returns {((topic: string) => boolean) | null} whether a topic matches; `null` for a pattern that is one topic
 */
function matcher(pattern) {
  const wanted = pattern.split('/');
  if (!wanted.some(isWild)) return null;
  return (topic) => {
    const segments = topic.split('/');
    for (let i = 0; i < wanted.length; i++) {
      if (wanted[i] === '**') return true;
      if (i >= segments.length || (wanted[i] !== '*' && wanted[i] !== segments[i])) return false;
    }
    return segments.length === wanted.length;
  };
}

module.exports = { checkTopic, checkPatterns, matcher };
