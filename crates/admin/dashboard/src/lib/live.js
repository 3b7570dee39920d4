// What the broker tells by itself: one connection for all parts of the page, opened again when it breaks.

import { open } from './api.js';
import { Events } from './sse.js';
import { Store } from './store.js';

const FIRST_PAUSE_MILLIS = 1000;
const LONGEST_PAUSE_MILLIS = 15_000;
// The broker sends something at least every second; after this long the connection is taken for dead.
const SILENCE_MILLIS = 20_000;

/** `state`: starting, connected or lost; `since`: of that state; `again`: when the next attempt is due. */
export const connection = new Store({ state: 'starting', since: Date.now(), again: null, lost: 0 });

const watchers = new Map();
let running = null;

/** Calls `watcher` with each event called `name` until the returned function is called. */
export function listen(name, watcher) {
  const before = watchers.size;
  if (!watchers.has(name)) watchers.set(name, new Set());
  watchers.get(name).add(watcher);
  if (watchers.size !== before) restart();
  return () => {
    watchers.get(name)?.delete(watcher);
    if (watchers.get(name)?.size === 0) watchers.delete(name);
  };
}

/** Opens the connection now, without waiting for the next attempt. */
export function restart() {
  running?.abort();
  running = new AbortController();
  run(running.signal);
}

async function run(signal) {
  let pause = FIRST_PAUSE_MILLIS;
  while (!signal.aborted) {
    const problem = await stream('live', { of: [...watchers.keys()].join(',') }, signal, (event) => {
      pause = FIRST_PAUSE_MILLIS;
      heard(event);
    });
    if (signal.aborted) return;
    lost(pause);
    // Without credentials nothing comes back by trying: signing in starts it again.
    if (problem?.status === 401) return;
    await delay(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MILLIS);
  }
}

function heard({ name, data }) {
  const now = connection.value;
  if (now.state !== 'connected') {
    connection.set({ ...now, state: 'connected', since: Date.now(), again: null });
  }
  if (name === 'lost') connection.change({ lost: connection.value.lost + 1 });
  for (const watcher of watchers.get(name) ?? []) watcher(data);
}

function lost(pause) {
  const now = connection.value;
  const since = now.state === 'lost' ? now.since : Date.now();
  connection.set({ ...now, state: 'lost', since, again: Date.now() + pause });
}

/** Reads one stream to its end; answers with the problem that ended it, if one did. */
export async function stream(path, query, outer, take) {
  const own = new AbortController();
  const stop = () => own.abort();
  outer.addEventListener('abort', stop);
  let watchdog = setTimeout(stop, SILENCE_MILLIS);
  try {
    const response = await open(path, { query, signal: own.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const events = new Events();
    take({ name: 'open', data: null });
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return null;
      clearTimeout(watchdog);
      watchdog = setTimeout(stop, SILENCE_MILLIS);
      for (const { name, data } of events.take(value)) take({ name, data: JSON.parse(data) });
    }
  } catch (problem) {
    return problem;
  } finally {
    clearTimeout(watchdog);
    outer.removeEventListener('abort', stop);
  }
}

/** Waits, but no longer than until the signal is given. */
export function delay(millis, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, millis);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
