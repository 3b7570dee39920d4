// Where clients come in, and why they went.

import { count, words } from '../lib/format.js';
import { usePages, useResource } from '../lib/resource.js';
import { to } from '../lib/router.js';
import { Change } from '../ui/controls.jsx';
import { Page } from '../ui/page.jsx';
import { Paged, Pager } from '../ui/table.jsx';
import { Bad, Count, Foreign, Mark, None } from '../ui/text.jsx';

const COLUMNS = [
  {
    key: 'name',
    label: 'Listener',
    width: 12,
    render: (row) => <a href={to('clients', [], { listener: row.name })}>{row.name}</a>,
  },
  { key: 'address', label: 'Address', width: 18, render: (row) => <Foreign text={row.address} /> },
  { key: 'transport', label: 'Transport', width: 9 },
  {
    key: 'is_paused',
    label: 'Takes new',
    width: 9,
    hint: 'Whether it accepts connections now',
    render: (row) => (row.is_paused ? <Mark kind="warn">paused</Mark> : 'yes'),
  },
  {
    key: 'connections',
    label: 'Connections',
    width: 12,
    align: 'right',
    render: (row) => (
      <span class="number">
        {count(row.connections)}
        {row.connections_max ? <span class="muted"> of {count(row.connections_max)}</span> : null}
      </span>
    ),
  },
  {
    key: 'accepted_count',
    label: 'Accepted',
    width: 9,
    align: 'right',
    render: (row) => <Count value={row.accepted_count} />,
  },
  {
    key: 'refused_count',
    label: 'Refused',
    width: 8,
    align: 'right',
    render: (row) => <Bad value={row.refused_count} />,
  },
  {
    key: 'shutdown_count',
    label: 'Why connections ended',
    width: 26,
    render: (row) => <Reasons counts={row.shutdown_count} />,
  },
];

function Reasons({ counts }) {
  const rows = Object.entries(counts ?? {}).sort((a, b) => b[1] - a[1]);
  if (rows.length === 0) return <None>none has ended</None>;
  return (
    <ul class="reasons">
      {rows.map(([reason, many]) => (
        <li key={reason}>
          {words(reason)} <span class="number">{count(many)}</span>
        </li>
      ))}
    </ul>
  );
}

export function Listeners() {
  const pages = usePages('listeners', { every: 3000 });
  const node = useResource('node', { every: 3000 });
  const isDraining = node.data?.status === 'draining';
  const drain = isDraining ? (
    <Change
      label="Let clients in again"
      confirm="Let clients in again?"
      request={['drain', { method: 'DELETE' }]}
      done="Clients may come."
      onDone={node.reload}
    />
  ) : (
    <Change
      label="Drain"
      danger
      confirm="Drain this broker?"
      detail="All clients are told to leave, and nobody is let in until that is taken back here; the broker runs on."
      request={['drain', { method: 'POST', body: {} }]}
      done="The broker is draining."
      onDone={node.reload}
    />
  );
  return (
    <Page
      title="Listeners"
      about="The addresses where clients come in, and the reasons why their connections ended."
      emqttd="esockd; emqttd_ctl listeners"
      source={pages}
      actions={drain}
    >
      <div class="toolbar">
        <Pager pages={pages} what="listeners" />
      </div>
      <Paged
        label="Listeners"
        pages={pages}
        columns={COLUMNS}
        rowKey={(row) => row.name}
        empty="The broker listens nowhere: no [[listener]] is configured."
      />
    </Page>
  );
}
