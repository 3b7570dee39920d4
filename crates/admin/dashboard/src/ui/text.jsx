// Pieces of text: foreign text, times, numbers with their unit, links between pages.

import { bytes, count, cut, micros, seconds, share, visible, when } from '../lib/format.js';
import { to } from '../lib/router.js';

/** Text that a client or peer has chosen; shown whole when the pointer rests on it. */
export function Foreign({ text, max }) {
  if (text === null || text === undefined) return <None />;
  if (text === '') return <span class="muted">empty</span>;
  return (
    <bdi class="foreign" title={visible(text)}>
      {cut(text, max)}
    </bdi>
  );
}

export function None({ children = '–' }) {
  return <span class="muted">{children}</span>;
}

export function Time({ at, millis }) {
  if (!at) return <None />;
  return (
    <time dateTime={at} title={at}>
      {when(at, new Date(), millis)}
    </time>
  );
}

export const Micros = ({ value }) => <span class="number">{micros(value)}</span>;
export const Bytes = ({ value }) => <span class="number">{bytes(value)}</span>;
export const Seconds = ({ value }) => <span class="number">{seconds(value)}</span>;
export const Share = ({ value }) => <span class="number">{share(value)}</span>;
export const Count = ({ value }) => <span class="number">{count(value)}</span>;

/** A number that asks for attention unless it is nought. */
export function Bad({ value }) {
  return <span class={value > 0 ? 'number bad' : 'number muted'}>{count(value)}</span>;
}

export function Mark({ kind, children }) {
  return <span class={`mark ${kind ?? ''}`}>{children}</span>;
}

export function Client({ id, page = 'clients' }) {
  if (id === null || id === undefined) return <None />;
  return (
    <a href={to(page, [id])}>
      <Foreign text={id} />
    </a>
  );
}

export function Pid({ pid }) {
  if (!pid) return <None />;
  // A supervisor of the tree has a name but no process of its own.
  if (!/^<?\d+\./.test(pid)) return <Foreign text={pid} max={80} />;
  return (
    <a class="code" href={to('processes', [pid])}>
      {pid}
    </a>
  );
}

export function Topic({ topic }) {
  if (topic === null || topic === undefined) return <None />;
  return (
    <a href={to('subscriptions', [], { topic })} title="Who subscribes to it">
      <Foreign text={topic} />
    </a>
  );
}

/** A sentence of ours from the sources: what stands between backticks there is code here. */
export function Prose({ text }) {
  if (!text) return <None />;
  const parts = String(text).replaceAll('\n', ' ').split('`');
  return <>{parts.map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>;
}
