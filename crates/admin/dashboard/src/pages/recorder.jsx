// The recorder that always runs: the last events of each arbiter, and what it saved when something broke.

import { useState } from 'preact/hooks';

import { part } from '../lib/api.js';
import { useResource } from '../lib/resource.js';
import { to } from '../lib/router.js';
import { count, words } from '../lib/format.js';
import { Choice } from '../ui/controls.jsx';
import { Json } from '../ui/json.jsx';
import { Page, Section, Trouble, Words } from '../ui/page.jsx';
import { Save } from '../ui/scene.jsx';
import { Table } from '../ui/table.jsx';
import { Foreign, Pid, Time } from '../ui/text.jsx';

export function Recorder({ parts }) {
  return parts.length > 0 ? <Dump id={parts[0]} /> : <Rings />;
}

function Rings() {
  const [arbiter, setArbiter] = useState('0');
  const node = useResource('node', {});
  const ring = useResource('recorder', { query: { arbiter }, every: 5000 });
  const dumps = useResource('recorder/dumps', { every: 5000 });
  const many = node.data?.arbiters ?? 1;
  const options = Array.from({ length: many }, (_, index) => [String(index), `arbiter ${index}`]);
  return (
    <Page
      title="Recorder"
      about="The last events of each arbiter (thread), always kept; saved as a dump when a process panics or an invariant breaks."
      source={ring}
      hold={[dumps, ring]}
    >
      <Section title="Dumps">
        <Table
          label="Dumps"
          columns={DUMPS}
          rows={dumps.data && [...dumps.data].reverse()}
          error={dumps.error}
          rowKey={(row) => row.id}
          empty="There is no dump: nothing has panicked and no invariant was broken."
        />
      </Section>
      <Section
        title="Last events"
        aside={<Choice label="Of" value={arbiter} onChange={setArbiter} options={options} />}
      >
        <Table
          label="Last events"
          columns={EVENTS}
          rows={ring.data && [...ring.data].reverse()}
          error={ring.error}
          rowKey={(row, index) => `${row.at} ${index}`}
          empty="Nothing was recorded on this arbiter yet."
        />
      </Section>
    </Page>
  );
}

const DUMPS = [
  {
    key: 'id',
    label: 'Dump',
    width: 12,
    render: (row) => <a href={to('recorder', [String(row.id)])}>{row.id}</a>,
  },
  { key: 'at', label: 'Made', width: 16, render: (row) => <Time at={row.at} millis /> },
  { key: 'arbiter', label: 'Arbiter', width: 8, align: 'right' },
  { key: 'pid', label: 'Process', width: 16, render: (row) => <Pid pid={row.pid} /> },
  {
    key: 'cause',
    label: 'Because',
    whole: true,
    width: 48,
    render: (row) => <Foreign text={row.cause} max={300} />,
  },
];

const EVENTS = [
  { key: 'at', label: 'At', width: 16, render: (row) => <Time at={row.at} millis /> },
  { key: 'what', label: 'Happened', width: 16, render: (row) => words(row.what) },
  { key: 'kind', label: 'To', width: 12 },
  { key: 'pid', label: 'Process', width: 17, render: (row) => <Pid pid={row.pid} /> },
  {
    key: 'entries',
    label: 'Entries handled',
    width: 40,
    hint: 'The first ones by name',
    render: (row) => (
      <>
        {count(row.entries_count)} <span class="muted">{row.entries.map(words).join(', ')}</span>
      </>
    ),
  },
];

function Dump({ id }) {
  const dump = useResource(`recorder/dumps/${part(id)}`, {});
  const actions = (
    <>
      <a href={to('recorder')}>All dumps</a>
      {dump.data ? (
        <Save
          label="Save as JSON"
          name={`dump-${id}.json`}
          type="application/json"
          text={() => JSON.stringify(dump.data, null, 2)}
        />
      ) : null}
    </>
  );
  return (
    <Page
      title={`Dump ${id}`}
      about="What the recorder held when it was saved."
      source={dump}
      actions={actions}
    >
      {dump.data ? (
        <div class="json">
          <Json value={dump.data} />
        </div>
      ) : dump.error ? (
        <Trouble problem={dump.error} />
      ) : (
        <Words>Reading …</Words>
      )}
    </Page>
  );
}
