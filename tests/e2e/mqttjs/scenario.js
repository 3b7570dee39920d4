// What every scenario starts with: a broker, a version of the protocol, clients, fresh names.

import { after, afterEach, before, beforeEach, describe } from 'node:test';

import { startBroker } from './broker.js';
import { connect } from './client.js';

const VERSIONS = [
  [4, '3.1.1'],
  [5, '5.0'],
];
let names = 0;

/**
 * Declares a scenario once for each version. `tests` gets a context of which `connect(id, how)`
 * connects a client, ended after the test, `fresh(name)` makes a name no other test uses, and `broker()`
 * is the broker.
 */
export function scenario(title, tests) {
  for (const [version, name] of VERSIONS) {
    describe(`${title} over ${name}`, () => {
      let broker;
      let clients = [];
      let mark;
      before(async () => {
        broker = await startBroker();
      });
      beforeEach(() => {
        names += 1;
        mark = `${process.pid}-${names}`;
      });
      afterEach(() => {
        clients.forEach((client) => client.kill());
        clients = [];
      });
      after(() => broker.stop());
      tests({
        version,
        broker: () => broker,
        fresh: (base) => `${base}-${mark}`,
        connect: async (id, how) => {
          const client = await connect(broker.address, version, `${id}-${mark}`, how);
          clients.push(client);
          return client;
        },
      });
    });
  }
}

/** The message without the packet id that the broker chose for it. */
export function plain({ payload, retain, qos, dup }) {
  return { payload, retain, qos, dup };
}

/** A message as its reader sees it. */
export function message(payload, { retain = false, qos = 1, dup = false } = {}) {
  return { payload, retain, qos, dup };
}
