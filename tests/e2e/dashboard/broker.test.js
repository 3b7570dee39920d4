// The pages before the real broker: each in both sizes and themes, with a picture to look at; and what
// happens on them while clients come, publish and go.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Browser, browserName } from './browser.js';
import { checkNetwork, findShifts, findWrong } from './checks.js';
import { HOSTILE, populate, startNode } from './node.js';
import { details, LISTS, nameOf, SIZES } from './places.js';

const PATIENCE_MILLIS = 180_000;
const pictures = process.env.CASTMQ_SCREENSHOTS;
const away = process.env.CASTMQ_E2E_TARGET && 'the broker was started by somebody else';
const skip =
  away ||
  (!process.env.CASTMQ_BIN && 'CASTMQ_BIN names no broker') ||
  (!browserName && 'no Chromium is installed');

describe('the dashboard of a broker', { skip, timeout: PATIENCE_MILLIS * 3 }, () => {
  let browser;
  let node;
  before(async () => {
    browser = await Browser.start();
    node = await startNode();
    await populate(node);
  });
  after(async () => {
    await node.stop();
    await browser.stop();
  });

  async function open(t, { size = 'wide', theme = 'light' } = {}) {
    const page = await browser.page({ ...SIZES[size], theme });
    t.after(() => page.close());
    await page.open(node.url);
    return page;
  }

  /** The process of a client's session, as its page says. */
  async function sessionOf(page, client) {
    await page.show(`#/sessions/${encodeURIComponent(client)}`);
    return page.until(() => document.querySelector('.facts a.code')?.innerText);
  }

  for (const size of Object.keys(SIZES)) {
    for (const theme of ['light', 'dark']) {
      test(
        `every page is whole, readable and still, ${size} and ${theme}`,
        { timeout: PATIENCE_MILLIS },
        async (t) => {
          const page = await open(t, { size, theme });
          const one = {
            client: HOSTILE[0],
            pid: await sessionOf(page, HOSTILE[0]),
            topic: `sensors/0/${HOSTILE[0]}`,
          };
          const wrong = [];
          for (const place of [...LISTS, ...details(one)]) {
            await page.run(() => {
              window.shifts = [];
            });
            await page.show(`#/${place}`);
            wrong.push(...(await findWrong(page, place)), ...(await findShifts(page, place)));
            await picture(page, place, size, theme);
          }
          assert.deepEqual(wrong, []);
          checkNetwork(page, node.url, 'all pages');
        },
      );
    }
  }

  test('what clients do is seen while it happens', { timeout: PATIENCE_MILLIS }, async (t) => {
    const page = await open(t);
    await page.until(() => document.querySelector('.connection').innerText === 'live');
    await node.clients[0].publishAsync('sensors/live', 'x', { qos: 1 });
    const label = await page.until(() => {
      const text = document.querySelector('.chart svg').getAttribute('aria-label');
      return /from clients (?!0\/s)[\d.]/.test(text) ? text : null;
    });
    assert.match(label, /^Messages: from clients/);
  });

  test(
    'a client that comes is in the list without anything being pressed',
    { timeout: PATIENCE_MILLIS },
    async (t) => {
      const page = await open(t);
      await page.show('#/clients');
      const client = await node.connect('newcomer');
      t.after(() => client.endAsync());
      assert.ok(
        await page.until(() =>
          [...document.querySelectorAll('tbody td')].some(({ innerText }) => innerText === 'newcomer'),
        ),
      );
    },
  );

  test(
    'a message is followed from the page that starts the trace to a drawing, and saved as Mermaid',
    { timeout: PATIENCE_MILLIS },
    async (t) => {
      const page = await open(t);
      const folder = mkdtempSync(join(tmpdir(), 'castmq-e2e-saved-'));
      t.after(() => rmSync(folder, { recursive: true }));
      await page.saveTo(folder);
      await page.show('#/traces?topic=sensors%2F%23');
      await page.run(() => document.querySelector('main form button[type=submit]').click());
      await page.until(() => /^#\/traces\/\d+$/.test(location.hash));
      await node.clients[0].publishAsync('sensors/1/followed', 'x', { qos: 1 });
      const drawn = await page.until(() => document.querySelector('.scene')?.textContent);
      assert.match(drawn, /session/);
      assert.match(drawn, /working/);
      assert.deepEqual(await findWrong(page, 'trace'), []);
      await picture(page, 'trace', 'wide', 'light');
      const flow = await page.run(() =>
        [...document.querySelectorAll('h2')]
          .find(({ innerText }) => innerText.startsWith('Flow '))
          .innerText.slice(5),
      );
      await page.run(() =>
        [...document.querySelectorAll('button')]
          .find(({ innerText }) => innerText === 'Save Mermaid')
          .click(),
      );
      await page.untilSaved(join(folder, `flow-${flow}.mmd`));
      assert.match(readFileSync(join(folder, `flow-${flow}.mmd`), 'utf8'), /^sequenceDiagram\n/);
    },
  );

  test('a client that is kicked on its page is gone', { timeout: PATIENCE_MILLIS }, async (t) => {
    const client = await node.connect('kick/me?#%2F');
    const page = await open(t);
    await page.show(`#/clients/${encodeURIComponent('kick/me?#%2F')}`);
    const closed = once(client, 'close');
    await press(page, 'main .danger');
    await page.until(() => document.querySelector('dialog[open]'));
    await press(page, 'dialog .primary');
    await closed;
    assert.ok(
      await page.until(() => document.querySelector('main').innerText.includes('It is not connected now')),
    );
  });

  test('a message that was dropped is found with its reason', { timeout: PATIENCE_MILLIS }, async (t) => {
    const page = await open(t);
    await page.show('#/drops?client=away');
    assert.match(await page.until(() => document.querySelector('tbody')?.innerText), /queue/);
  });

  test('the state of a session is shown field by field', { timeout: PATIENCE_MILLIS }, async (t) => {
    const page = await open(t);
    const pid = await sessionOf(page, 'away');
    await page.show(`#/processes/${encodeURIComponent(pid)}`);
    assert.ok(await page.until(() => document.querySelectorAll('.json .leaf').length > 3));
  });

  test(
    'once somebody is known, whoever shows no name gets no page, and a viewer is offered no change',
    { timeout: PATIENCE_MILLIS },
    async (t) => {
      const other = await startNode({ users: { vera: 'look' } });
      t.after(() => other.stop());
      assert.equal((await fetch(other.url)).status, 401);
      const page = await browser.page(SIZES.wide);
      t.after(() => page.close());
      await page.open(other.url.replace('//', '//vera:look@'));
      await page.until(() => document.querySelector('.foot p').innerText.includes('vera, may look'));
      await page.until(() => document.querySelector('.connection').innerText === 'live');
      await page.show('#/users');
      assert.equal(await page.run(() => document.querySelectorAll('main .danger').length), 0);
    },
  );

  test(
    'nothing comes from elsewhere, and the policy of the page would not let it',
    { timeout: PATIENCE_MILLIS },
    async () => {
      const { headers } = await fetch(node.url);
      assert.match(headers.get('content-security-policy'), /default-src 'self'/);
    },
  );
});

function press(page, selector) {
  return page.run((wanted) => document.querySelector(wanted).click(), selector);
}

async function picture(page, place, size, theme) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.shoot(join(pictures, `${nameOf(place)}-${size}-${theme}.png`));
}
