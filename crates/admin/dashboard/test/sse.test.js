import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Events } from '../src/lib/sse.js';

const take = (...pieces) => {
  const events = new Events();
  return pieces.flatMap((piece) => events.take(piece));
};

test('an event is whole however the network cuts it', () => {
  assert.deepEqual(take('event: ra', 'tes\ndata: {"a"', ':1}\n', '\n'), [{ name: 'rates', data: '{"a":1}' }]);
});

test('lines of data are put together, whatever ends a line', () => {
  assert.deepEqual(take('data: a\r\ndata:b\r\n\r\n'), [{ name: 'message', data: 'a\nb' }]);
});

test('a comment that keeps the connection alive is no event', () => {
  assert.deepEqual(take(': still here\n\n', 'data: x\n\n'), [{ name: 'message', data: 'x' }]);
});
