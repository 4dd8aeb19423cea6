#!/usr/bin/env node
'use strict';

void require('../lib/cli/main.js').main(process.argv.slice(2)).then((code) => {
  // Not `process.exit`: what was written to a pipe must still go out.
  process.exitCode = code;
});
