// The ledger: each message that did not arrive, with the reason.

import { count, plural, words } from '../lib/format.js';
import { usePages } from '../lib/resource.js';
import { refine, to } from '../lib/router.js';
import { Choice, Search } from '../ui/controls.jsx';
import { Bars } from '../ui/chart.jsx';
import { Page, Section, Words } from '../ui/page.jsx';
import { Pager, Paged } from '../ui/table.jsx';
import { Client, Foreign, Mark, Time, Topic } from '../ui/text.jsx';

const COLUMNS = [
  { key: 'at', label: 'Dropped', width: 14, render: (row) => <Time at={row.at} millis /> },
  {
    key: 'reason',
    label: 'Reason',
    width: 14,
    render: (row) => <Mark kind="warn">{words(row.reason)}</Mark>,
  },
  {
    key: 'client_id',
    label: 'Client',
    width: 18,
    render: (row) => <Client id={row.client_id} page="sessions" />,
  },
  { key: 'topic', label: 'Topic', width: 20, render: (row) => <Topic topic={row.topic} /> },
  { key: 'qos', label: 'QoS', width: 5, align: 'right', render: (row) => row.qos ?? '–' },
  {
    key: 'text',
    label: 'In words',
    whole: true,
    width: 24,
    render: (row) => (
      <>
        {row.count > 1 ? `${plural(row.count, 'message')}: ` : ''}
        <Foreign text={row.text} max={300} />
      </>
    ),
  },
  {
    key: 'why',
    label: 'More',
    width: 8,
    render: (row) =>
      row.client_id && row.topic ? (
        <a href={to('explain', [], { client: row.client_id, topic: row.topic, message: row.message })}>
          Explain
        </a>
      ) : (
        '–'
      ),
  },
];

export function Drops({ query }) {
  const filter = { client: query.client, topic: query.topic, reason: query.reason };
  const pages = usePages('drops', { query: filter, every: 3000 });
  const counts = Object.entries(pages.data?.counts ?? {}).sort((a, b) => b[1] - a[1]);
  const happened = counts.filter(([, many]) => many > 0);
  const isFiltered = Object.values(filter).some(Boolean);
  return (
    <Page
      title="Drops"
      about="Each message that the broker let go, with the reason; counted since the start, the latest ones listed."
      emqttd="messages/dropped, without reasons there"
      source={pages}
      hold={[pages]}
    >
      <Section title="By reason">
        <div class="reserve">
          {happened.length > 0 ? (
            <Bars
              label="Drops by reason"
              amounts={happened}
              format={(many) => count(many)}
              linkOf={(reason) => to('drops', [], { ...filter, reason })}
            />
          ) : (
            <Words>{pages.data ? 'Nothing was dropped since the start.' : 'Reading …'}</Words>
          )}
        </div>
      </Section>
      <div class="toolbar">
        <Search label="Of client" value={query.client} onChange={(client) => refine({ client })} />
        <Search label="On topic" value={query.topic} onChange={(topic) => refine({ topic })} />
        <Choice
          label="Reason"
          value={query.reason ?? ''}
          onChange={(reason) => refine({ reason })}
          options={[['', 'any'], ...reasons(counts, query.reason).map((reason) => [reason, words(reason)])]}
        />
        <Pager pages={pages} what="drops" />
      </div>
      <Paged
        label="Drops"
        pages={pages}
        columns={COLUMNS}
        rowKey={(row, index) => `${row.at} ${row.client_id} ${row.message} ${index}`}
        empty={
          isFiltered
            ? 'No drop is like that.'
            : 'Nothing was dropped. What is not here and was not delivered can be asked for on the page Explain.'
        }
      />
    </Page>
  );
}

function reasons(counts, chosen) {
  const known = counts.map(([reason]) => reason);
  return chosen && !known.includes(chosen) ? [...known, chosen] : known;
}
