// Scenario 4: a session resumed step by step.
//
// The client keeps its acknowledgements back, its connection breaks, it comes back: first what it
// had not acknowledged, in order and marked as repeated, then what had to wait.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { message, plain, scenario } from './scenario.js';

// What the broker has in flight to one client: its own limit in 3.1.1, the client's in 5.0.
const BROKER_WINDOW = 100;
const CLIENT_WINDOW = 3;

scenario('resume', ({ connect, fresh, version }) => {
  const come = async (how = {}, qos = 1) => {
    const subscriber = await connect('resumer', { clean: false, ...how });
    if (!subscriber.sessionPresent) {
      await subscriber.subscribe(fresh('resume'), qos);
    }
    return subscriber;
  };

  const publish = async (payloads, qos = 1) => {
    const publisher = await connect('publisher');
    await Promise.all(payloads.map((payload) => publisher.publish(fresh('resume'), payload, qos)));
    await publisher.disconnect();
  };

  const withholds = ['puback'];

  test('unacknowledged messages come again before those that waited', async () => {
    const first = await come({ withholds });
    await publish(['first', 'second', 'third']);
    const [one, two, three] = await first.take(3);
    await first.acknowledge('puback', two.id);
    await first.subscribe('barrier');
    first.kill();
    await publish(['waited']);

    const subscriber = await come({ withholds });

    assert.deepEqual(await subscriber.take(2), [
      { ...message('first', { dup: true }), id: one.id },
      { ...message('third', { dup: true }), id: three.id },
    ]);
    assert.deepEqual(plain(await subscriber.next()), message('waited'));
  });

  test('a session that acknowledged everything gets nothing again', async () => {
    const first = await come({ withholds });
    await publish(['first', 'second']);
    await first.take(2);
    first.kill();
    const second = await come();
    await second.take(2);
    await second.subscribe('barrier');
    second.kill();

    const subscriber = await come();

    await publish(['live']);
    assert.deepEqual(plain(await subscriber.next()), message('live'));
  });

  test('the session fills the window and no more until there is room', async () => {
    const window = version === 5 ? CLIENT_WINDOW : BROKER_WINDOW;
    const payloads = Array.from({ length: window + 2 }, (_, number) => `message ${number}`);
    const first = await come();
    await first.disconnect();
    await publish(payloads);

    const subscriber = await come({ withholds, receiveMaximum: CLIENT_WINDOW });

    const arrived = await subscriber.take(window);
    await subscriber.subscribe('barrier');
    assert.deepEqual(
      arrived.map(({ payload }) => payload),
      payloads.slice(0, window),
    );
    assert.deepEqual(subscriber.arrived(), []);
    await subscriber.acknowledge('puback', arrived[0].id);
    assert.equal((await subscriber.next()).payload, payloads[window]);
    await subscriber.subscribe('barrier');
    assert.deepEqual(subscriber.arrived(), []);
  });

  test('a QoS 2 message without PUBREC is published again', async () => {
    const first = await come({ withholds: ['pubrec'] }, 2);
    await publish(['exactly once'], 2);
    const { messageId } = await first.nextPacket('publish');
    first.kill();

    const subscriber = await come();

    const expected = { ...message('exactly once', { qos: 2, dup: true }), id: messageId };
    assert.deepEqual(await subscriber.next(), expected);
  });

  test('a QoS 2 message with PUBREC is released again and not published again', async () => {
    const first = await come({ withholds: ['pubcomp'] }, 2);
    await publish(['exactly once'], 2);
    const { id } = await first.next();
    await first.nextPacket('pubrel');
    first.kill();

    const subscriber = await come();

    assert.equal((await subscriber.nextPacket('pubrel')).messageId, id);
    await publish(['live'], 2);
    assert.deepEqual(plain(await subscriber.next()), message('live', { qos: 2 }));
  });
});
