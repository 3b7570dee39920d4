// The pages in the order of the navigation: name in the address, label, other words to find it by.

export const GROUPS = [
  [
    'Broker',
    [
      ['overview', 'Overview', 'rates alarms node'],
      ['listeners', 'Listeners', 'ports shutdown'],
      ['events', 'Events and alarms', 'log'],
    ],
  ],
  [
    'Clients and topics',
    [
      ['clients', 'Clients', 'connections'],
      ['sessions', 'Sessions', 'queue inflight'],
      ['subscriptions', 'Subscriptions', 'filters'],
      ['routes', 'Routes', 'arbiters'],
      ['topics', 'Topic tree', 'retained'],
      ['publish', 'Publish', 'send a message'],
    ],
  ],
  [
    'One message',
    [
      ['traces', 'Message trace', 'follow flow'],
      ['explain', 'Explain', 'why did it not arrive'],
      ['drops', 'Drops', 'ledger lost'],
    ],
  ],
  [
    'Inside',
    [
      ['processes', 'Processes', 'actors observer'],
      ['heat', 'Mailbox heat', 'depth wait arbiter'],
      ['supervision', 'Supervision tree', 'restarts'],
      ['architecture', 'Architecture', 'emqttd modules files'],
      ['tables', 'Tables', 'ets mnesia rows'],
      ['invariants', 'Invariants', 'checks'],
    ],
  ],
  [
    'Instruments',
    [
      ['recordings', 'Recordings', 'replay'],
      ['recorder', 'Recorder', 'dumps panic rings'],
      ['faults', 'Faults', 'inject'],
    ],
  ],
  [
    'Operation',
    [
      ['settings', 'Settings', 'configuration log level'],
      ['users', 'Users and rules', 'acl access'],
      ['modules', 'Modules', 'hooks plugins'],
      ['audit', 'Audit', 'changes'],
    ],
  ],
];
