// Scenario 2: the will.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { message, plain, scenario } from './scenario.js';

scenario('will', ({ connect, fresh }) => {
  async function monitor(name) {
    const client = await connect(name);
    await client.subscribe(fresh('will_test'), 1);
    return client;
  }

  async function mortal() {
    const topic = fresh('will_test');
    const client = await connect('mortal', {
      will: { topic, payload: 'client is offline', qos: 1, retain: true },
    });
    await client.publish(topic, 'client is online', 1, { retain: true });
    return client;
  }

  test('a monitor that comes later sees the client online', async () => {
    await mortal();

    const watcher = await monitor('monitor');

    const online = message('client is online', { retain: true });
    assert.deepEqual(plain(await watcher.next()), online);
  });

  test('a monitor that is there sees the killed client offline', async () => {
    const client = await mortal();
    const watcher = await monitor('monitor');
    await watcher.next();

    client.kill();

    assert.deepEqual(plain(await watcher.next()), message('client is offline'));
  });

  test('a monitor that restarts sees the killed client still offline', async () => {
    const client = await mortal();
    const watcher = await monitor('monitor');
    await watcher.next();
    client.kill();
    await watcher.next();
    watcher.kill();

    const again = await monitor('monitor');

    const offline = message('client is offline', { retain: true });
    assert.deepEqual(plain(await again.next()), offline);
  });

  test('a client that says good-bye leaves no will', async () => {
    const client = await mortal();
    const watcher = await monitor('monitor');
    await watcher.next();

    await client.disconnect();

    const successor = await connect('mortal');
    await successor.publish(fresh('will_test'), 'no will came before me', 1);
    assert.deepEqual(plain(await watcher.next()), message('no will came before me'));
  });
});
