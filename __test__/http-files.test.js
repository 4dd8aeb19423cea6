'use strict';

// Files, as far as HTTP shows them: the cases of pillarjs/send, and what it does not do (multipart ranges, If-Range by strong
// validators, encoded siblings).

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const nodeHttp = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const http = require('../lib/http.js');
const { ask: askStream, session } = require('./harness/http2.js');
const { Raw, closed, listening } = require('./harness/raw-http.js');
const { until } = require('./harness/streams.js');

const LARGE = randomBytes(3_000_000);
const PAST = new Date(Date.now() - 3_600_000);

/** @type {string} */
let root;
before(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-files-')));
  /** @type {Record<string, string | Buffer>} */
  const files = {
    'outside.txt': 'outside',
    'www/name.txt': 'tobi',
    'www/nums.txt': '123456789',
    'www/empty.txt': '',
    'www/name.html': '<p>tobi</p>',
    'www/no_ext': 'bytes',
    'www/some thing.txt': 'spaced',
    'www/do..ts.txt': '...',
    'www/.hidden.txt': 'secret',
    'www/.mine/name.txt': 'mine',
    'www/.mine/.hidden': 'deeper',
    'www/pets/index.html': 'tobi,loki',
    'www/pets/.hidden': 'x',
    'www/snow ☃/index.html': 'snow',
    'www/name.dir/name.txt': 'in a directory with a dot',
    'www/name.d/name.txt': 'and another',
    'www/empty dir/x.txt': 'x',
    'www/large.bin': LARGE,
    'www/app.js': 'plain();',
    'www/app.js.br': 'br bytes',
    'www/app.js.gz': 'gzip bytes',
    'www/app.js.zst': 'zstd bytes',
    'www/%2e%2e/odd.txt': 'literally',
  };
  for (const [name, bytes] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), bytes);
    fs.utimesSync(path.join(root, name), PAST, PAST);
  }
  fs.symlinkSync('name.txt', path.join(root, 'www/inside.txt'));
  fs.symlinkSync('../outside.txt', path.join(root, 'www/escape.txt'));
  fs.symlinkSync(root, path.join(root, 'www/up'));
});
after(() => fs.rmSync(root, { recursive: true }));

/**
 * @typedef {{ status: number, headers: nodeHttp.IncomingHttpHeaders, body: Buffer, text: string }} Answer
 * @typedef {(target: string, headers?: Record<string, string>, method?: string) => Promise<Answer>} Ask
 */

/**
 * @param {any} options of `files`
 * @param {(ask: Ask, server: any) => Promise<void>} use
 * @param {any} [listener]
 */
async function serving(options, use, listener) {
  const server = http.createServer(listener);
  server.files('/', path.join(root, 'www'), options);
  const port = await listening(server);
  const agent = new nodeHttp.Agent({ keepAlive: true });
  /** @type {Ask} */
  const ask = async (target, headers = {}, method = 'GET') => {
    const request = nodeHttp.request({ port, host: '127.0.0.1', path: target, headers, method, agent }).end();
    const [response] = await once(request, 'response');
    const body = Buffer.concat(await response.toArray());
    return { status: response.statusCode, headers: response.headers, body, text: body.toString() };
  };
  try {
    await use(ask, server);
  } finally {
    agent.destroy();
    await closed(server);
  }
}

