import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  bytes,
  count,
  cut,
  micros,
  perSecond,
  plural,
  seconds,
  share,
  short,
  visible,
  when,
} from '../src/lib/format.js';

// The unit belongs to its number: the space between them does not break.
const spaced = (text) => text.replaceAll('\u202f', ' ');

test('a large number is read in groups of three', () => {
  assert.equal(spaced(count(1234567)), '1 234 567');
  assert.equal(count(9999), '9999');
  assert.equal(spaced(count(-12345)), '−12 345');
});

test('what is not known is shown as that', () => {
  assert.deepEqual([count(null), micros(undefined), bytes(NaN), perSecond('x')], ['–', '–', '–', '–']);
});

test('a time has the unit that fits it', () => {
  const said = [0, 0.4, 12, 1500, 2_500_000].map((value) => spaced(micros(value)));
  assert.deepEqual(said, ['0 µs', '0.4 µs', '12 µs', '1.5 ms', '2.5 s']);
});

test('a long time is told in its two largest units', () => {
  const said = [0, 59, 121, 3_720, 90_000, 172_800].map((value) => spaced(seconds(value)));
  assert.deepEqual(said, ['0 s', '59 s', '2 min', '1 h 2 min', '1 d 1 h', '2 d']);
});

test('bytes are counted by 1024', () => {
  assert.deepEqual(
    [0, 1023, 1536, 41_943_040].map((value) => spaced(bytes(value))),
    ['0 B', '1023 B', '1.5 KiB', '40 MiB'],
  );
});

test('shares, rates and words have their unit', () => {
  assert.equal(spaced(share(0.0512)), '5.12 %');
  assert.equal(perSecond(12.34), '12.3/s');
  assert.equal(short(0.004), '0');
  assert.deepEqual(
    [plural(1, 'hop'), plural(2, 'hop'), plural(0, 'child', 'children')],
    ['1 hop', '2 hops', '0 children'],
  );
});

test('a time of another day is told with its date', () => {
  const now = new Date(2026, 10, 25, 12, 0, 0);
  assert.equal(when(new Date(2026, 10, 25, 9, 5, 7).toISOString(), now), '09:05:07');
  assert.equal(when(new Date(2026, 10, 24, 9, 5, 7, 42).toISOString(), now, true), '2026-11-24 09:05:07.042');
  assert.equal(when('nonsense', now), '–');
});

test('characters that would hide or reorder text are written out', () => {
  assert.equal(visible('a\u202eb\u0007\u200b'), 'a\\u202eb\\u0007\\u200b');
  assert.equal(visible('Gerät 温度'), 'Gerät 温度');
});

test('text that is cut says how long it was', () => {
  assert.equal(cut('x'.repeat(20), 5), 'xxxxx… (20 characters)');
});
