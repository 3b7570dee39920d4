// Who is connected, and what has happened to one client.

import { part } from '../lib/api.js';
import { bytes, cut, seconds, words } from '../lib/format.js';
import { usePages, useResource } from '../lib/resource.js';
import { refine, to } from '../lib/router.js';
import { Change, Search } from '../ui/controls.jsx';
import { Facts, Page, Trouble } from '../ui/page.jsx';
import { Pager, Paged } from '../ui/table.jsx';
import { Bytes, Client, Foreign, Mark, Pid, Seconds, Time } from '../ui/text.jsx';
import { Timeline } from './timeline.jsx';

export function Clients({ parts, query }) {
  return parts.length > 0 ? <One id={parts[0]} /> : <List query={query} />;
}

const COLUMNS = [
  { key: 'client_id', label: 'Client', width: 22, one: true, render: (row) => <Client id={row.client_id} /> },
  { key: 'user', label: 'User', width: 11, one: true, render: (row) => <Foreign text={row.user} max={40} /> },
  { key: 'peer', label: 'From', width: 15, one: true, render: (row) => <Foreign text={row.peer} /> },
  { key: 'listener', label: 'Listener', width: 9 },
  { key: 'protocol', label: 'MQTT', width: 6 },
  {
    key: 'keep_alive_seconds',
    label: 'Keep-alive',
    width: 8,
    align: 'right',
    render: (row) => <Seconds value={row.keep_alive_seconds} />,
  },
  {
    key: 'unsent_bytes',
    label: 'Unsent',
    width: 8,
    align: 'right',
    hint: 'Written by the broker, not yet taken by the socket',
    render: (row) => <Bytes value={row.unsent_bytes} />,
  },
  {
    key: 'is_paused',
    label: 'Reading',
    width: 8,
    hint: 'Whether the broker reads its socket now',
    render: (row) => (row.is_paused ? <Mark kind="warn">paused</Mark> : 'yes'),
  },
  { key: 'connected_at', label: 'Connected', width: 13, render: (row) => <Time at={row.connected_at} /> },
];

function List({ query }) {
  const filter = { search: query.search, user: query.user, listener: query.listener };
  const pages = usePages('clients', { query: filter, every: 3000 });
  const empty = query.search ? (
    <>
      No connected client is like “<Foreign text={query.search} />
      ”. A client that is away is among the{' '}
      <a href={to('sessions', [], { search: query.search })}>sessions</a>.
    </>
  ) : (
    'No client is connected. Connect one to an address of the page Listeners, with mosquitto_sub -t test, say.'
  );
  return (
    <Page
      title="Clients"
      about="The connections that are open now; each is a process of its own."
      emqttd="emqttd_client, emqttd_cm"
      source={pages}
    >
      <div class="toolbar">
        <Search label="Client id contains" value={query.search} onChange={(search) => refine({ search })} />
        <Pager pages={pages} what="clients" />
      </div>
      <Paged label="Clients" pages={pages} columns={COLUMNS} rowKey={(row) => row.pid} empty={empty} />
    </Page>
  );
}

function One({ id }) {
  const client = useResource(`clients/${part(id)}`, { every: 2000 });
  const { data, error } = client;
  const isAway = error?.status === 404;
  const actions = (
    <>
      <a href={to('sessions', [id])}>Session</a>
      <a href={to('subscriptions', [], { client: id })}>Subscriptions</a>
      <a href={to('explain', [], { client: id })}>Explain a message</a>
      <a href={to('traces', [], { client: id })}>Trace its messages</a>
      <Change
        label="Kick"
        danger
        disabled={isAway}
        confirm={`Close the connection of ${cut(id, 80)}?`}
        detail="It is told so and may connect again at once. Its session is kept as it asked for."
        request={[`clients/${part(id)}`, { method: 'DELETE' }]}
        done="The connection is closed."
        onDone={client.reload}
      />
    </>
  );
  return (
    <Page
      title={`Client ${cut(id, 60)}`}
      heading={
        <>
          Client <Foreign text={id} />
        </>
      }
      about="One client: its connection now, and its story across connections."
      emqttd="emqttd_client"
      source={client}
      hold={[client]}
      actions={actions}
    >
      {isAway ? (
        <p class="words">
          It is not connected now. What it left is on the page of its{' '}
          <a href={to('sessions', [id])}>session</a>.
        </p>
      ) : (
        <Trouble problem={data ? null : error} />
      )}
      {isAway ? null : <Facts facts={facts(data)} />}
      <Timeline id={id} />
    </Page>
  );
}

function facts(client) {
  const say = (value) => client && value(client);
  return [
    ['Stage', say(({ stage }) => words(stage ?? ''))],
    ['User', say(({ user }) => <Foreign text={user} />)],
    ['From', say(({ peer }) => <Foreign text={peer} />)],
    ['Listener', say(({ listener }) => listener)],
    ['MQTT', say(({ protocol }) => protocol)],
    ['Connected', say((row) => <Time at={row.connected_at} />)],
    [
      'Clean start',
      say((row) => (row.clean_start ? 'yes' : 'no')),
      'Whether it began without the session it had',
    ],
    ['Keep-alive', say((row) => seconds(row.keep_alive_seconds))],
    ['Unsent', say((row) => bytes(row.unsent_bytes)), 'Written by the broker, not yet taken by the socket'],
    [
      'Socket is read',
      say((row) =>
        row.is_paused ? (
          <>
            <Mark kind="warn">paused</Mark> {row.paused_because}
          </>
        ) : (
          'yes'
        ),
      ),
    ],
    [
      'In flight to broker',
      say((row) => row.inflight_to_broker),
      'Messages that it has sent and that are not acknowledged yet',
    ],
    [
      'Will topic',
      say((row) => row.will_topic && <Foreign text={row.will_topic} />),
      'Published for it if it goes without a word',
    ],
    ['Connection process', say((row) => <Pid pid={row.pid} />)],
    ['Session process', say((row) => <Pid pid={row.session_pid} />)],
  ];
}
