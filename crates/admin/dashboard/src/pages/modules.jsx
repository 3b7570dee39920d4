// What has been plugged in.

import { useResource } from '../lib/resource.js';
import { Page } from '../ui/page.jsx';
import { Table } from '../ui/table.jsx';
import { Mark, Prose } from '../ui/text.jsx';

const COLUMNS = [
  { key: 'name', label: 'Module', width: 24, render: (row) => <code>{row.name}</code> },
  { key: 'kind', label: 'Kind', width: 16 },
  {
    key: 'is_active',
    label: 'Active',
    width: 12,
    render: (row) => (row.is_active ? <Mark kind="good">active</Mark> : <Mark>off</Mark>),
  },
  { key: 'description', label: 'What it does', width: 48, render: (row) => <Prose text={row.description} /> },
];

export function Modules() {
  const source = useResource('modules', {});
  return (
    <Page
      title="Modules"
      about="What decides who may connect and do what, and what else is called on the way of a message."
      emqttd="emqttd_hook, emqttd_access_control and emqttd_mod_*"
      source={source}
    >
      <Table
        label="Modules"
        columns={COLUMNS}
        rows={source.data && (source.data.items ?? source.data)}
        error={source.error}
        rowKey={(row) => `${row.kind} ${row.name}`}
        empty="No module is active."
      />
    </Page>
  );
}
