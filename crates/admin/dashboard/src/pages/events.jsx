// What the broker has told, and the alarms that are over.

import { words } from '../lib/format.js';
import { useNews, usePages } from '../lib/resource.js';
import { Page, Section } from '../ui/page.jsx';
import { Pager, Paged } from '../ui/table.jsx';
import { Foreign, Mark, None, Time } from '../ui/text.jsx';

const LEVEL = { error: 'bad', warn: 'warn' };

const EVENTS = [
  { key: 'at', label: 'At', width: 15, render: (row) => <Time at={row.at} millis /> },
  {
    key: 'level',
    label: 'Level',
    width: 8,
    render: (row) => <Mark kind={LEVEL[row.level]}>{row.level}</Mark>,
  },
  { key: 'event', label: 'Event', width: 22, render: (row) => words(row.event) },
  { key: 'arbiter', label: 'Arbiter', width: 8, align: 'right', render: (row) => row.arbiter ?? '–' },
  {
    key: 'fields',
    label: 'With',
    whole: true,
    width: 47,
    render: (row) => <Foreign text={fields(row.fields)} max={300} />,
  },
];

function fields(all) {
  if (!all) return null;
  if (typeof all !== 'object') return String(all);
  const shown = Object.entries(all).map(
    ([key, value]) => `${words(key)} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );
  return shown.join(', ') || null;
}

const ALARMS = [
  {
    key: 'title',
    label: 'Alarm',
    width: 24,
    render: (row) => (
      <strong>
        <Foreign text={row.title} max={200} />
      </strong>
    ),
  },
  {
    key: 'severity',
    label: 'Severity',
    width: 10,
    render: (row) => <Mark kind={row.cleared_at ? '' : 'bad'}>{words(row.severity)}</Mark>,
  },
  {
    key: 'summary',
    label: 'In words',
    whole: true,
    width: 36,
    render: (row) => <Foreign text={row.summary} max={300} />,
  },
  { key: 'since_at', label: 'Since', width: 15, render: (row) => <Time at={row.since_at} /> },
  {
    key: 'cleared_at',
    label: 'Until',
    width: 15,
    render: (row) => (row.cleared_at ? <Time at={row.cleared_at} /> : <None>now</None>),
  },
];

export function Events() {
  const events = usePages('events', { every: 15_000 });
  const alarms = usePages('alarms', { query: { past: 'true' }, every: 15_000, limit: 20 });
  useNews('events', events.reload);
  useNews('alarms', alarms.reload);
  return (
    <Page
      title="Events and alarms"
      about="What the broker has told of itself, newest first, and the conditions that needed somebody’s attention."
      emqttd="lager’s log; emqttd_alarm"
      source={events}
      hold={[events, alarms]}
    >
      <Section title="Alarms, past ones too" aside={<Pager pages={alarms} what="alarms" />}>
        <div class="reserve">
          <Paged
            label="Alarms"
            pages={alarms}
            columns={ALARMS}
            rowKey={(row) => `${row.id} ${row.since_at}`}
            empty="No alarm was raised since the start."
          />
        </div>
      </Section>
      <Section title="Events" aside={<Pager pages={events} what="events" />}>
        <Paged
          label="Events"
          pages={events}
          columns={EVENTS}
          rowKey={(row, index) => `${row.at} ${index}`}
          empty="Nothing was told yet."
        />
      </Section>
    </Page>
  );
}
