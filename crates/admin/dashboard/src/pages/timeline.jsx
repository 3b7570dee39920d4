// What has happened to a client, newest first; kept across its connections.

import { part } from '../lib/api.js';
import { words } from '../lib/format.js';
import { usePages } from '../lib/resource.js';
import { Section, Trouble, Words } from '../ui/page.jsx';
import { Pager } from '../ui/table.jsx';
import { Foreign, Mark, Pid, Time } from '../ui/text.jsx';

const TROUBLES = new Set(['refused', 'denied', 'queue_full', 'dropped', 'alarm', 'taken_over']);

export function Timeline({ id }) {
  const pages = usePages(`clients/${part(id)}/timeline`, { every: 3000, by: 'before' });
  return (
    <Section
      title="Timeline"
      about="What has happened to it, newest first; kept while it comes and goes."
      aside={<Pager pages={pages} what="entries" />}
    >
      {pages.items ? null : pages.error ? <Trouble problem={pages.error} /> : <Words>Reading …</Words>}
      {pages.items?.length === 0 ? (
        <Words>Nothing is known of this client: it has not been here since the broker started.</Words>
      ) : null}
      {pages.items?.length > 0 ? (
        <ol class="timeline">
          {pages.items.map((entry, index) => (
            <Entry key={`${entry.at} ${index}`} entry={entry} />
          ))}
        </ol>
      ) : null}
    </Section>
  );
}

function Entry({ entry }) {
  return (
    <li>
      <Time at={entry.at} millis />
      <Mark kind={TROUBLES.has(entry.kind) ? 'warn' : ''}>{words(entry.kind)}</Mark>
      <span class="what">
        <Foreign text={entry.text} max={400} />
      </span>
      {entry.pid ? <Pid pid={entry.pid} /> : null}
    </li>
  );
}
