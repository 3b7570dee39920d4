// Who starts whom again.

import { useState } from 'preact/hooks';

import { plural, words } from '../lib/format.js';
import { usePages } from '../lib/resource.js';
import { to } from '../lib/router.js';
import { Page, Section, Trouble, Words } from '../ui/page.jsx';
import { Foreign, Mark, Pid, Prose } from '../ui/text.jsx';

// Children of a page.
const LIMIT = 100;

export function Supervision() {
  const root = usePages('processes/tree', { query: {}, limit: LIMIT, every: 5000 });
  return (
    <Page
      title="Supervision tree"
      about="Who starts whom, and starts it again when it fails; open a branch to see what is below."
      emqttd="emqttd_sup and the supervisors below it"
      source={root}
    >
      <Section title="Supervisors and processes">
        <Nodes pages={root} depth={0} />
      </Section>
    </Page>
  );
}

function Below({ id, many, depth }) {
  const pages = usePages('processes/tree', { query: { below: id }, limit: LIMIT });
  // What stands below stays where it is while this is read.
  const room = { '--many': String(Math.min(many, LIMIT)) };
  if (!pages.items && !pages.error) {
    return (
      <div class="room" style={room}>
        <Words>Reading …</Words>
      </div>
    );
  }
  return <Nodes pages={pages} depth={depth} />;
}

function Nodes({ pages, depth }) {
  if (!pages.items) return pages.error ? <Trouble problem={pages.error} /> : <Words>Reading …</Words>;
  if (pages.items.length === 0)
    return <Words>{depth === 0 ? 'No supervisor is told of.' : 'Nothing runs below it now.'}</Words>;
  return (
    <>
      <ul class="tree">
        {pages.items.map((node) => (
          <Node key={node.id} node={node} depth={depth} />
        ))}
      </ul>
      {pages.toNext || pages.toPrevious ? (
        <div class="pager inset">
          <button type="button" disabled={!pages.toPrevious} onClick={pages.toPrevious}>
            Previous 100
          </button>
          <button type="button" disabled={!pages.toNext} onClick={pages.toNext}>
            Next 100
          </button>
        </div>
      ) : null}
    </>
  );
}

function Node({ node, depth }) {
  const [isOpen, setOpen] = useState(depth < 1);
  const has = node.children_count > 0;
  return (
    <li>
      <div class="node">
        {has ? (
          <button
            type="button"
            class="fold"
            aria-expanded={isOpen}
            aria-label={`Children of ${node.name ?? node.kind}`}
            onClick={() => setOpen(!isOpen)}
          />
        ) : (
          <span class="fold none" />
        )}
        <div class="what">
          <strong>{node.kind}</strong>
          {node.name && node.name !== node.kind ? <Foreign text={node.name} max={60} /> : null}
          {node.pid ? <Pid pid={node.pid} /> : null}
          {node.strategy ? <span class="muted">{words(node.strategy)}</span> : null}
          {has ? <span class="muted number">{plural(node.children_count, 'child', 'children')}</span> : null}
          {node.restarts_count > 0 ? <Mark kind="warn">{plural(node.restarts_count, 'restart')}</Mark> : null}
          <Counterpart node={node} />
          {node.file ? <code class="muted">{node.file}</code> : null}
        </div>
      </div>
      {has && isOpen ? <Below id={node.id} many={node.children_count} depth={depth + 1} /> : null}
    </li>
  );
}

/** What emqttd calls it; the kinds of processes have more to tell than supervisors. */
function Counterpart({ node: { kind, emqttd, pid } }) {
  if (!emqttd) return null;
  if (!pid) return <span class="muted">{emqttd}</span>;
  return (
    <a href={to('architecture', [kind])}>
      <Prose text={emqttd} />
    </a>
  );
}
