// All that one client has sent, recorded to be replayed step by step.

import { useState } from 'preact/hooks';

import { ask, open } from '../lib/api.js';
import { useResource } from '../lib/resource.js';
import { words } from '../lib/format.js';
import { Change, Check, Field, ForAdmins, Form, notice } from '../ui/controls.jsx';
import { Page, Section } from '../ui/page.jsx';
import { Table } from '../ui/table.jsx';
import { Bytes, Client, Count, Mark, Time } from '../ui/text.jsx';

export function Recordings({ query }) {
  const source = useResource('recordings', { every: 3000 });
  return (
    <Page
      title="Recordings"
      about="A snapshot of one client’s connection and session and every input after it; castmq replay steps through the file, forward and back."
      source={source}
    >
      <ForAdmins>
        <Start start={query.client ?? ''} reload={source.reload} />
      </ForAdmins>
      <Section title="Recordings">
        <Table
          label="Recordings"
          columns={columns(source.reload)}
          rows={source.data && (source.data.items ?? source.data)}
          error={source.error}
          rowKey={(row) => row.id}
          empty="Nothing is recorded. Start a recording of a client above."
        />
      </Section>
    </Page>
  );
}

function columns(reload) {
  return [
    { key: 'client_id', label: 'Client', width: 22, render: (row) => <Client id={row.client_id} /> },
    {
      key: 'state',
      label: 'State',
      width: 16,
      render: (row) =>
        row.state === 'running' ? (
          <Mark kind="good">running</Mark>
        ) : (
          <Mark>{row.ended_because ? `ended: ${words(row.ended_because)}` : words(row.state)}</Mark>
        ),
    },
    {
      key: 'inputs_count',
      label: 'Inputs',
      width: 9,
      align: 'right',
      render: (row) => <Count value={row.inputs_count} />,
    },
    { key: 'bytes', label: 'Size', width: 9, align: 'right', render: (row) => <Bytes value={row.bytes} /> },
    {
      key: 'has_payloads',
      label: 'Payloads',
      width: 9,
      render: (row) => (row.has_payloads ? 'with' : 'without'),
    },
    { key: 'started_at', label: 'Started', width: 13, render: (row) => <Time at={row.started_at} /> },
    {
      key: 'actions',
      label: 'File',
      width: 20,
      render: (row) => (
        <span class="buttons start">
          <button type="button" onClick={() => download(row.id)}>
            Save file
          </button>
          <Change
            label={row.state === 'running' ? 'Stop' : 'Remove'}
            confirm={row.state === 'running' ? 'Stop this recording?' : 'Remove this recording?'}
            request={[`recordings/${row.id}`, { method: 'DELETE' }]}
            done="Done."
            onDone={reload}
          />
        </span>
      ),
    },
  ];
}

// By hand, because a plain link could not send the credentials.
async function download(id) {
  try {
    const response = await open(`recordings/${id}/file`);
    const url = URL.createObjectURL(await response.blob());
    const link = document.createElement('a');
    link.href = url;
    link.download = `recording-${id}.castmq`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch (problem) {
    notice.set({ text: problem.message });
  }
}

function Start({ start, reload }) {
  const [client, setClient] = useState(start);
  const [seconds, setSeconds] = useState('60');
  const [payloads, setPayloads] = useState(false);
  const send = async () => {
    await ask('recordings', { method: 'POST', body: { client, payloads, seconds: Number(seconds) } });
    notice.set({ text: 'Recording.' });
    reload();
  };
  return (
    <Section title="Record a client">
      <Form label="Record" send={send} isReady={client !== '' && Number(seconds) > 0}>
        <Field label="Client id" data-search value={client} onChange={setClient} grow />
        <Field
          label="For seconds"
          value={seconds}
          onChange={setSeconds}
          inputmode="numeric"
          pattern="[0-9]+"
        />
        <Check label="with the payloads of its messages" checked={payloads} onChange={setPayloads} />
      </Form>
    </Section>
  );
}
