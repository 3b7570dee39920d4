// A value as a tree that folds: the state of a process.

import { visible } from '../lib/format.js';

// What is deeper starts folded; the reader opens what he wants to see.
const OPEN_LEVELS = 2;
const MOST = 200;

export function Json({ name, value, level = 0 }) {
  if (value === null || typeof value !== 'object') {
    return (
      <div class="leaf">
        <Name name={name} />
        <Scalar value={value} />
      </div>
    );
  }
  const entries = Array.isArray(value)
    ? value.map((item, index) => [String(index), item])
    : Object.entries(value);
  const size = Array.isArray(value) ? `${entries.length} items` : `${entries.length} fields`;
  if (entries.length === 0) {
    return (
      <div class="leaf">
        <Name name={name} />
        <span class="muted">empty</span>
      </div>
    );
  }
  return (
    <details class="branch" open={level < OPEN_LEVELS && entries.length <= 40}>
      <summary>
        <Name name={name} plain />
        <span class="muted">{size}</span>
      </summary>
      {entries.slice(0, MOST).map(([key, item]) => (
        <Json key={key} name={key} value={item} level={level + 1} />
      ))}
      {entries.length > MOST ? (
        <div class="leaf muted">{entries.length - MOST} more are not shown</div>
      ) : null}
    </details>
  );
}

function Name({ name }) {
  return name === undefined ? null : <span class="key">{visible(name)}</span>;
}

function Scalar({ value }) {
  if (typeof value === 'string') return <bdi class="foreign wrap">{visible(value)}</bdi>;
  return <span class="number">{String(value)}</span>;
}
