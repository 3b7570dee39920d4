// Faults on purpose, each with an end.

import { useState } from 'preact/hooks';

import { ask } from '../lib/api.js';
import { count, micros } from '../lib/format.js';
import { useResource } from '../lib/resource.js';
import { Change, Choice, Field, ForAdmins, Form, notice } from '../ui/controls.jsx';
import { Page, Section, Words } from '../ui/page.jsx';
import { Table } from '../ui/table.jsx';
import { Foreign, Pid, Seconds, Time } from '../ui/text.jsx';

export function Faults() {
  const source = useResource('faults', { every: 3000 });
  const isOff = source.error && [403, 404, 405, 409].includes(source.error.status);
  return (
    <Page
      title="Faults"
      about="Breaks one process on purpose, for a while, to see what the others do."
      source={source}
      hold={[source]}
    >
      {isOff ? (
        <Words>
          Faults on purpose are switched off here. Start the broker with debug.fault_injection = true to use
          them. <span class="muted">({source.error.detail || source.error.title})</span>
        </Words>
      ) : (
        <>
          <ForAdmins>
            <Start reload={source.reload} />
          </ForAdmins>
          <Running source={source} />
        </>
      )}
    </Page>
  );
}

function Running({ source }) {
  return (
    <Section title="Faults now">
      <Table
        label="Faults"
        columns={columns(source.reload)}
        rows={source.data && (source.data.items ?? source.data)}
        error={source.error}
        rowKey={(row) => row.id}
        empty="No fault is on."
      />
    </Section>
  );
}

function columns(reload) {
  return [
    { key: 'kind', label: 'Fault', width: 10 },
    { key: 'pid', label: 'Process', width: 18, render: (row) => <Pid pid={row.pid} /> },
    { key: 'name', label: 'Called', width: 20, render: (row) => <Foreign text={row.name} /> },
    { key: 'how', label: 'How', width: 20, render: how },
    {
      key: 'left_seconds',
      label: 'Still',
      width: 10,
      align: 'right',
      render: (row) => <Seconds value={Math.round(row.left_seconds)} />,
    },
    { key: 'until_at', label: 'Until', width: 12, render: (row) => <Time at={row.until_at} /> },
    {
      key: 'actions',
      label: 'Change',
      forAdmins: true,
      width: 12,
      render: (row) => (
        <Change
          label="End"
          confirm="End this fault now?"
          request={[`faults/${row.id}`, { method: 'DELETE' }]}
          done="The fault is over."
          onDone={reload}
        />
      ),
    },
  ];
}

function how(row) {
  if (row.kind === 'slow') return `${micros(row.entry_micros)} an entry`;
  return row.one_in > 1 ? `one entry in ${count(row.one_in)}` : 'every entry';
}

const KINDS = [
  ['pause', 'pause: it does no work'],
  ['slow', 'slow: an entry takes 100 ms'],
  ['drop', 'drop: entries are lost'],
  ['duplicate', 'duplicate: entries come twice'],
  ['panic', 'panic: its turn fails'],
];

function Start({ reload }) {
  const [fault, setFault] = useState({
    kind: 'pause',
    process: '',
    client: '',
    actor: 'session',
    seconds: '5',
    one_in: '',
  });
  const change = (key) => (value) => setFault({ ...fault, [key]: value });
  const send = async () => {
    const body = { kind: fault.kind, seconds: Number(fault.seconds) };
    if (fault.process) body.process = fault.process;
    else Object.assign(body, { client: fault.client, actor: fault.actor });
    if (fault.one_in) body.one_in = Number(fault.one_in);
    await ask('faults', { method: 'POST', body });
    notice.set({ text: 'The fault is on.' });
    reload();
  };
  const number = { inputmode: 'numeric', pattern: '[0-9]+' };
  return (
    <Section title="Break something" about="Name a process, or a client and which of its two actors.">
      <Form
        label="Break it"
        send={send}
        isReady={(fault.process !== '' || fault.client !== '') && Number(fault.seconds) > 0}
      >
        <Choice label="Fault" value={fault.kind} onChange={change('kind')} options={KINDS} />
        <Field label="Process" value={fault.process} onChange={change('process')} hint="<0.session.17.1>" />
        <Field label="or client id" value={fault.client} onChange={change('client')} />
        <Choice
          label="its"
          value={fault.actor}
          onChange={change('actor')}
          options={[
            ['session', 'session'],
            ['client', 'connection'],
          ]}
        />
        <Field label="For seconds" value={fault.seconds} onChange={change('seconds')} {...number} />
        <Field
          label="One entry in"
          value={fault.one_in}
          onChange={change('one_in')}
          hint="every one"
          {...number}
        />
      </Form>
    </Section>
  );
}
