// The rates of the last minutes, from the start of the page on, whichever page is shown.

import { listen } from './live.js';
import { Series } from './series.js';
import { Store } from './store.js';

const SPAN_MILLIS = 5 * 60_000;

export const vitals = new Series(SPAN_MILLIS);

/** Changes with each sample: the time of the last one. */
export const beat = new Store(0);

export function collect() {
  listen('rates', (rates) => {
    const at = Date.now();
    vitals.add(at, values(rates));
    beat.set(at);
  });
}

function values({ per_second: rate = {}, turn, wait, commit }) {
  const dropped = Object.entries(rate).filter(([name]) => name.startsWith('messages/dropped'));
  return {
    received: rate['messages/received'],
    sent: rate['messages/sent'],
    bytes_received: rate['bytes/received'],
    bytes_sent: rate['bytes/sent'],
    dropped: dropped.reduce((sum, [, value]) => sum + value, 0),
    ...times('turn', turn),
    ...times('wait', wait),
    ...times('commit', commit),
  };
}

function times(name, of) {
  if (!of) return {};
  return { [`${name}_p50`]: of.p50_micros, [`${name}_p99`]: of.p99_micros, [`${name}_max`]: of.max_micros };
}
