#!/usr/bin/env node
'use strict';

// node scripts/dashboard-check.js: lets Chromium use the dashboard: charts that move, a stream that is cut and heals, a file that
// is dropped and comes back, lines of the log, sizes from phone to desktop, both themes. Needs chromium, and an addon that is
// built. With --pictures FOLDER it leaves a picture of each view there.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const zlib = require('node:zlib');
const { launch } = require('../__test__/harness/chromium.js');
const { Dashboard } = require('../lib/dashboard/dashboard.js');
const { demo } = require('./demo.js');

const VIEWS = ['system', 'pipelines', 'logs', 'files', 'grpc'];
const SIZES = /** @type {const} */ ([[390, 844], [820, 1100], [1440, 900]]);
const THEMES = /** @type {const} */ (['dark', 'light']);
const GOOD_ROWS = 5000;

/** @typedef {Awaited<ReturnType<Awaited<ReturnType<typeof launch>>['page']>>} Page */

/** @type {string[]} */
const passed = [];

/**
 * @param {string} name
 * @param {() => Promise<void>} work
 */
async function check(name, work) {
  await work();
  passed.push(name);
  console.log(`ok: ${name}`);
}

/** @param {Page} page @param {string} view */
async function show(page, view) {
  await page.evaluate(`document.getElementById('tab-${view}').click()`);
  await page.until(`!document.getElementById('view-${view}').hidden`);
}

/** @param {Page} page @returns {Promise<string>} what a chart's canvas shows, in short */
const drawn = (page) =>
  page.evaluate(() => {
    const canvas = /** @type {any} */ (globalThis).document.querySelector('#cpu-plot canvas');
    return canvas.toDataURL();
  });

/** @param {Page} page @returns {Promise<number>} samples that came, where none was missed */
async function samples(page) {
  const text = await page.evaluate("document.getElementById('samples').textContent");
  assert.match(text, /none missed/);
  return Number(/([\d,]+) samples/.exec(text)?.[1].replaceAll(',', ''));
}

/** @param {Page} page @param {any} dashboard */
async function checkSystem(page, dashboard) {
  await check('the charts move with the events', async () => {
    await show(page, 'system');
    const [before, count] = [await drawn(page), await samples(page)];
    await page.until((/** @type {string} */ past) => {
      const { document } = /** @type {any} */ (globalThis);
      return document.getElementById('samples').textContent !== past;
    }, await page.evaluate("document.getElementById('samples').textContent"));
    assert.ok((await samples(page)) > count);
    assert.notEqual(await drawn(page), before);
  });
  await check('a stream that is cut heals without a gap', async () => {
    const count = await samples(page);
    const lost = page.until("document.getElementById('state').dataset.state === 'lost'");
    for (const socket of dashboard.server._sockets()) socket.destroy();
    await lost;
    for (let i = 0; i < 5; i++) dashboard.system.read();
    await page.until("document.getElementById('state').dataset.state === 'live'");
    await page.until(`Number(/([\\d,]+) samples/.exec(document.getElementById('samples').textContent)[1].replaceAll(',', '')) > ${count + 5}`);
    await samples(page);
  });
}

/** @param {Page} page @param {any} dashboard */
async function checkLogs(page, dashboard) {
  const has = (/** @type {string} */ text) =>
    page.until((/** @type {string} */ wanted) => {
      const { document } = /** @type {any} */ (globalThis);
      return [...document.querySelectorAll('.log-text')].some((one) => one.textContent === wanted);
    }, text);
  await check('the log is live, filtered by the server, and whatever it says stays text', async () => {
    await show(page, 'logs');
    const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    dashboard.log.add('error', 'test', hostile);
    await has(hostile);
    assert.equal(await page.evaluate("document.querySelectorAll('#view-logs img, #view-logs script').length"), 0);
    await page.evaluate(`{
      const level = document.getElementById('log-level');
      level.value = 'error';
      level.dispatchEvent(new Event('change'));
    }`);
    await page.until("[...document.querySelectorAll('.log-level')].every((one) => one.textContent === 'error')");
    await page.evaluate(`{
      const level = document.getElementById('log-level');
      level.value = 'info';
      level.dispatchEvent(new Event('change'));
      document.getElementById('log-line').value = 'said by the page';
      document.querySelector('#log-say button').click();
    }`);
    await has('said by the page');
  });
}

