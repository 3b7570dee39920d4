// Where work waits: kinds of processes by arbiter, the fuller the darker.

import { useState } from 'preact/hooks';

import { count, micros, perSecond, share } from '../lib/format.js';
import { useResource } from '../lib/resource.js';
import { to } from '../lib/router.js';
import { Choice } from '../ui/controls.jsx';
import { Page, Trouble, Words } from '../ui/page.jsx';

const MEASURES = {
  depth: ['entries waiting', (row) => row.depth, count],
  deepest: ['entries in the fullest lane', (row) => row.depth_max, count],
  wait: ['longest of the last waits', (row) => row.wait_max_micros, micros],
  rate: ['entries a second', (row) => row.rate_per_second, perSecond],
  busy: ['busy', (row) => row.busy_share, share],
  handled: ['entries handled', (row) => row.handled_count, count],
  count: ['processes', (row) => row.count, count],
  restarts: ['restarts', (row) => row.restarts_count, count],
};
const STEPS = 6;

export function Heat() {
  const summary = useResource('processes/summary', { every: 2000 });
  const [measure, setMeasure] = useState('depth');
  const rows = summary.data ?? [];
  const known = Object.entries(MEASURES).filter(
    ([, [, read]]) => rows.length === 0 || rows.some((row) => read(row) !== undefined),
  );
  return (
    <Page
      title="Mailbox heat"
      about="Where work waits: each kind of process on each arbiter (thread), the more the darker."
      emqttd="process_info message_queue_len"
      source={summary}
    >
      <div class="toolbar">
        <Choice
          label="Show"
          value={measure}
          onChange={setMeasure}
          options={known.map(([key, [label]]) => [key, label])}
        />
      </div>
      <Trouble problem={summary.data ? null : summary.error} />
      {summary.data === null && !summary.error ? <Words>Reading …</Words> : null}
      {summary.data?.length === 0 ? <Words>No process is told of.</Words> : null}
      {rows.length > 0 ? <Matrix rows={rows} measure={MEASURES[measure]} /> : null}
    </Page>
  );
}

function Matrix({ rows, measure: [label, read, format] }) {
  const arbiters = [...new Set(rows.map(({ arbiter }) => arbiter))].sort((a, b) => a - b);
  const kinds = [...new Set(rows.map(({ kind }) => kind))].sort();
  const cells = new Map(rows.map((row) => [`${row.kind} ${row.arbiter}`, row]));
  const most = rows.reduce((max, row) => Math.max(max, read(row) ?? 0), 0);
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label="Heat by kind and arbiter, scrolls">
      <table class="heat">
        <caption>
          {label}; the darkest is {format(most)}
        </caption>
        <thead>
          <tr>
            <th scope="col">Kind</th>
            {arbiters.map((arbiter) => (
              <th key={arbiter} scope="col" class="right">
                {arbiter === null ? 'none' : `arbiter ${arbiter}`}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {kinds.map((kind) => (
            <tr key={kind}>
              <th scope="row">
                <a href={to('processes', [], { kind })}>{kind}</a>
              </th>
              {arbiters.map((arbiter) => (
                <Cell
                  key={arbiter}
                  value={cells.has(`${kind} ${arbiter}`) ? read(cells.get(`${kind} ${arbiter}`)) : undefined}
                  most={most}
                  format={format}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// Steps of a logarithm: one full lane among thousands of empty ones is still seen.
function Cell({ value, most, format }) {
  if (value === undefined) return <td class="right muted">–</td>;
  const step =
    value > 0 && most > 0 ? Math.max(1, Math.ceil((Math.log1p(value) / Math.log1p(most)) * STEPS)) : 0;
  return <td class={`right number heat${step}`}>{format(value)}</td>;
}
