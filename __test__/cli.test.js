'use strict';

// The command line as people meet it: a child process, its two outputs, its exit code, and what is in the folder afterwards.

const assert = require('node:assert/strict');
const { execFileSync, spawn, spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, afterEach, before, beforeEach, describe, test } = require('node:test');
const zlib = require('node:zlib');
const { version } = require('../package.json');

const COMMAND = path.join(__dirname, '..', 'bin', 'millrace.js');
const TERMINAL = path.join(__dirname, 'harness', 'terminal.py');
const ROWS = 30_000;

/** Good rows, and three bad ones. @type {string[]} */
const rows = [];
for (let i = 0; i < ROWS; i++) rows.push(`{"id":${i},"text":"Mühle ${'x'.repeat(i % 50)}","price":1.50}`);
rows[100] = '{"id":100,';
rows[20_000] = 'undefined';
rows[29_999] = '{"a":1}}';
const INPUT = Buffer.from(`${rows.join('\n')}\n`);
const GOOD = Buffer.from(`${rows.filter((_, i) => ![100, 20_000, 29_999].includes(i)).join('\n')}\n`);
/** Where the first bad row begins. */
const FIRST_BAD = Buffer.byteLength(`${rows.slice(0, 100).join('\n')}\n`);

/** @type {string} */
let dir;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-cli-'));
  fs.writeFileSync(at('in.jsonl'), INPUT);
});
afterEach(() => {
  // Whatever a command did, its input is as it was.
  const untouched = fs.readFileSync(at('in.jsonl')).equals(INPUT);
  fs.rmSync(dir, { recursive: true, force: true });
  assert.ok(untouched, 'the input was changed');
});

/** @param {string} name @returns {string} */
const at = (name) => path.join(dir, name);
/** @returns {string[]} what is in the folder besides the input */
const made = () => fs.readdirSync(dir).filter((name) => name !== 'in.jsonl').sort();

/**
 * @typedef {object} Outcome
 * @property {number | null} code
 * @property {string} out
 * @property {string} err
 * @property {Buffer} bytes of standard output
 */

/**
 * @param {string[]} args
 * @param {{ input?: Buffer | number, stdout?: number }} [streams]
 * @returns {Outcome}
 */
function millrace(args, { input, stdout } = {}) {
  const { status, stdout: bytes, stderr } = spawnSync(process.execPath, [COMMAND, ...args], {
    cwd: dir,
    stdio: [typeof input === 'number' ? input : 'pipe', stdout ?? 'pipe', 'pipe'],
    input: typeof input === 'number' ? undefined : input,
    maxBuffer: 1 << 28,
    timeout: 60_000,
  });
  return { code: status, out: String(bytes ?? ''), err: String(stderr), bytes: bytes ?? Buffer.alloc(0) };
}

/** @param {Outcome} outcome @param {number} code @param {RegExp} message one line of standard error, and no other */
function failsWith({ code: actual, out, err }, code, message) {
  assert.match(err, message);
  assert.equal(actual, code);
  assert.equal(out, '');
  assert.equal(err.trimEnd().split('\n').length, 1, err);
}

