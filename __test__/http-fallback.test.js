'use strict';

// Without the native event loop (`MILLRACE_REACTOR=0`, other systems) Node's sockets serve, and what they cannot do is
// declined, plainly. That all else works there is what the other tests of servers are run for a second time.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { describe, it } = require('node:test');

const HTTP = JSON.stringify(require.resolve('../lib/http.js'));

/**
 * @param {string} program prints JSON
 * @returns {any}
 */
function without(program) {
  const env = { ...process.env, MILLRACE_REACTOR: '0' };
  return JSON.parse(execFileSync(process.execPath, ['-e', program], { env, encoding: 'utf8' }));
}

describe('without the native event loop', () => {
  it('declines to serve a directory', () => {
    const code = without(`
      try { require(${HTTP}).createServer().files('/', '/tmp'); } catch (error) { console.log(JSON.stringify(error.code)); }`);
    assert.equal(code, 'ERR_MILLRACE_HTTP_FILES');
  });

  it('declines to send a file, to the callback or with 500', () => {
    const told = without(`
      const told = [];
      const server = require(${HTTP}).createServer((req, res) => {
        if (req.url === '/told') res.sendFile('/etc/hostname', (error) => { told.push(error.code); res.end('mine'); });
        else res.sendFile('/etc/hostname');
      });
      server.listen(0, async () => {
        for (const path of ['/told', '/']) {
          const response = await fetch('http://127.0.0.1:' + server.address().port + path, { headers: { connection: 'close' } });
          told.push(response.status, (await response.text()).trim());
        }
        server.close(() => console.log(JSON.stringify(told)));
      });`);
    assert.deepEqual(told, ['ERR_MILLRACE_HTTP_FILES', 200, 'mine', 500, '500 Internal Server Error']);
  });
});
