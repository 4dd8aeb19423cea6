'use strict';

/** Starts a server in a process of its own. */

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

/** Milliseconds within which a server must listen. */
const START_TIMEOUT = 20_000;

/**
 * @typedef {{ port: number, pid: number, stop: () => Promise<void> }} Running
 */

/**
 * @param {import('.').ServerSide['start']} start
 * @param {object} options  of a program, besides those of the side
 * @param {string} folder   of the files to serve
 * @returns {Promise<Running>}
 */
async function startServer(start, options, folder) {
  if ('nginx' in start) return startNginx(start, folder);
  const program = path.join(__dirname, 'programs', `${start.program}.js`);
  const child = spawn(process.execPath, [program, JSON.stringify({ ...start.options, ...options, folder })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const running = { port: 0, pid: /** @type {number} */ (child.pid), stop: () => stop(child) };
  child.stdout.setEncoding('utf8');
  const [line] = await Promise.race([
    once(child.stdout, 'data', { signal: AbortSignal.timeout(START_TIMEOUT) }),
    once(child, 'exit').then(() => ['']),
  ]);
  running.port = Number(line);
  if (!(running.port > 0)) throw new Error(`${start.program} did not start`);
  return running;
}

/** @param {import('node:child_process').ChildProcess} child */
async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'close');
  child.kill('SIGKILL');
  await gone;
}

/**
 * One worker and no master.
 *
 * @param {{ nginx: string, tls?: { key: string, cert: string } }} start
 * @param {string} folder
 * @returns {Promise<Running>}
 */
async function startNginx({ nginx: location, tls }, folder) {
  const port = await freePort();
  const own = fs.mkdtempSync(path.join(folder, 'nginx-'));
  const configuration = path.join(own, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${own}/${name};`);
  fs.writeFileSync(configuration, `
    daemon off; master_process off; error_log stderr crit; pid ${own}/pid;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events { worker_connections 16384; }
    http {
      access_log off; ${temporary.join(' ')}
      keepalive_requests 100000000;
      ${tls ? `ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key}; ssl_protocols TLSv1.3;` : ''}
      server { listen 127.0.0.1:${port}${tls ? ' ssl' : ''}; root ${folder}; location / { ${location} } }
    }`);
  const child = spawn('nginx', ['-p', own, '-c', configuration], { stdio: ['ignore', 'ignore', 'inherit'] });
  const running = {
    port,
    pid: /** @type {number} */ (child.pid),
    async stop() {
      await stop(child);
      fs.rmSync(own, { recursive: true, force: true });
    },
  };
  const deadline = Date.now() + START_TIMEOUT;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await running.stop();
      throw new Error('nginx did not start');
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return running;
}

/** @returns {Promise<number>} a port of the loopback that nobody listens on */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}

/** @param {number} port @returns {Promise<boolean>} whether somebody listens there */
function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

module.exports = { startServer };