describe('a file', () => {
  it('is sent with its fields', () => serving({}, async (ask) => {
    const { status, headers, text } = await ask('/name.txt');
    assert.equal(status, 200);
    assert.equal(text, 'tobi');
    assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(headers['content-length'], '4');
    assert.equal(headers['accept-ranges'], 'bytes');
    assert.equal(headers['cache-control'], 'public, max-age=0');
    assert.equal(headers['last-modified'], new Date(Math.floor(PAST.getTime() / 1000) * 1000).toUTCString());
    assert.match(String(headers.etag), /^"[^"]+"$/);
    assert.ok(Math.abs(Date.parse(String(headers.date)) - Date.now()) < 5000);
    assert.equal(headers['keep-alive'], 'timeout=5');
  }));

  it('may be empty, spaced, dotted, large, or without an extension', () => serving({}, async (ask) => {
    assert.deepEqual([(await ask('/empty.txt')).status, (await ask('/empty.txt')).text], [200, '']);
    assert.equal((await ask('/some%20thing.txt')).text, 'spaced');
    assert.equal((await ask('/do..ts.txt')).text, '...');
    assert.equal((await ask('/name.dir/name.txt')).text, 'in a directory with a dot');
    assert.equal((await ask('/snow%20%E2%98%83/')).text, 'snow');
    assert.ok((await ask('/large.bin')).body.equals(LARGE));
    assert.equal((await ask('/no_ext')).headers['content-type'], 'application/octet-stream');
    assert.equal((await ask('/name.txt?query=1')).text, 'tobi');
  }));

  it('has a head by itself', () => serving({}, async (ask) => {
    const { status, headers, body } = await ask('/large.bin', {}, 'HEAD');
    assert.deepEqual([status, headers['content-length'], body.length], [200, '3000000', 0]);
    assert.equal((await ask('/name.txt')).text, 'tobi');
  }));

  it('that is not there, and other methods, are for the listener', () => serving({}, async (ask) => {
    assert.equal((await ask('/nothing.txt')).text, 'GET /nothing.txt');
    assert.equal((await ask('/name.txt', {}, 'POST')).text, 'POST /name.txt');
    assert.equal((await ask('/name.txt/')).text, 'GET /name.txt/');
    assert.equal((await ask('/name.txt/more')).text, 'GET /name.txt/more');
    assert.equal((await ask(`/${'x'.repeat(300)}`)).status, 200);
  }, (/** @type {any} */ req, /** @type {any} */ res) => res.end(`${req.method} ${req.url}`)));

  it('that is not there is 404 without a listener, or without fallthrough', async () => {
    await serving({}, async (ask) => assert.equal((await ask('/nothing.txt')).status, 404));
    await serving({ fallthrough: false }, async (ask) => {
      const { status, headers } = await ask('/nothing.txt');
      assert.equal(status, 404);
      assert.equal(headers['content-security-policy'], "default-src 'none'");
    }, () => assert.fail('the listener was called'));
  });

  it('is what the options make of it', async () => {
    const headers = { 'X-A': ['1', '2'] };
    const options = { etag: false, lastModified: false, acceptRanges: false, cacheControl: false, headers };
    await serving(options, async (ask) => {
      const answer = await ask('/nums.txt', { range: 'bytes=0-1' });
      assert.equal(answer.text, '123456789');
      assert.equal(answer.headers['x-a'], '1, 2');
      for (const name of ['etag', 'last-modified', 'accept-ranges', 'cache-control']) {
        assert.equal(answer.headers[name], undefined);
      }
    });
    for (const [maxAge, immutable, value] of /** @type {[any, boolean, string]} */ ([
      [1234, false, 'max-age=1'], ['30d', true, 'max-age=2592000, immutable'], [Infinity, false, 'max-age=31536000'],
      ['2 h', false, 'max-age=7200'],
    ])) {
      await serving({ maxAge, immutable }, async (ask) => {
        assert.equal((await ask('/name.txt')).headers['cache-control'], `public, ${value}`);
      });
    }
  });

  it('goes on to the listener and back on one connection', () => serving({}, async (ask) => {
    for (let i = 0; i < 20; i++) {
      assert.equal((await ask('/name.txt')).text, 'tobi');
      assert.equal((await ask(`/js/${i}`)).text, `/js/${i}`);
      assert.equal((await ask('/large.bin')).body.length, LARGE.length);
    }
  }, (/** @type {any} */ req, /** @type {any} */ res) => setImmediate(() => res.end(req.url))));

  it('comes whole where its bytes are on the disk alone, over HTTP/2, too', () => serving({}, async (ask, server) => {
    const name = path.join(root, 'www/large.bin');
    const forget = () => {
      execFileSync('dd', [`of=${name}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' });
    };
    forget();
    assert.ok((await ask('/large.bin')).body.equals(LARGE));
    forget();
    assert.ok((await ask('/large.bin', { range: 'bytes=1000000-' })).body.equals(LARGE.subarray(1_000_000)));
    forget();
    await session(server.address().port, async (client) => {
      assert.ok((await askStream(client, { ':path': '/large.bin' })).body.equals(LARGE));
    });
  }));

  it('closes its descriptor when the peer goes amid it', () => serving({}, async (_ask, server) => {
    const descriptors = () => fs.readdirSync('/proc/self/fd').length;
    const begun = descriptors();
    for (let i = 0; i < 20; i++) {
      const raw = new Raw(server.address().port).write('GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.until('\r\n\r\n');
      raw.destroy();
      await raw.all;
    }
    await until(() => descriptors() <= begun, 'the descriptors to be closed');
  }));
});

describe('preconditions', () => {
  it('are those of RFC 9110', () => serving({}, async (ask) => {
    const { headers } = await ask('/name.txt');
    const etag = String(headers.etag);
    const modified = String(headers['last-modified']);
    const later = new Date(Date.parse(modified) + 1000).toUTCString();
    const earlier = new Date(Date.parse(modified) - 1000).toUTCString();
    /** @type {[Record<string, string>, number]} */
    const table = [
      [{ 'if-match': '*' }, 200], [{ 'if-match': ' "foo", "bar" ' }, 412], [{ 'if-match': `"foo", ${etag}` }, 200],
      [{ 'if-match': `W/${etag}` }, 412],
      [{ 'if-modified-since': modified }, 304], [{ 'if-modified-since': earlier }, 200], [{ 'if-modified-since': later }, 304],
      [{ 'if-none-match': etag }, 304], [{ 'if-none-match': `W/${etag}` }, 304], [{ 'if-none-match': '"other"' }, 200],
      [{ 'if-none-match': '*' }, 304], [{ 'if-none-match': '"other"', 'if-modified-since': later }, 200],
      [{ 'if-unmodified-since': modified }, 200], [{ 'if-unmodified-since': earlier }, 412],
      [{ 'if-unmodified-since': 'foo' }, 200],
    ];
    for (const [fields, status] of table) {
      const answer = await ask('/name.txt', fields);
      assert.equal(answer.status, status, JSON.stringify(fields));
      if (status === 304) {
        assert.equal(answer.headers.etag, etag);
        assert.equal(answer.headers['content-length'], undefined);
        assert.equal(answer.headers['content-type'], undefined);
        assert.equal(answer.text, '');
      }
    }
  }));
});

describe('ranges', () => {
  it('are single ones', () => serving({}, async (ask) => {
    /** @type {[string, number, string, string?]} */
    const table = [
      ['bytes=0-4', 206, '12345', 'bytes 0-4/9'], ['bytes=-3', 206, '789', 'bytes 6-8/9'],
      ['bytes=3-', 206, '456789', 'bytes 3-8/9'],
      ['bytes=2-50', 206, '3456789', 'bytes 2-8/9'], ['bytes=0-0', 206, '1', 'bytes 0-0/9'], ['foobar', 200, '123456789'],
      ['bytes=asdf', 200, '123456789'], ['items=0-1', 200, '123456789'], ['bytes=1-3,3-5', 206, '23456', 'bytes 1-5/9'],
      ['bytes=9-50', 416, '', 'bytes */9'],
    ];
    for (const [range, status, text, place] of table) {
      const answer = await ask('/nums.txt', { range });
      assert.equal(answer.status, status, range);
      if (status !== 416) assert.equal(answer.text, text, range);
      assert.equal(answer.headers['content-range'], place, range);
      if (status === 206) assert.equal(answer.headers['content-length'], String(text.length));
    }
  }));

  it('are several ones, in parts', () => serving({}, async (ask) => {
    const { status, headers, body } = await ask('/large.bin', { range: 'bytes=10-19, 2000000-2999998, -1' });
    assert.equal(status, 206);
    const [, boundary] = /** @type {RegExpExecArray} */ (
      /^multipart\/byteranges; boundary=(\S+)$/.exec(String(headers['content-type']))
    );
    assert.equal(headers['content-length'], String(body.length));
    const parts = body.toString('latin1').split(`--${boundary}`);
    assert.deepEqual([parts[0], parts[parts.length - 1]], ['', '--\r\n']);
    const found = parts.slice(1, -1).map((part) => {
      const [head, ...rest] = part.split('\r\n\r\n');
      return [/Content-Range: (.*)/.exec(head)?.[1], Buffer.from(rest.join('\r\n\r\n').slice(0, -2), 'latin1')];
    });
    // The last two touch, and are one.
    assert.deepEqual(found.map(([place]) => place), ['bytes 10-19/3000000', 'bytes 2000000-2999999/3000000']);
    assert.ok(LARGE.subarray(10, 20).equals(/** @type {Buffer} */ (found[0][1])));
    assert.ok(LARGE.subarray(2_000_000).equals(/** @type {Buffer} */ (found[1][1])));
    assert.equal((await ask('/large.bin', { range: 'bytes=0-1,5-6' }, 'HEAD')).body.length, 0);
  }));

  it('are not spliced from two versions', () => serving({}, async (ask) => {
    const { headers } = await ask('/nums.txt');
    const part = (/** @type {string} */ ifRange) => ask('/nums.txt', { range: 'bytes=0-0', 'if-range': ifRange });
    assert.equal((await part(String(headers.etag))).status, 206);
    assert.equal((await part(`W/${headers.etag}`)).status, 200);
    assert.equal((await part('"other"')).status, 200);
    assert.equal((await part(String(headers['last-modified']))).status, 206);
    assert.equal((await part(new Date(0).toUTCString())).status, 200);
    assert.equal((await part('foo')).status, 200);
    const file = path.join(root, 'www/nums.txt');
    fs.writeFileSync(file, 'ABCDEFGHI');
    try {
      const answer = await part(String(headers.etag));
      assert.deepEqual([answer.status, answer.text], [200, 'ABCDEFGHI']);
    } finally {
      fs.writeFileSync(file, '123456789');
      fs.utimesSync(file, PAST, PAST);
    }
  }));
});

describe('encoded siblings', () => {
  it('are chosen by what the peer likes', () => serving({ precompressed: true }, async (ask) => {
    /** @type {[string | undefined, string, string | undefined]} */
    const table = [
      [undefined, 'plain();', undefined], ['gzip, deflate, br', 'br bytes', 'br'], ['gzip;q=1, br;q=0.1', 'gzip bytes', 'gzip'],
      ['zstd, gzip', 'zstd bytes', 'zstd'], ['br;q=0, *;q=0.5', 'zstd bytes', 'zstd'], ['identity', 'plain();', undefined],
    ];
    for (const [accept, text, coding] of table) {
      const answer = await ask('/app.js', accept === undefined ? {} : { 'accept-encoding': accept });
      assert.equal(answer.text, text, accept);
      assert.equal(answer.headers['content-encoding'], coding);
      assert.equal(answer.headers['content-type'], 'text/javascript; charset=utf-8');
      assert.equal(answer.headers.vary, 'Accept-Encoding');
    }
    assert.equal((await ask('/name.txt', { 'accept-encoding': 'br' })).text, 'tobi');
    const [br, plain] = [await ask('/app.js', { 'accept-encoding': 'br' }), await ask('/app.js')];
    assert.notEqual(br.headers.etag, plain.headers.etag);
  }));

  it('are not looked for unless asked to', () => serving({}, async (ask) => {
    const { text, headers } = await ask('/app.js', { 'accept-encoding': 'br' });
    assert.deepEqual([text, headers.vary], ['plain();', undefined]);
  }));
});

describe('directories', () => {
  it('are sent on, and answered with an index', () => serving({}, async (ask) => {
    const { status, headers } = await ask('/pets?a=b');
    assert.deepEqual([status, headers.location], [301, '/pets/?a=b']);
    assert.equal((await ask('/pets/')).text, 'tobi,loki');
    assert.equal((await ask('/name.dir/')).status, 404);
    assert.equal((await ask('//pets')).headers.location, '/pets/');
    assert.equal((await ask('//evil.example/%2e%2e')).status, 403);
  }));

  it('may have another index, or none, or no redirect', async () => {
    await serving({ index: ['nope.html', 'name.txt'] }, async (ask) => {
      assert.equal((await ask('/name.d/')).text, 'and another');
    });
    await serving({ index: false }, async (ask) => assert.equal((await ask('/pets/')).status, 404));
    await serving({ redirect: false }, async (ask) => assert.equal((await ask('/pets')).status, 404));
  });

  it('are tried with extensions', async () => {
    await serving({ extensions: ['txt', '.html'] }, async (ask) => {
      assert.equal((await ask('/name')).text, 'tobi');
      assert.equal((await ask('/tobi')).status, 404);
      assert.equal((await ask('/name.htm')).status, 404);
    });
    await serving({ extensions: ['dir', 'html'] }, async (ask) => {
      assert.equal((await ask('/name')).text, '<p>tobi</p>');
    });
    await serving({}, async (ask) => assert.equal((await ask('/name')).status, 404));
  });
});

describe('paths', () => {
  it('do not leave the directory', () => serving({ dotfiles: 'allow' }, async (ask, server) => {
    const targets = ['/../outside.txt', '/..%2foutside.txt', '/%2e%2e/outside.txt', '/%2e%2e%2foutside.txt',
      '/pets/../../outside.txt', '/.%2e/outside.txt', '/pets/..%2f..%2foutside.txt'];
    for (const target of targets) {
      const raw = new Raw(server.address().port).write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      assert.match(await raw.all, /^HTTP\/1.1 403 /, target);
    }
    assert.equal((await ask('/%252e%252e/odd.txt')).text, 'literally');
    assert.equal((await ask('/%252e%252e/outside.txt')).status, 404);
    for (const target of ['/%00', '/name.txt%00.html', '/%', '/%zz', '/%80']) {
      assert.equal((await ask(target)).status, 400, target);
    }
  }));

  it('with dots are ignored, denied or allowed', async () => {
    const hidden = ['/.hidden.txt', '/.mine/name.txt', '/.mine/', '/.nothing', '/pets/.hidden', '/.mine/.hidden',
      '/%2ehidden.txt'];
    await serving({}, async (ask) => {
      for (const target of hidden) assert.equal((await ask(target)).status, 404, target);
    });
    await serving({ dotfiles: 'deny' }, async (ask) => {
      for (const target of hidden) assert.equal((await ask(target)).status, 403, target);
    });
    await serving({ dotfiles: 'allow' }, async (ask) => {
      assert.equal((await ask('/.hidden.txt')).text, 'secret');
      assert.equal((await ask('/.mine/.hidden')).text, 'deeper');
      assert.equal((await ask('/.nothing')).status, 404);
    });
  });

  it('follow links within the directory, or everywhere, or nowhere', async () => {
    await serving({}, async (ask) => {
      assert.equal((await ask('/inside.txt')).text, 'tobi');
      assert.equal((await ask('/escape.txt')).status, 404);
      assert.equal((await ask('/up/outside.txt')).status, 404);
    });
    await serving({ symlinks: 'follow' }, async (ask) => {
      assert.equal((await ask('/escape.txt')).text, 'outside');
      assert.equal((await ask('/up/outside.txt')).text, 'outside');
    });
    await serving({ symlinks: 'deny' }, async (ask) => assert.equal((await ask('/inside.txt')).status, 404));
  });

  it('have prefixes, the longest first', async () => {
    const server = http.createServer((req, res) => res.end(`listener ${req.url}`));
    server.files('/a', path.join(root, 'www'));
    server.files('/a/pets/', path.join(root, 'www/name.d'), { fallthrough: false });
    const port = await listening(server);
    const text = async (/** @type {string} */ target) => (await fetch(`http://127.0.0.1:${port}${target}`)).text();
    assert.equal(await text('/a/name.txt'), 'tobi');
    assert.equal(await text('/a/pets/name.txt'), 'and another');
    assert.match(await text('/a/pets/index.html'), /404/);
    assert.equal(await text('/ab/name.txt'), 'listener /ab/name.txt');
    assert.equal(await text('/name.txt'), 'listener /name.txt');
    server.files('/late', path.join(root, 'www'));
    assert.equal(await text('/late/name.txt'), 'tobi');
    await closed(server);
  });

  it('must name a directory that is there', () => {
    const server = http.createServer();
    assert.throws(() => server.files('/', path.join(root, 'nothing')).listen(0), { code: 'ENOENT' });
    assert.throws(() => server.files('a', root), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(() => server.files('/', /** @type {any} */ (1)), { code: 'ERR_INVALID_ARG_TYPE' });
    for (const options of [{ dotfiles: 'bad' }, { maxAge: 'soon' }, { precompressed: 'rar' }, { index: 42 }, { extensions: true },
      { headers: { 'a b': 'c' } }, { headers: { a: 'b\r\nc: d' } }]) {
      assert.throws(() => server.files('/', root, /** @type {any} */ (options)), { name: /TypeError/ }, JSON.stringify(options));
    }
  });
});

describe('sendFile', () => {
  /**
   * @param {(req: any, res: any) => void} handler
   * @param {(ask: Ask) => Promise<void>} use
   */
  const answering = (handler, use) => {
    const server = http.createServer(handler);
    return listening(server).then(async (port) => {
      /** @type {Ask} */
      const ask = async (target, headers = {}, method = 'GET') => {
        const request = nodeHttp.request({ port, host: '127.0.0.1', path: target, headers, method }).end();
        const [response] = await once(request, 'response');
        const body = Buffer.concat(await response.toArray());
        return { status: response.statusCode, headers: response.headers, body, text: body.toString() };
      };
      await use(ask);
      await closed(server);
    });
  };

  it('sends a file with the fields that were set', async () => {
    /** @type {any[]} */
    const log = [];
    await answering((_req, res) => {
      res.setHeader('X-Own', 'yes');
      res.setHeader('Content-Type', 'text/x-own');
      res.on('finish', () => log.push('finish', res.writableFinished, res.headersSent, res.statusCode));
      res.on('close', () => log.push('close'));
      res.sendFile(path.join(root, 'www/large.bin'), { maxAge: '1h' }, (/** @type {any} */ error) => log.push('callback', error));
    }, async (ask) => {
      const { status, headers, body } = await ask('/');
      assert.equal(status, 200);
      assert.ok(body.equals(LARGE));
      const seen = [headers['x-own'], headers['content-type'], headers['cache-control']];
      assert.deepEqual(seen, ['yes', 'text/x-own', 'public, max-age=3600']);
      assert.equal((await ask('/', { range: 'bytes=1-3' })).body.length, 3);
      assert.equal((await ask('/', { 'if-none-match': String(headers.etag) })).status, 304);
      assert.equal((await ask('/', {}, 'HEAD')).headers['content-length'], '3000000');
    });
    assert.deepEqual(log.slice(0, 7), ['finish', true, true, 200, 'callback', undefined, 'close']);
  });

  it('says of a file that is not sent nothing that was set for it', () => answering((req, res) => {
    res.setHeader('Content-Language', 'en');
    res.setHeader('Content-Location', '/name.txt');
    res.setHeader('X-Own', 'yes');
    res.sendFile(path.join(root, 'www', req.url));
  }, async (ask) => {
    const whole = (await ask('/name.txt')).headers;
    assert.deepEqual([whole['content-language'], whole['x-own']], ['en', 'yes']);
    const { status, headers } = await ask('/name.txt', { 'if-none-match': String(whole.etag) });
    assert.equal(status, 304);
    assert.deepEqual(
      [headers['content-language'], headers['content-location'], headers['x-own'], headers.etag],
      [undefined, '/name.txt', 'yes', whole.etag],
    );
    const missing = await ask('/nothing');
    assert.equal(missing.status, 404);
    assert.deepEqual([missing.headers['content-language'], missing.headers['x-own']], [undefined, undefined]);
  }));

  it('tells what went wrong', async () => {
    /** @type {any[]} */
    const log = [];
    await answering((req, res) => {
      if (req.url === '/told') {
        res.sendFile(path.join(root, 'www/nothing'), (/** @type {any} */ error) => {
          log.push(error.code, error.syscall, error.status);
          res.writeHead(404).end('mine');
        });
      } else if (req.url === '/throws') {
        for (const file of ['relative.txt', '/a\0b']) {
          assert.throws(() => res.sendFile(file), { code: 'ERR_INVALID_ARG_VALUE' });
        }
        const inside = { root: path.join(root, 'www') };
        assert.throws(() => res.sendFile('../outside.txt', inside), { code: 'ERR_INVALID_ARG_VALUE' });
        res.sendFile('name.txt', inside);
      } else res.sendFile(path.join(root, 'www', req.url));
    }, async (ask) => {
      assert.equal((await ask('/told')).text, 'mine');
      assert.equal((await ask('/nothing')).status, 404);
      assert.equal((await ask('/pets')).status, 404);
      assert.equal((await ask('/throws')).text, 'tobi');
    });
    assert.deepEqual(log, ['ENOENT', 'open', 404]);
  });

  it('is told when the peer goes amid it', async () => {
    const server = http.createServer();
    const port = await listening(server);
    const raw = new Raw(port);
    raw.socket.pause();
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [, res] = await once(server, 'request');
    const big = path.join(root, 'www/big.bin');
    fs.writeFileSync(big, Buffer.alloc(40 << 20));
    const told = new Promise((resolve) => res.sendFile(big, resolve));
    raw.destroy();
    const error = /** @type {any} */ (await told);
    assert.equal(error.code, 'ECONNABORTED');
    fs.rmSync(big);
    await closed(server);
  });
});
