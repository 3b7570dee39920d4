// Flows as the broker tells them.

/** A QoS 1 publish to two subscribers, one of them on another arbiter. */
export function flow(number, topic = 'sensors/7/temperature') {
  const hops = [
    hop(0, null, 'client', 'readable', 0, 18, 41, [
      ['packet_in', 'PUBLISH q1 id 7'],
      ['decision', 'allowed by rule 3'],
      ['store', '1 row, commit 812'],
    ]),
    hop(1, 0, 'server', 'dispatch', 22, 4, 12, [
      ['decision', `${topic} reaches 2 sessions on arbiters 0, 1`],
    ]),
    hop(2, 1, 'session', 'deliver', 41, 9, 8, [['decision', 'in flight as 12']]),
    hop(3, 2, 'client', 'send', 60, 2, 11, [['packet_out', 'PUBLISH q1 id 12']]),
    hop(4, 1, 'pubsub', 'parcel', 48, 310, 6, [['parcel', 'from arbiter 0']], 1),
    hop(5, 4, 'session', 'deliver', 371, 5, 9, [['drop', 'queue_full: 1000 of 1000 messages wait']], 1),
    hop(6, 0, 'client', 'stored', 1800, 3, 4, [['ack', 'PUBACK id 7']]),
  ];
  return whole(number, hops, topic);
}

/** One publish to `many` sessions. */
export function fanout(number, many) {
  const sessions = Array.from({ length: Math.min(many, 2000) }, (_, at) =>
    hop(2 + at, 1, 'session', 'deliver', 40 + at, 3 + (at % 90), 4, [], at % 2, 100 + at),
  );
  return whole(
    number,
    [
      hop(0, null, 'client', 'readable', 0, 5, 30, [['packet_in', 'PUBLISH q0']]),
      hop(1, 0, 'server', 'dispatch', 20, 4, 900, []),
      ...sessions,
    ],
    'sensors/all',
  );
}

function whole(flowNumber, hops, topic) {
  const end = Math.max(...hops.map((one) => one.enqueued_micros + one.wait_micros + one.service_micros));
  return {
    flow: flowNumber,
    trace: '1',
    cause: 'publish',
    client_id: 'sensor-00011',
    topic,
    message: 4000 + flowNumber,
    started_at: new Date(Date.now() - 60_000 + flowNumber).toISOString(),
    took_micros: end,
    hops,
  };
}

function hop(
  number,
  parent,
  kind,
  entry,
  enqueued,
  wait,
  service,
  notes,
  arbiter = 0,
  slot = kind === 'client' && parent === null ? 11 : kind === 'client' ? 4 : number,
) {
  const place = entry === 'stored' ? 11 : slot;
  return {
    hop: number,
    parent,
    pid: `<${arbiter}.${kind}.${place}.1>`,
    kind,
    name: kind === 'client' || kind === 'session' ? `sensor-${String(place).padStart(5, '0')}` : kind,
    entry,
    from: null,
    enqueued_micros: enqueued,
    wait_micros: wait,
    service_micros: service,
    depth: number % 3,
    notes: notes.map(([noteKind, text]) => ({ at_micros: enqueued + wait, kind: noteKind, text })),
  };
}
