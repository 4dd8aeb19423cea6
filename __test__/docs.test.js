'use strict';

/**
 * Runs what the README and the reference pages show, as a reader would who copies it: each block in a folder of its own
 * with the package installed and a few input files, and follows their links.
 */

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { gzipSync } = require('node:zlib');

const ROOT = path.join(__dirname, '..');
const BIN = path.join(ROOT, 'bin', 'millrace.js');
const PAGES = ['README.md', ...['docs', 'docs/guides'].flatMap((folder) => {
  return fs.readdirSync(path.join(ROOT, folder)).filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`);
})];
const TIMEOUT_MS = 60_000;

/** Languages of blocks that are not run: data, output, pictures, types, and what others are configured by. */
const SILENT = ['', 'json', 'jsonl', 'nginx', 'text', 'ts', 'mermaid'];
/** Commands that these tests are themselves part of, that measure for minutes, or that run until they are interrupted. */
const EXEMPT = [
  'npm start', 'npx millrace serve', 'millrace serve', 'npm run sample', 'npm test', 'npm run bench', 'npm run examples',
];

/** @typedef {{ page: string, line: number, language: string, text: string }} Block */

/**
 * @param {string} page
 * @returns {Block[]} its fenced blocks
 */
function blocks(page) {
  /** @type {Block[]} */
  const found = [];
  /** @type {(Block & { fence: string, indent: number }) | null} */
  let open = null;
  fs.readFileSync(path.join(ROOT, page), 'utf8').split('\n').forEach((text, index) => {
    const [, indent, fence, info] = /^( *)(`{3,})(.*)$/.exec(text) ?? [];
    if (open === null && fence !== undefined) {
      open = { page, line: index + 1, language: info.trim(), text: '', fence, indent: indent.length };
    } else if (open !== null && fence === open.fence && info.trim() === '') {
      found.push(open);
      open = null;
    } else if (open !== null) {
      open.text += `${text.slice(open.indent)}\n`;
    }
  });
  assert.equal(open, null, `${page}: a block without an end`);
  return found;
}

/** @returns {string} a folder as a reader may have it: the package is installed, and there are some files */
function makeFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-docs-'));
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'millrace'), 'junction');
  const rows = Array.from({ length: 2000 }, (_, id) => `{"id":${id},"level":"${id % 7 ? 'info' : 'error'}","text":"row ${id}"}\n`);
  const good = rows.join('');
  rows[99] = '{"id":99,"level":\n';
  /** @type {Record<string, string | Buffer>} */
  const files = {
    'events.jsonl': rows.join(''),
    'clean.jsonl': good,
    'events.jsonl.gz': gzipSync(rows.join('')),
    'a.jsonl.gz': gzipSync(good),
    'input.txt': 'one\ntwo\nthree\n',
    'input.txt.gz': gzipSync('one\ntwo\nthree\n'),
    'big.log': good.repeat(20),
  };
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), content);
  const certificates = path.join(__dirname, 'fixtures', 'tls');
  for (const name of ['ca.pem', 'server.pem', 'server-key.pem']) {
    fs.copyFileSync(path.join(certificates, name), path.join(folder, name));
  }
  fs.copyFileSync(path.join(ROOT, 'examples', 'grpc-stream.proto'), path.join(folder, 'readings.proto'));
  return folder;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }>}
 */
function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** @param {string} text @returns {string} with each run of white space as one space */
const squeezed = (text) => text.replace(/\s+/g, ' ').trim();

/**
 * A program: it ends well, and prints what a `// -> text` behind a line says.
 *
 * @param {Block} block
 * @param {string} folder
 */
async function runProgram({ language, text }, folder) {
  const file = language === 'mjs' || /^import /m.test(text) ? 'example.mjs' : 'example.js';
  fs.writeFileSync(path.join(folder, file), text);
  const { code, signal, stdout, stderr } = await run(process.execPath, [file], folder);
  assert.equal(code ?? signal, 0, stderr);
  for (const [, expected] of text.matchAll(/\/\/ -> (.*)$/gm)) {
    assert.ok(squeezed(stdout).includes(squeezed(expected)), `it does not print "${expected}" but:\n${stdout}`);
  }
}

/**
 * Commands, one a line, which find each other's files.
 *
 * @param {Block} block
 * @param {string} folder
 */
async function runCommands({ text }, folder) {
  const program = `"${process.execPath}" "${BIN}" `;
  for (const line of text.split('\n').map((one) => one.replace(/(^|\s)#.*$/, '').trim()).filter((one) => one !== '')) {
    if (EXEMPT.some((command) => line === command || line.startsWith(`${command} `))) continue;
    const command = line.replace(/(^|\| *)(?:npx )?millrace /g, `$1${program}`);
    assert.ok(command.includes(program), `neither a millrace command nor one of those that are exempt: ${line}`);
    const { code, signal, stderr } = await run('sh', ['-c', command], folder);
    assert.equal(code ?? signal, 0, `${line}\n${stderr}`);
  }
}

describe('the samples', { concurrency: 2 }, () => {
  for (const block of PAGES.flatMap(blocks)) {
    if (SILENT.includes(block.language)) continue;
    test(`${block.page}:${block.line}`, async () => {
      const work = { js: runProgram, mjs: runProgram, sh: runCommands }[block.language];
      assert.ok(work, `a block of language '${block.language}': nobody would notice if it were wrong`);
      const folder = makeFolder();
      try {
        await work(block, folder);
      } finally {
        fs.rmSync(folder, { recursive: true });
      }
    });
  }
});

describe('the links', () => {
  /** @param {string} heading @returns {string} its anchor, as GitHub makes it */
  const anchor = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\- _]/gu, '').replaceAll(' ', '-');

  for (const page of PAGES) {
    test(page, () => {
      const text = fs.readFileSync(path.join(ROOT, page), 'utf8').replace(/^( *)```[\s\S]*?^\1```$/gm, '').replace(/`[^`\n]*`/g, '');
      for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link)) continue;
        const [file, hash] = link.split('#');
        const target = file === '' ? path.join(ROOT, page) : path.join(ROOT, path.dirname(page), file);
        assert.ok(fs.existsSync(target), `${link} leads nowhere`);
        if (hash === undefined) continue;
        const headings = [...fs.readFileSync(target, 'utf8').matchAll(/^#+ +(.*)$/gm)].map(([, heading]) => anchor(heading));
        assert.ok(headings.includes(hash), `${link}: there is no such heading`);
      }
    });
  }
});
