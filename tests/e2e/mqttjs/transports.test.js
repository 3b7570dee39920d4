// Scenario 8: clients that reach the broker over TLS and over WebSocket.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { message, plain, scenario } from './scenario.js';

// Larger than a record of TLS and than a frame of a WebSocket with a short length.
const LARGE = 'x'.repeat(200_000);
const AWAY = process.env.CASTMQ_E2E_TARGET && 'the broker was started by somebody else';

scenario('transports', ({ connect, fresh, broker }) => {
  for (const name of ['mqtts', 'ws', 'wss']) {
    describe(name, { skip: AWAY }, () => {
      const over = (how) => ({ way: broker().ways[name], ...how });

      test('a message comes whole in each QoS', async () => {
        const client = await connect('client', over());
        await client.subscribe(fresh('test'), 2);

        await client.publish(fresh('test'), 'at most once', 0);
        await client.publish(fresh('test'), LARGE, 1);
        await client.publish(fresh('test'), '', 2);

        const taken = (await client.take(3)).map(plain);
        const expected = [
          message('at most once', { qos: 0 }),
          message(LARGE),
          message('', { qos: 2 }),
        ];
        assert.deepEqual(taken, expected);
      });

      test('clients of different transports reach each other', async () => {
        const here = await connect('here', over());
        const there = await connect('there');
        await here.subscribe(fresh('test'), 1);
        await there.subscribe(fresh('test'), 1);

        await there.publish(fresh('test'), 'to both', 1);

        assert.deepEqual(plain(await here.next()), message('to both'));
        assert.deepEqual(plain(await there.next()), message('to both'));
      });

      test('what waited comes when the client is back over another transport', async () => {
        const subscriber = await connect('subscriber', over({ clean: false }));
        await subscriber.subscribe(fresh('test'), 1);
        await subscriber.disconnect();
        const publisher = await connect('publisher', over());
        await publisher.publish(fresh('test'), 'meanwhile', 1);

        const back = await connect('subscriber', { clean: false });

        assert.equal(back.sessionPresent, true);
        assert.deepEqual(plain(await back.next()), message('meanwhile'));
      });

      test('the will of a client that was cut off is published', async () => {
        const watcher = await connect('watcher');
        await watcher.subscribe(fresh('will_test'), 1);
        const will = { topic: fresh('will_test'), payload: 'client is offline', qos: 1 };
        const client = await connect('mortal', over({ will }));

        client.kill();

        assert.deepEqual(plain(await watcher.next()), message('client is offline'));
      });

      test('a client that says good-bye leaves no will', async () => {
        const watcher = await connect('watcher');
        await watcher.subscribe(fresh('will_test'), 1);
        const will = { topic: fresh('will_test'), payload: 'client is offline', qos: 1 };
        const client = await connect('mortal', over({ will }));

        await client.disconnect();

        await watcher.publish(fresh('will_test'), 'no will came before me', 1);
        assert.deepEqual(plain(await watcher.next()), message('no will came before me'));
      });
    });
  }

  test('a client comes in by its certificate', { skip: AWAY }, async () => {
    const way = { ...broker().ways.certified, ...broker().certificate() };
    const client = await connect('client', { way });
    await client.subscribe(fresh('test'), 1);

    await client.publish(fresh('test'), 'hello world', 1);

    assert.deepEqual(plain(await client.next()), message('hello world'));
  });

  test('a client without one does not', { skip: AWAY }, async () => {
    await assert.rejects(connect('client', { way: broker().ways.certified }));
  });

  test('a client that does not trust the broker does not come', { skip: AWAY }, async () => {
    const { url } = broker().ways.mqtts;

    await assert.rejects(connect('client', { way: { url } }), { code: /CERT|SELF_SIGNED|UNABLE/ });
  });
});
