// The processes, as a task manager shows those of a machine.

import { part } from '../lib/api.js';
import { count, micros, perSecond, share, words } from '../lib/format.js';
import { usePages, useResource } from '../lib/resource.js';
import { refine, to } from '../lib/router.js';
import { Choice, Search } from '../ui/controls.jsx';
import { Json } from '../ui/json.jsx';
import { Facts, Page, Section, Trouble, Words } from '../ui/page.jsx';
import { Pager, Paged } from '../ui/table.jsx';
import { Bad, Count, Foreign, Micros, Pid, Prose, Share } from '../ui/text.jsx';
import { Copy } from '../ui/scene.jsx';

export function Processes({ parts, query }) {
  return parts.length > 0 ? <One pid={parts[0]} /> : <List query={query} />;
}

const SORTS = [
  ['depth', 'work waiting'],
  ['peak', 'most work waiting'],
  ['wait', 'last wait'],
  ['busy', 'busy'],
  ['rate', 'entries a second'],
  ['handled', 'entries handled'],
  ['restarts', 'restarts'],
];

const COLUMNS = [
  { key: 'pid', label: 'Process', width: 12, one: true, render: (row) => <Pid pid={row.pid} /> },
  {
    key: 'kind',
    label: 'Kind',
    width: 14,
    render: (row) => <a href={to('processes', [], { kind: row.kind })}>{row.kind}</a>,
  },
  {
    key: 'name',
    label: 'Name',
    width: 17,
    one: true,
    render: (row) => <Foreign text={row.name || null} max={80} />,
  },
  {
    key: 'depth',
    label: 'Waiting',
    sort: 'depth',
    width: 9,
    align: 'right',
    hint: 'Entries in its lane now',
    render: (row) => <Count value={row.depth} />,
  },
  {
    key: 'peak',
    label: 'Most',
    sort: 'peak',
    width: 8,
    align: 'right',
    hint: 'Most entries that have waited at once',
    render: (row) => <Count value={row.peak} />,
  },
  {
    key: 'wait_micros',
    label: 'Wait',
    sort: 'wait',
    width: 9,
    align: 'right',
    hint: 'How long the last sampled entry has waited',
    render: (row) => <Micros value={row.wait_micros} />,
  },
  {
    key: 'rate_per_second',
    label: 'Rate',
    sort: 'rate',
    width: 8,
    align: 'right',
    render: (row) => <span class="number">{perSecond(row.rate_per_second)}</span>,
  },
  {
    key: 'busy_share',
    label: 'Busy',
    sort: 'busy',
    width: 8,
    align: 'right',
    hint: 'Share of the time of its thread',
    render: (row) => <Share value={row.busy_share} />,
  },
  {
    key: 'handled_count',
    label: 'Handled',
    sort: 'handled',
    width: 9,
    align: 'right',
    render: (row) => <Count value={row.handled_count} />,
  },
  {
    key: 'longest_turn_micros',
    label: 'Longest turn',
    width: 9,
    align: 'right',
    render: (row) => <Micros value={row.longest_turn_micros} />,
  },
  {
    key: 'dropped_count',
    label: 'Dropped',
    width: 9.5,
    align: 'right',
    render: (row) => <Bad value={row.dropped_count} />,
  },
  {
    key: 'restarts_count',
    label: 'Restarts',
    sort: 'restarts',
    width: 9,
    align: 'right',
    render: (row) => <Bad value={row.restarts_count} />,
  },
];

function List({ query }) {
  const sort = query.sort ?? 'depth';
  const filter = { sort, kind: query.kind, search: query.search, arbiter: query.arbiter };
  const pages = usePages('processes', { query: filter, every: 2000 });
  const kinds = useKinds();
  const isFiltered = query.kind || query.search || query.arbiter;
  return (
    <Page
      title="Processes"
      about="Every actor of the broker: how much work waits for it, how long, and how busy it is."
      emqttd="observer’s Processes; each kind has the name of an emqttd module"
      source={pages}
    >
      <div class="toolbar">
        <Search label="Name contains" value={query.search} onChange={(search) => refine({ search })} />
        <Choice
          label="Kind"
          value={query.kind ?? ''}
          onChange={(kind) => refine({ kind })}
          options={[['', 'all'], ...kinds.map((kind) => [kind, kind])]}
        />
        <Choice label="First by" value={sort} onChange={(next) => refine({ sort: next })} options={SORTS} />
        <Pager pages={pages} what="processes" />
      </div>
      <Paged
        label="Processes"
        pages={pages}
        columns={COLUMNS}
        rowKey={(row) => row.pid}
        sorted={sort}
        onSort={(next) => refine({ sort: next })}
        empty={isFiltered ? 'No process is like that. Widen the search.' : 'No process is told of.'}
      />
    </Page>
  );
}

