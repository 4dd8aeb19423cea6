'use strict';

/** What begins an event stream, and where its client says that it goes on from. */

/**
 * Writes what a client gets before the first event.
 *
 * @param {any} buffer an `EventBuffer`
 * @param {URLSearchParams} query of the request
 * @param {number | null} retry milliseconds
 */
function writeOpening(buffer, query, retry) {
  // Polyfills of old browsers want some bytes before they look.
  if (query.has('padding')) buffer.comment(' '.repeat(2049)).dispatch();
  if (query.has('evs_preamble')) buffer.comment(' '.repeat(2056)).dispatch();
  if (retry !== null) buffer.retry(retry).dispatch();
}

/**
 * @param {string | null | undefined} header `Last-Event-ID`
 * @param {URLSearchParams} query where polyfills have it
 * @returns {string} empty where the client names none
 */
function lastEventIdOf(header, query) {
  return header || query.get('lastEventId') || query.get('evs_last_event_id') || '';
}

module.exports = { lastEventIdOf, writeOpening };
