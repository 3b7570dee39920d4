// Pages by the part of the address behind `#`: `#/clients/ID?search=x`.

import { Store } from './store.js';

export const route = new Store(parse(location.hash));

addEventListener('hashchange', () => route.set(parse(location.hash)));

function parse(hash) {
  const [path, query = ''] = divide(hash.replace(/^#\/?/, ''));
  const parts = path
    .split('/')
    .filter((text) => text !== '')
    .map(decode);
  return {
    name: parts[0] ?? 'overview',
    parts: parts.slice(1),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

function divide(text) {
  const mark = text.indexOf('?');
  return mark < 0 ? [text] : [text.slice(0, mark), text.slice(mark + 1)];
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a page; what is empty in `query` is left out. */
export function to(name, parts = [], query = {}) {
  const path = [name, ...parts.map((text) => encodeURIComponent(text))].join('/');
  const kept = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  const tail = new URLSearchParams(kept).toString();
  return `#/${path}${tail ? `?${tail}` : ''}`;
}

/** Changes the query of the page that is shown, without a step in the history. */
export function refine(part) {
  const { name, parts, query } = route.value;
  history.replaceState(null, '', to(name, parts, { ...query, ...part }));
  route.set(parse(location.hash));
}
