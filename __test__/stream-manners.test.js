'use strict';

/** What programs expect of a stream of Node's beyond bytes: contexts, rejections, adapters, small bounds. Of every class. */

const assert = require('node:assert/strict');
const { AsyncLocalStorage, createHook } = require('node:async_hooks');
const { EventEmitter, once } = require('node:events');
const fs = require('node:fs');
const stream = require('node:stream');
const { describe, test } = require('node:test');
const { gunzipSync, gzipSync } = require('node:zlib');
const { compose, crypto, fs: files, jsonl, text, zlib } = require('..');
const { collect, folder, rows, until } = require('./harness/streams.js');

const INPUT = rows(500);

/**
 * Transforms from bytes to bytes: what is written, and what is read for it.
 *
 * @type {Record<string, { make: (options?: any) => any, input: Buffer, back?: (output: Buffer) => Buffer, expected?: Buffer }>}
 */
const TRANSFORMS = {
  upperCase: { make: text.upperCase, input: INPUT, expected: Buffer.from(String(INPUT).toUpperCase()) },
  lines: { make: text.lines, input: INPUT },
  validate: { make: jsonl.validate, input: INPUT },
  edit: { make: (options) => jsonl.edit({ ...options, remove: ['none'] }), input: INPUT },
  hash: { make: crypto.hash, input: INPUT },
  createGzip: { make: zlib.createGzip, input: INPUT, back: gunzipSync },
  createGunzip: { make: zlib.createGunzip, input: gzipSync(INPUT), expected: INPUT },
  compose: { make: (options) => compose(text.lines(options), crypto.hash(options)), input: INPUT },
};

for (const [name, { make, input, back = (output) => output, expected = input }] of Object.entries(TRANSFORMS)) {
  /** @param {any} bytes */
  const isRight = (bytes) => assert.ok(back(Buffer.from(bytes)).equals(expected));

  describe(name, () => {
    test('runs the listeners of a stream in the context that it was made in (they ran in another stream\'s)', async () => {
      const storage = new AsyncLocalStorage();
      /** @type {Map<string, Set<unknown>>} */
      const seen = new Map();
      const done = ['a', 'b', 'c'].map((label) =>
        storage.run(label, async () => {
          /** @type {Set<unknown>} */
          const stores = new Set();
          seen.set(label, stores);
          const stage = make();
          for (const event of ['data', 'drain', 'finish', 'end', 'close']) stage.on(event, () => stores.add(storage.getStore()));
          // More than fits, so that news come in ticks of their own; and by somebody else.
          storage.run('writer', () => stage.end(Buffer.concat(Array(40).fill(input))));
          await once(stage, 'close').catch(() => {});
        }),
      );
      await Promise.all(done);
      for (const [label, stores] of seen) assert.deepEqual([...stores], [label]);
    });

    test('can be read through Readable.toWeb and written through Duplex.toWeb', async () => {
      const stage = make();
      stage.end(input);
      isRight(Buffer.concat(await webChunks(stream.Readable.toWeb(stage))));
      const { readable, writable } = stream.Duplex.toWeb(make());
      const writer = writable.getWriter();
      const wrote = (async () => {
        for (let at = 0; at < input.length; at += 1000) {
          await writer.ready;
          void writer.write(input.subarray(at, at + 1000));
        }
        await writer.close();
      })();
      isRight(Buffer.concat(await webChunks(readable)));
      await wrote;
    });

    test('can be a part of stream.compose', async () => {
      const both = stream.compose(new stream.PassThrough(), make(), new stream.PassThrough());
      both.end(input);
      isRight(await collect(both));
    });

    test('can be iterated over, and written to by an iterator', async () => {
      const stage = stream.Readable.from([input.subarray(0, 1000), input.subarray(1000)]).pipe(make());
      isRight(await collect(stage));
      const chunks = stream.Readable.from([input]).pipe(make()).map((/** @type {Buffer} */ chunk) => chunk);
      isRight(Buffer.concat(await chunks.toArray()));
    });

    test('is told of by finished: done, broken, destroyed', async () => {
      const good = make();
      good.end(input);
      good.resume();
      await new Promise((resolve, reject) => stream.finished(good, (error) => (error ? reject(error) : resolve(undefined))));
      const broken = make();
      const error = new Error('broken');
      const told = new Promise((resolve) => stream.finished(broken, resolve));
      broken.destroy(error);
      assert.equal(await told, error);
      const closed = make();
      const early = new Promise((resolve) => stream.finished(closed, resolve));
      closed.destroy();
      assert.equal(/** @type {any} */ (await early).code, 'ERR_STREAM_PREMATURE_CLOSE');
    });

    for (const highWaterMark of [0, 1]) {
      test(`works with a highWaterMark of ${highWaterMark}, writes awaited, a reader that comes late`, async () => {
        const stage = make({ highWaterMark });
        assert.deepEqual([stage.writableHighWaterMark, stage.readableHighWaterMark], [highWaterMark, highWaterMark]);
        // A row, unless that means nothing to the stage.
        const part = name === 'createGunzip' ? input : input.subarray(0, input.indexOf('\n') + 1);
        const wrote = (async () => {
          for (const byte of part) {
            await new Promise((resolve) => stage.write(Buffer.of(byte), resolve));
          }
          stage.end();
        })();
        await new Promise((resolve) => setImmediate(resolve));
        const output = back(await collect(stage));
        await wrote;
        assert.ok(output.equals(name === 'createGunzip' ? expected : expected.subarray(0, part.length)));
      });
    }

    test('takes awaited writes before a reader attaches', async () => {
      const stage = make();
      for (let at = 0; at < input.length; at += 500) {
        await new Promise((resolve) => stage.write(input.subarray(at, at + 500), resolve));
      }
      stage.end();
      isRight(await collect(stage));
    });

    test('captures rejections of its listeners', async () => {
      const before = EventEmitter.captureRejections;
      EventEmitter.captureRejections = true;
      let stage;
      try {
        stage = make();
      } finally {
        EventEmitter.captureRejections = before;
      }
      stage.on('data', async () => {
        throw new Error('rejected in a listener');
      });
      // Not to its end: a stream that is closed tells of nothing any more.
      const failed = once(stage, 'error');
      stage.write(Buffer.concat(Array(100).fill(input)));
      const [error] = await failed;
      assert.equal(error.message, 'rejected in a listener');
      await until(() => stage.closed, 'close');
    });

    test('aborts with its signal', async () => {
      const abort = new AbortController();
      const stage = make(name === 'compose' ? undefined : { signal: abort.signal });
      if (name === 'compose') stream.addAbortSignal(abort.signal, stage);
      stage.write(input);
      const failed = once(stage, 'error');
      abort.abort();
      const [error] = await failed;
      assert.deepEqual([error.name, error.code], ['AbortError', 'ABORT_ERR']);
      await until(() => stage.closed, 'close');
    });
  });
}

