'use strict';

/**
 * What each program in `examples/` must print and leave behind, worked out here by other means than its own.
 *
 * @typedef {object} Expected
 * @property {(string | RegExp)[]} prints each is in a line of its output, in this order
 * @property {(folder: string) => void} [leaves] throws where the files are not as they should be
 */

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');

const SAMPLE = fs.readFileSync(path.join(__dirname, '..', '..', 'examples', 'data', 'events.jsonl'));

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @param {string} row a character for each byte @returns {any} what it says, or undefined where it is broken */
function parsed(row) {
  try {
    return JSON.parse(utf8.decode(Buffer.from(row, 'latin1')));
  } catch {
    return undefined;
  }
}

const rows = SAMPLE.toString('latin1').trimEnd().split('\n');
const good = rows.filter((row) => parsed(row) !== undefined);
const bad = rows.map((row, index) => ({ row, line: index + 1 })).filter(({ row }) => parsed(row) === undefined);
const sha256 = (/** @type {Buffer} */ bytes) => createHash('sha256').update(bytes).digest('hex');

/** @param {string} folder @param {string} name @returns {Buffer} */
const read = (folder, name) => fs.readFileSync(path.join(folder, name));

/** @param {Buffer} rejects a file of dead letters, of the sample */
function checkRejects(rejects) {
  const letters = rejects.toString().trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(letters.map(({ line }) => line), bad.map(({ line }) => line));
  for (const { offset, row } of letters) {
    const there = SAMPLE.subarray(offset, offset + Buffer.byteLength(row)).toString();
    // Bytes that are not UTF-8 are shown as replacement characters, which are longer.
    if (!row.includes('\ufffd')) assert.equal(there, row);
  }
}

