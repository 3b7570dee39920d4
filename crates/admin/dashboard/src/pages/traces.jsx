// Follow messages through all actors: start a trace, see what it has caught.

import { useState } from 'preact/hooks';

import { ask } from '../lib/api.js';
import { count, cut, words } from '../lib/format.js';
import { useResource } from '../lib/resource.js';
import { to } from '../lib/router.js';
import { Change, Field, ForAdmins, Form } from '../ui/controls.jsx';
import { Page, Section } from '../ui/page.jsx';
import { Table } from '../ui/table.jsx';
import { Mark, Share, Time } from '../ui/text.jsx';
import { Trace } from './trace.jsx';

export function Traces({ parts, query }) {
  return parts.length > 0 ? <Trace id={parts[0]} chosen={query.flow} /> : <List query={query} />;
}

function List({ query }) {
  const traces = useResource('traces', { every: 3000 });
  const rows = traces.data && (traces.data.items ?? traces.data);
  return (
    <Page
      title="Message trace"
      about="Follows messages through every actor: how long each hop waited and worked, what was decided, stored and acknowledged."
      emqttd="emqttd_trace"
      source={traces}
    >
      <ForAdmins>
        <Start key={JSON.stringify(query)} query={query} />
      </ForAdmins>
      <Section title="Traces">
        <Table
          label="Traces"
          columns={columns(traces.reload)}
          rows={rows}
          error={traces.error}
          rowKey={(row) => row.id}
          empty="No trace was started. Start one above: by client, by topic, by address, or of one message in so many."
        />
      </Section>
    </Page>
  );
}

/** What a trace follows, in words. */
export function wanted({ client, topic, address, one_in: oneIn }) {
  const parts = [
    client && `client ${cut(client, 60)}`,
    topic && `topic ${cut(topic, 60)}`,
    address && `address ${address}`,
    oneIn > 1 && `one message in ${count(oneIn)}`,
  ];
  return parts.filter(Boolean).join(', ') || 'every message';
}

function columns(reload) {
  return [
    {
      key: 'wants',
      label: 'Follows',
      width: 34,
      render: (row) => <a href={to('traces', [row.id])}>{wanted(row.wants)}</a>,
    },
    {
      key: 'state',
      label: 'State',
      width: 16,
      render: (row) =>
        row.state === 'running' ? <Mark kind="good">running</Mark> : <Mark>{ended(row)}</Mark>,
    },
    {
      key: 'flows',
      label: 'Flows',
      width: 12,
      align: 'right',
      hint: 'Messages followed, of how many at most',
      render: (row) => (
        <span class="number">
          {count(row.spent?.flows)} <span class="muted">of {count(row.budget?.flows)}</span>
        </span>
      ),
    },
    {
      key: 'cost',
      label: 'Cost',
      width: 9,
      align: 'right',
      hint: 'Share of the broker’s working time',
      render: (row) => <Share value={row.cost?.share} />,
    },
    { key: 'started_at', label: 'Started', width: 13, render: (row) => <Time at={row.started_at} /> },
    {
      key: 'actions',
      label: 'Change',
      forAdmins: true,
      width: 12,
      render: (row) => (
        <Change
          label={row.state === 'running' ? 'Stop' : 'Remove'}
          confirm={row.state === 'running' ? 'Stop this trace?' : 'Remove this trace and what it has caught?'}
          request={[`traces/${row.id}`, { method: 'DELETE' }]}
          done="Done."
          onDone={reload}
        />
      ),
    },
  ];
}

export function ended({ ended_because: because }) {
  return because === 'stopped' ? 'stopped' : because ? `done: ${words(because)} used up` : 'done';
}

function Start({ query }) {
  const [wants, setWants] = useState({
    client: query.client ?? '',
    topic: query.topic ?? '',
    address: query.address ?? '',
    one_in: '',
  });
  const [budget, setBudget] = useState({ flows: '100', seconds: '60' });
  const change = (key) => (value) => setWants({ ...wants, [key]: value });
  const send = async () => {
    const body = {};
    for (const [key, value] of Object.entries({ ...wants, ...budget })) {
      if (value !== '') body[key] = ['one_in', 'flows', 'seconds'].includes(key) ? Number(value) : value;
    }
    const trace = await ask('traces', { method: 'POST', body });
    location.hash = to('traces', [trace.id]);
  };
  const isReady = Object.values(wants).some((value) => value !== '');
  const number = { inputmode: 'numeric', pattern: '[0-9]+' };
  return (
    <Section
      title="Start a trace"
      about="Give at least one; all that are given must hold. It stops by itself when its budget of flows or seconds is used up."
    >
      <Form label="Start" send={send} isReady={isReady}>
        <Field label="Client id" data-search value={wants.client} onChange={change('client')} grow />
        <Field label="Topic filter" value={wants.topic} onChange={change('topic')} hint="a/#" grow />
        <Field label="Client’s address" value={wants.address} onChange={change('address')} hint="127.0.0.1" />
        <Field
          label="One message in"
          value={wants.one_in}
          onChange={change('one_in')}
          hint="every one"
          {...number}
        />
        <Field
          label="At most flows"
          value={budget.flows}
          onChange={(flows) => setBudget({ ...budget, flows })}
          {...number}
        />
        <Field
          label="At most seconds"
          value={budget.seconds}
          onChange={(seconds) => setBudget({ ...budget, seconds })}
          {...number}
        />
      </Form>
    </Section>
  );
}
