'use strict';

/** A real Chromium, driven by its own protocol (CDP) over a WebSocket: pages, their console, sizes, pictures, downloads. */

const { spawn, spawnSync } = require('node:child_process');
const { EventEmitter, once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { WebSocket } = require('ws');

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
/** Those of a browser that nobody looks at, on a machine without a network. */
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--mute-audio', '--hide-scrollbars', '--remote-debugging-port=0',
];

/** A page and what it said. Emits the protocol's events by their names. */
class Page extends EventEmitter {
  /**
   * @param {Browser} browser
   * @param {string} session
   */
  constructor(browser, session) {
    super();
    this.browser = browser;
    this.session = session;
    /** What went wrong: errors and warnings of the console, and exceptions. @type {string[]} */
    this.complaints = [];
    /** Addresses that were asked for. @type {string[]} */
    this.requests = [];
    this.on('Runtime.exceptionThrown', ({ exceptionDetails }) => {
      this.complaints.push(exceptionDetails.exception?.description ?? exceptionDetails.text);
    });
    this.on('Log.entryAdded', ({ entry }) => {
      if (entry.level === 'error' || entry.level === 'warning') this.complaints.push(`${entry.text} ${entry.url ?? ''}`);
    });
    this.on('Runtime.consoleAPICalled', ({ type, args }) => {
      if (!['error', 'warning', 'assert'].includes(type)) return;
      this.complaints.push(args.map((/** @type {any} */ one) => one.value).join(' '));
    });
    this.on('Network.requestWillBeSent', ({ request }) => this.requests.push(request.url));
  }

  /** @param {string} method @param {object} [params] @returns {Promise<any>} */
  send(method, params) {
    return this.browser.send(method, params, this.session);
  }

  /** @param {string} url */
  async go(url) {
    const loaded = once(this, 'Page.loadEventFired');
    await this.send('Page.navigate', { url });
    await loaded;
  }

  /**
   * @param {string | Function} code an expression, or a function that is called with `args` in the page
   * @param {...unknown} args JSON
   * @returns {Promise<any>} its value, awaited
   */
  async evaluate(code, ...args) {
    const expression = typeof code === 'string' ? code : `(${code})(...${JSON.stringify(args)})`;
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', asked);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /**
   * @param {string | Function} code as `evaluate` takes it
   * @param {...unknown} args
   * @returns {Promise<any>} its value, once that is true: looked at with each frame of the page
   */
  until(code, ...args) {
    const call = typeof code === 'string' ? `() => (${code})` : String(code);
    return this.evaluate(
      `(async () => {
        const call = ${call};
        const end = performance.now() + 30_000;
        for (;;) {
          const value = await call(...${JSON.stringify(args)});
          if (value) return value;
          if (performance.now() > end) throw new Error(${JSON.stringify(`never true: ${call}`)});
          await new Promise((resolve) => requestAnimationFrame(resolve));
        }
      })()`,
    );
  }

  /**
   * @param {number} width
   * @param {number} height
   * @param {'dark' | 'light'} [scheme]
   */
  async size(width, height, scheme = 'light') {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  /** @returns {Promise<Buffer>} a PNG of what is seen */
  async picture() {
    return Buffer.from((await this.send('Page.captureScreenshot', { format: 'png' })).data, 'base64');
  }
}

class Browser {
  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {WebSocket} socket
   * @param {string} scratch
   */
  constructor(child, socket, scratch) {
    this.child = child;
    this.socket = socket;
    this.scratch = scratch;
    this.lastId = 0;
    /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
    this.waiting = new Map();
    /** @type {Map<string, Page>} */
    this.pages = new Map();
    socket.on('message', (data) => this.receive(JSON.parse(String(data))));
    socket.on('close', () => {
      for (const { reject } of this.waiting.values()) reject(new Error('the browser is gone'));
      this.waiting.clear();
    });
  }

  /** @param {any} message */
  receive({ id, result, error, method, params, sessionId }) {
    if (id === undefined) {
      this.pages.get(sessionId)?.emit(method, params);
      return;
    }
    const { resolve, reject } = /** @type {any} */ (this.waiting.get(id));
    this.waiting.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  }

  /** @param {string} method @param {object} [params] @param {string} [sessionId] @returns {Promise<any>} */
  send(method, params = {}, sessionId = undefined) {
    const id = ++this.lastId;
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  /** @returns {Promise<Page>} a new one, without an address */
  async page() {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId);
    this.pages.set(sessionId, page);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
    return page;
  }

  /** @param {string} folder where files that are downloaded go, under their own names */
  async downloadTo(folder) {
    await this.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: folder });
  }

  async close() {
    const gone = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await gone;
    this.socket.terminate();
    fs.rmSync(this.scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** @returns {string | undefined} the browser that is installed */
function findBrowser() {
  return BROWSERS.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

/** @returns {Promise<Browser>} */
async function launch() {
  const name = findBrowser();
  if (name === undefined) throw new Error(`none of ${BROWSERS.join(', ')} is installed`);
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-chromium-'));
  const child = spawn(name, [...FLAGS, `--user-data-dir=${path.join(scratch, 'profile')}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const url = await new Promise((resolve, reject) => {
    child.stderr.on('data', (text) => {
      said += text;
      const found = /DevTools listening on (ws:\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    child.once('close', () => reject(new Error(`the browser ended: ${said}`)));
  });
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 256 * 1024 * 1024 });
  await once(socket, 'open');
  return new Browser(child, socket, scratch);
}

module.exports = { findBrowser, launch };
