// What the mock broker knows of its own inside: processes, tables, settings, what it told.

const HOUR = 3_600_000;
/** Names that clients of bad will choose, and long and foreign ones. */
export const HOSTILE = [
  '<img src=x onerror="window.pwned=1">',
  '"><script>window.pwned=1</script>',
  "'; DROP TABLE clients; --",
  'a/b?c=d&e#f%2F',
  '\u202egnp.exe',
  'tab\there\u0007bell',
  `long-${'x'.repeat(400)}`,
  'Gerät-温度-センサー',
  '{{constructor.constructor("window.pwned=1")()}}',
  'javascript:window.pwned=1',
];
const KINDS = [
  'sup',
  'client',
  'session',
  'sm',
  'cm',
  'server',
  'pubsub',
  'router',
  'retainer',
  'stats',
  'hook',
];
const REASONS = { queue_full: 4711, expired: 12, offline_clean: 803, denied: 3, no_local: 0 };

/** Answers about the inside; `page` and `idOf` come from the world. */
export class Inside {
  get_alarms(_, { past }) {
    if (this.clients < 100) return { items: [], next: null };
    const one = {
      id: 'queue_high',
      severity: 'warning',
      title: 'The queue of a session is nearly full',
      summary: `${HOSTILE[0]} has 960 of 1000 messages waiting`,
      since_at: ago(HOUR),
      cleared_at: null,
    };
    return { items: past ? [one, { ...one, id: 'x', cleared_at: ago(HOUR / 2) }] : [one], next: null };
  }

  get_listeners() {
    const one = (name, port, transport) => ({
      name,
      address: `127.0.0.1:${port}`,
      transport,
      is_paused: false,
      connections: this.clients,
      connections_max: 1_000_000,
      accepted_count: this.clients * 4,
      refused_count: 2,
      shutdown_count: this.clients ? { normal: 812, keepalive_timeout: 14, takeover: 3, frame_error: 2 } : {},
    });
    return { items: [one('mqtt', 1883, 'tcp'), one('mqtts', 8883, 'tls')], next: null };
  }

  process(at) {
    const kind = at < 9 ? KINDS[(at + 3) % KINDS.length] : ['client', 'session'][at % 2];
    const beat = this.tick + at;
    return {
      pid: `<${at % 2}.${kind}.${at}.1>`,
      kind,
      name: kind === 'client' || kind === 'session' ? this.idOf(at >> 1) : kind,
      parent: `${kind}_sup`,
      arbiter: at % 2,
      depth: beat % 13,
      peak: 40,
      wait_micros: (beat % 31) * 11.7,
      handled_count: beat * 991,
      rate_per_second: (beat % 100) * 3.3,
      busy_share: (beat % 10) / 77,
      busy_micros: beat * 8123.2,
      longest_turn_micros: 1800,
      dropped_count: 0,
      restarts_count: at === 4 ? 2 : 0,
      last_entry: 'publish',
    };
  }

  get_processes([id, ...rest], query) {
    const length = 20 + this.clients * 3;
    if (id === undefined)
      return this.page(
        length,
        query,
        (at) => this.process(at),
        (row) =>
          (!query.kind || row.kind === query.kind) && `${row.name} ${row.pid}`.includes(query.search ?? ''),
      );
    if (id === 'summary') return this.#summary();
    if (id === 'tree') return this.#tree(query);
    const at = Number(id.split('.')[2]);
    return this.#full(at, rest);
  }

