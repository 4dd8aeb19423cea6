'use strict';

const assert = require('node:assert/strict');
const { constants } = require('node:buffer');
const { Readable, Transform } = require('node:stream');
const { describe, test } = require('node:test');
const { text } = require('..');
const { collect, cut, through } = require('./harness/streams.js');

/**
 * @param {import('node:stream').Duplex} stage
 * @param {...(string | Buffer)} pieces
 * @returns {Promise<{ error: any, output: string, errors: number }>} how it failed, and what came before
 */
async function failing(stage, ...pieces) {
  let output = '';
  let errors = 0;
  /** @type {any} */
  let error;
  stage.on('data', (chunk) => (output += chunk));
  stage.on('error', (/** @type {any} */ first) => {
    error = first;
    errors += 1;
  });
  const closed = new Promise((resolve) => stage.once('close', resolve));
  for (const piece of pieces) stage.write(piece);
  stage.end();
  await closed;
  return { error, output, errors };
}

/** @param {string} input @param {text.LinesOptions} [options] @returns {Promise<string[]>} */
function strings(input, options) {
  return Readable.from([Buffer.from(input)]).pipe(text.lines({ ...options, objectMode: true })).toArray();
}

describe('lines', () => {
  test('gives batches of whole lines in bytes, with LF', async () => {
    const stage = text.lines();
    assert.ok(stage instanceof Transform);
    assert.equal(stage.readableObjectMode, false);
    assert.equal(await through(stage, 'a\r\nb', '\n\nc'), 'a\nb\n\nc\n');
    assert.equal(stage.stats().rowsIn, 4);
    assert.equal(stage.stats().rowsOut, 4);
  });

  test('gives strings one by one in object mode, by either name', async () => {
    assert.deepEqual(await strings('a\r\nb\n\nc'), ['a', 'b', '', 'c']);
    const other = Readable.from([Buffer.from('a\nb')]).pipe(text.lines({ readableObjectMode: true }));
    assert.deepEqual(await other.toArray(), ['a', 'b']);
  });

  test('counts an unfinished last line, but no empty one', async () => {
    assert.deepEqual(await strings(''), []);
    assert.deepEqual(await strings('\n'), ['']);
    assert.deepEqual(await strings('a\n\n'), ['a', '']);
    assert.deepEqual(await strings('a\n\r'), ['a', '\r']);
    assert.equal(await through(text.lines(), 'x'), 'x\n');
  });

  test('splits at LF and CRLF, and at nothing else', async () => {
    const whole = 'a\rb\u2028c\u2029d\u0085e\vf\fg\u001eh';
    assert.deepEqual(await strings(`${whole}\r\n${whole}\n`), [whole, whole]);
    assert.deepEqual(await strings('a\r\r\nb'), ['a\r', 'b']);
  });

  test('takes a CRLF as one end that is cut between its bytes', async () => {
    assert.equal(await through(text.lines(), 'a\r', '\nb\r', '\r', '\nc\r'), 'a\nb\r\nc\r\n');
  });

  test('keeps the ends that lines came with, where it is told to', async () => {
    assert.equal(await through(text.lines({ keepEnds: true }), 'a\r\nb\n\r\nc'), 'a\r\nb\n\r\nc');
    assert.deepEqual(await strings('a\r\nb\n\r\nc', { keepEnds: true }), ['a\r\n', 'b\n', '\r\n', 'c']);
  });

  test('takes strings as it takes bytes', async () => {
    const stage = text.lines({ defaultEncoding: 'latin1' });
    assert.equal(await through(stage, 'é\n'), 'é\n'.replace('é', '\ufffd'));
    assert.equal(await through(text.lines(), 'é\n'), 'é\n');
  });

  test('takes a character as one that is cut anywhere', async () => {
    const input = Buffer.from('aé€😀\n😀');
    for (let size = 1; size < 6; size++) {
      const stage = text.lines({ objectMode: true });
      const output = stage.toArray();
      for (const piece of cut(input, () => size)) {
        stage.write(piece);
        await new Promise((resolve) => process.nextTick(resolve));
      }
      stage.end();
      assert.deepEqual(await output, ['aé€😀', '😀']);
    }
  });

  test('decodes as Buffer does: a BOM stays, what is not UTF-8 becomes U+FFFD', async () => {
    assert.deepEqual(await strings('\ufeffa\n\ufeffb'), ['\ufeffa', '\ufeffb']);
    const stage = Readable.from([Buffer.from([0x61, 0xff, 0x0a, 0xe2, 0x82])]).pipe(text.lines({ objectMode: true }));
    assert.deepEqual(await stage.toArray(), ['a\ufffd', '\ufffd']);
  });

  describe('maxLength', () => {
    test('is in bytes and does not count the end, LF or CRLF', async () => {
      for (const fits of ['éé\n', 'éé\r\n', 'éé', 'éé\nabcd\r\n']) {
        assert.equal(await through(text.lines({ maxLength: 4 }), fits), fits.replaceAll('\r', '').replace(/[^\n]$/, '$&\n'));
      }
      for (const tooLong of ['éé.\n', 'éé\r\r\n', 'éé.']) {
        const { error } = await failing(text.lines({ maxLength: 4 }), tooLong);
        assert.equal(error.code, 'ERR_MILLRACE_TEXT_LINE_TOO_LONG', tooLong);
      }
    });

    test('counts a CRLF as an end that is cut between its bytes right at the limit', async () => {
      assert.equal(await through(text.lines({ maxLength: 4 }), 'abcd', '\r', '\nefgh\r', '\n'), 'abcd\nefgh\n');
      const { error, output } = await failing(text.lines({ maxLength: 4 }), 'abcd\r\nabcd\r', 'x\n');
      assert.deepEqual([error.line, error.offset, output], [2, 6, 'abcd\n']);
    });

    test('fails once, with code, stage, line and offset, behind the lines that are good', async () => {
      const { error, errors, output } = await failing(text.lines({ maxLength: 3 }), 'abc\nabcd\nab\nabcde\n');
      const { code, stage, line, offset } = error;
      assert.deepEqual(
        { code, stage, line, offset, errors, output },
        { code: 'ERR_MILLRACE_TEXT_LINE_TOO_LONG', stage: 'lines', line: 2, offset: 4, errors: 1, output: 'abc\n' },
      );
      assert.match(error.message, /longer than 3 bytes/);
    });

    test('leaves such lines out, and counts them', async () => {
      const stage = text.lines({ maxLength: 3, onTooLong: 'skip' });
      assert.equal(await through(stage, 'abcd\nabc\nab', 'cdef', 'ghi\r\nx'), 'abc\nx\n');
      const { rowsIn, rowsOut, rejected } = stage.stats();
      assert.deepEqual({ rowsIn, rowsOut, rejected }, { rowsIn: 4, rowsOut: 2, rejected: 2 });
    });

    test('keeps the first bytes of such lines, and no half character', async () => {
      assert.equal(await through(text.lines({ maxLength: 3, onTooLong: 'truncate' }), 'abcd\nééé\n€€\nab\n'), 'abc\né\n€\nab\n');
      assert.deepEqual(await strings('abcd\r\nx', { maxLength: 3, onTooLong: 'truncate', keepEnds: true }), ['abc\n', 'x']);
    });

    test('defaults to 16 MiB', async () => {
      const line = Buffer.alloc(2 ** 24, 'x');
      const stage = text.lines();
      stage.end(line);
      assert.equal((await collect(stage)).length, 2 ** 24 + 1);
      const { error } = await failing(text.lines(), line, 'x');
      assert.equal(error.code, 'ERR_MILLRACE_TEXT_LINE_TOO_LONG');
    });
  });

  test('takes time in proportion to a line: one of 100 MB in pieces of 64 KiB', async () => {
    const piece = Buffer.alloc(65536, 'x');
    /** @param {number} count @returns {Promise<number>} milliseconds of CPU */
    const work = async (count) => {
      const before = process.cpuUsage();
      const stage = text.lines({ maxLength: 2 ** 28 });
      let bytes = 0;
      stage.on('data', (chunk) => (bytes += chunk.length));
      const done = new Promise((resolve) => stage.once('end', resolve));
      for (let i = 0; i < count; i++) {
        if (!stage.write(piece)) await new Promise((resolve) => stage.once('drain', resolve));
      }
      stage.end('\n');
      await done;
      assert.equal(bytes, count * piece.length + 1);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    await work(100);
    const small = await work(160);
    const large = await work(1600);
    // Ten times the line: quadratic work would be a hundred times the time. Small times are mostly noise.
    assert.ok(large < 40 * Math.max(small, 10), `${small} ms, then ${large} ms`);
  });

  test('refuses options that cannot be, as Node does', () => {
    const most = Math.min(2 ** 30, constants.MAX_STRING_LENGTH);
    /** @type {[any, string][]} */
    const wrong = [
      ['x', 'ERR_INVALID_ARG_TYPE'],
      [{ maxLength: '1' }, 'ERR_INVALID_ARG_TYPE'],
      [{ maxLength: 0 }, 'ERR_OUT_OF_RANGE'],
      [{ maxLength: 1.5 }, 'ERR_OUT_OF_RANGE'],
      [{ maxLength: NaN }, 'ERR_OUT_OF_RANGE'],
      [{ maxLength: 2 ** 30 + 1 }, 'ERR_OUT_OF_RANGE'],
      [{ maxLength: most + 1, objectMode: true }, 'ERR_OUT_OF_RANGE'],
      [{ keepEnds: 1 }, 'ERR_INVALID_ARG_TYPE'],
      [{ objectMode: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
      [{ onTooLong: 'drop' }, 'ERR_INVALID_ARG_VALUE'],
      [{ threads: 0 }, 'ERR_OUT_OF_RANGE'],
      [{ threads: '2' }, 'ERR_INVALID_ARG_TYPE'],
      [{ highWaterMark: -1 }, 'ERR_INVALID_ARG_VALUE'],
      [{ signal: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ];
    for (const [options, code] of wrong) assert.throws(() => text.lines(options), { code }, JSON.stringify(options));
    assert.throws(() => text.lines({ maxLength: /** @type {any} */ ('1') }), {
      name: 'TypeError',
      message: 'The "options.maxLength" property must be of type number. Received type string (\'1\')',
    });
    for (const options of [undefined, null, {}, { maxLength: undefined }]) text.lines(/** @type {any} */ (options)).destroy();
  });
});

for (const [name, make, oracle] of /** @type {const} */ ([
  ['upperCase', text.upperCase, (/** @type {string} */ s) => s.toUpperCase()],
  ['lowerCase', text.lowerCase, (/** @type {string} */ s) => s.toLowerCase()],
])) {
  describe(name, () => {
    const samples = [
      'straße ŉ ǰ ﬃ ΐ և', // one becomes two or three
      'İIiı ǅ ǈ', // Turkish letters without Turkish rules, title case
      'ΌΔΟΣ. ΣΣ ΑΣ\u0301 ΑΣ\u00adΒ Σ', // final sigma, seen through marks
      '\u{10400}\u{10428}\u{118a0}\u{1e900}\u{1e922} 𝐀😀', // beyond the first plane
      'Ⅷⅷ Ⓐⓐ Ꭰ ꭰ ა Ა ᲀ', // numerals, Cherokee, Georgian
      '日本語 한국어 العربية',
    ];

    test('is what String.prototype has, with characters cut anywhere', async () => {
      for (const sample of samples) {
        for (const size of [1, 2, 3, 5]) {
          assert.equal(await through(make(), ...cut(Buffer.from(sample), () => size)), oracle(sample));
        }
      }
    });

    test('knows every character of Unicode', async () => {
      let all = '';
      for (let point = 0; point <= 0x10ffff; point++) {
        if (point < 0xd800 || point > 0xdfff) all += `${String.fromCodePoint(point)}.`;
      }
      const actual = [...(await through(make(), all))];
      const expected = [...oracle(all)];
      // Rust and Node may know different versions of Unicode: letters that only one of them has.
      const unlike = expected.filter((letter, index) => letter !== actual[index]);
      assert.equal(actual.length, expected.length);
      assert.ok(unlike.length < 60, `${unlike.length} letters differ: ${unlike.slice(0, 5).join(' ')}`);
    });

    test('replaces what is not UTF-8, or insists on it', async () => {
      const bad = Buffer.from([0x61, 0xc3, 0x28, 0x42, 0xff]);
      assert.equal(await through(make(), bad), oracle(String(bad)));
      assert.equal(await through(make({ utf8: 'replace' }), bad), oracle(String(bad)));
      const { error, errors, output } = await failing(make({ utf8: 'error' }), 'ΑΣ', bad);
      const { code, stage, offset } = error;
      assert.deepEqual(
        { code, stage, offset, errors, output },
        { code: 'ERR_MILLRACE_TEXT_ENCODING', stage: name, offset: 5, errors: 1, output: oracle('ΑΣa') },
      );
      assert.equal(error.message, 'invalid UTF-8 at byte 5: 0xc3');
    });

    test('fails at a character that the stream ends in, and not at one that is only cut', async () => {
      assert.equal(await through(make({ utf8: 'error' }), Buffer.from([0xe2, 0x82]), Buffer.from([0xac])), '€');
      const { error } = await failing(make({ utf8: 'error' }), 'ab', Buffer.from([0xe2, 0x82]));
      assert.deepEqual([error.code, error.offset], ['ERR_MILLRACE_TEXT_ENCODING', 2]);
    });

    test('keeps BOM, NUL and line ends', async () => {
      assert.equal(await through(make(), '\ufeffa\0B\r\n\u2028'), oracle('\ufeffa\0B\r\n\u2028'));
      assert.equal(await through(make()), '');
    });

    test('refuses options that cannot be, as Node does', () => {
      for (const [options, code] of /** @type {[any, string][]} */ ([
        [1, 'ERR_INVALID_ARG_TYPE'],
        [{ utf8: 'skip' }, 'ERR_INVALID_ARG_VALUE'],
        [{ threads: 257 }, 'ERR_OUT_OF_RANGE'],
        [{ highWaterMark: 1.5 }, 'ERR_INVALID_ARG_VALUE'],
      ])) {
        assert.throws(() => make(options), { code }, JSON.stringify(options));
      }
    });
  });
}
