'use strict';

/** The `Sec-WebSocket-Extensions` header (RFC 6455 section 9.1). */

const { tokenChars } = require('./validation.js');

const SPACE = 32;
const TAB = 9;
const QUOTE = 34;
const COMMA = 44;
const SEMICOLON = 59;
const EQUALS = 61;
const BACKSLASH = 92;

/**
 * Offers, in the order of the header: for each extension a list, with a map from parameter to its values (`true` for one
 * without a value).
 *
 * @typedef {Record<string, Record<string, (string | true)[]>[]>} Offers
 */

/**
 * @param {string} header
 * @returns {Offers}
 * @throws {SyntaxError} with the place
 */
function parse(header) {
  /** @type {Offers} */
  const offers = Object.create(null);
  let at = 0;

  const unexpectedCharacter = () => new SyntaxError(`Unexpected character at index ${at}`);
  const unexpectedEnd = () => new SyntaxError('Unexpected end of input');
  const blanks = () => {
    while (header.charCodeAt(at) === SPACE || header.charCodeAt(at) === TAB) at++;
  };
  const token = () => {
    const start = at;
    while (tokenChars[header.charCodeAt(at)] === 1) at++;
    if (at === start) throw at < header.length ? unexpectedCharacter() : unexpectedEnd();
    return header.slice(start, at);
  };
  const quoted = () => {
    let value = '';
    at++;
    for (; at < header.length && header.charCodeAt(at) !== QUOTE; at++) {
      if (header.charCodeAt(at) === BACKSLASH) at++;
      // What is quoted must be a token once it is unquoted.
      if (at < header.length && tokenChars[header.charCodeAt(at)] !== 1) throw unexpectedCharacter();
      if (at < header.length) value += header[at];
    }
    if (at >= header.length) throw unexpectedEnd();
    if (value === '') throw unexpectedCharacter();
    at++;
    return value;
  };

  for (;;) {
    // No blank may come first.
    if (at > 0) blanks();
    const name = token();
    /** @type {Record<string, (string | true)[]>} */
    const params = Object.create(null);
    (offers[name] ??= []).push(params);
    blanks();
    while (header.charCodeAt(at) === SEMICOLON) {
      at++;
      blanks();
      const key = token();
      /** @type {string | true} */
      let value = true;
      if (header.charCodeAt(at) === EQUALS) {
        at++;
        value = header.charCodeAt(at) === QUOTE ? quoted() : token();
      }
      (params[key] ??= []).push(value);
      // A blank at the very end has nothing behind it to part.
      const end = at;
      blanks();
      if (at === header.length && at > end) throw unexpectedEnd();
    }
    if (at === header.length) {
      const last = header.charCodeAt(at - 1);
      if (last === SPACE || last === TAB) throw unexpectedEnd();
      return offers;
    }
    if (header.charCodeAt(at) !== COMMA) throw unexpectedCharacter();
    at++;
  }
}

/**
 * @param {Record<string, any>} extensions as `parse` gives them; lists may be single values
 * @returns {string} the header
 */
function format(extensions) {
  return Object.entries(extensions)
    .flatMap(([name, configurations]) =>
      [configurations].flat().map((params) =>
        [name]
          .concat(
            Object.entries(params).map(([key, values]) =>
              [values].flat().map((value) => (value === true ? key : `${key}=${value}`)).join('; '),
            ),
          )
          .join('; '),
      ),
    )
    .join(', ');
}

module.exports = { format, parse };
