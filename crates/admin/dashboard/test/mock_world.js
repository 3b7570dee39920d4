// What the mock broker knows: made up, but the same at each start.

import { flow, fanout } from './mock_flows.js';
import { ago, HOSTILE, Inside } from './mock_inside.js';

export { HOSTILE };

const HOUR = 3_600_000;

export class World extends Inside {
  constructor({ clients, role, faults }) {
    super();
    Object.assign(this, {
      clients,
      role,
      faults,
      tick: 0,
      users: ['ann'],
      removed: new Set(),
      traces: new Map(),
    });
    if (clients > 0)
      this.#trace({ topic: 'sensors/#' }, [flow(1), flow(2), fanout(3, clients), flow(4, HOSTILE[0])]);
  }

  answer(method, parts, query, body) {
    const [name, ...rest] = parts;
    if (method !== 'GET') return this.#change(method, name, rest, body);
    const answers = this[`get_${name}`];
    if (!answers) return missing(`there is nothing at ${parts.join('/')}`);
    const found = answers.call(this, rest, query);
    if (found === undefined) return missing(`nothing is called ${rest.join('/')}; it may have gone`);
    return found.problem ? found : { body: found };
  }

  #change(method, name, rest, body) {
    if (this.role !== 'admin') return { problem: [403, 'Forbidden', 'a viewer changes nothing'] };
    if (name === 'clients' || name === 'sessions') this.removed.add(rest[0]);
    if (name === 'users' && method === 'PUT') this.users.push(rest[0]);
    if (name === 'users' && method === 'DELETE') this.users = this.users.filter((user) => user !== rest[0]);
    if (name === 'traces' && method === 'POST') {
      if (body.topic === 'a#')
        return {
          problem: [
            400,
            'Bad Request',
            'the body: topic: "a#" is no filter: # stands alone in its level; write a/#',
          ],
        };
      return { status: 201, body: this.#trace(body, []) };
    }
    if (name === 'traces' && method === 'DELETE') this.traces.delete(rest[0]);
    return { status: 204 };
  }

