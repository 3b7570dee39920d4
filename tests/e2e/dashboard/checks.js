// What must hold for every page, whatever it shows. Functions of the first kind run inside of the page.

import assert from 'node:assert/strict';

/** What sticks out to the right without a frame that scrolls. */
function sticksOut() {
  const root = document.documentElement;
  const wide = [...document.querySelectorAll('body *')].filter((element) => {
    const frame = element.closest('.drawing, .scrolls, .frame, .rows, .facts dd, .brand .node');
    return element.getBoundingClientRect().right > root.clientWidth + 1 && (!frame || frame === element);
  });
  const outer =
    root.scrollWidth > root.clientWidth ? [`the page: ${root.scrollWidth} > ${root.clientWidth}`] : [];
  return [...outer, ...wide.slice(0, 3).map((element) => element.outerHTML.slice(0, 160))];
}

/** Cells whose content lies on their neighbours. */
function spills() {
  const cells = [...document.querySelectorAll('main td, main th, main dd, main button, main .mark')];
  const isCut = (element) => getComputedStyle(element).overflowX === 'hidden';
  return cells
    .filter((cell) => cell.checkVisibility() && !isCut(cell) && cell.scrollWidth > cell.clientWidth + 1)
    .map((cell) => cell.outerHTML.slice(0, 160));
}

/** Containers without words. */
function saysNothing() {
  const containers =
    'main section, main tbody, main ul, main ol, main dl, main dd, main figure, main .drawing, main .frame, main td, main p';
  const isShown = (element) => element.checkVisibility();
  const isEmpty = (element) =>
    element.innerText.trim() === '' && !element.querySelector('svg text, input, button, select');
  return [...document.querySelectorAll(containers)]
    .filter((element) => isShown(element) && isEmpty(element))
    .map((element) => element.outerHTML.slice(0, 160));
}

/** Text with less contrast than 4.5 to 1 against what it stands on (WCAG 2.2, 1.4.3). */
function isPale() {
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const over = (top, below) => top.rgb.map((part, index) => part * top.a + below[index] * (1 - top.a));
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const own = parse(getComputedStyle(element).backgroundColor);
    return own.a === 1 ? own.rgb : over(own, ground(element.parentElement));
  };
  const light = (rgb) => {
    const [r, g, b] = rgb
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const pale = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const isDisabled = element.closest('button:disabled, .skip, .stale, script, style, title');
    if (walker.currentNode.data.trim() === '' || isDisabled || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const below = ground(element);
    const own = parse(element.namespaceURI.endsWith('svg') ? style.fill : style.color);
    const ratio = contrast(over(own, below), below);
    if (ratio < 4.5) pale.add(`${ratio.toFixed(2)}: ${element.outerHTML.slice(0, 120)}`);
  }
  return [...pale].slice(0, 5);
}

/** Controls without a name for those who cannot see them. */
function hasNoName() {
  const controls = [...document.querySelectorAll('a[href], button, input, select, textarea, [tabindex="0"]')];
  const nameOf = (element) =>
    element.getAttribute('aria-label') ||
    element.innerText?.trim() ||
    [...(element.labels ?? [])].map((label) => label.innerText).join('');
  return controls
    .filter((element) => element.checkVisibility() && !nameOf(element))
    .map((element) => element.outerHTML.slice(0, 160));
}

/** What is wrong with the page as it stands, each with `place`. */
export async function findWrong(page, place) {
  const found = {
    'sticks out': await page.run(sticksOut),
    'spills over': await page.run(spills),
    'is empty without words': await page.run(saysNothing),
    'is pale': await page.run(isPale),
    'has no name': await page.run(hasNoName),
    'ran as a script': await page.run(() => (window.pwned === undefined ? [] : ['window.pwned'])),
    'has no title': await page.run(() =>
      /.+ – CastMQ$/.test(document.title) && document.documentElement.lang === 'en' ? [] : [document.title],
    ),
  };
  return Object.entries(found).flatMap(([what, list]) => list.map((which) => `${place} ${what}: ${which}`));
}

/** Checks the page as it stands. */
export async function checkPage(page, place) {
  assert.deepEqual(await findWrong(page, place), []);
}

// A caption that grows by a digit is no jump; a table that moves down a line is one.
const SHIFT_MAX = 0.005;

/** What has moved by itself since the last time it was asked. */
export async function findShifts(page, place) {
  const shifts = await page.run(() => window.shifts.splice(0));
  const sum = shifts.reduce((whole, { value }) => whole + value, 0);
  return sum < SHIFT_MAX ? [] : [`${place} moved by itself: ${JSON.stringify(shifts)}`];
}

/** Errors that nobody has foreseen, and requests to elsewhere. */
export function checkNetwork(page, origin, place) {
  // The browser notes answers of 400 and above itself; the pages show them in words.
  const errors = page.errors.filter(
    (text) => !/the server responded with a status of (404|409|401|400)/.test(text),
  );
  assert.deepEqual(errors, [], place);
  const elsewhere = page.requests.filter((url) => !url.startsWith(origin) && !url.startsWith('blob:'));
  assert.deepEqual(elsewhere, [], place);
}
