// The broker's tables under emqttd's names, as Erlang's table viewer shows them.

import { part } from '../lib/api.js';
import { bytes, count, words } from '../lib/format.js';
import { usePages, useResource } from '../lib/resource.js';
import { refine, to } from '../lib/router.js';
import { Search } from '../ui/controls.jsx';
import { Page } from '../ui/page.jsx';
import { Pager, Paged, Table } from '../ui/table.jsx';
import { Client, Count, Foreign, None, Pid, Time } from '../ui/text.jsx';

export function Tables({ parts, query }) {
  return parts.length > 0 ? <One name={parts[0]} query={query} /> : <List />;
}

const COLUMNS = [
  {
    key: 'name',
    label: 'Table',
    width: 24,
    render: (row) => <a href={to('tables', [row.name])}>{row.name}</a>,
  },
  { key: 'emqttd', label: 'In emqttd', width: 26, render: (row) => row.emqttd ?? '–' },
  {
    key: 'rows_count',
    label: 'Rows',
    width: 12,
    align: 'right',
    render: (row) =>
      typeof row.rows_count === 'number' ? <Count value={row.rows_count} /> : <None>not counted</None>,
  },
  {
    key: 'bytes',
    label: 'Size',
    width: 12,
    align: 'right',
    render: (row) =>
      row.bytes === null || row.bytes === undefined ? (
        <None>not measured</None>
      ) : (
        <span class="number">{bytes(row.bytes)}</span>
      ),
  },
  {
    key: 'owner',
    label: 'Owner',
    width: 26,
    render: (row) => (
      <>
        {row.owner} {row.owner_pid ? <Pid pid={row.owner_pid} /> : null}
      </>
    ),
  },
];

function List() {
  const tables = useResource('tables', { every: 5000 });
  const rows = tables.data && (tables.data.items ?? tables.data);
  return (
    <Page
      title="Tables"
      about="What the broker keeps in memory, table by table, under the names that emqttd gave them."
      emqttd="its ets and mnesia tables; observer’s Table Viewer"
      source={tables}
    >
      <Table
        label="Tables"
        columns={COLUMNS}
        rows={rows}
        error={tables.error}
        rowKey={(row) => row.name}
        empty="No table is told of."
      />
    </Page>
  );
}

function One({ name, query }) {
  const pages = usePages(`tables/${part(name)}`, { query: { search: query.search }, every: 5000 });
  const tables = useResource('tables', {});
  const table = (tables.data?.items ?? tables.data)?.find((row) => row.name === name);
  const keys = table?.columns ?? Object.keys(pages.items?.[0] ?? {});
  const columns = keys.length === 0 ? [{ key: 'row', label: 'Row' }] : keys.map(column);
  return (
    <Page
      title={`Table ${name}`}
      about={
        table
          ? `Owned by ${table.owner}. Only the rows that you see are read.`
          : 'Only the rows that you see are read.'
      }
      emqttd={table?.emqttd}
      source={pages}
      hold={[tables]}
    >
      <div class="toolbar">
        <Search label="Row contains" value={query.search} onChange={(search) => refine({ search })} />
        <Pager pages={pages} what="rows" />
      </div>
      <Paged
        label={`Table ${name}`}
        pages={pages}
        columns={columns}
        rowKey={(row, index) => index}
        empty={query.search ? 'No row is like that.' : 'The table has no rows now.'}
      />
    </Page>
  );
}

function column(key) {
  const name = typeof key === 'string' ? key : key.name;
  return { key: name, label: words(name), render: (row) => <Cell name={name} value={row[name]} /> };
}

function Cell({ name, value }) {
  if (value === null || value === undefined) return <None />;
  if (name === 'client_id' && typeof value === 'string') return <Client id={value} page="sessions" />;
  if (typeof value === 'string' && /pid$/.test(name)) return <Pid pid={value} />;
  if (typeof value === 'string' && /_at$/.test(name)) return <Time at={value} />;
  if (typeof value === 'string') return <Foreign text={value} max={200} />;
  if (typeof value === 'number') return <span class="number">{withUnit(name, value)}</span>;
  return (
    <Foreign text={typeof value === 'boolean' ? (value ? 'yes' : 'no') : JSON.stringify(value)} max={200} />
  );
}

function withUnit(name, value) {
  return /bytes$/.test(name) ? bytes(value) : count(value);
}
