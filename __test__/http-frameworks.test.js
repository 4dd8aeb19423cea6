'use strict';

// Applications of the frameworks that people use, unchanged but for where the server comes from.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Readable } = require('node:stream');
const { after, before, describe, it } = require('node:test');
const http2 = require('node:http2');
const http = require('../lib/http.js');
const { fetchOver } = require('./harness/http2.js');

const FILE = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));

/** @type {string} */
let directory;
before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-frameworks-'));
  fs.writeFileSync(path.join(directory, 'file.bin'), FILE);
  fs.writeFileSync(path.join(directory, 'page.html'), '<p>hello');
});
after(() => fs.rmSync(directory, { recursive: true }));

/** @returns {Readable} three chunks, each in a later turn of the loop */
function slowly() {
  return Readable.from((async function* () {
    for (const word of ['one ', 'two ', 'three']) {
      await new Promise((resolve) => setImmediate(resolve));
      yield word;
    }
  })());
}

/** @type {Record<string, () => Promise<any>>} each gives a listening server */
const applications = {
  async express() {
    const express = require('express');
    const app = express();
    app.use(express.json());
    app.post('/json', (req, res) => {
      res.json({ got: req.body });
    });
    app.use('/static', express.static(directory));
    app.get('/stream', (_req, res) => {
      slowly().pipe(res);
    });
    app.get('/throws', () => {
      throw new Error('broken');
    });
    app.get('/rejects', async () => {
      await Promise.resolve();
      throw new Error('broken');
    });
    app.get('/download', (_req, res) => {
      res.sendFile(path.join(directory, 'file.bin'));
    });
    app.use((/** @type {any} */ error, /** @type {any} */ _req, /** @type {any} */ res, /** @type {any} */ _next) => {
      res.status(500).send(error.message);
    });
    return http.createServer(app).listen(0);
  },

  async koa() {
    const Koa = require('koa');
    const app = new Koa();
    app.silent = true;
    app.use(async (ctx) => {
      if (ctx.path === '/json') {
        const chunks = [];
        for await (const chunk of /** @type {any} */ (ctx.req)) chunks.push(chunk);
        ctx.body = { got: JSON.parse(Buffer.concat(chunks).toString()) };
      } else if (ctx.path.startsWith('/static/')) {
        ctx.type = path.extname(ctx.path);
        ctx.body = fs.createReadStream(path.join(directory, ctx.path.slice(8)));
      } else if (ctx.path === '/download') {
        ctx.body = fs.createReadStream(path.join(directory, 'file.bin'));
      } else if (ctx.path === '/stream') {
        ctx.body = slowly();
      } else if (ctx.path === '/throws' || ctx.path === '/rejects') {
        ctx.throw(500, 'broken', { expose: true });
      }
    });
    return http.createServer(app.callback()).listen(0);
  },

  async fastify() {
    const app = require('fastify')({
      serverFactory: (/** @type {any} */ handler) => http.createServer(handler),
    });
    app.post('/json', async (/** @type {any} */ request) => ({ got: request.body }));
    app.get('/static/:name', (/** @type {any} */ request, /** @type {any} */ reply) => {
      reply.type(request.params.name.endsWith('.html') ? 'text/html' : 'application/octet-stream');
      reply.send(fs.createReadStream(path.join(directory, request.params.name)));
    });
    app.get('/download', (/** @type {any} */ _request, /** @type {any} */ reply) => {
      reply.send(fs.createReadStream(path.join(directory, 'file.bin')));
    });
    app.get('/stream', (/** @type {any} */ _request, /** @type {any} */ reply) => {
      reply.send(slowly());
    });
    app.get('/throws', () => {
      throw new Error('broken');
    });
    app.get('/rejects', async () => {
      throw new Error('broken');
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server;
  },
};

for (const [name, start] of Object.entries(applications)) for (const version of ['1.1', '2']) {
  describe(`${name}, over HTTP/${version}`, () => {
    /** @type {any} */
    let server;
    /** @type {string} */
    let base;
    /** @type {any} */
    let client;
    /** @type {(url: string, init?: any) => Promise<Response>} */
    let fetch = globalThis.fetch;
    before(async () => {
      server = await start();
      if (!server.listening || server.address() === null) await new Promise((resolve) => server.once('listening', resolve));
      base = `http://127.0.0.1:${server.address().port}`;
      if (version === '2') {
        client = http2.connect(base);
        fetch = fetchOver(client);
      }
    });
    after(() => new Promise((resolve) => {
      client?.close();
      server.close(resolve);
      server.closeAllConnections();
    }));

    it('reads a JSON body and answers with one', async () => {
      const sent = { text: 'grüße', list: [1, 2, { deep: 'x'.repeat(50_000) }] };
      const response = await fetch(`${base}/json`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(sent),
      });
      assert.equal(response.status, 200);
      assert.match(String(response.headers.get('content-type')), /application\/json/);
      assert.deepEqual(await response.json(), { got: sent });
    });

    it('serves static files', async () => {
      const page = await fetch(`${base}/static/page.html`);
      assert.equal(page.status, 200);
      assert.match(String(page.headers.get('content-type')), /text\/html/);
      assert.equal(await page.text(), '<p>hello');
      const file = await fetch(`${base}/static/file.bin`);
      assert.ok(FILE.equals(Buffer.from(await file.arrayBuffer())));
      assert.equal((await fetch(`${base}/nothing/here`)).status, 404);
    });

    it('sends a file by its own means', async () => {
      const file = await fetch(`${base}/download`);
      assert.ok(FILE.equals(Buffer.from(await file.arrayBuffer())));
    });

    it('streams a response', async () => {
      const response = await fetch(`${base}/stream`);
      assert.equal(await response.text(), 'one two three');
    });

    it('answers 500 to an error in a handler, and goes on', async () => {
      for (const route of ['/throws', '/rejects']) {
        const response = await fetch(base + route);
        assert.equal(response.status, 500);
        assert.match(await response.text(), /broken/);
      }
      assert.equal(await (await fetch(`${base}/stream`)).text(), 'one two three');
    });
  });
}
