'use strict';

const assert = require('node:assert/strict');
const { PassThrough } = require('node:stream');
const { test } = require('node:test');
const { compose } = require('../lib/compose.js');
const { upperCase, lowerCase } = require('../lib/text.js');

test('stats() of a composed stream reads whichever end is native, and none without throwing', () => {
  assert.equal(compose(upperCase(), lowerCase()).stats().stage, 'upperCase');
  assert.equal(compose(new PassThrough(), lowerCase()).stats().stage, 'lowerCase');
  const none = compose(new PassThrough(), new PassThrough()).stats();
  assert.deepEqual([none.stage, none.native], ['Composed', false]);
});
