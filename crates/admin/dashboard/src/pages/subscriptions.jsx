// Who wants which topics.

import { usePages } from '../lib/resource.js';
import { refine } from '../lib/router.js';
import { Search } from '../ui/controls.jsx';
import { Page } from '../ui/page.jsx';
import { Pager, Paged } from '../ui/table.jsx';
import { Client, Foreign } from '../ui/text.jsx';

const HANDLING = ['sent', 'sent when new', 'not sent'];

const COLUMNS = [
  { key: 'filter', label: 'Filter', width: 34, render: (row) => <Foreign text={row.filter} /> },
  {
    key: 'client_id',
    label: 'Client',
    width: 26,
    one: true,
    render: (row) => <Client id={row.client_id} page="sessions" />,
  },
  { key: 'qos', label: 'Most QoS', width: 8, align: 'right' },
  {
    key: 'group',
    label: 'Shared group',
    width: 12,
    hint: 'Its members share the messages',
    render: (row) => <Foreign text={row.group} />,
  },
  { key: 'no_local', label: 'Own messages', width: 10, render: (row) => (row.no_local ? 'no' : 'yes') },
  {
    key: 'retain_handling',
    label: 'Retained',
    width: 12,
    hint: 'What is sent on subscribing',
    render: (row) => HANDLING[row.retain_handling] ?? '–',
  },
];

export function Subscriptions({ query }) {
  const filter = { search: query.search, client: query.client, topic: query.topic };
  const pages = usePages('subscriptions', { query: filter, every: 5000 });
  const isFiltered = Object.values(filter).some(Boolean);
  return (
    <Page
      title="Subscriptions"
      about="Which client wants which topics; a filter may hold + and # for any level."
      emqttd="emqttd_server, table subscription"
      source={pages}
    >
      <div class="toolbar">
        <Search label="Filter contains" value={query.search} onChange={(search) => refine({ search })} />
        <Search label="Of client" value={query.client} onChange={(client) => refine({ client })} />
        <Search
          label="Matching topic"
          value={query.topic}
          onChange={(topic) => refine({ topic })}
          hint="a/b/c"
        />
        <Pager pages={pages} what="subscriptions" />
      </div>
      <Paged
        label="Subscriptions"
        pages={pages}
        columns={COLUMNS}
        rowKey={(row) => `${row.client_id} ${row.group ?? ''} ${row.filter}`}
        empty={
          isFiltered
            ? 'No subscription is like that: a message there would reach nobody.'
            : 'Nobody subscribes to anything.'
        }
      />
    </Page>
  );
}
