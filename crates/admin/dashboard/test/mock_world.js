// What the mock broker knows: made up, but the same at each start.

import { flow, fanout } from './mock_flows.js';

const HOUR = 3_600_000;
/** Names that clients of bad will choose, and long and foreign ones. */
export const HOSTILE = [
  '<img src=x onerror="window.pwned=1">', '"><script>window.pwned=1</script>', "'; DROP TABLE clients; --",
  'a/b?c=d&e#f%2F', '\u202egnp.exe', 'tab\there\u0007bell', `long-${'x'.repeat(400)}`, 'Gerät-温度-センサー',
  '{{constructor.constructor("window.pwned=1")()}}', 'javascript:window.pwned=1',
];
const KINDS = ['sup', 'client', 'session', 'sm', 'cm', 'server', 'pubsub', 'router', 'retainer', 'stats', 'hook'];
const REASONS = { queue_full: 4711, expired: 12, offline_clean: 803, denied: 3, no_local: 0 };

export class World {
  constructor({ clients, role, faults }) {
    Object.assign(this, { clients, role, faults, tick: 0, users: ['ann'], removed: new Set(), traces: new Map() });
    if (clients > 0) this.#trace({ topic: 'sensors/#' }, [flow(1), flow(2), fanout(3, clients), flow(4, HOSTILE[0])]);
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
      if (body.topic === 'a#') return { problem: [400, 'Bad Request', 'the body: topic: "a#" is no filter: # stands alone in its level; write a/#'] };
      return { status: 201, body: this.#trace(body, []) };
    }
    if (name === 'traces' && method === 'DELETE') this.traces.delete(rest[0]);
    return { status: 204 };
  }