/** @param {any} readable @returns {Promise<Uint8Array[]>} */
async function webChunks(readable) {
  const chunks = [];
  for await (const chunk of readable) chunks.push(chunk);
  return chunks;
}

test('file ends run their listeners in the context that they were made in', async (t) => {
  const at = folder(t);
  fs.writeFileSync(at('in'), INPUT);
  const storage = new AsyncLocalStorage();
  for (const label of ['a', 'b']) {
    /** @type {Set<unknown>} */
    const stores = new Set();
    await storage.run(label, async () => {
      const source = files.createReadStream(at('in'));
      const sink = files.createWriteStream(at('out'));
      for (const end of [source, sink]) {
        for (const event of ['open', 'ready', 'end', 'finish', 'close']) end.on(event, () => stores.add(storage.getStore()));
      }
      source.pipe(sink);
      await once(sink, 'close');
    });
    assert.deepEqual([...stores], [label]);
  }
});

test('errors of rows and files are told in the context of their stream', async () => {
  const storage = new AsyncLocalStorage();
  const told = ['a', 'b'].map((label) => storage.run(label, () => {
    const stage = label === 'a' ? jsonl.validate() : files.createReadStream('/no/such/file');
    return new Promise((resolve) => {
      stage.on('error', () => resolve(storage.getStore()));
      if (label === 'a') storage.run('writer', () => /** @type {any} */ (stage).end('nope\n'));
    });
  }));
  assert.deepEqual(await Promise.all(told), ['a', 'b']);
});

test('each stream is one async resource, destroyed with it', async () => {
  /** @type {Set<number>} */
  const alive = new Set();
  let made = 0;
  const hook = createHook({
    init(id, type) {
      if (type !== 'MILLRACE') return;
      made += 1;
      alive.add(id);
    },
    destroy: (id) => void alive.delete(id),
  }).enable();
  try {
    for (let i = 0; i < 5; i++) {
      const upper = text.upperCase();
      upper.end('a');
      assert.equal(String(await collect(upper)), 'A');
    }
    await until(() => alive.size === 0, 'destroy hooks');
    assert.equal(made, 5);
  } finally {
    hook.disable();
  }
});
