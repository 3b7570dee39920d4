// Scenario 1: retained messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { message, plain, scenario } from './scenario.js';

scenario('retained', ({ connect, fresh }) => {
  const retain = { retain: true };

  test('a subscriber that comes later gets the retained message with the flag', async () => {
    const publisher = await connect('publisher');
    await publisher.publish(fresh('test'), 'hello world', 1, retain);

    const subscriber = await connect('subscriber', { clean: false });
    await subscriber.subscribe(fresh('test'), 1);

    assert.deepEqual(plain(await subscriber.next()), message('hello world', retain));
  });

  test('a message published to a subscriber that is there comes without the flag', async () => {
    const publisher = await connect('publisher');
    await publisher.publish(fresh('test'), 'hello world', 1, retain);
    const subscriber = await connect('subscriber', { clean: false });
    await subscriber.subscribe(fresh('test'), 1);
    await subscriber.next();

    await publisher.publish(fresh('test'), 'hello again', 1, retain);

    assert.deepEqual(plain(await subscriber.next()), message('hello again'));
  });

  test('subscribing again brings the newest version with the flag', async () => {
    const publisher = await connect('publisher');
    await publisher.publish(fresh('test'), 'hello world', 1, retain);
    const subscriber = await connect('subscriber', { clean: false });
    await subscriber.subscribe(fresh('test'), 1);
    await subscriber.next();
    await publisher.publish(fresh('test'), 'hello again', 1, retain);
    await subscriber.next();

    await subscriber.subscribe(fresh('test'), 1);

    assert.deepEqual(plain(await subscriber.next()), message('hello again', retain));
  });

  test('an empty retained payload deletes', async () => {
    const publisher = await connect('publisher');
    await publisher.publish(fresh('test'), 'hello world', 1, retain);

    await publisher.publish(fresh('test'), '', 1, retain);

    const subscriber = await connect('subscriber');
    await subscriber.subscribe(fresh('test'), 1);
    await publisher.publish(fresh('test'), 'live', 1);
    assert.deepEqual(plain(await subscriber.next()), message('live'));
  });

  test('an empty payload without the flag deletes nothing', async () => {
    const publisher = await connect('publisher');
    await publisher.publish(fresh('test'), 'hello world', 1, retain);

    await publisher.publish(fresh('test'), '', 1);

    const subscriber = await connect('subscriber');
    await subscriber.subscribe(fresh('test'), 1);
    assert.deepEqual(plain(await subscriber.next()), message('hello world', retain));
  });
});
