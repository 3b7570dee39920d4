// An MQTT.js client whose steps a test can take one by one.
//
// Waiting is always for something that has to come. That something does *not* come is shown by a
// later thing that came in its place, never by waiting a while.

import { setTimeout as after } from 'node:timers/promises';
import mqtt from 'mqtt';

const PATIENCE_MILLIS = 10_000;
const SESSION_EXPIRY_SECONDS = 3600;

/** Things that arrive, for whoever takes them first. */
class Inbox {
  #arrived = [];
  #waiting = [];

  put(thing) {
    const taker = this.#waiting.shift();
    if (taker) {
      taker(thing);
    } else {
      this.#arrived.push(thing);
    }
  }

  /** The next thing, which has to come. */
  async next() {
    if (this.#arrived.length > 0) {
      return this.#arrived.shift();
    }
    const late = new AbortController();
    const thing = new Promise((resolve) => this.#waiting.push(resolve));
    const patience = after(PATIENCE_MILLIS, null, { signal: late.signal }).then(
      () => {
        throw new Error('nothing came');
      },
      () => {},
    );
    try {
      return await Promise.race([thing, patience]);
    } finally {
      late.abort();
    }
  }

  /** All things that are here already. */
  arrived() {
    return this.#arrived.splice(0);
  }
}

async function many(count, next) {
  const taken = [];
  while (taken.length < count) {
    taken.push(await next());
  }
  return taken;
}

/** One connection of one client. */
export class Client {
  #mqtt;
  #withholds;
  #messages = new Inbox();
  #packets = new Inbox();
  sessionPresent = false;

  constructor(client, withholds) {
    this.#mqtt = client;
    this.#withholds = withholds;
    client.on('error', () => {});
    client.on('message', (_topic, payload, { retain, qos, dup, messageId }) => {
      this.#messages.put({ payload: payload.toString(), retain, qos, dup, id: messageId });
    });
    client.on('packetreceive', (packet) => this.#packets.put(packet));
    const send = client._sendPacket.bind(client);
    client._sendPacket = (packet, done, ...rest) => {
      if (this.#withholds.includes(packet.cmd)) {
        done?.();
      } else {
        send(packet, done, ...rest);
      }
    };
  }

  /** Subscribes and returns what the broker grants. */
  async subscribe(filter, qos = 2) {
    const granted = await this.#mqtt.subscribeAsync(filter, { qos });
    return granted.map((grant) => grant.qos);
  }

  async unsubscribe(filter) {
    await this.#mqtt.unsubscribeAsync(filter);
  }

  /** Publishes and waits until the exchange is complete. */
  async publish(topic, payload, qos = 0, { retain = false } = {}) {
    await this.#mqtt.publishAsync(topic, payload, { qos, retain });
  }

  /** Sends what `withholds` keeps back. */
  async acknowledge(cmd, id) {
    const withholds = this.#withholds;
    this.#withholds = [];
    await new Promise((resolve) => this.#mqtt._sendPacket({ cmd, messageId: id }, resolve));
    this.#withholds = withholds;
  }

  /** The next message, which has to come. */
  async next() {
    return this.#messages.next();
  }

  /** That many messages, which have to come. */
  async take(count) {
    return many(count, () => this.next());
  }

  /** That many packets of that kind, which have to come. */
  async takePackets(cmd, count) {
    return many(count, () => this.nextPacket(cmd));
  }

  /** The next packet of that kind, which has to come. */
  async nextPacket(cmd) {
    let packet = await this.#packets.next();
    while (packet.cmd !== cmd) {
      packet = await this.#packets.next();
    }
    return packet;
  }

  /** All messages that are here already. */
  arrived() {
    return this.#messages.arrived();
  }

  /** Says good-bye and waits for the end. */
  async disconnect() {
    await this.#mqtt.endAsync();
  }

  /** Ends the connection without DISCONNECT, as the end of a process does. */
  kill() {
    this.#mqtt.stream.destroy();
    this.#mqtt.end(true);
  }
}

/**
 * Connects over the given version, 4 or 5; in 5.0 a session that is not clean outlives the
 * connection as in 3.1.1. Without a `way` it goes to the address.
 */
export async function connect(address, version, clientId, how = {}) {
  const { clean = true, withholds = [], will, receiveMaximum, way, ...rest } = how;
  const { url, ...trust } = way ?? { url: `mqtt://${address}` };
  const properties = { sessionExpiryInterval: clean ? 0 : SESSION_EXPIRY_SECONDS };
  if (receiveMaximum) {
    properties.receiveMaximum = receiveMaximum;
  }
  const client = mqtt.connect(url, {
    clientId,
    clean,
    will,
    protocolVersion: version,
    reconnectPeriod: 0,
    ...(version === 5 ? { properties } : {}),
    ...trust,
    ...rest,
  });
  const connection = new Client(client, withholds);
  await new Promise((resolve, reject) => {
    client.once('connect', (packet) => {
      connection.sessionPresent = packet.sessionPresent;
      resolve();
    });
    client.once('error', reject);
    client.once('close', () => reject(new Error('closed before CONNACK')));
  });
  return connection;
}
