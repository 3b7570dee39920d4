// Which arbiters have subscribers for a filter.

import { usePages } from '../lib/resource.js';
import { refine, to } from '../lib/router.js';
import { Search } from '../ui/controls.jsx';
import { Page } from '../ui/page.jsx';
import { Pager, Paged } from '../ui/table.jsx';
import { Foreign, None } from '../ui/text.jsx';

const COLUMNS = [
  {
    key: 'filter',
    label: 'Filter',
    width: 50,
    render: (row) => (
      <a href={to('subscriptions', [], { search: row.filter })}>
        <Foreign text={row.filter} />
      </a>
    ),
  },
  {
    key: 'arbiters',
    label: 'Arbiters',
    width: 25,
    hint: 'Threads that have a subscriber',
    render: (row) => (row.arbiters.length ? <span class="number">{row.arbiters.join(', ')}</span> : <None />),
  },
  { key: 'group', label: 'Shared group', width: 25, render: (row) => <Foreign text={row.group} /> },
];

export function Routes({ query }) {
  const pages = usePages('routes', { query: { search: query.search }, every: 5000 });
  return (
    <Page
      title="Routes"
      about="For each subscribed filter the arbiters (threads) that have a subscriber: a message goes once to each of them."
      emqttd="emqttd_router, tables route and trie"
      source={pages}
    >
      <div class="toolbar">
        <Search label="Filter contains" value={query.search} onChange={(search) => refine({ search })} />
        <Pager pages={pages} what="routes" />
      </div>
      <Paged
        label="Routes"
        pages={pages}
        columns={COLUMNS}
        rowKey={(row) => `${row.group ?? ''} ${row.filter}`}
        empty={query.search ? 'No route is like that.' : 'There is no route: nobody subscribes to anything.'}
      />
    </Page>
  );
}
