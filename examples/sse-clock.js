'use strict';

// A clock for any number of browsers or programs: open the printed address in a browser, or read it with an EventSource.
// A client that loses its connection gets what it missed. With --stay it runs until Ctrl-C; without, it reads itself and ends.

const http = require('node:http');
const { createChannel, createSession, EventSource } = require('millrace/sse');

const PAGE = `<!doctype html><meta charset="utf-8"><title>clock</title><h1 id="now">…</h1>
<script>new EventSource('/clock').addEventListener('tick', (e) => { now.textContent = JSON.parse(e.data).time })</script>`;

const clock = createChannel({ history: { count: 60 } });

const server = http.createServer(async (req, res) => {
  if (!(req.headers.accept ?? '').includes('text/event-stream')) {
    res.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
    return;
  }
  clock.register(await createSession(req, res, { onSlow: 'keep-latest' }));
});

const timer = setInterval(() => clock.broadcast({ time: new Date().toISOString() }, 'tick'), 250);

server.listen(process.env.PORT ?? 0, '127.0.0.1', () => {
  const { port } = server.address();
  console.log(`http://127.0.0.1:${port}/`);
  if (process.argv.includes('--stay')) return;

  const source = new EventSource(`http://127.0.0.1:${port}/clock`);
  let ticks = 0;
  source.addEventListener('tick', ({ data, lastEventId }) => {
    console.log(`${lastEventId}: ${JSON.parse(data).time}`);
    if (++ticks < 3) return;
    source.close();
    clearInterval(timer);
    clock.close({ retry: 1000, jitter: 500 });
    server.close();
  });
});
