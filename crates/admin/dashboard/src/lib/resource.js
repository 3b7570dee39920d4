// Answers of the API as components see them: kept while they are asked for again, so that nothing jumps.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { ask } from './api.js';
import { listen } from './live.js';
import { Store, useStore } from './store.js';

// A page that nobody sees looks after so long whether somebody does.
const HIDDEN_MILLIS = 1000;
// Many things that happen at once are read at once.
const GATHER_MILLIS = 400;

/** True while the reader has stopped the pages that refresh by themselves. */
export const paused = new Store(false);

/**
 * What `path` answers to `query`. `every`: asked again after so many milliseconds. A path of null asks
 * nothing.
 */
export function useResource(path, { query, every, isSearch = false } = {}) {
  const [answer, setAnswer] = useState({ data: null, error: null, at: null, key: null });
  const [asked, setAsked] = useState(0);
  const isPaused = useStore(paused);
  const key = path === null ? null : path + JSON.stringify(query ?? {});
  useEffect(() => {
    if (path === null) return undefined;
    const control = new AbortController();
    let timer;
    const once = async () => {
      if (document.hidden) {
        timer = setTimeout(once, every ?? HIDDEN_MILLIS);
        return;
      }
      const next = await read(path, query, control.signal, isSearch);
      if (control.signal.aborted) return;
      setAnswer((before) => merge(before, next, key));
      if (every && !isPaused) timer = setTimeout(once, every);
    };
    once();
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [key, every, isPaused, asked]);
  const reload = useCallback(() => setAsked((before) => before + 1), []);
  const isCurrent = answer.key === key;
  return { ...answer, isLoading: path !== null && !isCurrent, reload, every };
}

// A search through many rows answers with empty pages on its way; they are gone through, up to a bound.
const EMPTY_PAGES = 16;

async function read(path, query, signal, isSearch) {
  try {
    let data = await ask(path, { query, signal });
    for (let page = 0; isSearch && page < EMPTY_PAGES && data.items.length === 0 && data.next; page += 1) {
      data = await ask(path, { query: { ...query, cursor: data.next }, signal });
    }
    return { data, error: null, at: Date.now() };
  } catch (error) {
    return { error };
  }
}

// An error leaves the last answer to the same question standing, beside what went wrong.
function merge(before, next, key) {
  if (!next.error) return { ...next, key };
  const kept = before.key === key ? before : { data: null, at: null };
  return { ...kept, error: next.error, key, askedAt: Date.now() };
}

/** Pages of a list, one at a time; `by` is what the interface calls the place behind which a page begins. */
export function usePages(path, { query = {}, every, limit = 50, by = 'cursor' } = {}) {
  const key = path + JSON.stringify(query);
  const [place, setPlace] = useState({ key, cursors: [null] });
  const cursors = place.key === key ? place.cursors : [null];
  const cursor = cursors[cursors.length - 1];
  const resource = useResource(path, {
    query: { ...query, limit, [by]: cursor },
    every,
    isSearch: by === 'cursor',
  });
  const shown = useRef({ items: null, key: null });
  // While the next page is on its way the one before it stays, greyed, where it is.
  if (resource.data) shown.current = { items: resource.data.items, data: resource.data };
  const next = resource.data?.next ?? null;
  return {
    ...resource,
    items: resource.error && !resource.data ? null : shown.current.items,
    data: shown.current.data ?? null,
    number: cursors.length,
    start: (cursors.length - 1) * limit,
    toNext: next === null ? null : () => setPlace({ key, cursors: [...cursors, next] }),
    toPrevious: cursors.length === 1 ? null : () => setPlace({ key, cursors: cursors.slice(0, -1) }),
  };
}

/** Has an answer be asked for again whenever the broker tells something of that name. */
export function useNews(name, reload) {
  useEffect(() => {
    let timer = null;
    const forget = listen(name, () => {
      if (paused.value) return;
      timer ??= setTimeout(() => {
        timer = null;
        reload();
      }, GATHER_MILLIS);
    });
    return () => {
      forget();
      clearTimeout(timer);
    };
  }, [name, reload]);
}