  #trace(wants, flows) {
    const id = String(this.traces.size + 1);
    const one = {
      id, state: flows.length ? 'done' : 'running', ended_because: flows.length ? 'flows' : null,
      wants: { client: null, topic: null, address: null, one_in: 1, ...wants },
      budget: { flows: 100, events: 10_000, bytes: 1_000_000, seconds: 60 },
      spent: { flows: flows.length, events: flows.reduce((sum, { hops }) => sum + hops.length, 0), bytes: 48_120, seconds: 12.5 },
      cost: { micros: 812.4, share: 0.0012 }, started_at: ago(60_000),
    };
    this.traces.set(id, { one, flows });
    return one;
  }

  idOf(index) {
    return index < HOSTILE.length ? HOSTILE[index] : `sensor-${String(index).padStart(5, '0')}`;
  }

  // A page of `length` rows that `make` makes by number.
  #page(length, query, make, wants = () => true) {
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
      name: 'castmq', version: '0.3.0', started_at: ago(9 * HOUR), uptime_seconds: 9 * 3600 + this.tick, arbiters: 2, status: 'running',
      trouble: null, clients: this.clients, sessions: this.clients * 2, memory_bytes: 41_000_000 + this.clients * 4100,
      store: { backend: 'fjall', fsync: 'always' },
    };
  }

  get_stats() {
    const stat = (value) => ({ value, max: value + 3 });
    return {
      'clients/count': stat(this.clients), 'sessions/count': stat(this.clients * 2), 'subscriptions/count': stat(this.clients * 2),
      'retained/count': stat(this.clients ? 7 : 0),
    };
  }

  rates() {
    this.tick += 1;
    const wave = this.clients === 0 ? 0 : 1 + Math.sin(this.tick / 9) / 2 + (this.tick % 7) / 20;
    const times = (scale) => ({ p50_micros: 4.1 * scale, p99_micros: 38 * scale, max_micros: 812 * scale * (1 + (this.tick % 13) / 9) });
    return {
      at: ago(0), turn: times(1), wait: times(2.4), commit: this.clients ? times(90) : null,
      per_second: {
        'messages/received': this.clients * wave, 'messages/sent': this.clients * wave * 2.5, 'messages/dropped': this.clients > 100 ? wave : 0,
        'bytes/received': this.clients * wave * 310, 'bytes/sent': this.clients * wave * 780,
      },
    };
  }

  get_alarms(_, { past }) {
    if (this.clients < 100) return { items: [], next: null };
    const one = { id: 'queue_high', severity: 'warning', title: 'The queue of a session is nearly full', summary: `${HOSTILE[0]} has 960 of 1000 messages waiting`, since_at: ago(HOUR), cleared_at: null };
    return { items: past ? [one, { ...one, id: 'x', cleared_at: ago(HOUR / 2) }] : [one], next: null };
  }

  get_listeners() {
    const one = (name, port, transport) => ({
      name, address: `127.0.0.1:${port}`, transport, is_paused: false, connections: this.clients, connections_max: 1_000_000,
      accepted_count: this.clients * 4, refused_count: 2, shutdown_count: this.clients ? { normal: 812, keepalive_timeout: 14, takeover: 3, frame_error: 2 } : {},
    });
    return { items: [one('mqtt', 1883, 'tcp'), one('mqtts', 8883, 'tls')], next: null };
  }

  client(index) {
    return {
      client_id: this.idOf(index), pid: `<${index % 2}.client.${index}.1>`, session_pid: `<${index % 2}.session.${index}.1>`,
      user: index % 3 ? null : 'ann', peer: `127.0.0.1:${40_000 + (index % 20_000)}`, listener: 'mqtt', protocol: ['5.0', '3.1.1'][index % 2],
      clean_start: index % 2 === 0, keep_alive_seconds: 60, connected_at: ago(index * 1000), unsent_bytes: index % 17 ? 0 : 2048, is_paused: index % 31 === 7,
    };
  }

  get_clients([id, more], query) {
    if (more === 'timeline') return this.#timeline(id, query);
    if (id === undefined) return this.#page(this.clients, query, (at) => this.client(at), (row) => this.#isThere(row, query));
    const found = this.#find(id);
    return found < 0 ? undefined : { ...this.client(found), stage: 'connected', inflight_to_broker: 0, will_topic: 'wills/x', paused_because: null };
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
    const make = (at) => ({ at: ago(at * 7000), kind: kinds[at % kinds.length], text: `${kinds[at % kinds.length].replace('_', ' ')}: ${HOSTILE[at % 3]}`, pid: `<0.session.${at}.1>` });
    return this.#page(this.#find(id) < 0 ? 0 : 120, query, make);
  }

  session(index) {
    return {
      client_id: this.idOf(index), pid: `<${index % 2}.session.${index}.1>`, client_pid: `<${index % 2}.client.${index}.1>`, is_connected: index < this.clients,
      is_persistent: index % 2 === 1, created_at: ago(HOUR), expires_at: null, subscriptions_count: 2, inflight_count: index % 20, inflight_max: 100,
      queued_count: index % 900, queued_bytes: (index % 900) * 300, queued_max: 1000, awaiting_rel_count: 0, dropped_count: index % 9 ? 0 : 12, user: null,
    };
  }

  get_sessions([id], query) {
    if (id === undefined) return this.#page(this.clients * 2, query, (at) => this.session(at), (row) => this.#isThere(row, query));
    const found = this.#find(id);
    if (found < 0) return undefined;
    const message = (at) => ({ message: 1000 + at, topic: `sensors/${at}/${HOSTILE[at % 4]}`, qos: 1, bytes: 300, expires_at: null });
    return {
      ...this.session(found), waits_for: 'PUBACK of 3 messages', will: { topic: 'wills/x', qos: 1, retain: false, bytes: 3 }, queued_on_disk_count: 0, awaiting_rel: [],
      inflight: [1, 2, 3].map((at) => ({ packet_id: at, ...message(at), state: 'sent', sent_at: ago(900) })),
      queued: Array.from({ length: 30 }, (_, at) => message(at)), subscriptions: [this.#subscription(found)],
    };
  }

  #subscription(index) {
    return { client_id: this.idOf(index >> 1), filter: index % 2 ? `sensors/${index}/+` : `${HOSTILE[index % 5]}/#`, qos: 1, no_local: false, retain_as_published: false, retain_handling: 0, subscription_id: null, group: index % 50 === 9 ? 'workers' : null };
  }

  get_subscriptions(_, query) {
    return this.#page(this.clients * 2, query, (at) => this.#subscription(at), (row) => row.filter.includes(query.search ?? '') && row.client_id.includes(query.client ?? ''));
  }

  get_routes(_, query) {
    return this.#page(this.clients, query, (at) => ({ filter: `sensors/${at}/+`, arbiters: at % 3 ? [0] : [0, 1], group: null }), (row) => row.filter.includes(query.search ?? ''));
  }

  get_topics(_, { below, ...query }) {
    const length = this.clients === 0 ? 0 : below ? this.clients : 12;
    const make = (at) => {
      const level = below ? String(at) : ['sensors', '', ...HOSTILE][at];
      const topic = below ? `${below}/${level}` : level;
      return { level, topic, has_children: topic.split('/').length < 3, subscribers_count: at % 4, routes: [0], retained: at % 5 ? null : { bytes: 312, qos: 1, stored_at: ago(HOUR) } };
    };
    return this.#page(length, query, make);
  }

  get_retained(parts, query) {
    if (parts.length === 0) return this.#page(7, query, (at) => ({ topic: `sensors/${at}`, bytes: 12, qos: 1, stored_at: ago(HOUR), expires_at: null, from: 'a' }));
    if (this.clients === 0) return undefined;
    return { topic: parts.join('/'), bytes: 12, qos: 1, stored_at: ago(HOUR), expires_at: null, from: HOSTILE[1], payload: this.role === 'admin' ? `<b>21.5</b> ${HOSTILE[0]}` : null, encoding: 'text' };
  }

  process(at) {
    const kind = at < 9 ? KINDS[(at + 3) % KINDS.length] : ['client', 'session'][at % 2];
    const beat = this.tick + at;
    return {
      pid: `<${at % 2}.${kind}.${at}.1>`, kind, name: kind === 'client' || kind === 'session' ? this.idOf(at >> 1) : kind, parent: `${kind}_sup`, arbiter: at % 2,
      depth: beat % 13, peak: 40, wait_micros: (beat % 31) * 11.7, handled_count: beat * 991, rate_per_second: (beat % 100) * 3.3, busy_share: (beat % 10) / 77,
      busy_micros: beat * 8123.2, longest_turn_micros: 1800, dropped_count: 0, restarts_count: at === 4 ? 2 : 0, last_entry: 'publish',
    };
  }

  get_processes([id, ...rest], query) {
    const length = 20 + this.clients * 3;
    if (id === undefined) return this.#page(length, query, (at) => this.process(at), (row) => (!query.kind || row.kind === query.kind) && `${row.name} ${row.pid}`.includes(query.search ?? ''));
    if (id === 'summary') return this.#summary();
    if (id === 'tree') return this.#tree(query);
    const at = Number(id.split('.')[2]);
    return this.#full(at, rest);
  }

  #full(at) {
    return {
      ...this.process(at), links: [{ pid: `<0.client.${at}.1>`, role: 'connection' }], lane: ['publish', 'puback', 'control'],
      passport: { kind: 'session', emqttd: 'emqttd_session', started_by: 'session_sup', waits_for: 'server, store', file: 'crates/broker/src/session.rs', if_it_dies: 'its client is disconnected', differs: ['no timer for each message'] },
      state: { client_id: HOSTILE[0], window: { sent: [{ packet_id: 1, topic: HOSTILE[1] }], limit: 100 }, queue: { messages: 3, bytes: 900, policy: 'drop_oldest' }, awaiting_rel: [], will: null, is_clean: false },
    };
  }

  #summary() {
    return KINDS.flatMap((kind, at) => [0, 1].map((arbiter) => ({
      kind, arbiter, count: at < 3 ? this.clients : 1, depth: ((this.tick + at * 7) % 50) * (at + 1) ** 2, depth_max: at, wait_max_micros: at * 310, handled_count: at * 1000, rate_per_second: at * 9,
      busy_share: at / 100, longest_turn_micros: 900, dropped_count: 0, restarts_count: at === 4 ? 2 : 0,
    })));
  }

  #tree({ below, ...query }) {
    const node = (kind, count, more) => ({ id: kind, kind, name: kind, pid: null, strategy: 'one_for_one', restarts_count: 0, children_count: count, file: `crates/broker/src/${kind}.rs`, emqttd: `emqttd_${kind}`, ...more });
    if (!below) return { items: [node('sup', 4)], next: null };
    if (below === 'sup') return { items: [node('pubsub_sup', 2), node('sm_sup', 2, { restarts_count: 2 }), node('client_sup', this.clients), node('router', 0, { pid: '<0.router.0.1>' })], next: null };
    const length = below === 'client_sup' ? this.clients : 2;
    return this.#page(length, query, (at) => node('client', 0, { id: `${below}${at}`, pid: `<0.client.${at}.1>`, name: this.idOf(at), strategy: null }));
  }

  get_architecture() {
    return KINDS.map((kind, at) => ({
      emqttd: `emqttd_${kind}`, kind, file: `crates/broker/src/${kind}.rs`, doc: `Does what ${kind} does, in one sentence that says what it is for.`, live_count: at < 3 ? this.clients : 2,
      works_in: 'its own turn', waits_for: '`router` (1 s)', waited_for_by: '`client` on CONNECT', if_it_dies: 'claims under way fail as *server busy*', watch: `${kind}.mailbox.depth`,
      differs: at % 3 ? [] : ['emqttd drops the oldest message without telling anyone; this one counts it'],
    }));
  }

  get_tables([name], query) {
    const names = ['subscriber', 'subscribed', 'session', 'client', 'topic', 'route', 'retained_message', 'metric', 'hook', 'listener'];
    if (name === undefined) return names.map((one, at) => ({ name: one, emqttd: `ets ${one}`, rows_count: at < 5 ? this.clients : at, bytes: at % 2 ? null : 4096 * at, owner: 'server', owner_pid: '<0.server.0.1>', columns: ['filter', 'client_id', 'qos'] }));
    return names.includes(name) ? this.#page(this.clients, query, (at) => ({ filter: `sensors/${at}`, client_id: this.idOf(at), qos: 1 }), (row) => row.client_id.includes(query.search ?? '')) : undefined;
  }

  get_traces([id, more], query) {
    if (id === undefined) return [...this.traces.values()].map(({ one }) => one);
    const found = this.traces.get(id);
    if (!found) return undefined;
    return more === 'flows' ? this.#page(found.flows.length, query, (at) => found.flows[at]) : found.one;
  }

  get_explain(_, { client, topic, message }) {
    const steps = [['session', 'yes', 'it has a session, and is connected'], ['subscribed', 'yes', `${HOSTILE[0]} matches`], ['allowed', 'yes', 'rule 3 of acl.toml'], ['window', 'no', '100 of 100 messages are in flight']];
    return {
      client_id: client, topic, message: message ?? null, verdict: 'window_full', text: 'It waits behind 100 messages that the client has not acknowledged.',
      steps: steps.map(([step, outcome, text]) => ({ step, outcome, text, since_at: ago(HOUR) })), history: [{ at: ago(HOUR), text: `dropped because the queue was full: ${HOSTILE[1]}`, message: 17 }],
    };
  }

  get_drops(_, query) {
    const counts = this.clients === 0 ? {} : REASONS;
    const reasons = Object.keys(REASONS);
    const make = (at) => ({ at: ago(at * 3000), reason: reasons[at % 4], text: 'the queue had 1000 messages; the oldest was dropped', client_id: this.idOf(at % 60), topic: `sensors/${HOSTILE[at % 4]}`, message: at, qos: 1 });
    return { counts, ...this.#page(this.clients * 3, query, make, (row) => !query.reason || row.reason === query.reason) };
  }

  get_settings() {
    const names = ['node.name', 'node.arbiters', 'mqtt.receive_maximum', 'mqueue.max_messages', 'store.backend', 'admin.users', 'auth.jwt.secret'];
    return Array.from({ length: 120 }, (_, at) => ({
      key: names[at] ?? `section.of_some.setting_number_${at}`, value: at === 6 ? '***' : at % 9 === 8 ? null : `"${at * 7}"`, default: at % 9 === 8 ? null : `"${at * 7}"`,
      source: at % 11 ? 'default' : 'castmq.toml, line 12', doc: 'What it means, in a sentence or two that are as long as such sentences happen to be.',
    }));
  }

  get_log() { return { level: 'info' }; }

  get_users() { return { items: this.users.map((name) => ({ name, rank: 'user' })), next: null }; }

  get_rules([check], query) { return check === 'check' ? { is_allowed: false, because: `no rule allows ${query.topic}` } : { rules: null }; }

  get_modules() { return [{ name: 'mod_presence', kind: 'hook', description: 'Tells who comes and goes below $SYS.', is_active: true }]; }

  get_invariants() { return ['one_owner_per_client_id', 'packet_ids'].map((name) => ({ name, doc: 'Each client id has one owner.', checked_count: this.clients * 9, broken_count: 0, last_broken_at: null })); }

  get_recordings() { return this.clients ? [{ id: '1', client_id: HOSTILE[0], state: 'done', inputs_count: 812, bytes: 48_120, started_at: ago(HOUR), has_payloads: false, ended_because: 'seconds' }] : []; }

  get_recorder([dumps], query) {
    if (dumps) return this.clients > 100 ? [{ id: 1, at: ago(HOUR), arbiter: 0, pid: '<0.session.3.1>', cause: `panic: ${HOSTILE[0]}` }] : [];
    return Array.from({ length: this.clients ? 40 : 0 }, (_, at) => ({ at: ago((40 - at) * 90), pid: `<${query.arbiter}.session.${at}.1>`, kind: 'session', what: 'turn', entries_count: 3, entries: ['publish', 'puback'] }));
  }

  get_faults() {
    return this.faults ? [{ id: 1, kind: 'pause', pid: '<0.session.3.1>', process_kind: 'session', name: HOSTILE[0], until_at: ago(-9000), left_seconds: 9, one_in: null, entry_micros: null }] : { problem: [409, 'Conflict', 'debug.fault_injection is false'] };
  }

  get_events(_, query) {
    const make = (at) => ({ at: ago(at * 4000), arbiter: at % 2, level: ['info', 'info', 'warn', 'error'][at % 4], event: 'session_resumed', fields: `client ${HOSTILE[at % 4]}, queued ${at}` });
    return this.#page(this.clients ? 400 : 3, query, make);
  }

  get_audit(_, query) {
    return this.#page(this.clients ? 60 : 0, query, (at) => ({ at: ago(at * 60_000), who: 'ann', role: 'admin', address: '127.0.0.1', action: 'DELETE /clients/{id}', target: HOSTILE[at % 4], outcome: 'done' }));
  }
}

function ago(millis) {
  return new Date(Date.now() - millis).toISOString();
}

function missing(detail) {
  return { problem: [404, 'Not Found', detail] };
}
