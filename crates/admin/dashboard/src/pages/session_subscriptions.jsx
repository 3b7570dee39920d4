// What one session subscribes to, and changing that on its behalf.

import { useState } from 'preact/hooks';

import { ask, part } from '../lib/api.js';
import { cut } from '../lib/format.js';
import { Change, Check, Choice, Field, ForAdmins, Form, notice } from '../ui/controls.jsx';
import { Section } from '../ui/page.jsx';
import { Table } from '../ui/table.jsx';
import { Foreign } from '../ui/text.jsx';

export function Subscriptions({ id, rows, error, reload }) {
  const columns = [
    { key: 'filter', label: 'Filter', width: 40, render: (row) => <Foreign text={row.filter} /> },
    { key: 'qos', label: 'Most QoS', width: 10, align: 'right' },
    { key: 'no_local', label: 'No local', width: 10, render: (row) => (row.no_local ? 'yes' : 'no') },
    {
      key: 'actions',
      label: 'Change',
      forAdmins: true,
      width: 15,
      render: (row) => (
        <Change
          label="Remove"
          confirm="Remove this subscription?"
          detail={`The client is not told: it will wonder why ${cut(row.filter, 80)} is silent.`}
          danger
          request={[
            `sessions/${part(id)}/subscriptions`,
            { method: 'DELETE', query: { filter: row.filter } },
          ]}
          done="The subscription is gone."
          onDone={reload}
        />
      ),
    },
  ];
  return (
    <Section title="Subscriptions">
      <Table
        label="Subscriptions"
        columns={columns}
        rows={rows}
        error={error}
        rowKey={(row) => row.filter}
        empty="It subscribes to nothing."
      />
      <ForAdmins>
        <Subscribe id={id} reload={reload} />
      </ForAdmins>
    </Section>
  );
}

function Subscribe({ id, reload }) {
  const [filter, setFilter] = useState('');
  const [qos, setQos] = useState('0');
  const [noLocal, setNoLocal] = useState(false);
  const send = async () => {
    const body = {
      filter,
      qos: Number(qos),
      no_local: noLocal,
      retain_as_published: false,
      retain_handling: 0,
    };
    await ask(`sessions/${part(id)}/subscriptions`, { method: 'POST', body });
    notice.set({ text: 'Subscribed on its behalf.' });
    setFilter('');
    reload();
  };
  return (
    <Form label="Subscribe on its behalf" send={send} isReady={filter !== ''}>
      <Field label="Topic filter" value={filter} onChange={setFilter} hint="sensors/+/temperature" grow />
      <Choice
        label="QoS"
        value={qos}
        onChange={setQos}
        options={[
          ['0', '0'],
          ['1', '1'],
          ['2', '2'],
        ]}
      />
      <Check label="not its own messages" checked={noLocal} onChange={setNoLocal} />
    </Form>
  );
}
