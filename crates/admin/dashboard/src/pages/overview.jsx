// Is the broker well? Rates, times, alarms and losses of the last minutes.

import { Fragment } from 'preact';

import { bytes, count, micros, perSecond, plural, seconds, words } from '../lib/format.js';
import { useNews, useResource } from '../lib/resource.js';
import { to } from '../lib/router.js';
import { useStore } from '../lib/store.js';
import { beat, vitals } from '../lib/vitals.js';
import { Bars, Chart } from '../ui/chart.jsx';
import { Facts, Page, Section, Trouble, Words } from '../ui/page.jsx';
import { Foreign, Mark, Time } from '../ui/text.jsx';

export function Overview() {
  const node = useResource('node', { every: 5000 });
  const stats = useResource('stats', { every: 5000 });
  return (
    <Page
      title="Overview"
      about="How the broker is now, and how the last five minutes went."
      emqttd="emqttd_broker, emqttd_stats, emqttd_metrics"
      source={node}
    >
      <Trouble
        problem={
          node.data
            ? node.data.trouble
              ? { title: 'The broker is in trouble', detail: node.data.trouble }
              : null
            : node.error
        }
      />
      <NodeFacts node={node.data} stats={stats.data} />
      <Charts isStored={!node.data || node.data.store !== null} />
      <div class="columns">
        <Alarms />
        <Drops />
      </div>
    </Page>
  );
}

function NodeFacts({ node, stats }) {
  const stat = (name) => stats?.[name];
  const now = (name) =>
    stat(name) ? (
      <>
        {count(stat(name).value)} <span class="muted">most {count(stat(name).max)}</span>
      </>
    ) : null;
  const status = node && <Mark kind={node.status === 'running' ? 'good' : 'bad'}>{words(node.status)}</Mark>;
  return (
    <Facts
      facts={[
        ['Status', status],
        ['Up for', node && seconds(node.uptime_seconds)],
        ['Clients', now('clients/count') ?? (node && count(node.clients))],
        ['Sessions', now('sessions/count') ?? (node && count(node.sessions))],
        ['Subscriptions', now('subscriptions/count')],
        ['Retained messages', now('retained/count')],
        ['Memory', node && bytes(node.memory_bytes)],
        ['Arbiters', node && count(node.arbiters), 'Threads, each with its own connections and sessions'],
        ['Store', node && (node.store ? node.store.backend : 'memory only')],
      ]}
    />
  );
}

const RATES = [
  [
    'Messages',
    perSecond,
    [
      ['received', 'from clients', 'a'],
      ['sent', 'to clients', 'b'],
    ],
  ],
  [
    'Bytes',
    (value) => `${bytes(value)}/s`,
    [
      ['bytes_received', 'from clients', 'a'],
      ['bytes_sent', 'to clients', 'b'],
    ],
    1024,
  ],
  ['Messages dropped', perSecond, [['dropped', 'dropped', 'bad']]],
];

const TIMES = [
  ['turn', 'Working: length of a turn'],
  ['wait', 'Waiting in lanes'],
  ['commit', 'Storing: length of a commit'],
];

function Charts({ isStored }) {
  const now = useStore(beat) || Date.now();
  const nothing = isStored
    ? 'Nothing was stored in these minutes.'
    : 'Nothing is stored: store.backend is memory.';
  return (
    <div class="charts">
      {RATES.map(([title, format, lines, unit]) => (
        <Chart
          key={title}
          title={title}
          now={now}
          series={vitals}
          format={format}
          unit={unit}
          lines={lines.map(([key, label, kind]) => ({ key, label, kind }))}
        />
      ))}
      {TIMES.map(([key, title]) => (
        <Chart
          key={title}
          title={title}
          now={now}
          series={vitals}
          format={micros}
          note={key === 'commit' ? nothing : undefined}
          lines={[
            { key: `${key}_p50`, label: 'median', kind: 'a' },
            { key: `${key}_p99`, label: '99 %', kind: 'b' },
            { key: `${key}_max`, label: 'longest', kind: 'c' },
          ]}
        />
      ))}
    </div>
  );
}

function Alarms() {
  const alarms = useResource('alarms', { query: { limit: 20 }, every: 15_000 });
  useNews('alarms', alarms.reload);
  const items = alarms.data?.items;
  return (
    <Section title="Alarms" aside={<a href={to('events')}>also past ones</a>}>
      {items?.length === 0 ? <Words>No alarm is raised.</Words> : null}
      {items ? null : alarms.error ? <Trouble problem={alarms.error} /> : <Words>Reading …</Words>}
      {items?.length > 0 ? (
        <ul class="told">
          {items.map((alarm) => (
            <Alarm key={alarm.id} alarm={alarm} />
          ))}
        </ul>
      ) : null}
    </Section>
  );
}

function Alarm({ alarm }) {
  const isGrave = alarm.severity === 'error' || alarm.severity === 'critical';
  return (
    <li>
      <Mark kind={isGrave ? 'bad' : 'warn'}>{words(alarm.severity)}</Mark>{' '}
      <strong>
        <Foreign text={alarm.title} max={200} />
      </strong>{' '}
      since <Time at={alarm.since_at} />
      <p>
        <Foreign text={alarm.summary} max={400} />
      </p>
    </li>
  );
}

function Drops() {
  const drops = useResource('drops', { query: { limit: 1 }, every: 5000 });
  const counts = Object.entries(drops.data?.counts ?? {}).filter(([, value]) => value > 0);
  counts.sort((a, b) => b[1] - a[1]);
  const whole = counts.reduce((sum, [, value]) => sum + value, 0);
  return (
    <Section title="Messages dropped since the start, by reason" aside={<a href={to('drops')}>which ones</a>}>
      {counts.length > 0 ? (
        <Fragment>
          <Bars
            label="Drops by reason"
            amounts={counts}
            format={count}
            linkOf={(reason) => to('drops', [], { reason })}
          />
          <Words>{plural(whole, 'message')} in all.</Words>
        </Fragment>
      ) : drops.data ? (
        <Words>Nothing was dropped.</Words>
      ) : drops.error ? (
        <Trouble problem={drops.error} />
      ) : (
        <Words>Reading …</Words>
      )}
    </Section>
  );
}