function useKinds() {
  const { data } = useResource('processes/summary', {});
  return [...new Set((data ?? []).map(({ kind }) => kind))].sort();
}

// Processes that are named after their client.
const CLIENTS_OWN = new Set(['client', 'session']);

function One({ pid }) {
  const process = useResource(`processes/${part(pid.replace(/^<|>$/g, ''))}`, { every: 2000 });
  const { data, error } = process;
  const actions = data ? (
    <>
      {CLIENTS_OWN.has(data.kind) ? (
        <a href={to('traces', [], { client: data.name })}>Trace its messages</a>
      ) : null}
      <a href={to('architecture', [data.kind])}>Its kind</a>
      <a href={to('processes', [], { kind: data.kind })}>Others of its kind</a>
    </>
  ) : (
    <a href={to('processes')}>All processes</a>
  );
  return (
    <Page
      title={`Process ${pid}`}
      heading={
        <>
          {data ? data.kind : 'Process'} <span class="code">{pid}</span>
        </>
      }
      about="One actor: its record, the work that waits in its lane, and its state, taken between two turns."
      emqttd="sys:get_status"
      source={process}
      hold={[process]}
      actions={actions}
    >
      <Trouble problem={data ? null : error} />
      <Facts facts={facts(data)} />
      <div class="columns">
        <div>
          <Passport passport={data ? (data.passport ?? {}) : undefined} />
          <Lane process={data} />
        </div>
        <Section
          title="State"
          aside={
            data?.state ? (
              <Copy label="Copy as JSON" text={() => JSON.stringify(data.state, null, 2)} />
            ) : null
          }
        >
          {data ? (
            data.state ? (
              <div class="json">
                <Json value={data.state} />
              </div>
            ) : (
              <Words>It tells no state.</Words>
            )
          ) : (
            <Words>{error ? 'Unknown.' : 'Reading …'}</Words>
          )}
        </Section>
      </div>
    </Page>
  );
}

function facts(row) {
  const say = (value) => row && value(row);
  return [
    ['Name', say(({ name }) => <Foreign text={name || null} />)],
    ['Arbiter', say(({ arbiter }) => count(arbiter)), 'The thread that it lives on'],
    ['Parent', say(({ parent }) => <Pid pid={parent} />)],
    [
      'Waiting',
      say(({ depth, peak }) => (
        <>
          {count(depth)} <span class="muted">most {count(peak)}</span>
        </>
      )),
    ],
    ['Last wait', say((record) => micros(record.wait_micros))],
    ['Handled', say((record) => count(record.handled_count))],
    ['Rate', say((record) => perSecond(record.rate_per_second))],
    [
      'Busy',
      say((record) => (
        <>
          {share(record.busy_share)} <span class="muted">{micros(record.busy_micros)} in all</span>
        </>
      )),
    ],
    ['Longest turn', say((record) => micros(record.longest_turn_micros))],
    ['Dropped', say((record) => <Bad value={record.dropped_count} />)],
    ['Restarts', say((record) => <Bad value={record.restarts_count} />)],
    ['Last entry', say((record) => record.last_entry && words(record.last_entry))],
  ];
}

function Passport({ passport }) {
  const { kind, differs, ...told } = passport ?? {};
  const rows = Object.entries(told).map(([name, value]) => [words(name), <Prose text={value} />]);
  return (
    <Section title="Passport" about="What a process of this kind is, as its file says.">
      {rows.length > 0 ? <Facts long facts={rows} /> : <Words>It has none.</Words>}
      {differs?.length > 0 ? (
        <p class="about">
          Not as in emqttd: <Prose text={differs.join(' ')} />
        </p>
      ) : null}
    </Section>
  );
}

function Lane({ process }) {
  const lane = process?.lane ?? [];
  const links = process?.links ?? [];
  return (
    <>
      <Section title="Lane" about="The work that waits for it, next first; at most 32 entries.">
        <div class="lanebox" tabIndex={0} role="region" aria-label="Lane, scrolls">
          {lane.length > 0 ? (
            <ol class="lane">
              {lane.map((name, index) => (
                <li key={index}>{words(name)}</li>
              ))}
            </ol>
          ) : (
            <Words>Nothing waits for it.</Words>
          )}
        </div>
      </Section>
      <Section title="Links" about="The processes that it is bound to.">
        {links.length > 0 ? (
          <ul class="plainlist">
            {links.map((link, index) => (
              <li key={index}>
                <Link link={link} />
              </li>
            ))}
          </ul>
        ) : (
          <Words>It is bound to none.</Words>
        )}
      </Section>
    </>
  );
}

function Link({ link: { role, pid } }) {
  return (
    <>
      {words(role)} <Pid pid={pid} />
    </>
  );
}
