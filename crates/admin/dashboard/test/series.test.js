import assert from 'node:assert/strict';
import { test } from 'node:test';

import { path, scale, Series } from '../src/lib/series.js';

test('samples are let go when they are older than the span', () => {
  const series = new Series(1000);
  for (const at of [0, 500, 1200]) series.add(at, { a: at });
  assert.deepEqual(
    series.samples.map(({ at }) => at),
    [500, 1200],
  );
  assert.equal(series.last.at, 1200);
});

test('a scale ends at a round number that holds the most', () => {
  assert.deepEqual(scale(38, 4).marks, [0, 10, 20, 30, 40]);
  assert.deepEqual(scale(0.7, 4), {
    top: 0.8,
    marks: [0, 0.2, 0.4, 0.6000000000000001, 0.8].map((mark) => Number(mark.toPrecision(12))),
  });
});

test('a scale of bytes has round numbers of KiB', () => {
  assert.deepEqual(
    scale(30 * 1024, 3, 1024).marks.map((mark) => mark / 1024),
    [0, 10, 20, 30],
  );
});

test('a scale of nothing has nothing but its beginning', () => {
  assert.deepEqual(scale(0).marks, [0]);
});

test('a line is interrupted where nothing was measured', () => {
  const points = [
    { x: 0, y: 1, at: 0 },
    { x: 1, y: 1, at: 1000 },
    { x: 9, y: 1, at: 9000 },
  ];
  assert.equal(path(points, 5000), 'M0.0 1.0L1.0 1.0M9.0 1.0');
});
