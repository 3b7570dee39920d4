// emqttd's modules and what they are here: actor, file, live processes.

import { useEffect } from 'preact/hooks';

import { count } from '../lib/format.js';
import { useResource } from '../lib/resource.js';
import { refine, to } from '../lib/router.js';
import { Search } from '../ui/controls.jsx';
import { Facts, Page, Section, Trouble, Words } from '../ui/page.jsx';
import { Table } from '../ui/table.jsx';
import { Prose } from '../ui/text.jsx';

export function Architecture({ parts, query }) {
  const source = useResource('architecture', { every: 10_000 });
  const chosen = parts[0];
  const rows = (source.data ?? []).filter((row) => matches(row, query.search));
  const one = source.data?.find(({ kind }) => kind === chosen);
  useEffect(() => {
    if (one) document.getElementById('chosen')?.scrollIntoView({ block: 'nearest' });
  }, [chosen, one !== undefined]);
  return (
    <Page
      title="Architecture"
      about="Each module of emqttd 1.1.3, the actor that does its work here, the file to read, and how many of it are alive."
      emqttd="its 72 modules"
      source={source}
      hold={[source]}
    >
      {chosen === undefined ? null : <One kind={chosen} row={one} all={source.data} error={source.error} />}
      <div class="toolbar">
        <Search
          label="Module, kind or file contains"
          value={query.search}
          onChange={(search) => refine({ search })}
        />
      </div>
      <Table
        label="Modules and actors"
        columns={COLUMNS}
        rows={source.data ? rows : null}
        error={source.error}
        rowKey={(row) => `${row.kind} ${row.file}`}
        empty={query.search ? 'No module is like that.' : 'Nothing is told about the architecture.'}
      />
    </Page>
  );
}

const COLUMNS = [
  { key: 'emqttd', label: 'emqttd', width: 22, render: (row) => <Prose text={row.emqttd} /> },
  {
    key: 'kind',
    label: 'Actor',
    width: 14,
    render: (row) => <a href={to('architecture', [row.kind])}>{row.kind}</a>,
  },
  {
    key: 'live_count',
    label: 'Alive',
    width: 8,
    align: 'right',
    render: (row) => (
      <a class="number" href={to('processes', [], { kind: row.kind })}>
        {count(row.live_count)}
      </a>
    ),
  },
  { key: 'doc', label: 'What it does', width: 34, render: (row) => <Prose text={row.doc} /> },
  { key: 'file', label: 'File', width: 22, render: (row) => <code class="wrap">{row.file}</code> },
];

function matches(row, search) {
  if (!search) return true;
  return [row.emqttd, row.kind, row.file, row.doc].some((text) =>
    text?.toLowerCase().includes(search.toLowerCase()),
  );
}

function One({ kind, row, all, error }) {
  const kinds = new Set((all ?? []).map((other) => other.kind));
  return (
    <Section title={`Actor ${kind}`} id="chosen" aside={<a href={to('architecture')}>Close</a>}>
      {row ? null : error && !all ? (
        <Trouble problem={error} />
      ) : (
        <Words>{all ? `No actor is of the kind ${kind}.` : 'Reading …'}</Words>
      )}
      {row ? (
        <>
          <p>
            <Prose text={row.doc} />
          </p>
          <Facts
            long
            facts={[
              ['emqttd', <Prose text={row.emqttd} />],
              ['File', <code class="wrap">{row.file}</code>],
              ['Alive now', <a href={to('processes', [], { kind })}>{count(row.live_count)}</a>],
              ['Work runs in', <Prose text={row.works_in} />],
              ['Waits for', <Linked text={row.waits_for} kinds={kinds} />],
              ['Waited for by', <Linked text={row.waited_for_by} kinds={kinds} />],
              ['If it dies', <Prose text={row.if_it_dies} />],
              ['Watch', <Prose text={row.watch} />],
            ]}
          />
          {row.differs?.length > 0 ? (
            <>
              <h3>Not as in emqttd</h3>
              <ul>
                {row.differs.map((text) => (
                  <li key={text}>
                    <Prose text={text} />
                  </li>
                ))}
              </ul>
            </>
          ) : null}
        </>
      ) : null}
    </Section>
  );
}

/** Passports name other kinds in code marks; those become links. */
function Linked({ text, kinds }) {
  if (!text) return null;
  return String(text)
    .split(/(\w+)/)
    .map((word, index) =>
      kinds.has(word) ? (
        <a key={index} href={to('architecture', [word])}>
          {word}
        </a>
      ) : (
        word.replaceAll('`', '')
      ),
    );
}
