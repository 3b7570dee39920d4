// The sessions: what the broker remembers for each client id, connected or not.

import { part } from '../lib/api.js';
import { bytes, count, cut } from '../lib/format.js';
import { usePages, useResource } from '../lib/resource.js';
import { refine, to } from '../lib/router.js';
import { Change, Choice, Search } from '../ui/controls.jsx';
import { Facts, Frame, Page, Section, Trouble } from '../ui/page.jsx';
import { Pager, Paged, Table } from '../ui/table.jsx';
import { Bad, Bytes, Client, Count, Foreign, Mark, Pid, Time, Topic } from '../ui/text.jsx';
import { Subscriptions } from './session_subscriptions.jsx';
import { Timeline } from './timeline.jsx';

export function Sessions({ parts, query }) {
  return parts.length > 0 ? <One id={parts[0]} /> : <List query={query} />;
}

const ofMost = (now, max) => (
  <span class="number">
    {count(now)}
    {max ? <span class="muted"> of {count(max)}</span> : null}
  </span>
);

const COLUMNS = [
  {
    key: 'client_id',
    label: 'Session of',
    width: 22,
    one: true,
    render: (row) => <Client id={row.client_id} page="sessions" />,
  },
  {
    key: 'is_connected',
    label: 'Client is',
    width: 11,
    render: (row) => (row.is_connected ? <Mark kind="good">connected</Mark> : <Mark>away</Mark>),
  },
  {
    key: 'is_persistent',
    label: 'Kept',
    width: 6,
    hint: 'Whether it outlives the connection',
    render: (row) => (row.is_persistent ? 'yes' : 'no'),
  },
  {
    key: 'subscriptions_count',
    label: 'Subscriptions',
    width: 10,
    align: 'right',
    render: (row) => <Count value={row.subscriptions_count} />,
  },
  {
    key: 'inflight_count',
    label: 'In flight',
    width: 10,
    align: 'right',
    hint: 'Sent and not acknowledged yet',
    render: (row) => ofMost(row.inflight_count, row.inflight_max),
  },
  {
    key: 'queued_count',
    label: 'Queued',
    width: 12,
    align: 'right',
    hint: 'Messages that wait to be sent',
    render: (row) => ofMost(row.queued_count, row.queued_max),
  },
  {
    key: 'queued_bytes',
    label: 'Queued size',
    width: 9,
    align: 'right',
    render: (row) => <Bytes value={row.queued_bytes} />,
  },
  {
    key: 'dropped_count',
    label: 'Dropped',
    width: 8,
    align: 'right',
    render: (row) => <Bad value={row.dropped_count} />,
  },
  { key: 'created_at', label: 'Since', width: 13, render: (row) => <Time at={row.created_at} /> },
];

function List({ query }) {
  const filter = { search: query.search, state: query.state, kind: query.kind };
  const pages = usePages('sessions', { query: filter, every: 3000 });
  const isFiltered = Object.values(filter).some(Boolean);
  return (
    <Page
      title="Sessions"
      about="What the broker remembers for each client id: subscriptions, and messages on their way to it."
      emqttd="emqttd_session, emqttd_sm"
      source={pages}
    >
      <div class="toolbar">
        <Search label="Client id contains" value={query.search} onChange={(search) => refine({ search })} />
        <Choice
          label="Client is"
          value={query.state ?? ''}
          onChange={(state) => refine({ state })}
          options={[
            ['', 'anywhere'],
            ['connected', 'connected'],
            ['away', 'away'],
          ]}
        />
        <Choice
          label="Kind"
          value={query.kind ?? ''}
          onChange={(kind) => refine({ kind })}
          options={[
            ['', 'any'],
            ['persistent', 'kept'],
            ['transient', 'not kept'],
          ]}
        />
        <Pager pages={pages} what="sessions" />
      </div>
      <Paged
        label="Sessions"
        pages={pages}
        columns={COLUMNS}
        rowKey={(row) => row.client_id}
        empty={
          isFiltered
            ? 'No session is like that. Widen the search.'
            : 'There is no session. Each client has one from its first connection on.'
        }
      />
    </Page>
  );
}

