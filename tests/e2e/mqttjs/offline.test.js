// Scenario 3: what is published while a subscriber is away.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scenario } from './scenario.js';

scenario('offline', ({ connect, fresh }) => {
  async function publishEachQos(word) {
    const publisher = await connect('publisher');
    await publisher.publish(fresh('r'), `${word} 0`, 0);
    await publisher.publish(fresh('r'), `${word} 1`, 1);
    await publisher.publish(fresh('r'), `${word} 2`, 2);
    await publisher.disconnect();
  }

  const come = (clean) => connect('r_subscriber', { clean });

  test('a kept session gets in order what came while it was away', async () => {
    const first = await come(false);
    await first.subscribe(fresh('r'), 2);
    await first.disconnect();
    await publishEachQos('first');
    await publishEachQos('second');

    const subscriber = await come(false);

    assert.equal(subscriber.sessionPresent, true);
    await publishEachQos('live');
    // MQTT.js hands a QoS 2 message on at its release: only the packets show their order.
    const packets = await subscriber.takePackets('publish', 7);
    const order = packets.map(({ qos, payload }) => [qos, payload.toString()]);
    // QoS 0 is not kept for the absent: that is the default of the broker's settings.
    assert.deepEqual(order, [
      [1, 'first 1'],
      [2, 'first 2'],
      [1, 'second 1'],
      [2, 'second 2'],
      [0, 'live 0'],
      [1, 'live 1'],
      [2, 'live 2'],
    ]);
  });

  test('a kept session outlives a connection that breaks', async () => {
    const first = await come(false);
    await first.subscribe(fresh('r'), 1);
    first.kill();

    const subscriber = await come(false);

    assert.equal(subscriber.sessionPresent, true);
    await publishEachQos('live');
    assert.equal((await subscriber.next()).payload, 'live 0');
  });

  test('a clean session gets nothing of what came while it was away', async () => {
    const first = await come(true);
    await first.subscribe(fresh('r'), 2);
    await first.disconnect();
    await publishEachQos('lost');

    const subscriber = await come(true);

    assert.equal(subscriber.sessionPresent, false);
    await subscriber.subscribe(fresh('r'), 2);
    await publishEachQos('live');
    assert.equal((await subscriber.next()).payload, 'live 0');
  });

  test('unsubscribing ends what a kept session collects', async () => {
    const first = await come(false);
    await first.subscribe(fresh('r'), 2);
    await first.unsubscribe(fresh('r'));
    await first.disconnect();
    await publishEachQos('lost');

    const subscriber = await come(false);

    assert.equal(subscriber.sessionPresent, true);
    await subscriber.subscribe(fresh('r'), 2);
    await publishEachQos('live');
    assert.equal((await subscriber.next()).payload, 'live 0');
  });

  test('a clean connect discards the session that was kept', async () => {
    const first = await come(false);
    await first.subscribe(fresh('r'), 2);
    await first.disconnect();
    await publishEachQos('lost');
    const clean = await come(true);
    await clean.disconnect();

    const subscriber = await come(false);

    assert.equal(subscriber.sessionPresent, false);
    await subscriber.subscribe(fresh('r'), 2);
    await publishEachQos('live');
    assert.equal((await subscriber.next()).payload, 'live 0');
  });
});