/** @param {Page} page @param {string} scratch */
async function checkFiles(page, scratch) {
  await check('a file that is dropped comes back right', async () => {
    const rows = Array.from({ length: GOOD_ROWS }, (_, row) => JSON.stringify({ row, text: `<b>${row}</b>` }));
    rows.splice(100, 0, '{"broken": <img src=x onerror=alert(1)>');
    const file = path.join(scratch, '<i>drop.jsonl.gz');
    fs.writeFileSync(file, zlib.gzipSync(`${rows.join('\n')}\n`));
    const downloads = path.join(scratch, 'downloads');
    fs.mkdirSync(downloads);
    await page.browser.downloadTo(downloads);
    await show(page, 'files');
    const { root } = await page.send('DOM.getDocument');
    const { nodeId } = await page.send('DOM.querySelector', { nodeId: root.nodeId, selector: '#drop-input' });
    await page.send('DOM.setFileInputFiles', { nodeId, files: [file] });
    await page.until("document.querySelector('.job')?.dataset.state === 'done'");
    const digest = await page.evaluate("document.querySelector('.digest').textContent");
    assert.match(await page.evaluate("document.querySelector('.rejects').textContent"), /onerror/);
    assert.equal(await page.evaluate("document.querySelectorAll('#view-files img, #view-files b, #view-files i').length"), 0);
    const names = () => fs.readdirSync(downloads).filter((name) => name.endsWith('.clean.jsonl.gz'));
    while (names().length === 0) await page.evaluate('new Promise(requestAnimationFrame)');
    const got = fs.readFileSync(path.join(downloads, names()[0]));
    assert.ok(digest.includes(crypto.createHash('sha256').update(got).digest('hex')), digest);
    const came = zlib.gunzipSync(got).toString().trimEnd().split('\n').map((row) => JSON.parse(row));
    assert.equal(came.length, GOOD_ROWS);
    assert.ok(came.every(({ row, text, processedAt, hash }, index) =>
      row === index && text === `<b>${row}</b>` && !Number.isNaN(Date.parse(processedAt)) && /^[0-9a-f]{8}$/.test(hash)));
  });
  await check('the folder is listed, and a range of a file is shown', async () => {
    await page.until("document.querySelectorAll('.file').length > 0");
    await page.evaluate("[...document.querySelectorAll('.file-looks button')][0].click()");
    assert.match(await page.until("document.querySelector('#folder-list .sight:not([hidden])')?.textContent"), /^206 {2}bytes 0-4095\//);
  });
}

/** @param {Page} page */
async function checkCalls(page) {
  const answers = (/** @type {number} */ count, /** @type {string} */ text) =>
    page.until((/** @type {number} */ least, /** @type {string} */ wanted) => {
      const { document } = /** @type {any} */ (globalThis);
      const lines = [...document.querySelectorAll('#grpc-answers li')];
      return lines.length >= least && lines.every((line) => line.textContent.includes(wanted));
    }, count, text);
  await check('the page calls gRPC: once, and as a stream that it stops', async () => {
    await show(page, 'grpc');
    await page.evaluate("document.getElementById('grpc-get').click()");
    await page.until("document.getElementById('grpc-state').textContent === 'GetSystem: 1 answer, status OK'");
    await answers(1, 'cores');
    await page.evaluate("document.getElementById('grpc-system').click()");
    await page.until("document.getElementById('grpc-state').textContent === 'WatchSystem: 3 answers'");
    await answers(3, 'memory');
    await page.evaluate("document.getElementById('grpc-stop').click()");
    await page.until("document.getElementById('grpc-state').textContent.startsWith('WatchSystem: stopped')");
  });
}

/** @param {Page} page */
async function checkPipelines(page) {
  await check('pipelines are shown at work, with their bottleneck', async () => {
    await show(page, 'pipelines');
    await page.until("document.querySelectorAll('.pipeline[data-state=running] .stage').length >= 3");
    await page.until("[...document.querySelectorAll('.bottleneck')].some((one) => !one.hidden)");
  });
}

/** @param {Page} page @param {string} address @param {string | undefined} pictures */
async function checkLooks(page, address, pictures) {
  await check('nothing is wider than the screen, from phone to desktop, dark and light', async () => {
    for (const [width, height] of SIZES) {
      for (const theme of THEMES) {
        await page.size(width, height, theme);
        await page.go('about:blank');
        await page.go(address);
        await page.until("document.getElementById('state').dataset.state === 'live'");
        assert.equal(await page.evaluate('document.documentElement.dataset.theme'), theme);
        for (const view of VIEWS) {
          await show(page, view);
          const over = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
          assert.equal(over, 0, `${view} at ${width} px, ${theme}`);
          if (pictures === undefined) continue;
          await page.evaluate('new Promise((resolve) => setTimeout(resolve, 1200))');
          fs.writeFileSync(path.join(pictures, `${view}-${width}-${theme}.png`), await page.picture());
        }
      }
    }
  });
  await check('tabs go by the keyboard, and everything to be used has a name', async () => {
    await page.evaluate("document.getElementById('tab-system').focus()");
    await page.send('Input.dispatchKeyEvent', { type: 'keyDown', key: 'ArrowLeft', code: 'ArrowLeft' });
    assert.equal(await page.evaluate('document.activeElement.id'), `tab-${VIEWS.at(-1)}`);
    assert.equal(await page.evaluate(`document.getElementById('view-${VIEWS.at(-1)}').hidden`), false);
    const { nodes } = await page.send('Accessibility.getFullAXTree');
    const used = ['button', 'textbox', 'searchbox', 'combobox', 'tab', 'radio', 'link', 'image'];
    const isNameless = (/** @type {any} */ { role, name, ignored }) => !ignored && used.includes(role?.value) && !name?.value;
    const nameless = nodes.filter(isNameless);
    assert.deepEqual(nameless.map((/** @type {any} */ { role }) => role.value), []);
  });
}

async function main() {
  const { pictures } = parseArgs({ options: { pictures: { type: 'string' } } }).values;
  if (pictures !== undefined) fs.mkdirSync(pictures, { recursive: true });
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-dashboard-'));
  const stop = new AbortController();
  const folder = path.join(scratch, 'demo');
  const running = demo(folder, stop.signal);
  // Told when it is waited for.
  running.catch(() => {});
  const dashboard = new Dashboard({ folder });
  const address = await dashboard.listen();
  const browser = await launch();
  try {
    const page = await browser.page();
    await page.send('DOM.enable');
    await page.size(1440, 900, 'dark');
    await page.go(address);
    await page.until("document.getElementById('state').dataset.state === 'live'");
    await once(dashboard.inspector.watch, 'look');
    await checkLooks(page, address, pictures);
    await checkSystem(page, dashboard);
    await checkPipelines(page);
    await checkLogs(page, dashboard);
    await checkFiles(page, scratch);
    await checkCalls(page);
    await check('no other host is asked, and nothing is complained about', async () => {
      assert.deepEqual(page.requests.filter((url) => !url.startsWith(address) && url !== 'about:blank'), []);
      // The cut is complained about by the browser itself.
      assert.deepEqual(page.complaints.filter((text) => !/net::ERR_|WebSocket connection to/.test(text)), []);
    });
    console.log(`${passed.length} checks passed, 0 failed`);
  } finally {
    stop.abort();
    await browser.close();
    await dashboard.close();
    await running.catch(() => {});
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
