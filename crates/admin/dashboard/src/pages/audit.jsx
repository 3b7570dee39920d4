// Who has changed what.

import { usePages } from '../lib/resource.js';
import { Page } from '../ui/page.jsx';
import { Pager, Paged } from '../ui/table.jsx';
import { Foreign, Time } from '../ui/text.jsx';

const COLUMNS = [
  { key: 'at', label: 'At', width: 14, render: (row) => <Time at={row.at} millis /> },
  { key: 'who', label: 'Who', width: 13, render: (row) => <Foreign text={row.who} /> },
  { key: 'role', label: 'Role', width: 9 },
  { key: 'address', label: 'From', width: 15, render: (row) => <Foreign text={row.address} /> },
  { key: 'action', label: 'Did', width: 16, render: (row) => <Foreign text={row.action} /> },
  { key: 'target', label: 'To', whole: true, width: 21, render: (row) => <Foreign text={row.target} /> },
  {
    key: 'outcome',
    label: 'Outcome',
    whole: true,
    width: 12,
    render: (row) => <Foreign text={String(row.outcome ?? '')} />,
  },
];

export function Audit() {
  const pages = usePages('audit', { every: 5000 });
  return (
    <Page
      title="Audit"
      about="The last changes that were made through this interface: who, from where, what, and what came of it."
      source={pages}
    >
      <div class="toolbar">
        <Pager pages={pages} what="changes" />
      </div>
      <Paged
        label="Changes"
        pages={pages}
        columns={COLUMNS}
        rowKey={(row, index) => `${row.at} ${index}`}
        empty="Nothing was changed through this interface."
      />
    </Page>
  );
}