function One({ id }) {
  const session = useResource(`sessions/${part(id)}`, { every: 2000 });
  const { data, error } = session;
  const actions = (
    <>
      <a href={to('clients', [id])}>Connection</a>
      <a href={to('explain', [], { client: id })}>Explain a message</a>
      <Change
        label="Discard"
        danger
        confirm={`Discard the session of ${cut(id, 80)}?`}
        detail="Its subscriptions and the messages that wait for it are lost; if it is connected it is disconnected."
        request={[`sessions/${part(id)}`, { method: 'DELETE' }]}
        done="The session is discarded."
        onDone={session.reload}
      />
    </>
  );
  return (
    <Page
      title={`Session ${cut(id, 60)}`}
      heading={
        <>
          Session of <Foreign text={id} />
        </>
      }
      about="What the broker remembers for one client id, and what that waits for."
      emqttd="emqttd_session, emqttd_mqueue"
      source={session}
      hold={[session]}
      actions={actions}
    >
      <Trouble problem={data ? null : error} />
      <Facts facts={facts(data)} />
      <Subscriptions id={id} rows={data?.subscriptions} error={error} reload={session.reload} />
      <InFlight session={data} error={error} />
      <Queue session={data} error={error} />
      <Timeline id={id} />
    </Page>
  );
}

function facts(session) {
  const say = (value) => session && value(session);
  return [
    ['Waits for', say((row) => <Foreign text={row.waits_for} />)],
    ['Client is', say((row) => (row.is_connected ? 'connected' : 'away'))],
    ['Kept', say((row) => (row.is_persistent ? 'yes' : 'until it disconnects'))],
    ['User', say((row) => <Foreign text={row.user} />)],
    ['Since', say((row) => <Time at={row.created_at} />)],
    ['Ends', say((row) => (row.expires_at ? <Time at={row.expires_at} /> : 'not by itself'))],
    ['In flight', say((row) => ofMost(row.inflight_count, row.inflight_max))],
    [
      'Queued',
      say((row) => (
        <>
          {ofMost(row.queued_count, row.queued_max)}, {bytes(row.queued_bytes)}
          {row.queued_on_disk_count > 0 ? (
            <span class="muted">, {count(row.queued_on_disk_count)} of them on disk only</span>
          ) : null}
        </>
      )),
    ],
    [
      'Awaiting release',
      say((row) => count(row.awaiting_rel_count)),
      'QoS 2 messages from the client whose PUBREL has not come',
    ],
    ['Dropped', say((row) => <Bad value={row.dropped_count} />)],
    ['Will', say((row) => row.will && <Foreign text={row.will.topic ?? row.will} />)],
    ['Process', say((row) => <Pid pid={row.pid} />)],
  ];
}

const MESSAGE = {
  key: 'message',
  label: 'Message',
  width: 14,
  align: 'right',
  render: (row) => <span class="number">{row.message ?? '–'}</span>,
};
const TOPIC = { key: 'topic', label: 'Topic', width: 40, render: (row) => <Topic topic={row.topic} /> };
const QOS = { key: 'qos', label: 'QoS', width: 8, align: 'right' };

function InFlight({ session, error }) {
  const columns = [
    { key: 'packet_id', label: 'Packet id', width: 10 },
    TOPIC,
    QOS,
    MESSAGE,
    { key: 'state', label: 'State', width: 12 },
    { key: 'sent_at', label: 'Sent', width: 14, render: (row) => <Time at={row.sent_at} millis /> },
  ];
  return (
    <Section title="In flight" about="Sent to the client, not acknowledged yet; the first hundred.">
      <Frame label="In flight">
        <Table
          label="In flight"
          columns={columns}
          rows={session?.inflight}
          error={error}
          rowKey={(row) => row.packet_id}
          empty="Nothing is in flight."
        />
      </Frame>
    </Section>
  );
}

function Queue({ session, error }) {
  const columns = [
    TOPIC,
    QOS,
    MESSAGE,
    { key: 'bytes', label: 'Size', width: 12, align: 'right', render: (row) => <Bytes value={row.bytes} /> },
    {
      key: 'expires_at',
      label: 'Expires',
      width: 16,
      render: (row) => (row.expires_at ? <Time at={row.expires_at} /> : 'never'),
    },
  ];
  return (
    <Section
      title="Queue"
      about="Waits for room in flight or for the client to come back; the first hundred."
    >
      <Frame label="Queue">
        <Table
          label="Queue"
          columns={columns}
          rows={session?.queued}
          error={error}
          rowKey={(row, index) => `${row.message} ${index}`}
          empty="Nothing waits."
        />
      </Frame>
    </Section>
  );
}