describe('run', () => {
  test('checks, keeps rejects, edits, digests and compresses', () => {
    const command = 'run in.jsonl -o out.jsonl.gz --validate --rejects bad.jsonl --set processedAt=now --set n=1 ' +
      '--remove price --rename text=words --hash hash:sha256:8';
    const { code, out, err } = millrace(command.split(' '));
    assert.equal(code, 0, err);
    assert.equal(out, '');
    const lines = zlib.gunzipSync(fs.readFileSync(at('out.jsonl.gz'))).toString().trimEnd().split('\n');
    assert.equal(lines.length, ROWS - 3);
    const row = JSON.parse(lines[1]);
    assert.deepEqual(Object.keys(row).sort(), ['hash', 'id', 'n', 'processedAt', 'words']);
    assert.deepEqual([row.id, row.words, row.n], [1, 'Mühle x', 1]);
    assert.ok(Math.abs(Date.now() - Date.parse(row.processedAt)) < 120_000);
    const digested = lines[1].replace(/,"hash":"[0-9a-f]{8}"/, '');
    assert.equal(row.hash, crypto.createHash('sha256').update(digested).digest('hex').slice(0, 8));
    const bad = fs.readFileSync(at('bad.jsonl'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
    const found = bad.map(({ line, row: text }) => [line, text]);
    assert.deepEqual(found, [[101, rows[100]], [20_001, rows[20_000]], [30_000, rows[29_999]]]);
    assert.equal(bad[0].offset, FIRST_BAD);
  });

  test('closes with a table: stages with their shares of the work, and the bottleneck', () => {
    const { err } = millrace(['run', 'in.jsonl', '-o', 'out.jsonl.gz', '--skip-invalid']);
    const lines = err.trimEnd().split('\n');
    assert.match(lines[0], /^stage +in +out +rows +bad +work +starved +held back$/);
    const stages = lines.slice(1, -1);
    assert.deepEqual(stages.map((line) => line.split(' ')[0]), ['createReadStream', 'validate', 'gzip', 'createWriteStream']);
    assert.match(stages[1], /^validate +[\d.]+ MB +[\d.]+ MB +29997 +3 +\d+% +\d+% +\d+%/);
    assert.equal(stages.filter((line) => line.endsWith('<- bottleneck')).length, 1);
    const shares = stages.map((line) => Number(/(\d+)% +\d+% +\d+%/.exec(line)?.[1]));
    assert.ok(Math.abs(shares.reduce((sum, share) => sum + share) - 100) <= 2, err);
    assert.match(lines[lines.length - 1], /^[\d.]+ MB -> [\d.]+ kB in [\d.]+ s, [\d.]+ MB\/s, into out\.jsonl\.gz$/);
  });

  test('fails at a bad row, and says where it is and why', () => {
    const outcome = millrace(['run', 'in.jsonl', '-o', 'out.jsonl', '--validate']);
    const end = /: .+ \(stage validate\) \[ERR_MILLRACE_JSONL_INVALID\]$/m;
    failsWith(outcome, 1, end);
    assert.ok(outcome.err.startsWith(`millrace: in.jsonl: invalid JSON in line 101 at byte ${FIRST_BAD}: `), outcome.err);
    assert.deepEqual(made(), []);
  });

  test('reads and writes the standard streams', () => {
    const args = ['run', '-', '--gunzip', '--skip-invalid', '-o', '-'];
    const { code, bytes, err } = millrace(args, { input: zlib.gzipSync(INPUT) });
    assert.equal(code, 0, err);
    assert.ok(bytes.equals(GOOD));
    // A file in place of the pipes.
    const [input, stdout] = [fs.openSync(at('in.jsonl'), 'r'), fs.openSync(at('out'), 'w')];
    assert.equal(millrace(['run', '-', '--skip-invalid', '-o', '-'], { input, stdout }).code, 0);
    fs.closeSync(input);
    fs.closeSync(stdout);
    assert.ok(fs.readFileSync(at('out')).equals(GOOD));
  });

  test('says nothing when its reader has enough', () => {
    const shell = '"$0" "$1" run in.jsonl -q -o - | head -1; echo "$PIPESTATUS"';
    const { stdout, stderr } = spawnSync('bash', ['-c', shell, process.execPath, COMMAND], { cwd: dir });
    assert.equal(String(stdout), `${rows[0]}\n0\n`);
    assert.equal(String(stderr), '');
  });

  test('--quiet says nothing', () => {
    const { code, out, err } = millrace(['run', 'in.jsonl', '-o', 'out', '--skip-invalid', '--quiet']);
    assert.deepEqual([code, out, err], [0, '', '']);
  });

  test('--json gives a summary, beside the data where that takes standard output', () => {
    const file = millrace(['run', 'in.jsonl', '-o', 'out', '--skip-invalid', '--json']);
    assert.equal(file.err, '');
    const summary = JSON.parse(file.out);
    assert.equal(summary.bytesIn, INPUT.length);
    assert.equal(summary.bytesOut, GOOD.length);
    assert.deepEqual([summary.input, summary.output, summary.rows, summary.rejected], ['in.jsonl', 'out', ROWS, 3]);
    assert.ok(summary.stages.some((/** @type {any} */ stage) => stage.stage === summary.bottleneck));
    const both = millrace(['run', 'in.jsonl', '-o', '-', '--skip-invalid', '--json']);
    assert.ok(both.bytes.equals(GOOD));
    assert.equal(JSON.parse(both.err).output, '-');
  });
});

describe('gzip, gunzip and hash', () => {
  test('gzip and gunzip name their outputs, and keep their inputs', () => {
    assert.equal(millrace(['gzip', 'in.jsonl', '--level', '9']).code, 0);
    assert.ok(zlib.gunzipSync(fs.readFileSync(at('in.jsonl.gz'))).equals(INPUT));
    failsWith(millrace(['gunzip', 'in.jsonl.gz']), 2, /'in\.jsonl' exists; --force overwrites it/);
    assert.equal(millrace(['gunzip', 'in.jsonl.gz', '-o', 'again']).code, 0);
    assert.ok(fs.readFileSync(at('again')).equals(INPUT));
    assert.deepEqual(made(), ['again', 'in.jsonl.gz']);
    failsWith(millrace(['gunzip', 'in.jsonl']), 2, /no \.gz to take away/);
  });

  test('hash prints each digest', () => {
    const { code, out } = millrace(['hash', 'in.jsonl', '--algorithm', 'sha256,md5', '-q']);
    assert.equal(code, 0);
    const digest = (/** @type {string} */ name) => crypto.createHash(name).update(INPUT).digest('hex');
    assert.equal(out, `${digest('sha256')}  sha256  in.jsonl\n${digest('md5')}  md5  in.jsonl\n`);
    const json = JSON.parse(millrace(['hash', '-', '--json', '--encoding', 'base64'], { input: INPUT }).out);
    assert.deepEqual(json.digests, { sha256: crypto.createHash('sha256').update(INPUT).digest('base64') });
  });
});

describe('wrong use: exit code 2', () => {
  /** @type {Record<string, [string, RegExp]>} */
  const cases = {
    'an unknown command': ['walk in.jsonl', /unknown command 'walk'/],
    'an unknown option': ['run in.jsonl -o out --fast', /unknown option '--fast'/],
    'no input': ['run -o out', /missing required argument 'input'/],
    'no output': ['run in.jsonl', /-o, --output <file>' not specified/],
    'a level that is none': ['gzip in.jsonl --level 10', /whole number from 0 to 9/],
    'an algorithm that is none': ['hash in.jsonl -a sha257', /sha257/],
    'a field without value': ['run in.jsonl -o out --set field', /--set wants name=value/],
    'an output that exists': ['run in.jsonl -o there', /'there' exists; --force overwrites it/],
    'rejects that exist': ['run in.jsonl -o out --rejects there', /'there' exists; --force overwrites it/],
    'an output that is a folder': ['run in.jsonl -o folder --force', /'folder' is a directory/],
    'the input as output': ['run in.jsonl -o in.jsonl --force', /is the input/],
    'the input by another path': ['run in.jsonl -o folder/../in.jsonl --force', /is the input/],
    'the input by a link': ['run in.jsonl -o link --force', /is the input/],
    'the input by its other name': ['run in.jsonl -o name --force', /is the input/],
    'the input as rejects': ['run in.jsonl -o out --rejects link --force', /is the input/],
    'one file for both outputs': ['run in.jsonl -o out --rejects ./out', /must not be the same/],
  };
  for (const [name, [args, message]] of Object.entries(cases)) {
    test(name, () => {
      fs.writeFileSync(at('there'), 'old');
      fs.mkdirSync(at('folder'));
      fs.symlinkSync('in.jsonl', at('link'));
      fs.linkSync(at('in.jsonl'), at('name'));
      const { code, err } = millrace(args.split(' '));
      assert.match(err, message);
      assert.equal(code, 2);
      assert.deepEqual(made(), ['folder', 'link', 'name', 'there']);
      assert.equal(fs.readFileSync(at('there'), 'utf8'), 'old');
    });
  }

  test('the input as standard output', () => {
    const stdout = fs.openSync(at('in.jsonl'), 'a');
    failsWith(millrace(['run', 'in.jsonl', '-o', '-'], { stdout }), 2, /is the input/);
    fs.closeSync(stdout);
  });

  test('the output as standard input', () => {
    const input = fs.openSync(at('in.jsonl'), 'r');
    failsWith(millrace(['run', '-', '-o', 'in.jsonl', '--force'], { input }), 2, /is the input/);
    fs.closeSync(input);
  });

  test('help and version are not wrong use', () => {
    const { code, out } = millrace(['run', '--help']);
    assert.equal(code, 0);
    assert.match(out, /--rejects <file>/);
    assert.equal(millrace(['--version']).out, `${version}\n`);
  });
});

describe('outputs that exist', () => {
  test('--force replaces one, with its permissions', () => {
    fs.writeFileSync(at('out'), 'old');
    fs.chmodSync(at('out'), 0o640);
    assert.equal(millrace(['run', 'in.jsonl', '-o', 'out', '--force', '-q']).code, 0);
    assert.ok(fs.readFileSync(at('out')).equals(INPUT));
    assert.equal(fs.statSync(at('out')).mode & 0o777, 0o640);
  });

  test('--force replaces what a link leads to, not the link', () => {
    fs.writeFileSync(at('out'), 'old');
    fs.symlinkSync('out', at('link'));
    assert.equal(millrace(['run', 'in.jsonl', '-o', 'link', '--force', '-q']).code, 0);
    assert.ok(fs.lstatSync(at('link')).isSymbolicLink());
    assert.ok(fs.readFileSync(at('out')).equals(INPUT));
  });

  test('a run that fails leaves an old output as it was', () => {
    fs.writeFileSync(at('out'), 'old');
    assert.equal(millrace(['run', 'in.jsonl', '-o', 'out', '--validate', '--force']).code, 1);
    assert.equal(fs.readFileSync(at('out'), 'utf8'), 'old');
    assert.deepEqual(made(), ['out']);
  });
});

describe('failed work: exit code 1', () => {
  test('an input that is not there, or is a folder', () => {
    failsWith(millrace(['run', 'nowhere', '-o', 'out']), 1, /^millrace: ENOENT: no such file or directory, open 'nowhere'$/m);
    failsWith(millrace(['run', '.', '-o', 'out']), 1, /^millrace: \.: EISDIR: illegal operation on a directory, read$/m);
    assert.deepEqual(made(), []);
  });

  test('compressed input that is cut off or corrupt', () => {
    const whole = zlib.gzipSync(INPUT);
    fs.writeFileSync(at('cut.gz'), whole.subarray(0, 5000));
    failsWith(millrace(['gunzip', 'cut.gz']), 1, /^millrace: cut\.gz: unexpected end of file \(stage gunzip, byte 5000\) \[Z_BUF_ERROR\]$/m);
    whole.fill(0xff, 5000, 5100);
    fs.writeFileSync(at('bad.gz'), whole);
    failsWith(millrace(['gunzip', 'bad.gz']), 1, /^millrace: bad\.gz: .+ \(stage gunzip, byte \d+\) \[Z_DATA_ERROR\]$/m);
    assert.deepEqual(made(), ['bad.gz', 'cut.gz']);
  });

  test('a full disk, under any of the outputs', () => {
    failsWith(millrace(['run', 'in.jsonl', '-o', '/dev/full']), 1, /^millrace: \/dev\/full: ENOSPC: no space left on device, write$/m);
    failsWith(millrace(['run', 'in.jsonl', '-o', 'out', '--rejects', '/dev/full']), 1, /^millrace: \/dev\/full: ENOSPC/m);
    const stdout = fs.openSync('/dev/full', 'w');
    failsWith(millrace(['run', 'in.jsonl', '-o', '-'], { stdout }), 1, /^millrace: standard output: ENOSPC/m);
    // The rejects are those of a run that failed.
    failsWith(millrace(['run', 'in.jsonl', '-o', '-', '--rejects', 'bad'], { stdout }), 1, /^millrace: standard output: ENOSPC/m);
    fs.closeSync(stdout);
    assert.deepEqual(made(), []);
  });
});

describe('while it works', () => {
  /**
   * @param {string[]} args
   * @returns {Promise<any>} the child, which has read rows and waits for more
   */
  async function working(args) {
    execFileSync('mkfifo', [at('fifo')]);
    const child = spawn(process.execPath, [COMMAND, ...args], { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'exit');
    const opening = fs.promises.open(at('fifo'), 'w');
    // Open once the child has opened it, unless it could not start.
    const handle = /** @type {fs.promises.FileHandle} */ (await Promise.race([opening, ended]));
    await handle.writeFile(INPUT.subarray(0, 1_000_000));
    return Object.assign(child, { handle, ended });
  }

  for (const [signal, code] of /** @type {const} */ ([['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]])) {
    test(`${signal} ends it at once, and leaves nothing`, async () => {
      const child = await working(['run', 'fifo', '-o', 'out.gz', '--rejects', 'bad']);
      let err = '';
      child.stderr.on('data', (/** @type {Buffer} */ text) => (err += text));
      child.kill(signal);
      assert.deepEqual(await child.ended, [code, null]);
      await child.handle.close();
      assert.equal(err, `millrace: interrupted by ${signal}; no output is left\n`);
      assert.deepEqual(made(), ['fifo']);
    });
  }

  test('it writes a line of progress now and then where there is no terminal', async () => {
    const child = await working(['run', 'fifo', '-o', 'out', '--skip-invalid']);
    const [line] = await once(child.stderr, 'data');
    assert.match(String(line), /^millrace: (1\.00 MB|[\d.]+ kB), [\d.]+ MB\/s, \d+ rows, \d+ bad\n$/);
    await child.handle.close();
    assert.deepEqual(await child.ended, [0, null]);
  });
});

const python = spawnSync('python3', ['--version']).status === 0;

describe('on a terminal', { skip: python ? false : 'python3, which brings a pseudo-terminal, is not installed' }, () => {
  /** Rows enough for the bar to be drawn several times. @type {string} */
  let big;
  before(() => {
    big = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-cli-')), 'big.jsonl.gz');
    // Hard to compress again: random digits.
    const piece = `${crypto.randomBytes(2_000_000).toString('hex').replace(/.{100}/g, '{"a":"$&"}\n')}`;
    fs.writeFileSync(big, zlib.gzipSync(`${piece}x\n`.repeat(4), { level: 1 }));
  });
  after(() => fs.rmSync(path.dirname(big), { recursive: true }));

  /** @param {string[]} args of the terminal, and the command @returns {Outcome} */
  function terminal(args) {
    const options = { cwd: dir, timeout: 60_000, maxBuffer: 1 << 26 };
    const { status, stdout, stderr } = spawnSync('python3', [TERMINAL, ...args], options);
    return { code: status, out: String(stdout), err: String(stderr), bytes: stdout };
  }

  test('a bar shows bytes, percent of the compressed input, rate, time to go, rows and bad rows', () => {
    const { code, out } = terminal([process.execPath, COMMAND, 'run', big, '-o', 'out.gz', '--skip-invalid']);
    assert.equal(code, 0, out);
    const size = `${(fs.statSync(big).size / 1e6).toFixed(2)} MB`.replace(/(\d\d\.\d)\d/, '$1');
    const line = /(\d+)% \| [\d.]+ \w+ of ([\d.]+ MB) \| [^|]+ \| ETA \S+(?: \| \d+ rows, (\d+) bad)?/g;
    const drawn = [...out.matchAll(line)];
    assert.ok(drawn.length >= 2, out);
    assert.ok(drawn.every(([, , all]) => all === size), `${size}: ${drawn[0]}`);
    const percents = drawn.map(([, percent]) => Number(percent));
    assert.deepEqual(percents, [...percents].sort((a, b) => a - b));
    assert.equal(percents[percents.length - 1], 100);
    assert.equal(drawn[drawn.length - 1][3], '4');
    assert.match(out, /<- bottleneck/);
  });

  test('no bar with --quiet, nor where the data itself is on the terminal', () => {
    assert.equal(terminal([process.execPath, COMMAND, 'run', big, '-o', 'out.gz', '--quiet']).out, '');
    const { out } = terminal([process.execPath, COMMAND, 'run', 'in.jsonl', '-o', '-']);
    assert.doesNotMatch(out, /ETA/);
    assert.ok(out.startsWith(rows[0]));
  });

  test('Ctrl-C ends it at once, gives the terminal back, and leaves nothing', () => {
    const command = [process.execPath, COMMAND, 'run', big, '-o', 'out.gz', '--rejects', 'bad', '--level', '9'];
    const { code, out } = terminal(['--interrupt-at', 'ETA', ...command]);
    assert.equal(code, 130, out);
    // The cursor is shown again.
    assert.ok(out.lastIndexOf('\x1b[?25h') > out.lastIndexOf('\x1b[?25l'));
    assert.match(out, /interrupted by SIGINT; no output is left\r\n$/);
    assert.deepEqual(made(), []);
  });
});
