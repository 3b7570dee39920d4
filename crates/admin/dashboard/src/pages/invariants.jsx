// What must always hold, and whether it did.

import { useResource } from '../lib/resource.js';
import { to } from '../lib/router.js';
import { Page } from '../ui/page.jsx';
import { Table } from '../ui/table.jsx';
import { Bad, Count, Mark, None, Prose, Time } from '../ui/text.jsx';

const COLUMNS = [
  { key: 'name', label: 'Invariant', width: 20, render: (row) => row.name.replaceAll('_', ' ') },
  { key: 'doc', label: 'What must hold', width: 40, render: (row) => <Prose text={row.doc} /> },
  {
    key: 'holds',
    label: 'Holds',
    width: 12,
    render: (row) =>
      row.checked_count === 0 ? (
        <Mark>not checked</Mark>
      ) : row.broken_count > 0 ? (
        <Mark kind="bad">broken</Mark>
      ) : (
        <Mark kind="good">yes</Mark>
      ),
  },
  {
    key: 'checked_count',
    label: 'Checked',
    width: 10,
    align: 'right',
    hint: 'Samples so far',
    render: (row) => <Count value={row.checked_count} />,
  },
  {
    key: 'broken_count',
    label: 'Broken',
    width: 8,
    align: 'right',
    render: (row) => <Bad value={row.broken_count} />,
  },
  {
    key: 'last_broken_at',
    label: 'Last broken',
    width: 14,
    render: (row) => (row.last_broken_at ? <Time at={row.last_broken_at} /> : <None>never</None>),
  },
];

export function Invariants() {
  const source = useResource('invariants', { every: 5000 });
  return (
    <Page
      title="Invariants"
      about="What must always hold, looked at in samples while the broker runs; a break raises an alarm and leaves a dump."
      source={source}
      actions={<a href={to('recorder')}>Dumps</a>}
    >
      <Table
        label="Invariants"
        columns={COLUMNS}
        rows={source.data && (source.data.items ?? source.data)}
        error={source.error}
        rowKey={(row) => row.name}
        empty="No invariant is watched."
      />
    </Page>
  );
}