  #full(at) {
    return {
      ...this.process(at),
      links: [{ pid: `<0.client.${at}.1>`, role: 'connection' }],
      lane: ['publish', 'puback', 'control'],
      passport: {
        kind: 'session',
        emqttd: 'emqttd_session',
        started_by: 'session_sup',
        waits_for: 'server, store',
        file: 'crates/broker/src/session.rs',
        if_it_dies: 'its client is disconnected',
        differs: ['no timer for each message'],
      },
      state: {
        client_id: HOSTILE[0],
        window: { sent: [{ packet_id: 1, topic: HOSTILE[1] }], limit: 100 },
        queue: { messages: 3, bytes: 900, policy: 'drop_oldest' },
        awaiting_rel: [],
        will: null,
        is_clean: false,
      },
    };
  }

  #summary() {
    return KINDS.flatMap((kind, at) =>
      [0, 1].map((arbiter) => ({
        kind,
        arbiter,
        count: at < 3 ? this.clients : 1,
        depth: ((this.tick + at * 7) % 50) * (at + 1) ** 2,
        depth_max: at,
        wait_max_micros: at * 310,
        handled_count: at * 1000,
        rate_per_second: at * 9,
        busy_share: at / 100,
        longest_turn_micros: 900,
        dropped_count: 0,
        restarts_count: at === 4 ? 2 : 0,
      })),
    );
  }

  #tree({ below, ...query }) {
    const node = (kind, count, more) => ({
      id: kind,
      kind,
      name: kind,
      pid: null,
      strategy: 'one_for_one',
      restarts_count: 0,
      children_count: count,
      file: `crates/broker/src/${kind}.rs`,
      emqttd: `emqttd_${kind}`,
      ...more,
    });
    if (!below) return { items: [node('sup', 4)], next: null };
    if (below === 'sup')
      return {
        items: [
          node('pubsub_sup', 2),
          node('sm_sup', 2, { restarts_count: 2 }),
          node('client_sup', this.clients),
          node('router', 0, { pid: '<0.router.0.1>' }),
        ],
        next: null,
      };
    const length = below === 'client_sup' ? this.clients : 2;
    return this.page(length, query, (at) =>
      node('client', 0, {
        id: `${below}${at}`,
        pid: `<0.client.${at}.1>`,
        name: this.idOf(at),
        strategy: null,
      }),
    );
  }

  get_architecture() {
    return KINDS.map((kind, at) => ({
      emqttd: `emqttd_${kind}`,
      kind,
      file: `crates/broker/src/${kind}.rs`,
      doc: `Does what ${kind} does, in one sentence that says what it is for.`,
      live_count: at < 3 ? this.clients : 2,
      works_in: 'its own turn',
      waits_for: '`router` (1 s)',
      waited_for_by: '`client` on CONNECT',
      if_it_dies: 'claims under way fail as *server busy*',
      watch: `${kind}.mailbox.depth`,
      differs: at % 3 ? [] : ['emqttd drops the oldest message without telling anyone; this one counts it'],
    }));
  }

  get_tables([name], query) {
    const names = [
      'subscriber',
      'subscribed',
      'session',
      'client',
      'topic',
      'route',
      'retained_message',
      'metric',
      'hook',
      'listener',
    ];
    if (name === undefined)
      return names.map((one, at) => ({
        name: one,
        emqttd: `ets ${one}`,
        rows_count: at < 5 ? this.clients : at,
        bytes: at % 2 ? null : 4096 * at,
        owner: 'server',
        owner_pid: '<0.server.0.1>',
        columns: ['filter', 'client_id', 'qos'],
      }));
    return names.includes(name)
      ? this.page(
          this.clients,
          query,
          (at) => ({ filter: `sensors/${at}`, client_id: this.idOf(at), qos: 1 }),
          (row) => row.client_id.includes(query.search ?? ''),
        )
      : undefined;
  }

  get_traces([id, more], query) {
    if (id === undefined) return [...this.traces.values()].map(({ one }) => one);
    const found = this.traces.get(id);
    if (!found) return undefined;
    return more === 'flows' ? this.page(found.flows.length, query, (at) => found.flows[at]) : found.one;
  }

  get_explain(_, { client, topic, message }) {
    const steps = [
      ['session', 'yes', 'it has a session, and is connected'],
      ['subscribed', 'yes', `${HOSTILE[0]} matches`],
      ['allowed', 'yes', 'rule 3 of acl.toml'],
      ['window', 'no', '100 of 100 messages are in flight'],
    ];
    return {
      client_id: client,
      topic,
      message: message ?? null,
      verdict: 'window_full',
      text: 'It waits behind 100 messages that the client has not acknowledged.',
      steps: steps.map(([step, outcome, text]) => ({ step, outcome, text, since_at: ago(HOUR) })),
      history: [{ at: ago(HOUR), text: `dropped because the queue was full: ${HOSTILE[1]}`, message: 17 }],
    };
  }

  get_drops(_, query) {
    const counts = this.clients === 0 ? {} : REASONS;
    const reasons = Object.keys(REASONS);
    const make = (at) => ({
      at: ago(at * 3000),
      reason: reasons[at % 4],
      text: 'the queue had 1000 messages; the oldest was dropped',
      client_id: this.idOf(at % 60),
      topic: `sensors/${HOSTILE[at % 4]}`,
      message: at,
      qos: 1,
    });
    return {
      counts,
      ...this.page(this.clients * 3, query, make, (row) => !query.reason || row.reason === query.reason),
    };
  }

  get_settings() {
    const names = [
      'node.name',
      'node.arbiters',
      'mqtt.receive_maximum',
      'mqueue.max_messages',
      'store.backend',
      'admin.users',
      'auth.jwt.secret',
    ];
    return Array.from({ length: 120 }, (_, at) => ({
      key: names[at] ?? `section.of_some.setting_number_${at}`,
      value: at === 6 ? '***' : at % 9 === 8 ? null : `"${at * 7}"`,
      default: at % 9 === 8 ? null : `"${at * 7}"`,
      source: at % 11 ? 'default' : 'castmq.toml, line 12',
      doc: 'What it means, in a sentence or two that are as long as such sentences happen to be.',
    }));
  }

  get_log() {
    return { level: 'info' };
  }

  get_users() {
    return { items: this.users.map((name) => ({ name, rank: 'user' })), next: null };
  }

  get_rules([check], query) {
    return check === 'check'
      ? { is_allowed: false, because: `no rule allows ${query.topic}` }
      : { rules: null };
  }

  get_modules() {
    return [
      {
        name: 'mod_presence',
        kind: 'hook',
        description: 'Tells who comes and goes below $SYS.',
        is_active: true,
      },
    ];
  }

  get_invariants() {
    return ['one_owner_per_client_id', 'packet_ids'].map((name) => ({
      name,
      doc: 'Each client id has one owner.',
      checked_count: this.clients * 9,
      broken_count: 0,
      last_broken_at: null,
    }));
  }

  get_recordings() {
    return this.clients
      ? [
          {
            id: '1',
            client_id: HOSTILE[0],
            state: 'done',
            inputs_count: 812,
            bytes: 48_120,
            started_at: ago(HOUR),
            has_payloads: false,
            ended_because: 'seconds',
          },
        ]
      : [];
  }

  get_recorder([dumps], query) {
    if (dumps)
      return this.clients > 100
        ? [{ id: 1, at: ago(HOUR), arbiter: 0, pid: '<0.session.3.1>', cause: `panic: ${HOSTILE[0]}` }]
        : [];
    return Array.from({ length: this.clients ? 40 : 0 }, (_, at) => ({
      at: ago((40 - at) * 90),
      pid: `<${query.arbiter}.session.${at}.1>`,
      kind: 'session',
      what: 'turn',
      entries_count: 3,
      entries: ['publish', 'puback'],
    }));
  }

  get_faults() {
    return this.faults
      ? [
          {
            id: 1,
            kind: 'pause',
            pid: '<0.session.3.1>',
            process_kind: 'session',
            name: HOSTILE[0],
            until_at: ago(-9000),
            left_seconds: 9,
            one_in: null,
            entry_micros: null,
          },
        ]
      : { problem: [409, 'Conflict', 'debug.fault_injection is false'] };
  }

  get_events(_, query) {
    const make = (at) => ({
      at: ago(at * 4000),
      arbiter: at % 2,
      level: ['info', 'info', 'warn', 'error'][at % 4],
      event: 'session_resumed',
      fields: `client ${HOSTILE[at % 4]}, queued ${at}`,
    });
    return this.page(this.clients ? 400 : 3, query, make);
  }

  get_audit(_, query) {
    return this.page(this.clients ? 60 : 0, query, (at) => ({
      at: ago(at * 60_000),
      who: 'ann',
      role: 'admin',
      address: '127.0.0.1',
      action: 'DELETE /clients/{id}',
      target: HOSTILE[at % 4],
      outcome: 'done',
    }));
  }
}

/** When it was so many milliseconds ago. */
export function ago(millis) {
  return new Date(Date.now() - millis).toISOString();
}
