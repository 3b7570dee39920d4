// Scenario 6: a client that falls silent.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { message, plain, scenario } from './scenario.js';

// Timers that never fire: MQTT.js then writes no PINGREQ.
const silence = { set: () => 0, clear: () => {} };

scenario('keep-alive', ({ connect, fresh }) => {
  test('a silent client is dropped after 3 s with K = 2, not before and not after 3.3 s', async () => {
    const monitor = await connect('monitor');
    await monitor.subscribe(fresh('silent'), 1);
    const will = { topic: fresh('silent'), payload: 'gone', qos: 1, retain: false };
    const before = performance.now();
    await connect('silent', { will, keepalive: 2, timerVariant: silence });
    const connected = performance.now();

    assert.deepEqual(plain(await monitor.next()), message('gone'));

    const now = performance.now();
    assert.ok(now - before >= 3000, `dropped after ${now - before} ms`);
    assert.ok(now - connected <= 3300, `dropped after ${now - connected} ms`);
  });
});
