// The recorder that always runs: the last events of each arbiter, and what it saved when something broke.

import { useState } from 'preact/hooks';

import { part } from '../lib/api.js';
import { useResource } from '../lib/resource.js';
import { to } from '../lib/router.js';
import { words } from '../lib/format.js';
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
    <Page title="Recorder" about="The last events of each arbiter (thread), always kept; saved as a dump when a process panics or an invariant breaks." source={ring} hold={[dumps]}>
      <Section title="Dumps">
        <Table label="Dumps" columns={DUMPS} rows={rowsOf(dumps)} error={dumps.error} rowKey={(row) => row.id} empty="There is no dump: nothing has panicked and no invariant was broken." />
      </Section>
      <Section title="Last events" aside={<Choice label="Of" value={arbiter} onChange={setArbiter} options={options} />}>
        <Table label="Last events" columns={EVENTS} rows={rowsOf(ring)?.slice(0, 200)} error={ring.error} rowKey={(row, index) => `${row.at} ${index}`} empty="Nothing was recorded on this arbiter yet." />
      </Section>
    </Page>
  );
}

function rowsOf({ data }) {
  return data && (Array.isArray(data) ? data : data.items ?? data.events ?? []);
}

const DUMPS = [
  { key: 'id', label: 'Dump', width: 20, render: (row) => <a href={to('recorder', [row.id])}>{row.id}</a> },
  { key: 'at', label: 'Made', width: 16, render: (row) => <Time at={row.at ?? row.made_at} millis /> },
  { key: 'reason', label: 'Because', width: 50, render: (row) => <Foreign text={row.reason ?? row.because} max={300} /> },
];

const EVENTS = [
  { key: 'at', label: 'At', width: 16, render: (row) => <Time at={row.at} millis /> },
  { key: 'event', label: 'Event', width: 18, render: (row) => words(row.event ?? row.kind ?? '') },
  { key: 'pid', label: 'Process', width: 18, render: (row) => <Pid pid={row.pid} /> },
  { key: 'text', label: 'In words', width: 48, render: (row) => <Foreign text={row.text ?? rest(row)} max={300} /> },
];

function rest(row) {
  const { at, event, kind, pid, ...more } = row;
  return Object.entries(more.fields ?? more).map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`).join(', ');
}

function Dump({ id }) {
  const dump = useResource(`recorder/dumps/${part(id)}`, {});
  const actions = (
    <>
      <a href={to('recorder')}>All dumps</a>
      {dump.data ? <Save label="Save as JSON" name={`dump-${id}.json`} type="application/json" text={() => JSON.stringify(dump.data, null, 2)} /> : null}
    </>
  );
  return (
    <Page title={`Dump ${id}`} about="What the recorder held when it was saved." source={dump} actions={actions}>
      {dump.data ? <div class="json"><Json value={dump.data} /></div> : dump.error ? <Trouble problem={dump.error} /> : <Words>Reading …</Words>}
    </Page>
  );
}
