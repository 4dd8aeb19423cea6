'use strict';

/** The `Sec-WebSocket-Protocol` header (RFC 6455 section 4.3). */

const { tokenChars } = require('./validation.js');

/**
 * @param {string} header
 * @returns {Set<string>} in the order of the header
 * @throws {SyntaxError} with the place
 */
function parse(header) {
  const protocols = new Set();
  let at = 0;
  const blank = () => header[at] === ' ' || header[at] === '\t';
  for (;;) {
    // No blank may come first.
    if (at > 0) while (blank()) at++;
    const start = at;
    while (tokenChars[header.charCodeAt(at)] === 1) at++;
    const end = at;
    if (end > start) while (blank()) at++;
    if (end === start || (at < header.length && header[at] !== ',')) {
      if (at === header.length) throw new SyntaxError('Unexpected end of input');
      throw new SyntaxError(`Unexpected character at index ${at}`);
    }
    const protocol = header.slice(start, end);
    if (protocols.has(protocol)) throw new SyntaxError(`The "${protocol}" subprotocol is duplicated`);
    // A blank at the very end has nothing behind it to part.
    if (at === header.length) {
      if (at > end) throw new SyntaxError('Unexpected end of input');
      protocols.add(protocol);
      return protocols;
    }
    protocols.add(protocol);
    at++;
  }
}

module.exports = { parse };
