// The pages before a mock broker: with no, some and very many clients, some of them hostile; and what a
// broker does not do on demand: ask for a password, or vanish.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { HOSTILE } from '../../../crates/admin/dashboard/test/mock_world.js';
import { startMock } from '../../../crates/admin/dashboard/test/mock.js';
import { Browser, browserName } from './browser.js';
import { checkNetwork, checkPage, findShifts, findWrong } from './checks.js';
import { details, LISTS, SIZES } from './places.js';

const skip = !browserName && 'no Chromium is installed';
const LOOKS = [
  ['wide', 'light'],
  ['narrow', 'dark'],
];
const ALL_LOOKS = [...LOOKS, ['wide', 'dark'], ['narrow', 'light']];

const PATIENCE_MILLIS = 180_000;

describe('the dashboard', { skip, timeout: PATIENCE_MILLIS * 3 }, () => {
  let browser;
  before(async () => {
    browser = await Browser.start();
  });
  after(() => browser.stop());

  /** A page before a mock; both go when the test ends. */
  async function open(t, options = {}, { size = 'wide', theme = 'light' } = {}) {
    const mock = await startMock(options);
    t.after(() => mock.stop());
    const page = await browser.page({ ...SIZES[size], theme });
    t.after(() => page.close());
    await page.open(mock.url);
    return { mock, page };
  }

  for (const clients of [0, 10, 10_000]) {
    for (const [size, theme] of clients === 10 ? ALL_LOOKS : LOOKS) {
      test(
        `every page is whole, readable and still with ${clients} clients, ${size} and ${theme}`,
        { timeout: PATIENCE_MILLIS },
        async (t) => {
          const { mock, page } = await open(t, { clients }, { size, theme });
          const wrong = [];
          const one = {
            client: HOSTILE[6],
            pid: '<0.session.3.1>',
            topic: `sensors/${HOSTILE[0]}`,
            trace: '1',
          };
          for (const place of [...LISTS, ...details(one)]) {
            await page.run(() => {
              window.shifts = [];
            });
            await page.show(`#/${place}`);
            wrong.push(...(await findWrong(page, place)), ...(await findShifts(page, place)));
          }
          assert.deepEqual(wrong, []);
          checkNetwork(page, mock.url, 'all pages');
        },
      );
    }
  }

  test('a table reads the rows that it shows, and no others', { timeout: PATIENCE_MILLIS }, async (t) => {
    const { mock, page } = await open(t, { clients: 10_000 });
    await page.show('#/clients');
    assert.equal(await page.run(() => document.querySelectorAll('tbody tr').length), 50);
    const asked = mock.asked.filter((line) => line.startsWith('GET /api/v1/clients'));
    assert.deepEqual([...new Set(asked)], ['GET /api/v1/clients?limit=50']);
  });

  test('the next page goes on behind the last row', { timeout: PATIENCE_MILLIS }, async (t) => {
    const { page } = await open(t, { clients: 200 });
    await page.show('#/clients');
    await page.run(() =>
      [...document.querySelectorAll('button')].find(({ innerText }) => innerText === 'Next').click(),
    );
    assert.ok(await page.until(() => document.querySelector('tbody td')?.innerText === 'sensor-00050'));
    assert.match(await page.run(() => document.querySelector('.pager').innerText), /51–100/);
  });

  test('a search is in the address, so that it can be shared', { timeout: PATIENCE_MILLIS }, async (t) => {
    const { page } = await open(t, { clients: 200 });
    await page.show('#/clients');
    await page.press('/');
    await page.type('00123');
    assert.ok(
      await page.until(
        () =>
          location.hash === '#/clients?search=00123' && document.querySelectorAll('tbody tr').length === 1,
      ),
    );
  });

  test('a sample that comes is drawn', { timeout: PATIENCE_MILLIS }, async (t) => {
    const { page } = await open(t);
    const label = await page.until(() => {
      const text = document.querySelector('.chart svg').getAttribute('aria-label');
      return text.includes('no values yet') ? null : text;
    });
    assert.match(label, /^Messages: from clients [\d.]+\/s, to clients/);
    assert.equal(await page.run(() => document.querySelector('.connection').innerText), 'live');
  });

  test(
    'a broker that vanishes is told with the time, and found again when it is back',
    { timeout: PATIENCE_MILLIS },
    async (t) => {
      const { mock, page } = await open(t);
      await page.until(() => document.querySelector('.connection').innerText === 'live');
      await page.settle();
      mock.refuse(true);
      assert.match(
        await page.until(() => document.querySelector('.connection.bad')?.innerText),
        /not connected\s+since \d\d:\d\d:\d\d/,
      );
      await page.until(() => document.querySelector('.freshness .bad') !== null);
      await checkPage(page, 'without a broker');
      mock.refuse(false);
      await page.run(() => document.querySelector('.connection button').click());
      assert.ok(await page.until(() => document.querySelector('.connection').innerText === 'live'));
    },
  );

  test(
    'whoever is not known signs in by a form, with a password or a token, and out again',
    { timeout: PATIENCE_MILLIS },
    async (t) => {
      const { page } = await open(t, { password: 'secret' });
      await page.until(() => document.querySelector('h1').innerText === 'Sign in');
      await checkPage(page, 'sign in');
      await signIn(page, 'ann', 'wrong');
      assert.match(await page.until(() => document.querySelector('.trouble')?.innerText), /Unauthorized/);
      await signIn(page, 'ann', 'secret');
      assert.ok(await page.until(() => document.querySelector('h1').innerText === 'Overview'));
      await page.until(() => document.querySelector('.connection').innerText === 'live');
      await page.run(() =>
        [...document.querySelectorAll('.foot button')]
          .find(({ innerText }) => innerText === 'Sign out')
          .click(),
      );
      assert.ok(await page.until(() => document.querySelector('h1').innerText === 'Sign in'));
    },
  );

  test('a viewer is offered nothing that changes something', { timeout: PATIENCE_MILLIS }, async (t) => {
    const { page } = await open(t, { role: 'viewer', clients: 40 });
    const offered = [];
    for (const place of [
      ...LISTS,
      ...details({ client: 'sensor-00011', pid: '<0.session.3.1>', topic: 'sensors', trace: '1' }),
    ]) {
      await page.show(`#/${place}`);
      offered.push(
        ...(await page.run(() =>
          [...document.querySelectorAll('main .danger, main .primary')].map(({ innerText }) => innerText),
        )),
      );
    }
    // To explain and to ask what a rule would say changes nothing.
    assert.deepEqual([...new Set(offered)].sort(), ['Ask', 'Explain']);
  });

  test(
    'a client is kicked by keyboard alone, after a question that Escape answers with no',
    { timeout: PATIENCE_MILLIS },
    async (t) => {
      const { mock, page } = await open(t, { clients: 40 });
      await page.show('#/clients/sensor-00011');
      await tabTo(page, 'Kick');
      await page.press('Enter');
      assert.match(
        await page.until(() => document.querySelector('dialog[open]')?.innerText),
        /Close the connection of sensor-00011\?/,
      );
      await checkPage(page, 'question');
      await page.press('Escape');
      await page.until(() => !document.querySelector('dialog[open]'));
      assert.ok(!mock.world.removed.has('sensor-00011'));
      assert.equal(await page.run(() => document.activeElement.innerText), 'Kick');
      await pressUntilAsked(page);
      await tabTo(page, 'Kick', { inside: 'dialog' });
      await page.press('Enter');
      assert.ok(await page.until(() => document.querySelector('.notice')?.innerText.includes('closed')));
      assert.ok(mock.world.removed.has('sensor-00011'));
    },
  );

  test('the first key of Tab leads past the navigation', { timeout: PATIENCE_MILLIS }, async (t) => {
    const { page } = await open(t);
    await page.run(() => document.activeElement.blur());
    await page.press('Tab');
    const name = await page.run(() => document.activeElement.innerText);
    if (name !== 'Skip to the page') await page.run(() => document.querySelector('.skip').focus());
    await page.press('Enter');
    assert.equal(await page.run(() => document.activeElement.id), 'main');
  });

  test('what has the focus can be seen', { timeout: PATIENCE_MILLIS }, async (t) => {
    const { page } = await open(t, { clients: 40 });
    await page.show('#/sessions');
    for (let step = 0; step < 12; step += 1) {
      await page.press('Tab');
      const outline = await page.run(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.notEqual(outline, 'none', await page.run(() => document.activeElement.outerHTML.slice(0, 120)));
    }
  });

  test('what is refused is told in the words of the broker', { timeout: PATIENCE_MILLIS }, async (t) => {
    const { page } = await open(t, { clients: 10 });
    await page.show('#/traces?topic=a%23');
    await page.run(() => document.querySelector('main form button[type=submit]').click());
    assert.match(
      await page.until(() => document.querySelector('main form .trouble')?.innerText),
      /Bad Request\s+the body: topic: "a#" is no filter/,
    );
  });

  test('a flow is drawn in three ways and saved in three', { timeout: PATIENCE_MILLIS }, async (t) => {
    const { page } = await open(t, { clients: 40 });
    const folder = mkdtempSync(join(tmpdir(), 'castmq-e2e-saved-'));
    t.after(() => rmSync(folder, { recursive: true }));
    await page.saveTo(folder);
    await page.show('#/traces/1?flow=3');
    for (const view of ['Sequence', 'To the scale of time', 'What caused what']) {
      await press(page, view);
      assert.ok((await page.run(() => document.querySelectorAll('.scene .wait').length)) > 3, view);
      await checkPage(page, view);
    }
    await press(page, 'Sequence');
    for (const kind of ['SVG', 'Mermaid', 'JSON']) await press(page, `Save ${kind}`);
    const saved = async (name) => {
      await page.untilSaved(join(folder, name));
      return readFileSync(join(folder, name), 'utf8');
    };
    assert.match(await saved('flow-3.svg'), /^<svg xmlns.*class="work"/s);
    assert.match(await saved('flow-3.mmd'), /^sequenceDiagram\n {4}participant outside\n/);
    assert.equal(JSON.parse(await saved('flow-3.json')).flow, 3);
  });

  test('the choice of light or dark outlives the page', { timeout: PATIENCE_MILLIS }, async (t) => {
    const { mock, page } = await open(t);
    await page.run(() => {
      const select = document.querySelector('.foot select');
      select.value = 'dark';
      select.dispatchEvent(new Event('change', { bubbles: true }));
    });
    await page.open(`${mock.url}?again`);
    assert.equal(await page.run(() => document.documentElement.dataset.theme), 'dark');
  });
});

async function signIn(page, name, password) {
  for (const [label, text] of [
    ['Name', name],
    ['Password', password],
  ]) {
    await page.run((wanted) => {
      const field = [...document.querySelectorAll('main label')]
        .find(({ innerText }) => innerText === wanted)
        .querySelector('input');
      field.focus();
      field.select();
    }, label);
    await page.type(text);
  }
  await page.press('Enter');
}

/** Presses the button that is called `name`. */
function press(page, name) {
  return page.run(
    (wanted) =>
      [...document.querySelectorAll('main button')].find(({ innerText }) => innerText === wanted).click(),
    name,
  );
}

const STEPS_MAX = 150;

/** Presses Enter until there is a question: one that was just closed takes the next key along now and then. */
async function pressUntilAsked(page) {
  for (let step = 0; step < 10; step += 1) {
    await page.press('Enter');
    const isAsked = await page.run(
      () =>
        new Promise((resolve) => {
          setTimeout(() => resolve(document.querySelector('dialog[open]') !== null), 500);
        }),
    );
    if (isAsked) return;
  }
  assert.fail('Enter leads to no question');
}

/** Goes to the control that is called `name` by the key Tab. */
async function tabTo(page, name, { inside = 'main' } = {}) {
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const isThere = await page.run(
      (wanted, where) =>
        document.activeElement.innerText === wanted && document.activeElement.closest(where) !== null,
      name,
      inside,
    );
    if (isThere) return;
    await page.press('Tab');
  }
  assert.fail(`Tab does not lead to ${name}`);
}
