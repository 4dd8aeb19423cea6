'use strict';

// One port for several processes and threads: node:cluster, reusePort, worker_threads.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const nodeFs = require('node:fs');
const { describe, it } = require('node:test');
const { Worker } = require('node:worker_threads');
const { getEventLoop } = require('../lib/internal/event-loop.js');
const { folder } = require('./harness/streams.js');

const native = getEventLoop() !== null;
const HTTP = JSON.stringify(require.resolve('../lib/http.js'));

/**
 * @param {number} port
 * @returns {Promise<string>} over a connection of its own
 */
async function get(port, path = '/') {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  return response.text();
}

describe('node:cluster', () => {
  for (const [policy, name] of Object.entries({ SCHED_RR: 'in turn', SCHED_NONE: 'as the system does' })) {
    it(`hands connections to workers ${name}, which serve them themselves`, async (t) => {
      const at = folder(t);
      nodeFs.writeFileSync(at('file.txt'), 'from a file');
      nodeFs.writeFileSync(at('program.js'), `
        const cluster = require('node:cluster');
        const http = require(${HTTP});
        cluster.schedulingPolicy = cluster.${policy};
        if (cluster.isPrimary) {
          const workers = [cluster.fork(), cluster.fork()];
          let ready = 0;
          cluster.on('listening', (_worker, { port }) => {
            if (++ready === 2) process.send({ port });
          });
          cluster.on('message', (_worker, message) => process.send(message));
          process.on('message', () => workers.forEach((worker) => worker.send('close')));
          let gone = 0;
          cluster.on('exit', (_worker, code) => {
            if (code !== 0 || ++gone === 2) process.exit(code);
          });
        } else {
          const ours = [];
          const server = http.createServer((req, res) => {
            ours.push(req.socket instanceof require('node:net').Socket);
            res.end(String(process.pid));
          });
          if (${native}) server.files('/files', ${JSON.stringify(at('.'))});
          server.listen(0, '127.0.0.1');
          process.once('message', () => {
            server.close(() => {
              process.send({ byNode: ours.filter(Boolean).length });
              process.disconnect();
            });
          });
        }`);
      const primary = fork(at('program.js'));
      t.after(() => primary.kill('SIGKILL'));
      const [{ port }] = await once(primary, 'message');
      const answers = await Promise.all(Array.from({ length: 24 }, () => get(port)));
      if (policy === 'SCHED_RR') assert.equal(new Set(answers).size, 2, 'both answered');
      for (const pid of answers) assert.notEqual(Number(pid), primary.pid);
      if (native) {
        const response = await fetch(`http://127.0.0.1:${port}/files/file.txt`);
        assert.equal(await response.text(), 'from a file');
        assert.equal(response.headers.get('connection'), 'keep-alive');
      }
      /** @type {any[]} */
      const told = [];
      primary.on('message', (message) => told.push(message));
      const exit = once(primary, 'exit');
      primary.send('close');
      assert.deepEqual(await exit, [0, null]);
      assert.deepEqual(told.map(({ byNode }) => byNode), native ? [0, 0] : told.map(({ byNode }) => byNode));
    });
  }
});

describe('worker_threads', () => {
  it('share a port by reusePort, and each serves', async () => {
    if (!native) return;
    const program = `
      const { parentPort, threadId, workerData } = require('node:worker_threads');
      const http = require(${HTTP});
      const server = http.createServer((_req, res) => res.end(String(threadId)));
      server.listen({ port: workerData, host: '127.0.0.1', reusePort: true }, () => parentPort.postMessage(server.address().port));
      parentPort.once('message', () => server.close(() => parentPort.postMessage('closed')));`;
    const first = new Worker(program, { eval: true, workerData: 0 });
    const [port] = await once(first, 'message');
    const others = [1, 2].map(() => new Worker(program, { eval: true, workerData: port }));
    for (const [same] of await Promise.all(others.map((worker) => once(worker, 'message')))) assert.equal(same, port);
    const threads = new Set();
    // The system spreads connections by their ports: all of them missing a thread is next to impossible.
    for (const answer of await Promise.all(Array.from({ length: 100 }, () => get(port)))) threads.add(answer);
    assert.equal(threads.size, 3);
    // The port stays while one of them listens.
    const [gone, ...left] = [first, ...others];
    const closed = once(gone, 'message');
    gone.postMessage('close');
    await closed;
    for (let i = 0; i < 20; i++) assert.ok((await get(port)).length > 0);
    await Promise.all(left.map(async (worker) => {
      worker.postMessage('close');
      await once(worker, 'message');
    }));
    await Promise.all([first, ...others].map((worker) => worker.terminate()));
  });

  it('that end in the midst of requests leave the others alone', async () => {
    if (!native) return;
    const program = `
      const { parentPort } = require('node:worker_threads');
      const http = require(${HTTP});
      const server = http.createServer(() => parentPort.postMessage('asked'));
      server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;
    const workers = [1, 2].map(() => new Worker(program, { eval: true }));
    const ports = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
    const asked = workers.map((worker) => once(worker, 'message'));
    const answers = ports.map((port) => get(port).catch(() => 'lost'));
    await Promise.all(asked);
    await workers[0].terminate();
    assert.equal(await answers[0], 'lost');
    const again = once(workers[1], 'message');
    const other = get(ports[1]).catch(() => 'lost');
    await again;
    await workers[1].terminate();
    assert.deepEqual(await Promise.all([answers[1], other]), ['lost', 'lost']);
  });
});
