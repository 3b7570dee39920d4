// A Chromium without a window, spoken to in its own protocol over two pipes: no library needed.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** How long something on a page may take at most. */
const UNTIL_MILLIS = 60_000;

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
export const browserName = BROWSERS.find((name) => spawnSync(name, ['--version']).status === 0);

export class Browser {
  #waiting = new Map();
  #pages = new Map();
  #number = 0;

  static async start() {
    const profile = mkdtempSync(join(tmpdir(), 'castmq-e2e-dashboard-'));
    const options = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--hide-scrollbars=false',
    ];
    const own = ['--remote-debugging-pipe', `--user-data-dir=${profile}`];
    // A group of its own: a browser is many processes, and all of them write into its profile.
    const running = spawn(browserName, [...options, ...own], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
    });
    return new Browser(running, profile);
  }

  constructor(running, profile) {
    Object.assign(this, { running, profile });
    let rest = '';
    running.stdio[4].setEncoding('utf8').on('data', (text) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop();
      for (const message of messages) this.#take(JSON.parse(message));
    });
  }

  send(method, params = {}, sessionId) {
    this.#number += 1;
    const id = this.#number;
    this.running.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, method }));
  }

  #take({ id, result, error, method, params, sessionId }) {
    if (id === undefined) {
      this.#pages.get(sessionId)?.heard(method, params);
      return;
    }
    const { resolve, reject, method: asked } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) reject(new Error(`${asked}: ${error.message}`));
    else resolve(result);
  }

  /** A page of its own, with nothing stored, in `theme` (light or dark). */
  async page({ width, height, theme = 'light' }) {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page({
      send: (method, params) => this.send(method, params, sessionId),
      close: () => this.send('Target.disposeBrowserContext', { browserContextId }),
      saveTo: (downloadPath) =>
        this.send('Browser.setDownloadBehavior', { behavior: 'allow', browserContextId, downloadPath }),
    });
    this.#pages.set(sessionId, page);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
    await page.send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    await page.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: theme }],
    });
    await page.send('Page.addScriptToEvaluateOnNewDocument', { source: WATCH_SHIFTS });
    return page;
  }

  async stop() {
    process.kill(-this.running.pid, 'SIGKILL');
    await once(this.running, 'exit');
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

// What has moved by itself, as the browser measures it (layout shift; 0: nothing).
const WATCH_SHIFTS = `window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const what = entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 120) ?? node?.textContent?.slice(0, 60));
    window.shifts.push({ value: entry.value, what });
  }
}).observe({ type: 'layout-shift', buffered: true });`;

export class Page {
  errors = [];
  requests = [];

  constructor(ways) {
    Object.assign(this, ways);
  }

  heard(method, params) {
    if (method === 'Runtime.exceptionThrown')
      this.errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error')
      this.errors.push(params.args.map(({ value, description }) => value ?? description).join(' '));
    if (method === 'Log.entryAdded' && params.entry.level === 'error')
      this.errors.push(`${params.entry.text} ${params.entry.url ?? ''}`);
    if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
  }

  /** Evaluates `what`, a function, in the page with arguments that JSON can say. */
  async run(what, ...given) {
    const expression = `(${what})(...${JSON.stringify(given)})`;
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until `what`, a function, says yes; answers what it says. Fails when it does not for very long. */
  until(what, ...given) {
    return this.run(
      `(...given) => new Promise((resolve, reject) => {
      const end = Date.now() + ${UNTIL_MILLIS};
      const look = () => {
        const found = (${what})(...given);
        if (found) resolve(found);
        else if (Date.now() > end) reject(new Error('this never came true: ' + ${JSON.stringify(String(what))}));
        else setTimeout(look, 30);
      };
      look();
    })`,
      ...given,
    );
  }

  async open(url) {
    await this.send('Page.navigate', { url });
    await this.until(() => document.readyState === 'complete' && document.querySelector('h1') !== null);
  }

  /** Goes to a page of the dashboard, and waits until it has read what it shows. */
  async show(hash) {
    await this.run((next) => {
      location.hash = next;
    }, hash);
    await this.settle();
  }

  settle() {
    return this.until(
      () =>
        new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))) &&
        !document.querySelector('main').innerText.includes('Reading …') &&
        document.querySelectorAll('main [aria-busy=true]').length === 0,
    );
  }

  async press(key, { shift = false } = {}) {
    const codes = { Tab: 9, Enter: 13, Escape: 27, ' ': 32, ArrowRight: 39, ArrowLeft: 37 };
    const text = key === 'Enter' ? '\r' : key.length === 1 ? key : undefined;
    const event = {
      key,
      code: key.length === 1 ? undefined : key,
      windowsVirtualKeyCode: codes[key] ?? key.charCodeAt(0),
      text,
      modifiers: shift ? 8 : 0,
    };
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', ...event });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  }

  type(text) {
    return this.send('Input.insertText', { text });
  }

  /** Waits until a file that the page saves is whole. */
  async untilSaved(path) {
    while (!existsSync(path)) await pause(30);
  }

  async shoot(path) {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    writeFileSync(path, Buffer.from(data, 'base64'));
  }
}
