// Every page of the dashboard, by the part of its address behind `#`.

export const LISTS = [
  'overview',
  'listeners',
  'events',
  'clients',
  'sessions',
  'subscriptions',
  'routes',
  'topics',
  'publish',
  'traces',
  'explain',
  'drops',
  'processes',
  'heat',
  'supervision',
  'architecture',
  'tables',
  'invariants',
  'recordings',
  'recorder',
  'faults',
  'settings',
  'users',
  'modules',
  'audit',
];

/** Pages about one client, process, topic and so on. */
export function details({ client, pid, topic, trace }) {
  const part = encodeURIComponent;
  return [
    `clients/${part(client)}`,
    `sessions/${part(client)}`,
    `processes/${part(pid)}`,
    `topics?topic=${part(topic)}`,
    `subscriptions?topic=${part(topic)}`,
    `explain?client=${part(client)}&topic=${part(topic)}`,
    'architecture/session',
    'tables/session',
    'clients?search=nobody-is-called-this',
    'no-such-page',
    ...(trace ? [`traces/${part(trace)}`] : []),
  ];
}

export const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } };

/** A file name for a place. */
export function nameOf(place) {
  return place.replace(/[^\w-]+/g, '_').slice(0, 48);
}
