// Every setting with its value, and where that came from.

import { ask } from '../lib/api.js';
import { useResource } from '../lib/resource.js';
import { refine } from '../lib/router.js';
import { Check, Choice, ForAdmins, Search, notice } from '../ui/controls.jsx';
import { Page } from '../ui/page.jsx';
import { Table } from '../ui/table.jsx';
import { Foreign, Prose } from '../ui/text.jsx';

const COLUMNS = [
  { key: 'key', label: 'Setting', width: 24, render: (row) => <code class="wrap">{row.key}</code> },
  {
    key: 'value',
    label: 'Value',
    whole: true,
    width: 18,
    render: (row) => <Value value={row.value} strong={isChanged(row)} />,
  },
  { key: 'default', label: 'Default', width: 14, render: (row) => <Value value={row.default} /> },
  {
    key: 'source',
    label: 'Comes from',
    whole: true,
    width: 14,
    render: (row) =>
      row.source === 'default' ? <span class="muted">default</span> : <Foreign text={row.source} max={200} />,
  },
  { key: 'doc', label: 'What it means', width: 36, render: (row) => <Prose text={row.doc} /> },
];

function Value({ value, strong }) {
  if (value === null || value === undefined) return <span class="muted">off</span>;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const shown = <Foreign text={text} max={200} />;
  return strong ? <strong>{shown}</strong> : shown;
}

function isChanged(row) {
  return row.source !== 'default';
}

export function Settings({ query }) {
  const source = useResource('settings', {});
  const search = (query.search ?? '').toLowerCase();
  const all = source.data && (source.data.items ?? source.data);
  const rows = all?.filter(
    (row) =>
      (query.changed !== '1' || isChanged(row)) && `${row.key} ${row.doc}`.toLowerCase().includes(search),
  );
  return (
    <Page
      title="Settings"
      about="Every setting with the value that holds and where it came from: the file, the environment, or the command line. Secrets are shown as ***."
      emqttd="etc/emqttd.config"
      source={source}
      actions={<LogLevel />}
    >
      <div class="toolbar">
        <Search
          label="Name or meaning contains"
          value={query.search}
          onChange={(text) => refine({ search: text })}
        />
        <Check
          label="only those that are not the default"
          checked={query.changed === '1'}
          onChange={(checked) => refine({ changed: checked ? '1' : '' })}
        />
      </div>
      <Table
        label="Settings"
        columns={COLUMNS}
        rows={rows}
        error={source.error}
        rowKey={(row) => row.key}
        empty={
          query.changed === '1' && !search ? 'Every setting is as it comes.' : 'No setting is like that.'
        }
      />
    </Page>
  );
}

const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'];

function LogLevel() {
  const log = useResource('log', {});
  const level = log.data?.level;
  const change = async (next) => {
    try {
      await ask('log', { method: 'PUT', body: { level: next } });
      notice.set({ text: `The log tells ${next} and what is graver.` });
    } catch (problem) {
      notice.set({ text: problem.message });
    }
    log.reload();
  };
  const known = LEVELS.includes(level) ? LEVELS : [level ?? '', ...LEVELS];
  return (
    <ForAdmins>
      <Choice
        label="Log level"
        value={level ?? ''}
        onChange={change}
        options={known.map((name) => [name, name || 'unknown'])}
      />
    </ForAdmins>
  );
}
