// Scenario 9: MQTT.js in a page, over WebSocket in TLS, where a Chromium is installed.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { message, plain, scenario } from './scenario.js';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
const browser = BROWSERS.find((name) => spawnSync(name, ['--version']).status === 0);
const library = new URL('../node_modules/mqtt/dist/mqtt.min.js', import.meta.url);
const PATIENCE_MILLIS = 60_000;

/** Subscribes, says what it gets, and that it has come. */
const PAGE = `<!doctype html><script src="/mqtt.js"></script><script>
const { url, topic, version } = Object.fromEntries(new URLSearchParams(location.search));
const tell = (text) => fetch('/told', { method: 'POST', body: text });
const client = mqtt.connect(url, { protocolVersion: Number(version), reconnectPeriod: 0 });
client.on('error', (error) => tell('error: ' + error.message));
client.on('message', (topic, payload) => tell(payload.toString()));
client.on('connect', async () => {
  await client.subscribeAsync(topic, { qos: 1 });
  await client.publishAsync(topic, 'from the page', { qos: 1 });
});
</script>`;

/** Serves the page; `told` is the first thing that it tells. */
async function serve() {
  let tell;
  const told = new Promise((resolve) => {
    tell = resolve;
  });
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      const parts = await request.toArray();
      tell(Buffer.concat(parts).toString());
      response.end();
    } else if (request.url === '/mqtt.js') {
      response.setHeader('Content-Type', 'text/javascript');
      response.end(readFileSync(library));
    } else {
      response.setHeader('Content-Type', 'text/html');
      response.end(PAGE);
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, told, url: `http://127.0.0.1:${server.address().port}/` };
}

/** Opens a page in a browser that takes the broker's certificate for good. */
function open(page, certificate) {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  const pin = createHash('sha256').update(key).digest('base64');
  const profile = mkdtempSync(join(tmpdir(), 'castmq-e2e-browser-'));
  const options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run'];
  const trust = [`--ignore-certificate-errors-spki-list=${pin}`, `--user-data-dir=${profile}`];
  // A group of its own: a browser is many processes, and all of them write into its profile.
  const running = spawn(browser, [...options, ...trust, page], { stdio: 'ignore', detached: true });
  return async () => {
    process.kill(-running.pid, 'SIGKILL');
    await once(running, 'exit');
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
}

const away = process.env.CASTMQ_E2E_TARGET && 'the broker was started by somebody else';
const skip = away || (!browser && 'no Chromium is installed');

scenario('browser', ({ connect, fresh, broker, version }) => {
  test('a page publishes and gets messages', { skip, timeout: PATIENCE_MILLIS }, async (t) => {
    const watcher = await connect('watcher');
    await watcher.subscribe(fresh('test'), 1);
    const { server, told, url } = await serve();
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const query = new URLSearchParams({
      url: broker().ways.wss.url,
      topic: fresh('test'),
      version: String(version),
    });

    t.after(open(`${url}?${query}`, broker().serverCertificate()));

    assert.equal(await told, 'from the page');
    assert.deepEqual(plain(await watcher.next()), message('from the page'));
  });
});
