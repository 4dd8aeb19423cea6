'use strict';

const { MissingRequirement } = require('./requirements.js');

/**
 * Runs a script's main function and ends with the exit code that it gives; a requirement that the machine does not
 * meet ends it with 3 and the advice alone.
 *
 * @param {() => Promise<number>} main
 */
async function runMain(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(error instanceof MissingRequirement ? `\n${error.message}` : error);
    process.exitCode = error instanceof MissingRequirement ? 3 : 1;
  }
}

module.exports = { runMain };