  #trace(wants, flows) {
    const id = String(this.traces.size + 1);
    const one = {
      id,
      state: flows.length ? 'done' : 'running',
      ended_because: flows.length ? 'flows' : null,
      wants: { client: null, topic: null, address: null, one_in: 1, ...wants },
      budget: { flows: 100, events: 10_000, bytes: 1_000_000, seconds: 60 },
      spent: {
        flows: flows.length,
        events: flows.reduce((sum, { hops }) => sum + hops.length, 0),
        bytes: 48_120,
        seconds: 12.5,
      },
      cost: { micros: 812.4, share: 0.0012 },
      started_at: ago(60_000),
    };
    this.traces.set(id, { one, flows });
    return one;
  }

  idOf(index) {
    return index < HOSTILE.length ? HOSTILE[index] : `sensor-${String(index).padStart(5, '0')}`;
  }

  // A page of `length` rows that `make` makes by number.
  page(length, query, make, wants = () => true) {
    const limit = Number(query.limit ?? 50);
    const cursor = query.cursor ?? query.before ?? query.after;
    const items = [];
    let at = Number(cursor ?? 0);
    for (; at < length && items.length < limit; at += 1) {
      const row = make(at);
      if (wants(row)) items.push(row);
    }
    return { items, next: at < length ? String(at) : null };
  }

  get_me() {
    return { who: this.role === 'admin' ? 'local' : 'vera', role: this.role };
  }

  get_node() {
    return {
      name: 'castmq',
      version: '0.3.0',
      started_at: ago(9 * HOUR),
      uptime_seconds: 9 * 3600 + this.tick,
      arbiters: 2,
      status: 'running',
      trouble: null,
      clients: this.clients,
      sessions: this.clients * 2,
      memory_bytes: 41_000_000 + this.clients * 4100,
      store: { backend: 'fjall', fsync: 'always' },
    };
  }

  get_stats() {
    const stat = (value) => ({ value, max: value + 3 });
    return {
      'clients/count': stat(this.clients),
      'sessions/count': stat(this.clients * 2),
      'subscriptions/count': stat(this.clients * 2),
      'retained/count': stat(this.clients ? 7 : 0),
    };
  }

  rates() {
    this.tick += 1;
    const wave = this.clients === 0 ? 0 : 1 + Math.sin(this.tick / 9) / 2 + (this.tick % 7) / 20;
    const times = (scale) => ({
      p50_micros: 4.1 * scale,
      p99_micros: 38 * scale,
      max_micros: 812 * scale * (1 + (this.tick % 13) / 9),
    });
    return {
      at: ago(0),
      turn: times(1),
      wait: times(2.4),
      commit: this.clients ? times(90) : null,
      per_second: {
        'messages/received': this.clients * wave,
        'messages/sent': this.clients * wave * 2.5,
        'messages/dropped': this.clients > 100 ? wave : 0,
        'bytes/received': this.clients * wave * 310,
        'bytes/sent': this.clients * wave * 780,
      },
    };
  }

  client(index) {
    return {
      client_id: this.idOf(index),
      pid: `<${index % 2}.client.${index}.1>`,
      session_pid: `<${index % 2}.session.${index}.1>`,
      user: index % 3 ? null : 'ann',
      peer: `127.0.0.1:${40_000 + (index % 20_000)}`,
      listener: 'mqtt',
      protocol: ['5.0', '3.1.1'][index % 2],
      clean_start: index % 2 === 0,
      keep_alive_seconds: 60,
      connected_at: ago(index * 1000),
      unsent_bytes: index % 17 ? 0 : 2048,
      is_paused: index % 31 === 7,
    };
  }

  get_clients([id, more], query) {
    if (more === 'timeline') return this.#timeline(id, query);
    if (id === undefined)
      return this.page(
        this.clients,
        query,
        (at) => this.client(at),
        (row) => this.#isThere(row, query),
      );
    const found = this.#find(id);
    return found < 0
      ? undefined
      : {
          ...this.client(found),
          stage: 'connected',
          inflight_to_broker: 0,
          will_topic: 'wills/x',
          paused_because: null,
        };
  }

  #isThere(row, query) {
    return !this.removed.has(row.client_id) && row.client_id.includes(query.search ?? '');
  }

  #find(id) {
    if (this.removed.has(id)) return -1;
    for (let at = 0; at < this.clients; at += 1) if (this.idOf(at) === id) return at;
    return -1;
  }

  #timeline(id, query) {
    const kinds = ['subscribed', 'connected', 'disconnected', 'queue_full', 'taken_over', 'session_created'];
    const make = (at) => ({
      at: ago(at * 7000),
      kind: kinds[at % kinds.length],
      text: `${kinds[at % kinds.length].replace('_', ' ')}: ${HOSTILE[at % 3]}`,
      pid: `<0.session.${at}.1>`,
    });
    return this.page(this.#find(id) < 0 ? 0 : 120, query, make);
  }

  session(index) {
    return {
      client_id: this.idOf(index),
      pid: `<${index % 2}.session.${index}.1>`,
      client_pid: `<${index % 2}.client.${index}.1>`,
      is_connected: index < this.clients,
      is_persistent: index % 2 === 1,
      created_at: ago(HOUR),
      expires_at: null,
      subscriptions_count: 2,
      inflight_count: index % 20,
      inflight_max: 100,
      queued_count: index % 900,
      queued_bytes: (index % 900) * 300,
      queued_max: 1000,
      awaiting_rel_count: 0,
      dropped_count: index % 9 ? 0 : 12,
      user: null,
    };
  }

  get_sessions([id], query) {
    if (id === undefined)
      return this.page(
        this.clients * 2,
        query,
        (at) => this.session(at),
        (row) => this.#isThere(row, query),
      );
    const found = this.#find(id);
    if (found < 0) return undefined;
    const message = (at) => ({
      message: 1000 + at,
      topic: `sensors/${at}/${HOSTILE[at % 4]}`,
      qos: 1,
      bytes: 300,
      expires_at: null,
    });
    return {
      ...this.session(found),
      waits_for: 'PUBACK of 3 messages',
      will: { topic: 'wills/x', qos: 1, retain: false, bytes: 3 },
      queued_on_disk_count: 0,
      awaiting_rel: [],
      inflight: [1, 2, 3].map((at) => ({ packet_id: at, ...message(at), state: 'sent', sent_at: ago(900) })),
      queued: Array.from({ length: 30 }, (_, at) => message(at)),
      subscriptions: [this.#subscription(found)],
    };
  }

  #subscription(index) {
    return {
      client_id: this.idOf(index >> 1),
      filter: index % 2 ? `sensors/${index}/+` : `${HOSTILE[index % 5]}/#`,
      qos: 1,
      no_local: false,
      retain_as_published: false,
      retain_handling: 0,
      subscription_id: null,
      group: index % 50 === 9 ? 'workers' : null,
    };
  }

  get_subscriptions(_, query) {
    return this.page(
      this.clients * 2,
      query,
      (at) => this.#subscription(at),
      (row) => row.filter.includes(query.search ?? '') && row.client_id.includes(query.client ?? ''),
    );
  }

  get_routes(_, query) {
    return this.page(
      this.clients,
      query,
      (at) => ({ filter: `sensors/${at}/+`, arbiters: at % 3 ? [0] : [0, 1], group: null }),
      (row) => row.filter.includes(query.search ?? ''),
    );
  }

  get_topics(_, { below, ...query }) {
    const length = this.clients === 0 ? 0 : below ? this.clients : 12;
    const make = (at) => {
      const level = below ? String(at) : ['sensors', '', ...HOSTILE][at];
      const topic = below ? `${below}/${level}` : level;
      return {
        level,
        topic,
        has_children: topic.split('/').length < 3,
        subscribers_count: at % 4,
        routes: [0],
        retained: at % 5 ? null : { bytes: 312, qos: 1, stored_at: ago(HOUR) },
      };
    };
    return this.page(length, query, make);
  }

  get_retained(parts, query) {
    if (parts.length === 0)
      return this.page(7, query, (at) => ({
        topic: `sensors/${at}`,
        bytes: 12,
        qos: 1,
        stored_at: ago(HOUR),
        expires_at: null,
        from: 'a',
      }));
    if (this.clients === 0) return undefined;
    return {
      topic: parts.join('/'),
      bytes: 12,
      qos: 1,
      stored_at: ago(HOUR),
      expires_at: null,
      from: HOSTILE[1],
      payload: this.role === 'admin' ? `<b>21.5</b> ${HOSTILE[0]}` : null,
      encoding: 'text',
    };
  }
}

function missing(detail) {
  return { problem: [404, 'Not Found', detail] };
}