/** @type {Record<string, Expected>} */
const EXPECTED = {
  'backpressure-slow-writer.js': {
    prints: ['A file of 90 MB, and never more than 16 MB of it in memory: true'],
    leaves: (folder) => assert.equal(fs.statSync(path.join(folder, 'large.txt')).size, 90_000_000),
  },
  'chunked-reading.js': {
    prints: [
      `data: ${Math.ceil(SAMPLE.length / 16_384)} chunks, the first of 16384 bytes, the last of ${SAMPLE.length % 16_384}`,
      `for await: ${rows.length} ends of lines`,
      `read(1000): ${Math.floor(SAMPLE.length / 1000)} records, and ${SAMPLE.length % 1000} bytes`,
      `bytes 100 to 149: 50 of them, 50 read: ${JSON.stringify(SAMPLE.toString('latin1', 100, 150))}`,
      `the first error is at byte ${SAMPLE.indexOf('"level":"error"')}; closed: true`,
    ],
  },
  'compose.js': {
    prints: ['GRÜSSE, STRASSE 1600000'],
    leaves(folder) {
      const lines = read(folder, 'in.txt').toString().toUpperCase();
      assert.equal(zlib.gunzipSync(read(folder, 'out.txt.gz')).toString(), lines);
    },
  },
  'custom-transform-between.js': {
    prints: ['lines native', 'Transform JavaScript', 'upperCase native', '300000 lines, 1400000 bytes'],
    leaves: (folder) => assert.equal(fs.statSync(path.join(folder, 'out.txt')).size, 1_400_000),
  },
  'dashboard.js': {
    prints: [
      /^millrace is at http:\/\/127\.0\.0\.1:\d+\//,
      'page: 200 text/html',
      /^system: the load of [1-9]\d* cores, and \d+\.\d GB of memory$/,
      `dropped: 204, ${good.length} rows come back, hashed: true`,
      'pipeline: request -> validate -> edit -> gzip -> hash -> ServerResponse',
      `folder: 206, bytes 0-99/${SAMPLE.length}`,
      'ended with 0',
    ],
  },
  'dead-letters.js': {
    prints: [
      `${rows.length} rows: ${good.length} good, ${bad.length} rejected`,
      ...bad.slice(0, 3).map(({ line }) => `line ${line}, byte `),
    ],
    leaves(folder) {
      assert.equal(read(folder, 'good.jsonl').toString('latin1'), `${good.join('\n')}\n`);
      checkRejects(read(folder, 'rejects.jsonl'));
    },
  },
  'esm.mjs': { prints: ['"one\\ntwo\\nthree\\n"'], leaves: (folder) => assert.ok(fs.existsSync(path.join(folder, 'out.txt'))) },
  'file-pipeline.js': {
    prints: [/^199958 bytes of rows became \d+ bytes of gzip\.$/],
    leaves(folder) {
      const clean = zlib.gunzipSync(read(folder, 'events.clean.jsonl.gz')).toString().trimEnd().split('\n');
      assert.equal(clean.length, good.length);
      for (const [index, row] of clean.entries()) {
        const edited = JSON.parse(row);
        assert.match(edited.hash, /^[0-9a-f]+$/);
        assert.ok(Date.parse(edited.processedAt) > Date.now() - 3_600_000);
        delete edited.hash;
        delete edited.processedAt;
        assert.deepEqual(edited, parsed(good[index]));
      }
      checkRejects(read(folder, 'events.rejects.jsonl'));
    },
  },
  'four-stream-types.js': {
    prints: ['Readable -> Transform -> Duplex -> Writable', '210000 bytes read, 210000 written'],
    leaves(folder) {
      const shouted = read(folder, 'in.txt').toString().toUpperCase();
      assert.equal(read(folder, 'out.txt').toString(), shouted);
    },
  },
  'gunzip-limits.js': {
    prints: ['ERR_BUFFER_TOO_LARGE in gunzip, after at', 'ERR_MILLRACE_ZLIB_RATIO in gunzip, after at', 'all of 150 bytes'],
  },
  'hash-while-copying.js': {
    prints: [`sha256 ${sha256(SAMPLE)}`, /^blake3 [0-9a-f]{64}$/, 'the copy has that digest'],
    leaves: (folder) => assert.ok(read(folder, 'copy.jsonl').equals(SAMPLE)),
  },
  'inspect.js': {
    prints: [
      'createReadStream -> upperCase -> gzip -> createWriteStream',
      /^createReadStream +30000000 +30000000/,
      'looked while it ran',
    ],
    leaves(folder) {
      const shouted = read(folder, 'in.log').toString().toUpperCase();
      assert.equal(zlib.gunzipSync(read(folder, 'out.gz')).toString(), shouted);
    },
  },
  'inspector.js': { prints: ['upperCase -> gzip -> SlowWriter | bottleneck: SlowWriter', 'elsewhere: the program itself'] },
  'jsonl-to-objects.js': {
    prints: ['debug', 'error', 'info', 'notice', 'warn'].map((level) => {
      const count = good.filter((row) => parsed(row).level === level).length;
      return `${level} ${count}`;
    }),
  },
  'lines.js': {
    prints: [`${rows.length} lines, the longest of ${Math.max(...rows.map((row) => row.length))} characters`],
  },
  'manual-backpressure.js': {
    prints: [
      'minding it: waited again and again, less than 1 MB at a time: true',
      'not minding it: waited 0 times, over half of 10 MB at once: true',
    ],
  },
  'memory.js': {
    prints: [/^99\.9973 MB went through; memory grew by \d\d? MB at most$/],
    leaves(folder) {
      const shouted = Buffer.from(read(folder, 'large.txt').toString().toUpperCase());
      assert.equal(sha256(zlib.gunzipSync(read(folder, 'large.txt.gz'))), sha256(shouted));
    },
  },
  'http-file-server.js': {
    prints: [
      `whole: 200, ${SAMPLE.length} bytes of application/jsonl; charset=utf-8`,
      `part: 206, bytes ${SAMPLE.length - 100}-${SAMPLE.length - 1}/${SAMPLE.length}, right`,
      'again: 304',
      'packed: 200, the same',
      'outside: 403',
    ],
  },
  'chat.js': { prints: ['bob reads: guest 1: hello, whoever you are', 'alice reads: guest 2 has left'] },
  'grpc-and-web-on-one-port.js': {
    prints: [
      'page: <!doctype html><title>readings</title>',
      'gRPC: 3 readings, mean 3',
      'events: {"value":1} {"value":2} {"value":6}',
    ],
  },
  'grpc-stream.js': {
    prints: ['millrace to millrace', 'grpc-js to millrace', 'millrace to grpc-js', 'grpc-js to grpc-js'].flatMap((name) => [
      `${name}: describe: 3 INVALID_ARGUMENT: a sensor has a name`,
      `${name}: follow: 49995000`,
      `${name}: record: 99 readings, mean 50`,
      `${name}: watch: 1, then 1.5`,
    ]),
  },
  'hub-dashboard.js': {
    prints: ['the event stream: {"load":0.5} {"sum":100}', 'the WebSocket: {"load":0.5}', 'streams: 1'],
  },
  'sse-clock.js': { prints: [/^http:\/\/127\.0\.0\.1:\d+\//, /-1: 20\d\d-/, /-2: 20\d\d-/] },
  'upload-pipeline.js': {
    prints: [
      'request -> validate -> edit -> gzip -> createWriteStream',
      `201 {"rows":${rows.length},"stored":${good.length},"rejected":${rows.length - good.length},"bytes":`,
      '201 {"rows":3,"stored":2,"rejected":1,"bytes":',
    ],
    leaves(folder) {
      // The second upload has taken the place of the first.
      const stored = zlib.gunzipSync(read(folder, 'uploaded.jsonl.gz')).toString().trimEnd().split('\n').map(parsed);
      assert.deepEqual(stored.map(({ row }) => row), [1, 3]);
      for (const row of stored) assert.match(row.hash, /^[0-9a-f]{8}$/);
      assert.equal(parsed(read(folder, 'uploaded.rejects.jsonl').toString()).line, 2);
    },
  },
  'upload.js': {
    prints: ['201 stored', '400 ERR_MILLRACE_JSONL_INVALID: invalid JSON in line 2', '400 ERR_MILLRACE_ZLIB_RATIO'],
  },
};

/**
 * @param {string} name of the program
 * @param {string} output
 * @param {string} folder where it ran
 * @throws {Error} where something is not as it should be
 */
function checkExample(name, output, folder) {
  const expected = EXPECTED[name];
  if (expected === undefined) throw new Error(`What ${name} should print is not in scripts/internal/example-outputs.js.`);
  const lines = output.split('\n');
  let at = 0;
  for (const wanted of expected.prints) {
    const fits = (/** @type {string} */ line) => (typeof wanted === 'string' ? line.includes(wanted) : wanted.test(line));
    const found = lines.findIndex((line, index) => index >= at && fits(line));
    if (found < 0) throw new Error(`It should print ${wanted}.`);
    at = found + 1;
  }
  expected.leaves?.(folder);
}

module.exports = { checkExample };
